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

static struct kp_conv conv_of(const struct kp_node *n)
{
    struct kp_conv c = kp_conv_geometry(n, n->in[0], n->in[1], false);

    for (int d = 0; d < 2; d++)
        c.tiles[d] = (c.g.out_size[d] + 1) / 2;
    c.fast = kp_conv_is_fast(&c.g, c.tiles);
    c.work = c.fast ? kp_grad_work(c.g.in_channels, c.g.out_channels) : 0;
    return c;
}

size_t kp_scratch_conv_grad_w(const struct kp_cpu *cpu, const struct kp_graph *g,
                              const struct kp_node *n)
{
    const int64_t parts = kp_conv_grad_parts(n, kp_cpu_slices(g, g->capacity));

    if (kp_cpu_conv_is_lane(n))
        return (size_t)(parts + kp_pool_threads(cpu->pool) * conv_of(n).work) * sizeof(float);
    if (kp_dnn_is_there())
        return kp_scratch_dnn_conv(cpu, g, n);
    return (size_t)parts * sizeof(float) + kp_scratch_conv_gemm(cpu, g, n);
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
    const float *x = kp_floats(p, n->in[0]) + t->group * x_group;
    const float *dy = kp_floats(p, n->in[1]) + t->group * dy_group;
    const int64_t groups = t->group_end - t->group;
    float *dw = kp_conv_grad_part(n, p, t->index);
    float *db = n->out[1] ? dw + kp_shape_count(n->out[0]->shape) : NULL;
    const int64_t slices = kp_cpu_slices(p->code->graph, p->code->graph->capacity);
    float *work = kp_conv_grad_part(n, p, slices) + t->worker * c->work;

    if (c->fast)
        p->lane->conv_grad_fast(&c->g, x, x_group, dy, dy_group, groups, dw, db, work);
    else
        p->lane->conv_grad_w(&c->g, x, x_group, dy, dy_group, groups, dw, db);
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
        *c = conv_of(n);
        kp_lower_step(l, KP_SLICES, grad_w_slice, c, 0);
    } else {
        kp_lower_conv_gemm(l, n);
    }
    kp_lower_step(l, KP_AFTER, grad_w_combine, NULL, (all + COMBINE_BLOCK - 1) / COMBINE_BLOCK);
}
