/* fusion.c - one after the other, as long as something moves. */
#include "device/fusion.h"

#include <string.h>

/* Index of the only node that reads v, or -1: none, several, or the host reads it too. */
static int64_t only_reader(const struct kp_graph *g, const struct kp_value *v)
{
    int64_t found = -1;

    if (v->output)
        return -1;
    for (int64_t i = 0; i < g->node_count; i++)
        for (int j = 0; j < KP_NODE_IN; j++)
            if (g->nodes[i]->in[j] == v) {
                if (found >= 0)
                    return -1;
                found = i;
            }
    return found;
}

/* The node at `from` takes the place and the result of the node at `to`, which it now includes. */
static void absorb(struct kp_graph *g, int64_t from, int64_t to)
{
    struct kp_node *n = g->nodes[from];

    n->out[0] = g->nodes[to]->out[0];
    g->nodes[to] = n;
    memmove(&g->nodes[from], &g->nodes[from + 1],
            (size_t)(g->node_count - from - 1) * sizeof(*g->nodes));
    g->node_count--;
}

/* A max-pool whose windows do not overlap and have no padding. */
static bool pool_fits(const struct kp_node *n)
{
    const struct kp_window *w = &n->attrs.window;

    return n->op == KP_OP_MAX_POOL && w->stride[0] == w->size[0] && w->stride[1] == w->size[1] &&
           w->pad[0] == 0 && w->pad[1] == 0;
}

/* Addition, ReLU and max-pool after the batch norm at i. Returns whether nodes moved. */
static bool fuse_norm(struct kp_graph *g, int64_t i)
{
    struct kp_node *n = g->nodes[i];
    const int64_t next = only_reader(g, n->out[0]);
    const struct kp_node *r = next >= 0 ? g->nodes[next] : NULL;

    if (!r || n->attrs.pool)
        return false;
    if (r->op == KP_OP_ADD && !n->attrs.act && !n->in[5] && r->in[0] != r->in[1]) {
        n->in[5] = r->in[0] == n->out[0] ? r->in[1] : r->in[0];
    } else if (r->op == KP_OP_RELU && !n->attrs.act) {
        n->attrs.act = true;
    } else if (pool_fits(r)) {
        n->attrs.pool = true;
        n->attrs.window = r->attrs.window;
    } else {
        return false;
    }
    absorb(g, i, next);
    return true;
}

/* The batch norm at `next` that reads only the convolution at i becomes part of its weights. */
static enum kp_status fold_norm(struct kp_graph *g, int64_t i, int64_t next, struct kp_error *e)
{
    struct kp_node *conv = g->nodes[i];
    const struct kp_node *norm = g->nodes[next];
    struct kp_value *w = kp_graph_value(g, KP_F32, conv->in[1]->shape, false);
    struct kp_value *b = kp_graph_value(g, KP_F32, kp_shape1(conv->in[1]->shape.dim[0]), false);
    struct kp_node *fold = w && b ? kp_graph_node_insert(g, i, KP_OP_FOLD_BATCH_NORM) : NULL;

    if (!fold)
        return kp_fail(e, KP_E_NOMEM, "no memory for a fused graph");
    fold->attrs.eps = norm->attrs.eps;
    fold->in[0] = conv->in[1];
    fold->in[1] = conv->in[2];
    for (int j = 0; j < 4; j++)
        fold->in[2 + j] = norm->in[1 + j];
    fold->out[0] = w;
    fold->out[1] = b;
    conv->in[1] = w;
    conv->in[2] = b;
    absorb(g, i + 1, next + 1);
    return KP_OK;
}

/* What follows the convolution at i in EVAL mode, where nothing is differentiated. */
static enum kp_status fuse_conv(struct kp_graph *g, int64_t i,
                                bool (*pools)(const struct kp_node *conv), bool *moved,
                                struct kp_error *e)
{
    struct kp_node *n = g->nodes[i];
    const int64_t next = only_reader(g, n->out[0]);
    const struct kp_node *r = next >= 0 ? g->nodes[next] : NULL;

    *moved = false;
    if (!r || n->attrs.pool)
        return KP_OK;
    if (r->op == KP_OP_BATCH_NORM_EVAL && !n->attrs.act && !r->in[5] && !r->attrs.act &&
        r->in[0] == n->out[0]) {
        *moved = true;
        return fold_norm(g, i, next, e);
    }
    if (r->op == KP_OP_RELU && !n->attrs.act) {
        n->attrs.act = true;
    } else if (pools && pool_fits(r) && pools(n)) {
        n->attrs.pool = true;
        n->attrs.pool_window = r->attrs.window;
    } else {
        return KP_OK;
    }
    absorb(g, i, next);
    *moved = true;
    return KP_OK;
}

enum kp_status kp_graph_fuse(struct kp_graph *g, bool (*pools)(const struct kp_node *conv),
                             struct kp_error *e)
{
    for (int64_t i = 0; g->mode == KP_EVAL && i < g->node_count; i++) {
        bool moved = false;
        if (g->nodes[i]->op != KP_OP_CONV2D)
            continue;
        enum kp_status st = fuse_conv(g, i, pools, &moved, e);
        if (st != KP_OK)
            return st;
        if (moved)
            i = -1;
    }
    for (int64_t i = 0; i < g->node_count; i++)
        if ((g->nodes[i]->op == KP_OP_BATCH_NORM || g->nodes[i]->op == KP_OP_BATCH_NORM_EVAL) &&
            fuse_norm(g, i))
            i = -1;
    return KP_OK;
}
