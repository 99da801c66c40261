/* precision.c - rounds the operands of products. */
#include "device/precision.h"

#include <stdlib.h>

#define OPERAND(k) (1u << (k))

unsigned kp_node_factors(const struct kp_node *n)
{
    switch (n->op) {
    case KP_OP_LINEAR:
    case KP_OP_LINEAR_GRAD_X:
    case KP_OP_LINEAR_GRAD_W:
    case KP_OP_CONV2D:
    case KP_OP_CONV2D_GRAD_X:
    case KP_OP_CONV2D_GRAD_W:
        return OPERAND(0) | OPERAND(1);
    case KP_OP_ATTENTION:
        return OPERAND(0) | OPERAND(1) | OPERAND(2);
    case KP_OP_ATTENTION_GRAD:
        return OPERAND(0) | OPERAND(1) | OPERAND(2) | OPERAND(5);
    case KP_OP_HEAD_LOSS: /* without a layer of its own the teacher gives logits */
        return OPERAND(KP_HEAD_X) | OPERAND(KP_HEAD_W) |
               (n->in[KP_HEAD_TW] ? OPERAND(KP_HEAD_T) | OPERAND(KP_HEAD_TW) : 0u);
    default:
        return 0;
    }
}

/* v rounded, by a node before nodes[*at] if there is none. NULL if out of memory. */
static struct kp_value *rounded(struct kp_graph *g, struct kp_value **known, struct kp_value *v,
                                int64_t *at)
{
    if (known[v->id])
        return known[v->id];
    struct kp_value *y = kp_graph_value(g, v->dtype, v->shape, v->batched);
    struct kp_node *n = y ? kp_graph_node_insert(g, *at, KP_OP_ROUND) : NULL;

    if (!n)
        return NULL;
    y->bf16 = true;
    n->in[0] = v;
    n->out[0] = y;
    ++*at;
    return known[v->id] = y;
}

enum kp_status kp_graph_round(struct kp_graph *g, struct kp_error *e)
{
    /* [id] its rounded value; only values that are there now are rounded */
    struct kp_value **known = calloc((size_t)g->value_count + 1, sizeof(struct kp_value *));
    bool ok = known != NULL;

    for (int64_t i = 0; ok && i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        if (n->op == KP_OP_ROUND)
            known[n->in[0]->id] = n->out[0];
        for (int k = 0; ok && k < KP_NODE_IN; k++)
            if (n->in[k] && !n->in[k]->bf16 && kp_node_factors(n) & OPERAND(k)) {
                n->in[k] = rounded(g, known, n->in[k], &i);
                ok = n->in[k] != NULL;
            }
    }
    free((void *)known);
    return ok ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory to round a graph");
}
