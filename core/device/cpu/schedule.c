/* schedule.c - cuts a graph into segments and orders its nodes by them.
 *
 * Segment 2k + 1 is work that each slice does by itself, segment 2k is what must see the whole
 * batch before it. A node goes into the earliest segment at which its operands are complete. */
#include "device/cpu/cpu.h"

#include <stdlib.h>

/* From which k on a value can be read: by slices, for their own examples, or as a whole. */
struct ready {
    int64_t slice, whole;
};

bool kp_cpu_is_wide(const struct kp_node *n)
{
    if (kp_cpu_ops[n->op].when == KP_WHEN_WIDE)
        return true;
    for (int j = 0; j < KP_NODE_IN; j++)
        if (n->in[j] && n->in[j]->batched)
            return false;
    for (int j = 0; j < KP_NODE_OUT; j++)
        if (n->out[j] && n->out[j]->batched)
            return false;
    return true;
}

/* Whether operand j must be complete for all examples before the node's first slice. */
static bool reads_whole(const struct kp_node *n, int j, bool wide)
{
    const int weights = n->op == KP_OP_WEIGHTED_MEAN_GRAD ? 1 : n->op == KP_OP_ROW_LOSS ? 3 : -1;

    return wide || !n->in[j]->batched || j == weights;
}

static const struct kp_value *root(const struct kp_value *v)
{
    while (v->alias)
        v = v->alias;
    return v;
}

static int64_t earliest(const struct kp_node *n, const struct ready *ready, int64_t k, bool wide)
{
    for (int j = 0; j < KP_NODE_IN; j++) {
        if (!n->in[j])
            continue;
        const struct ready *r = &ready[root(n->in[j])->id];
        int64_t need = r->slice;
        if (reads_whole(n, j, wide) && (wide || n->in[j]->batched))
            need = r->whole;
        k = need > k ? need : k;
    }
    return k;
}

/* Stable, so that operands stay before their readers. */
static void sort_nodes(struct kp_graph *g, struct kp_node **room)
{
    int64_t count = 0;
    int32_t last = 0;

    for (int64_t i = 0; i < g->node_count; i++)
        last = g->nodes[i]->segment > last ? g->nodes[i]->segment : last;
    for (int32_t s = 0; s <= last; s++)
        for (int64_t i = 0; i < g->node_count; i++)
            if (g->nodes[i]->segment == s)
                room[count++] = g->nodes[i];
    for (int64_t i = 0; i < count; i++)
        g->nodes[i] = room[i];
}

enum kp_status kp_cpu_schedule(struct kp_graph *g, struct kp_error *e)
{
    struct ready *ready = calloc((size_t)g->value_count + 1, sizeof(*ready));
    struct kp_node **room = calloc((size_t)g->node_count + 1, sizeof(struct kp_node *));
    enum kp_status st = KP_OK;
    int64_t floor = 0, top = 0;

    if (!ready || !room) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
        goto out;
    }
    for (int64_t i = 0; i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        const bool wide = kp_cpu_is_wide(n);
        const bool sum = kp_cpu_ops[n->op].when == KP_WHEN_SUM;
        int64_t k = earliest(n, ready, floor, wide);

        /* they read all gradients; the optimizer changes what everything else reads */
        if (kp_op_is_update(n->op))
            floor = k = top + 1;
        n->segment = (int32_t)(2 * k + (wide ? 0 : 1));
        top = k > top ? k : top;
        for (int j = 0; j < KP_NODE_OUT; j++) {
            struct kp_value *v = n->out[j];
            if (!v)
                continue;
            struct ready *r = &ready[root(v)->id];
            if (n->op == KP_OP_RESHAPE)
                continue;
            r->slice = !wide && sum && !v->batched ? k + 1 : k;
            r->whole = wide ? k : k + 1;
        }
    }
    sort_nodes(g, room);
out:
    free(ready);
    free(room);
    return st;
}
