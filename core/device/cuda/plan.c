/* plan.c - layouts, sizes and scratch of a graph. */
#include "device/cuda/cuda.h"
#include "device/foreign.h"
#include "device/fusion.h"
#include "device/layouts.h"

/* A pool behind a convolution has nothing to gain: the image before it is made all the same. */
enum kp_status kp_cuda_fuse(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    (void)d;
    return kp_graph_fuse(g, NULL, e);
}

static bool has_layout(const struct kp_value *v)
{
    return v->batched && v->dtype == KP_F32 && v->place == KP_AT_ARENA && v->shape.n == 4;
}

static enum kp_layout wanted(const struct kp_node *n, enum kp_layout given)
{
    const enum kp_cuda_need need = kp_cuda_ops[n->op].need;

    if (need == KP_NEED_FORM)
        return kp_foreign_is_flat(n->attrs.foreign) ? given : KP_PLAIN;
    return need == KP_NEED_NHWC ? KP_NHWC : need == KP_NEED_SAME ? given : KP_PLAIN;
}

static bool is_linear(enum kp_op op)
{
    return op == KP_OP_LINEAR || op == KP_OP_LINEAR_GRAD_X || op == KP_OP_LINEAR_GRAD_W;
}

/* Two bytes for each number of what is rounded for linear layers alone: cuBLAS takes both operands
 * of a product so, or none. Convolutions and attention read four. */
static void halve(struct kp_graph *g)
{
    bool changed = true;

    for (int64_t i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == KP_OP_ROUND && g->nodes[i]->out[0]->layout == KP_PLAIN &&
            !g->nodes[i]->out[0]->output)
            g->nodes[i]->out[0]->layout = KP_HALF;
    while (changed) {
        changed = false;
        for (int64_t i = 0; i < g->node_count; i++) {
            const struct kp_node *n = g->nodes[i];
            const bool both =
                is_linear(n->op) && n->in[0]->layout == KP_HALF && n->in[1]->layout == KP_HALF;
            for (int j = 0; j < KP_NODE_IN; j++)
                if (n->in[j] && n->in[j]->layout == KP_HALF && !both) {
                    n->in[j]->layout = KP_PLAIN;
                    changed = true;
                }
        }
    }
}

static enum kp_status check(const struct kp_graph *g, struct kp_error *e)
{
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        if (n->attrs.row && !n->attrs.row->image)
            return kp_fail(e, KP_E_UNSUPPORTED,
                           "objective '%s' carries no kernel for the GPU; compile its plugin with "
                           "one (KP_ROW_IMAGE), or [device] kind = cpu",
                           n->attrs.row_name);
        if (!kp_cuda_has(n->op))
            return kp_fail(e, KP_E_UNSUPPORTED, "the cuda device has no operation %s",
                           kp_op_name(n->op));
    }
    return KP_OK;
}

static enum kp_status plan_scratch(struct kp_cuda *d, const struct kp_graph *g, struct kp_node *n,
                                   struct kp_error *e)
{
    const struct kp_cuda_op *op = &kp_cuda_ops[n->op];
    const struct kp_dnn_plan *plan;
    enum kp_status st = kp_dnn_plan_of(d, n, &plan, e);

    if (st == KP_OK)
        n->scratch = kp_dnn_workspace(plan) + (op->scratch ? kp_cuda_whole(op->scratch(g, n)) : 0);
    return st;
}

enum kp_status kp_cuda_plan(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    enum kp_status st = check(g, e);

    if (st == KP_OK)
        st = kp_plan_layouts(g, has_layout, wanted, e);
    if (st != KP_OK)
        return st;
    halve(g);
    /* memory.scalars: an input, so that it lives as long as the graph runs */
    struct kp_value *scalars =
        kp_graph_value(g, KP_F32, kp_shape1(KP_SCALARS * (sizeof(double) / sizeof(float))), false);
    if (!scalars)
        return kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
    scalars->input = true;
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        const bool own = v->place == KP_AT_ARENA && !v->alias;
        const size_t each = v->layout == KP_HALF ? sizeof(uint16_t) : sizeof(float);
        v->bytes = own ? kp_cuda_whole((size_t)kp_shape_count(v->shape) * each) : 0;
    }
    for (int64_t i = 0; st == KP_OK && i < g->node_count; i++) {
        st = plan_scratch((struct kp_cuda *)d, g, g->nodes[i], e);
        g->nodes[i]->segment = (int32_t)i;
    }
    return st;
}
