/* place.c - lifetimes and offsets: first fit, largest first. */
#include "tensor/place.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

static struct kp_value *root_of(struct kp_value *v)
{
    return v->alias ? v->alias : v;
}

static bool has_effect(const struct kp_node *n)
{
    if (n->op == KP_OP_BATCH_NORM || kp_op_is_update(n->op))
        return true;
    for (int k = 0; k < KP_NODE_OUT; k++)
        if (n->out[k] && (n->out[k]->output || n->out[k]->place == KP_AT_GRADS))
            return true;
    return false;
}

void kp_graph_prune(struct kp_graph *g)
{
    /* Backwards: when a node is reached, all its readers have been seen. `bytes` marks a value that
     * is read; the plan sets it afterwards. */
    int64_t kept = g->node_count;

    for (int64_t i = g->node_count - 1; i >= 0; i--) {
        struct kp_node *n = g->nodes[i];
        bool used = has_effect(n);

        for (int k = 0; k < KP_NODE_OUT; k++)
            used |= n->out[k] && n->out[k]->bytes;
        if (!used)
            continue;
        for (int k = 0; k < KP_NODE_IN; k++)
            if (n->in[k])
                n->in[k]->bytes = 1;
        g->nodes[--kept] = n;
    }
    g->node_count -= kept;
    memmove(g->nodes, g->nodes + kept, (size_t)g->node_count * sizeof(*g->nodes));
    for (int64_t i = 0; i < g->value_count; i++)
        g->values[i]->bytes = 0;
}

/* A block of the arena from segment `first` to `last`. */
struct block {
    size_t bytes;
    int64_t first, last;
    size_t *offset;
    int64_t order; /* keeps equal sizes in one order */
};

static int larger_first(const void *a, const void *b)
{
    const struct block *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int lower_first(const void *a, const void *b)
{
    const struct block *const *x = a, *const *y = b;

    if (*(*x)->offset != *(*y)->offset)
        return *(*x)->offset < *(*y)->offset ? -1 : 1;
    return 0;
}

/* The lowest gap among `placed` that block i fits into. */
static size_t first_fit(const struct block *blocks, int64_t i, const struct block **clash)
{
    int64_t count = 0;
    size_t at = 0;

    for (int64_t k = 0; k < i; k++)
        if (blocks[k].first <= blocks[i].last && blocks[i].first <= blocks[k].last)
            clash[count++] = &blocks[k];
    qsort((void *)clash, (size_t)count, sizeof(*clash), lower_first);
    for (int64_t k = 0; k < count; k++) {
        if (at + blocks[i].bytes <= *clash[k]->offset)
            break;
        size_t end = *clash[k]->offset + clash[k]->bytes;
        if (end > at)
            at = end;
    }
    return at;
}

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void use(struct block *lives, struct kp_value *v, int64_t segment)
{
    if (!v)
        return;
    struct block *b = &lives[root_of(v)->id];
    if (segment < b->first)
        b->first = segment;
    if (segment > b->last)
        b->last = segment;
}

enum kp_status kp_graph_place(struct kp_graph *g, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    size_t room = (size_t)(g->value_count + g->node_count + 1);
    struct block *lives = calloc(room, sizeof(*lives));
    struct block *blocks = calloc(room, sizeof(*blocks));
    const struct block **clash = calloc(room, sizeof(*clash));
    int64_t end = g->node_count > 0 ? g->nodes[g->node_count - 1]->segment : 0;
    int64_t count = 0;

    if (!lives || !blocks || !clash) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to plan %lld values", (long long)g->value_count);
        goto out;
    }
    for (int64_t i = 0; i < g->value_count; i++)
        lives[i].first = INT64_MAX;
    for (int64_t i = 0; i < g->node_count; i++) {
        for (int k = 0; k < KP_NODE_IN; k++)
            use(lives, g->nodes[i]->in[k], g->nodes[i]->segment);
        for (int k = 0; k < KP_NODE_OUT; k++)
            use(lives, g->nodes[i]->out[k], g->nodes[i]->segment);
    }
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        if (v->input || v->output) {
            use(lives, v, 0);
            use(lives, v, end);
        }
    }
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        if (v->place != KP_AT_ARENA || v->alias || v->bytes == 0 || lives[i].first == INT64_MAX)
            continue;
        blocks[count] =
            (struct block){rounded(v->bytes), lives[i].first, lives[i].last, &v->offset, count};
        count++;
    }
    for (int64_t i = 0; i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        if (n->scratch == 0)
            continue;
        blocks[count] =
            (struct block){rounded(n->scratch), n->segment, n->segment, &n->scratch_offset, count};
        count++;
    }
    qsort(blocks, (size_t)count, sizeof(*blocks), larger_first);
    g->arena_bytes = 0;
    for (int64_t i = 0; i < count; i++) {
        *blocks[i].offset = first_fit(blocks, i, clash);
        if (*blocks[i].offset + blocks[i].bytes > g->arena_bytes)
            g->arena_bytes = *blocks[i].offset + blocks[i].bytes;
    }
    for (int64_t i = 0; i < g->value_count; i++)
        if (g->values[i]->alias)
            g->values[i]->offset = g->values[i]->alias->offset;
out:
    free(lives);
    free(blocks);
    free((void *)clash);
    return st;
}
