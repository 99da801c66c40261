/* plan.c - layouts, conversions, sizes and scratch of a graph. */
#include "device/cpu/cpu.h"
#include "device/cpu/dnn.h"
#include "device/foreign.h"
#include "device/fusion.h"
#include "device/layouts.h"

#include <stdlib.h>

struct planner {
    struct kp_graph *g;
    const struct kp_cpu *cpu;
    bool *touched; /* [id] a node or the host reads or writes it */
};

bool kp_cpu_conv_is_lane(const struct kp_node *n)
{
    const struct kp_window *w = &n->attrs.window;
    const int64_t k = w->size[0];

    return k == w->size[1] && (k == 1 || k == 3 || k == 5) && w->stride[0] == 1 &&
           w->stride[1] == 1 && w->pad[0] < k && w->pad[1] < k;
}

enum kp_status kp_cpu_fuse(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    (void)d;
    return kp_graph_fuse(g, kp_cpu_conv_is_lane, e);
}

bool kp_cpu_conv_wants_lane(const struct kp_node *n)
{
    return kp_cpu_conv_is_lane(n) || kp_dnn_is_there();
}

/* A value that may be in either layout. */
static bool has_layout(const struct kp_value *v)
{
    return v->batched && v->dtype == KP_F32 && v->place == KP_AT_ARENA;
}

/* Whether the LANE memory of v is [N / 16][elements][16] without gaps. */
static bool is_gapless(const struct kp_value *v)
{
    return kp_lane_plane(v) == kp_lane_pixels(v) * KP_LANES;
}

static enum kp_layout wanted(const struct kp_node *n, enum kp_layout given)
{
    const enum kp_cpu_need need = kp_cpu_ops[n->op].need;

    if (n->op == KP_OP_RESHAPE)
        return given == KP_LANE && is_gapless(n->in[0]) && is_gapless(n->out[0]) ? KP_LANE
                                                                                 : KP_PLAIN;
    if (need == KP_WANT_CONV)
        return kp_cpu_conv_wants_lane(n) ? KP_LANE : KP_PLAIN;
    if (need == KP_WANT_FORM && !kp_foreign_is_flat(n->attrs.foreign))
        return KP_PLAIN;
    if (need != KP_WANT_SAME && need != KP_WANT_FORM)
        return need == KP_WANT_LANE ? KP_LANE : KP_PLAIN;
    return given;
}

/* The most rows that an example has in a linear layer: its tokens. */
static int64_t rows_of_example(const struct kp_graph *g)
{
    int64_t most = 1;

    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        if (n->op != KP_OP_LINEAR)
            continue;
        const int64_t rows = kp_value_rest(n->in[0]) / n->in[1]->shape.dim[1];
        most = rows > most ? rows : most;
    }
    return most;
}

/* Groups of 16 where there are LANE values, else of one: nothing is filled up. Sequences have less
 * of them in a slice, so that a small batch has slices for several threads. */
static void plan_slices(struct planner *p)
{
    struct kp_graph *g = p->g;
    bool lanes = false;

    for (int64_t i = 0; i < g->value_count; i++)
        lanes |= g->values[i]->layout == KP_LANE;
    g->group = lanes ? KP_LANES : 1;
    g->slice = p->cpu->slice;
    for (const int64_t rows = rows_of_example(g);
         !lanes && g->slice > 1 && g->slice * rows > KP_SLICE_ROWS;)
        g->slice = (g->slice + 1) / 2;
    for (int64_t i = 0; i < g->value_count; i++)
        g->values[i]->group = g->group;
}

/* Batch norms take two passes over the batch: the first becomes a node of its own. */
static enum kp_status split_norms(struct planner *p, struct kp_error *e)
{
    const int64_t groups = kp_cpu_padded(p->g) / KP_LANES;

    for (int64_t i = 0; i < p->g->node_count; i++) {
        struct kp_node *n = p->g->nodes[i];
        if (n->op != KP_OP_BATCH_NORM && n->op != KP_OP_BATCH_NORM_GRAD)
            continue;
        /* two doubles for each group and channel */
        int64_t floats = groups * kp_lane_planes(n->in[0]) * 4;
        struct kp_value *sums = kp_graph_value(p->g, KP_F32, kp_shape1(floats), false);
        struct kp_node *first =
            sums ? kp_graph_node_insert(p->g, i,
                                        n->op == KP_OP_BATCH_NORM ? KP_OP_BATCH_NORM_SUMS
                                                                  : KP_OP_BATCH_NORM_GRAD_SUMS)
                 : NULL;
        if (!first)
            return kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
        first->attrs = n->attrs;
        first->in[0] = n->in[0];
        for (int j = 1; j < KP_NODE_IN - 1 && n->op == KP_OP_BATCH_NORM_GRAD; j++)
            first->in[j] = n->in[j];
        first->out[0] = sums;
        n->in[7] = sums;
        i++;
    }
    return KP_OK;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Bytes of every value that a node or the host touches. */
static void plan_sizes(struct planner *p)
{
    const int64_t padded = kp_cpu_padded(p->g);

    for (int64_t i = 0; i < p->g->value_count; i++)
        p->touched[i] = p->g->values[i]->input || p->g->values[i]->output;
    for (int64_t i = 0; i < p->g->node_count; i++) {
        const struct kp_node *n = p->g->nodes[i];
        for (int j = 0; j < KP_NODE_IN; j++)
            if (n->in[j])
                p->touched[n->in[j]->id] = true;
        for (int j = 0; j < KP_NODE_OUT; j++)
            if (n->out[j])
                p->touched[n->out[j]->id] = true;
    }
    for (int64_t i = 0; i < p->g->value_count; i++) {
        struct kp_value *v = p->g->values[i];
        int64_t count = v->batched ? padded / v->group * kp_value_group(v) : kp_value_rest(v);
        v->bytes = p->touched[i] ? whole_lines((size_t)count * 4) : 0;
    }
}

enum kp_status kp_cpu_plan(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    struct planner p = {.g = g, .cpu = (const struct kp_cpu *)d};
    enum kp_status st;

    st = kp_plan_layouts(g, has_layout, wanted, e);
    if (st != KP_OK)
        return st;
    plan_slices(&p);
    st = split_norms(&p, e);
    if (st != KP_OK)
        return st;
    p.touched = calloc((size_t)g->value_count + 1, sizeof(*p.touched));
    if (!p.touched)
        return kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
    plan_sizes(&p);
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_cpu_op *op = &kp_cpu_ops[g->nodes[i]->op];
        g->nodes[i]->scratch = op->scratch ? whole_lines(op->scratch(p.cpu, g, g->nodes[i])) : 0;
    }
    free(p.touched);
    return kp_cpu_schedule(g, e);
}
