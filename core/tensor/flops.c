/* flops.c - counts multiply-adds by shape. */
#include "tensor/flops.h"

double kp_graph_forward_flops(const struct kp_graph *g)
{
    double macs = 0;

    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        if (n->op == KP_OP_ATTENTION) {
            /* q k^T and p v; all pairs, also where half of them are masked */
            const struct kp_shape *q = &n->in[0]->shape;
            macs += 2.0 * (double)q->dim[1] * (double)q->dim[1] * (double)q->dim[2];
        }
        if (n->op != KP_OP_LINEAR && n->op != KP_OP_CONV2D)
            continue;
        /* Each output element needs one row of the weight: its size without the output channels. */
        double outputs = (double)(kp_shape_count(n->out[0]->shape) / n->out[0]->shape.dim[0]);
        double row = (double)(kp_shape_count(n->in[1]->shape) / n->in[1]->shape.dim[0]);
        macs += outputs * row;
    }
    return 2.0 * macs;
}
