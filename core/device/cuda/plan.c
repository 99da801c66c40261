/* plan.c - layouts, sizes and scratch of a graph. */
#include "device/cuda/cuda.h"
#include "device/foreign.h"
#include "device/fusion.h"
#include "device/layouts.h"
#include "device/precision.h"

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

static bool is_attention(enum kp_op op)
{
    return op == KP_OP_ATTENTION || op == KP_OP_ATTENTION_GRAD;
}

/* The libraries take all matrices of a product so, or none. */
bool kp_cuda_multiplies_halves(const struct kp_node *n)
{
    const unsigned factors = kp_node_factors(n);

    for (int k = 0; k < KP_NODE_IN; k++)
        if (factors >> k & 1u && !n->in[k]->half)
            return false;
    return factors != 0;
}

/* Whether a node can read its operand k as halves. */
static bool reads_half(const struct kp_node *n, int k)
{
    if (n->op == KP_OP_CONVERT)
        return n->out[0]->half;
    return kp_node_factors(n) >> k & 1u && kp_cuda_multiplies_halves(n);
}

/* Attention between halves is cuDNN's; where it has no plan, the operands take four bytes. */
static enum kp_status plan_attention(struct kp_cuda *d, const struct kp_node *n, struct kp_error *e)
{
    const struct kp_dnn_plan *plan;
    const enum kp_status st = kp_dnn_plan_of(d, n, &plan, e);

    if (st == KP_OK && !plan)
        n->in[0]->half = false;
    return st;
}

/* Two bytes for each number of what is rounded, where all that read it can do with them. */
static enum kp_status halve(struct kp_cuda *d, struct kp_graph *g, struct kp_error *e)
{
    bool changed = true;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; i < g->value_count; i++)
        g->values[i]->half = g->values[i]->bf16 && !g->values[i]->output;
    for (int64_t i = 0; st == KP_OK && i < g->node_count; i++)
        if (is_attention(g->nodes[i]->op))
            st = plan_attention(d, g->nodes[i], e);
    while (st == KP_OK && changed) {
        changed = false;
        for (int64_t i = 0; i < g->node_count; i++) {
            const struct kp_node *n = g->nodes[i];
            for (int k = 0; k < KP_NODE_IN; k++)
                if (n->in[k] && n->in[k]->half && !reads_half(n, k)) {
                    n->in[k]->half = false;
                    changed = true;
                }
            if (n->op == KP_OP_CONVERT && n->out[0]->half && !n->in[0]->half) {
                n->out[0]->half = false;
                changed = true;
            }
        }
    }
    return st;
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
    if (st == KP_OK)
        st = halve((struct kp_cuda *)d, g, e);
    if (st != KP_OK)
        return st;
    /* memory.scalars: an input, so that it lives as long as the graph runs */
    struct kp_value *scalars =
        kp_graph_value(g, KP_F32, kp_shape1(KP_SCALARS * (sizeof(double) / sizeof(float))), false);
    if (!scalars)
        return kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
    scalars->input = true;
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        const bool own = v->place == KP_AT_ARENA && !v->alias;
        v->bytes = own ? kp_cuda_whole((size_t)kp_shape_count(v->shape) * kp_cuda_size(v)) : 0;
    }
    for (int64_t i = 0; st == KP_OK && i < g->node_count; i++) {
        st = plan_scratch((struct kp_cuda *)d, g, g->nodes[i], e);
        g->nodes[i]->segment = (int32_t)i;
    }
    return st;
}
