/* conv.c - convolutions of stride 1 on LANE planes, forward and backward to x. */
#include "device/cpu/conv.h"
#include "device/cpu/dnn.h"

/* Winograd's tiles, if they save products: 3x3 windows, pooled not at all or by 2x2. */
static void choose_fast(struct kp_conv *c, const struct kp_node *n)
{
    const struct kp_value *y = n->out[0];
    const struct kp_window *pool = &n->attrs.pool_window;

    if (n->attrs.pool && (pool->size[0] != 2 || pool->size[1] != 2))
        return;
    for (int d = 0; d < 2; d++)
        c->tiles[d] = n->attrs.pool ? y->shape.dim[2 + d] : (c->g.out_size[d] + 1) / 2;
    c->fast = kp_conv_is_fast(&c->g, c->tiles);
    if (!c->fast)
        return;
    c->block = 16 * c->g.in_channels * c->g.block;
    c->pack = c->blocks * c->block;
    c->work = KP_WINO_WORK(c->g.in_channels, c->g.block, c->g.out_channels);
}

static struct kp_conv conv_of(const struct kp_node *n)
{
    struct kp_conv c = kp_conv_geometry(n, n->in[0], n->out[0], n->op == KP_OP_CONV2D_GRAD_X);
    const struct kp_window *w = &n->attrs.window;

    for (int d = 0; d < 2 && n->attrs.pool; d++)
        c.g.out_size[d] = n->in[0]->shape.dim[2 + d] + 2 * w->pad[d] - w->size[d] + 1;
    if (n->attrs.pool) /* rows that wait for pooling */
        c.work = c.g.block * n->attrs.pool_window.size[0] * c.g.out_size[1] * KP_LANES;
    choose_fast(&c, n);
    return c;
}

size_t kp_scratch_conv(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n)
{
    if (!kp_cpu_conv_is_lane(n))
        return kp_dnn_is_there() ? kp_scratch_dnn_conv(cpu, g, n) : kp_scratch_conv_gemm(cpu, g, n);
    const struct kp_conv c = conv_of(n);
    return (size_t)(c.pack + kp_pool_threads(cpu->pool) * c.work) * sizeof(float);
}

/* Max over windows of `rows` (one row of windows), without overlap. */
static void conv_pooled(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t,
                        const float *x, const float *w, const float *bias, float *y, int count)
{
    const struct kp_conv *c = s->data;
    const struct kp_window *win = &s->node->attrs.pool_window;
    const struct kp_value *out = s->node->out[0];
    const int64_t width = c->g.out_size[1], plane = win->size[0] * width * KP_LANES;
    const int64_t y_plane = kp_lane_plane(out);
    float *rows = (float *)kp_scratch(p, s->node) + c->pack + t->worker * c->work;
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

/* One group, directly. */
static void conv_group(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t,
                       int64_t g, const float *x, const float *bias, float *y)
{
    const struct kp_conv *c = s->data;
    const struct kp_node *n = s->node;
    const int64_t y_plane = kp_lane_plane(n->out[0]);

    for (int64_t b = 0; b < c->blocks; b++) {
        const int64_t o = b * c->g.block, left = c->g.out_channels - o;
        const int count = (int)(left < c->g.block ? left : c->g.block);
        const float *w = (const float *)kp_scratch(p, n) + b * c->block;
        const float *bb = bias ? bias + o : NULL;
        if (n->attrs.pool)
            conv_pooled(s, p, t, x, w, bb, y + o * y_plane, count);
        else
            p->lane->conv(&c->g, x, w, bb, y + o * y_plane, y_plane, count, 0, c->g.out_size[0],
                          n->attrs.act);
        if (c->sums)
            kp_norm_group_sums(c->sums, p, g, o, o + count);
    }
}

/* x (N, C, H, W) -> y (N, O, H', W'), the groups of one slice */
static void conv_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_conv *c = s->data;
    const struct kp_node *n = s->node;
    const float *bias = c->backward ? NULL : kp_floats(p, n->in[2]);
    float *packed = kp_scratch(p, n);

    for (int64_t g = t->group; g < t->group_end; g++) {
        const float *x = kp_floats(p, n->in[0]) + g * kp_value_group(n->in[0]);
        float *y = kp_floats(p, n->out[0]) + g * kp_value_group(n->out[0]);
        if (!c->fast) {
            conv_group(s, p, t, g, x, bias, y);
            continue;
        }
        const struct kp_lane_fast f = {
            .tiles = {c->tiles[0], c->tiles[1]},
            .relu = n->attrs.act,
            .pooled = n->attrs.pool,
            .stats = c->sums ? kp_norm_group_pairs(c->sums, p, g) : NULL,
            .lanes = kp_pass_lanes(p, g),
        };
        p->lane->conv_fast(&c->g, &f, x, packed, bias, y, kp_lane_plane(n->out[0]),
                           packed + c->pack + t->worker * c->work);
    }
}

void kp_lower_conv(struct kp_lowering *l, const struct kp_node *n)
{
    if (!kp_cpu_conv_is_lane(n)) {
        if (kp_dnn_is_there())
            kp_lower_dnn_conv(l, n);
        else
            kp_lower_conv_gemm(l, n);
        return;
    }
    struct kp_conv *c = kp_lower_alloc(l, sizeof(*c));
    if (!c)
        return;
    *c = conv_of(n);
    c->sums = kp_norm_sums_of(l->code->graph, n);
    kp_lower_step(l, KP_BEFORE, kp_conv_pack, c, c->blocks);
    kp_lower_step(l, KP_SLICES, conv_slice, c, 0);
}
