/* cost.c - counts over the graph of a program. */
#include "cost.h"

#include <stdio.h>

static double bytes_of(const struct kp_value *v)
{
    return v ? (double)kp_shape_count(v->shape) * sizeof(float) : 0;
}

/* An optimizer reads and writes parameters and slots, and reads gradients. */
static double moved_by(const struct kp_program *p, const struct kp_node *n)
{
    double bytes = 0;

    if (n->op == KP_OP_RESHAPE)
        return 0;
    for (int i = 0; i < KP_NODE_IN; i++)
        bytes += bytes_of(n->in[i]);
    for (int i = 0; i < KP_NODE_OUT; i++)
        bytes += bytes_of(n->out[i]);
    if (kp_op_is_optimizer(n->op))
        bytes += (3 + 2 * kp_optimizer_slots(n)) * (double)p->graph.param_bytes;
    return bytes;
}

void cost_print(const struct kp_program *p)
{
    const double each = p->trains ? p->flops.training : p->flops.forward;
    double bytes = 0;

    for (int64_t i = 0; i < p->graph.node_count; i++)
        bytes += moved_by(p, p->graph.nodes[i]);
    (void)printf("%.0f %.0f\n", each * (double)p->capacity, bytes);
    (void)fflush(stdout);
}
