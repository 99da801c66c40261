/* conv_grad_w.c - gradient of a LANE convolution's weights: one part per slice, then their sum. */
#include "device/cpu/conv.h"
#include "device/cpu/dnn.h"

/* Floats of one task of the sum over slices. */
#define COMBINE_BLOCK 4096

static int64_t grad_floats(const struct kp_node *n)
{
    int64_t floats = kp_shape_count(n->out[0]->shape);
    if (n->out[1])
        floats += kp_shape_count(n->out[1]->shape);
    return (floats + 15) / 16 * 16;
}

size_t kp_scratch_conv_grad_w(const struct kp_cpu *cpu, const struct kp_graph *g,
                              const struct kp_node *n)
{
    const size_t sums = (size_t)(kp_cpu_slices(cpu, g->capacity) * grad_floats(n)) * sizeof(float);
    if (!kp_cpu_conv_is_lane(n) && kp_dnn_is_there())
        return kp_scratch_dnn_conv(cpu, g, n);
    return kp_cpu_conv_is_lane(n) ? sums : sums + kp_scratch_conv_gemm(cpu, g, n);
}

/* The slice's own dw [O][C][k][k], then db [O]. */
float *kp_conv_grad_part(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    return (float *)kp_scratch(p, n) + slice * grad_floats(n);
}

int64_t kp_conv_grad_parts(const struct kp_node *n, int64_t slices)
{
    return slices * grad_floats(n);
}

static void grad_w_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_conv *c = s->data;
    const int64_t x_group = kp_value_group(n->in[0]), dy_group = kp_value_group(n->in[1]);
    float *dw = kp_conv_grad_part(n, p, t->index);

    p->lane->conv_grad_w(&c->g, kp_floats(p, n->in[0]) + t->group * x_group, x_group,
                         kp_floats(p, n->in[1]) + t->group * dy_group, dy_group,
                         t->group_end - t->group, dw,
                         n->out[1] ? dw + kp_shape_count(n->out[0]->shape) : NULL);
}

/* dw, db = sum of the slices' parts, in the order of the slices */
static void grad_w_combine(const struct kp_step *s, const struct kp_pass *p,
                           const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t weights = kp_shape_count(n->out[0]->shape);
    const int64_t all = weights + (n->out[1] ? kp_shape_count(n->out[1]->shape) : 0);
    const int64_t from = t->index * COMBINE_BLOCK;
    const int64_t to = from + COMBINE_BLOCK < all ? from + COMBINE_BLOCK : all;
    const int64_t split = weights < from ? from : weights < to ? weights : to;
    float *dw = kp_floats(p, n->out[0]), *db = kp_floats(p, n->out[1]);

    for (int64_t k = 0; k < p->slices; k++) {
        const float *part = kp_conv_grad_part(n, p, k);
        for (int64_t i = from; i < split; i++)
            dw[i] = k ? dw[i] + part[i] : part[i];
        for (int64_t i = split; i < to; i++)
            db[i - weights] = k ? db[i - weights] + part[i] : part[i];
    }
}

void kp_lower_conv_grad_w(struct kp_lowering *l, const struct kp_node *n)
{
    const int64_t all = grad_floats(n);

    if (!kp_cpu_conv_is_lane(n) && kp_dnn_is_there()) {
        kp_lower_dnn_conv(l, n);
        return;
    }
    if (kp_cpu_conv_is_lane(n)) {
        struct kp_conv *c = kp_lower_alloc(l, sizeof(*c));
        if (!c)
            return;
        *c = kp_conv_geometry(n, n->in[0], n->in[1], false);
        kp_lower_step(l, KP_SLICES, grad_w_slice, c, 0);
    } else {
        kp_lower_conv_gemm(l, n);
    }
    kp_lower_step(l, KP_AFTER, grad_w_combine, NULL, (all + COMBINE_BLOCK - 1) / COMBINE_BLOCK);
}
