/* conv.c - convolutions of stride 1 on LANE planes: packed weights, slices, sums over slices. */
#include "device/cpu/cpu.h"

/* Floats of one task of a sum over slices. */
#define COMBINE_BLOCK 4096

struct conv {
    struct kp_lane_conv g;
    bool backward; /* gradient of x: weights turned, channels swapped */
    int64_t blocks;
    int64_t pack; /* floats of the packed weights */
    const struct kp_node *sums;
};

/* The geometry of y = conv(x, w), or of dx from dy. */
static struct conv conv_geometry(const struct kp_node *n, const struct kp_value *x,
                                 const struct kp_value *y, bool backward)
{
    const struct kp_window *w = &n->attrs.window;
    struct conv c = {.backward = backward};

    c.g.k = (int32_t)w->size[0];
    for (int d = 0; d < 2; d++) {
        c.g.pad[d] = backward ? w->size[d] - 1 - w->pad[d] : w->pad[d];
        c.g.in_size[d] = x->shape.dim[2 + d];
        c.g.out_size[d] = y->shape.dim[2 + d];
    }
    c.g.in_channels = x->shape.dim[1];
    c.g.out_channels = y->shape.dim[1];
    c.g.in_plane = kp_lane_plane(x);
    c.g.out_plane = kp_lane_plane(y);
    c.g.block = kp_lane_block(c.g.out_channels);
    c.blocks = (c.g.out_channels + c.g.block - 1) / c.g.block;
    c.pack = c.blocks * c.g.block * c.g.in_channels * c.g.k * c.g.k;
    c.pack = (c.pack + 15) / 16 * 16;
    return c;
}

static struct conv conv_of(const struct kp_node *n)
{
    struct conv c = conv_geometry(n, n->in[0], n->out[0], n->op == KP_OP_CONV2D_GRAD_X);
    const struct kp_window *w = &n->attrs.window;

    for (int d = 0; d < 2 && n->attrs.pool; d++)
        c.g.out_size[d] = n->in[0]->shape.dim[2 + d] + 2 * w->pad[d] - w->size[d] + 1;
    return c;
}

/* Floats of a worker's rows that wait for pooling. */
static int64_t pool_rows(const struct kp_node *n, const struct conv *c)
{
    if (!n->attrs.pool)
        return 0;
    return c->g.block * n->attrs.pool_window.size[0] * c->g.out_size[1] * KP_LANES;
}

size_t kp_scratch_conv(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n)
{
    if (!kp_cpu_conv_is_lane(n))
        return kp_scratch_conv_gemm(cpu, g, n);
    const struct conv c = conv_of(n);
    const int64_t floats = c.pack + kp_pool_threads(cpu->pool) * pool_rows(n, &c);
    return (size_t)floats * sizeof(float);
}

/* One block of weights:  w [O][C][k][k]  ->  [C][k][k][block], for the gradient of x
 * [O][k][k][block] of input channels, the window turned by 180 degrees. Missing channels are 0. */
static void pack_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct conv *c = s->data;
    const int64_t taps = c->g.k * c->g.k, channels = c->g.in_channels, block = c->g.block;
    const float *w = kp_floats(p, s->node->in[1]);
    float *to = (float *)kp_scratch(p, s->node) + t->index * block * channels * taps;

    for (int64_t i = 0; i < channels; i++)
        for (int64_t k = 0; k < taps; k++, to += block)
            for (int64_t b = 0; b < block; b++) {
                const int64_t o = t->index * block + b;
                if (o >= c->g.out_channels)
                    to[b] = 0.0f;
                else if (c->backward)
                    to[b] = w[(i * c->g.out_channels + o) * taps + taps - 1 - k];
                else
                    to[b] = w[(o * channels + i) * taps + k];
            }
}

/* Max over windows of `rows` (one row of windows), without overlap. */
static void conv_pooled(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t,
                        const float *x, const float *w, const float *bias, float *y, int count)
{
    const struct conv *c = s->data;
    const struct kp_window *win = &s->node->attrs.pool_window;
    const struct kp_value *out = s->node->out[0];
    const int64_t width = c->g.out_size[1], plane = win->size[0] * width * KP_LANES;
    const int64_t y_plane = kp_lane_plane(out);
    float *rows = (float *)kp_scratch(p, s->node) + c->pack + t->worker * pool_rows(s->node, c);
    struct kp_lane_pool pool = {
        .in_size = {win->size[0], width},
        .out_size = {1, out->shape.dim[3]},
        .size = {win->size[0], win->size[1]},
        .stride = {win->size[0], win->size[1]},
    };

    for (int64_t h = 0; h < out->shape.dim[2]; h++) {
        p->lane->conv(&c->g, x, w, bias, rows, plane, count, h * win->size[0],
                      (h + 1) * win->size[0], s->node->attrs.act);
        for (int o = 0; o < count; o++)
            p->lane->max_pool(&pool, rows + o * plane,
                              y + o * y_plane + h * out->shape.dim[3] * KP_LANES);
    }
}

/* x (N, C, H, W) -> y (N, O, H', W'), the groups of one slice */
static void conv_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct conv *c = s->data;
    const struct kp_node *n = s->node;
    const float *packed = kp_scratch(p, n);
    const float *bias = c->backward ? NULL : kp_floats(p, n->in[2]);
    const int64_t block = c->g.block, weights = block * c->g.in_channels * c->g.k * c->g.k;
    const int64_t y_plane = kp_lane_plane(n->out[0]);

    for (int64_t g = t->group; g < t->group_end; g++) {
        const float *x = kp_floats(p, n->in[0]) + g * kp_value_group(n->in[0]);
        float *y = kp_floats(p, n->out[0]) + g * kp_value_group(n->out[0]);
        for (int64_t b = 0; b < c->blocks; b++) {
            const int64_t o = b * block, left = c->g.out_channels - o;
            const int count = (int)(left < block ? left : block);
            const float *bb = bias ? bias + o : NULL;
            if (n->attrs.pool)
                conv_pooled(s, p, t, x, packed + b * weights, bb, y + o * y_plane, count);
            else
                p->lane->conv(&c->g, x, packed + b * weights, bb, y + o * y_plane, y_plane, count,
                              0, c->g.out_size[0], n->attrs.act);
            if (c->sums)
                kp_norm_group_sums(c->sums, p, g, o, o + count);
        }
    }
}

void kp_lower_conv(struct kp_lowering *l, const struct kp_node *n)
{
    if (!kp_cpu_conv_is_lane(n)) {
        kp_lower_conv_gemm(l, n);
        return;
    }
    struct conv *c = kp_lower_alloc(l, sizeof(*c));
    if (!c)
        return;
    *c = conv_of(n);
    c->sums = kp_norm_sums_of(l->code->graph, n);
    kp_lower_step(l, KP_BEFORE, pack_block, c, c->blocks);
    kp_lower_step(l, KP_SLICES, conv_slice, c, 0);
}

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
    const struct conv *c = s->data;
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

    if (kp_cpu_conv_is_lane(n)) {
        struct conv *c = kp_lower_alloc(l, sizeof(*c));
        if (!c)
            return;
        *c = conv_geometry(n, n->in[0], n->in[1], false);
        kp_lower_step(l, KP_SLICES, grad_w_slice, c, 0);
    } else {
        kp_lower_conv_gemm(l, n);
    }
    kp_lower_step(l, KP_AFTER, grad_w_combine, NULL, (all + COMBINE_BLOCK - 1) / COMBINE_BLOCK);
}
