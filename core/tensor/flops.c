/* flops.c - counts multiply-adds by shape. */
#include "tensor/flops.h"

#include "tensor/differentiate.h"

#include <stdlib.h>

/* Of one example, forward. */
static double multiply_adds(const struct kp_node *n)
{
    if (n->op == KP_OP_ATTENTION) {
        /* q k^T and p v; all pairs, also where half of them are masked */
        const struct kp_shape *q = &n->in[0]->shape;
        return 2.0 * (double)q->dim[1] * (double)q->dim[1] * (double)q->dim[2];
    }
    if (n->op == KP_OP_FOREIGN) {
        const struct kp_foreign *f = n->attrs.foreign;
        return f->def->flops ? f->def->flops(f->self, &f->shapes) / 2 : 0;
    }
    if (n->op == KP_OP_HEAD_LOSS) {
        /* not the teacher's: its program counts its head, left out or not */
        const struct kp_shape *rows = &n->in[KP_HEAD_WEIGHTS]->shape;
        return (double)(kp_shape_count(*rows) / rows->dim[0]) *
               (double)kp_shape_count(n->in[KP_HEAD_W]->shape);
    }
    if (n->op != KP_OP_LINEAR && n->op != KP_OP_CONV2D)
        return 0;
    /* Each output element needs one row of the weight: its size without the output channels. */
    double outputs = (double)(kp_shape_count(n->out[0]->shape) / n->out[0]->shape.dim[0]);
    double row = (double)(kp_shape_count(n->in[1]->shape) / n->in[1]->shape.dim[0]);
    return outputs * row;
}

/* Of its weights, of attention's keys, of anything of a plugin's operation. */
static bool has_gradient(const struct kp_node *n, const bool *trained)
{
    return n->op == KP_OP_FOREIGN || trained[n->in[1]->id];
}

bool kp_graph_flops(const struct kp_graph *g, struct kp_flops *out)
{
    bool *trained = calloc((size_t)g->value_count + 1, sizeof(*trained));
    struct kp_flops sum = {0, 0};

    if (!trained)
        return false;
    kp_mark_trained(g, trained);
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        double flops = 2.0 * multiply_adds(n);
        int passes = 1;

        if (flops == 0)
            continue;
        if (trained[n->out[0]->id])
            passes += has_gradient(n, trained) ? 2 : 1;
        sum.forward += flops;
        sum.training += passes * flops;
    }
    free(trained);
    *out = sum;
    return true;
}
