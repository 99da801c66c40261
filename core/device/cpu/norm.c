/* norm.c - batch norm with what is fused into it.
 *
 * TRAIN: each group of 16 examples leaves its mean and sum of squared deviations for each channel;
 * they are merged in the order of the groups (Chan, Golub, LeVeque 1979), so the result depends on
 * nothing else. Backward: the groups' sums of g and g (x - m) are added in the same way, g =
 * gradient of u. */
#include "kernels/norm.h"
#include "device/cpu/cpu.h"

struct norm {
    struct kp_lane_norm n; /* without the numbers of a channel */
    int64_t channels, pixels;
    int64_t x_plane, y_plane;
};

/* y: the result or its gradient. */
static struct norm norm_geometry(const struct kp_node *node, const struct kp_value *x,
                                 const struct kp_value *y)
{
    struct norm d = {
        .n = {.size = {1, kp_lane_pixels(x)},
              .pooled = {1, kp_lane_pixels(y)},
              .window = {1, 1},
              .act = node->attrs.act},
        .channels = kp_lane_planes(x),
        .pixels = kp_lane_pixels(x),
        .x_plane = kp_lane_plane(x),
        .y_plane = kp_lane_plane(y),
    };

    for (int i = 0; x->shape.n == 4 && i < 2; i++) {
        d.n.size[i] = x->shape.dim[2 + i];
        d.n.pooled[i] = y->shape.dim[2 + i];
        if (node->attrs.pool)
            d.n.window[i] = node->attrs.window.size[i];
    }
    return d;
}

static struct norm *norm_alloc(struct kp_lowering *l, const struct kp_node *node,
                               const struct kp_value *y)
{
    struct norm *d = kp_lower_alloc(l, sizeof(*d));
    if (d)
        *d = norm_geometry(node, node->in[0], y);
    return d;
}

/* The two doubles of (group, channel). */
static double *pair_at(void *sums, int64_t channels, int64_t group, int64_t channel)
{
    return (double *)sums + 2 * (group * channels + channel);
}

void kp_norm_group_sums(const struct kp_node *sums, const struct kp_pass *p, int64_t group,
                        int64_t channel, int64_t channel_end)
{
    const struct kp_value *v = sums->in[0];
    const int64_t channels = kp_lane_planes(v), plane = kp_lane_plane(v);
    const float *x = kp_floats(p, v) + group * kp_value_group(v);

    for (int64_t c = channel; c < channel_end; c++)
        p->lane->plane_stats(x + c * plane, kp_lane_pixels(v), kp_pass_lanes(p, group),
                             pair_at(kp_floats(p, sums->out[0]), channels, group, c));
}

double *kp_norm_group_pairs(const struct kp_node *sums, const struct kp_pass *p, int64_t group)
{
    return pair_at(kp_floats(p, sums->out[0]), kp_lane_planes(sums->in[0]), group, 0);
}

const struct kp_node *kp_norm_sums_of(const struct kp_graph *g, const struct kp_node *producer)
{
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        if (n->op == KP_OP_BATCH_NORM_SUMS && n->in[0] == producer->out[0] &&
            n->segment == producer->segment)
            return n;
    }
    return NULL;
}

static void sums_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    for (int64_t g = t->group; g < t->group_end; g++)
        kp_norm_group_sums(s->node, p, g, 0, kp_lane_planes(s->node->in[0]));
}

/* True if a convolution of the same segment makes the statistics along with its planes. */
static bool made_by_conv(const struct kp_graph *g, const struct kp_node *sums)
{
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        if ((n->op == KP_OP_CONV2D || n->op == KP_OP_CONV2D_GRAD_X) && n->out[0] == sums->in[0])
            return kp_cpu_conv_wants_lane(n) && n->segment == sums->segment;
    }
    return false;
}

void kp_lower_norm_sums(struct kp_lowering *l, const struct kp_node *n)
{
    if (!made_by_conv(l->code->graph, n))
        kp_lower_step(l, KP_SLICES, sums_slice, NULL, 0);
}

/* x, gamma, beta, mean, var, r?, -, sums -> y, m, s: statistics of the batch, running statistics.
 */
static void norm_merge(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *node = s->node;
    const struct norm *d = s->data;
    const double momentum = node->attrs.momentum, count = (double)p->rows * (double)d->pixels;
    float *mean = kp_floats(p, node->in[3]), *var = kp_floats(p, node->in[4]);
    float *m = kp_floats(p, node->out[1]), *scale = kp_floats(p, node->out[2]);
    void *sums = kp_floats(p, node->in[7]);

    (void)t;
    for (int64_t c = 0; c < d->channels; c++) {
        double n = 0.0, average = 0.0, squares = 0.0;
        for (int64_t g = 0; g < p->groups; g++) {
            const double *pair = pair_at(sums, d->channels, g, c);
            const double more = (double)kp_pass_lanes(p, g) * (double)d->pixels;
            const double delta = pair[0] - average;
            average += delta * more / (n + more);
            squares += pair[1] + delta * delta * n * more / (n + more);
            n += more;
        }
        m[c] = (float)average;
        scale[c] = kp_norm_inverse(squares / count, node->attrs.eps);
        mean[c] = kp_norm_running_mean(mean[c], momentum, average);
        var[c] = kp_norm_running_var(var[c], momentum, squares, count);
    }
}

/* m and 1 / sqrt(v + eps) of a channel: in[3], in[4] of a gradient, out[1], out[2] of BATCH_NORM,
 * from the running statistics in[3], in[4] of the EVAL forms. */
static void channel_stats(const struct kp_node *node, const struct kp_pass *p, int64_t c, float *m,
                          float *s)
{
    if (node->op == KP_OP_BATCH_NORM) {
        *m = kp_floats(p, node->out[1])[c];
        *s = kp_floats(p, node->out[2])[c];
        return;
    }
    *m = kp_floats(p, node->in[3])[c];
    *s = kp_floats(p, node->in[4])[c];
    if (node->op == KP_OP_BATCH_NORM_EVAL || node->op == KP_OP_BATCH_NORM_EVAL_GRAD)
        *s = kp_norm_inverse((double)*s, node->attrs.eps);
}

/* Fills in what channel c of group g needs. */
static struct kp_lane_norm channel_norm(const struct kp_step *s, const struct kp_pass *p, int64_t g,
                                        int64_t c, float *inverse)
{
    const struct norm *d = s->data;
    struct kp_lane_norm n = d->n;

    channel_stats(s->node, p, c, &n.mean, inverse);
    n.lanes = kp_pass_lanes(p, g);
    n.scale = *inverse * kp_floats(p, s->node->in[1])[c];
    n.shift = kp_floats(p, s->node->in[2])[c];
    return n;
}

/* Start of plane (g, c) of v; NULL stays NULL. */
static float *plane_at(const struct kp_pass *p, const struct kp_value *v, int64_t g, int64_t c)
{
    return v ? kp_floats(p, v) + g * kp_value_group(v) + c * kp_lane_plane(v) : NULL;
}

static void norm_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct norm *d = s->data;
    const struct kp_node *node = s->node;

    for (int64_t g = t->group; g < t->group_end; g++)
        for (int64_t c = 0; c < d->channels; c++) {
            float inverse;
            const struct kp_lane_norm n = channel_norm(s, p, g, c, &inverse);
            p->lane->norm(&n, plane_at(p, node->in[0], g, c), plane_at(p, node->in[5], g, c),
                          plane_at(p, node->out[0], g, c));
        }
}

void kp_lower_norm(struct kp_lowering *l, const struct kp_node *n)
{
    const struct norm *d = norm_alloc(l, n, n->out[0]);
    kp_lower_step(l, KP_BEFORE, norm_merge, d, 1);
    kp_lower_step(l, KP_SLICES, norm_slice, d, 0);
}

void kp_lower_norm_eval(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, KP_SLICES, norm_slice, norm_alloc(l, n, n->out[0]), 0);
}

/* Sums of one (group, channel) of x, gamma, beta, m, s, r?, dy. */
static void grad_pair(const struct kp_step *s, const struct kp_pass *p, int64_t g, int64_t c,
                      void *sums)
{
    const struct norm *d = s->data;
    const struct kp_node *node = s->node;
    float inverse;
    const struct kp_lane_norm n = channel_norm(s, p, g, c, &inverse);

    p->lane->norm_grad_sums(&n, plane_at(p, node->in[0], g, c), plane_at(p, node->in[5], g, c),
                            plane_at(p, node->in[6], g, c), pair_at(sums, d->channels, g, c));
}

static void grad_sums_slice(const struct kp_step *s, const struct kp_pass *p,
                            const struct kp_span *t)
{
    const struct norm *d = s->data;

    for (int64_t g = t->group; g < t->group_end; g++)
        for (int64_t c = 0; c < d->channels; c++)
            grad_pair(s, p, g, c, kp_floats(p, s->node->out[0]));
}

void kp_lower_norm_grad_sums(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, KP_SLICES, grad_sums_slice, norm_alloc(l, n, n->in[6]), 0);
}

/* total[0] = sum of g, total[1] = sum of g (x - m) over the groups, for channel c. */
static void merge_pairs(const struct kp_pass *p, void *sums, int64_t channels, int64_t c,
                        double total[2])
{
    total[0] = total[1] = 0.0;
    for (int64_t g = 0; g < p->groups; g++) {
        const double *pair = pair_at(sums, channels, g, c);
        total[0] += pair[0];
        total[1] += pair[1];
    }
}

/* dbeta = sum of g, dgamma = s sum of g (x - m); keeps both for the slices. */
static void grad_merge(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *node = s->node;
    const struct norm *d = s->data;
    const bool eval = node->op == KP_OP_BATCH_NORM_EVAL_GRAD;
    void *sums = eval ? kp_scratch(p, node) : kp_floats(p, node->in[7]);
    double *totals = eval ? NULL : kp_scratch(p, node);
    float *dgamma = kp_floats(p, node->out[1]), *dbeta = kp_floats(p, node->out[2]);

    (void)t;
    for (int64_t c = 0; c < d->channels; c++) {
        double total[2];
        float m, inverse;
        merge_pairs(p, sums, d->channels, c, total);
        channel_stats(node, p, c, &m, &inverse);
        if (dgamma)
            dgamma[c] = (float)(total[1] * (double)inverse);
        if (dbeta)
            dbeta[c] = (float)total[0];
        if (totals) {
            totals[2 * c] = total[0];
            totals[2 * c + 1] = total[1];
        }
    }
}

/* dx of kernels/norm.h;  EVAL: dx = scale g */
static void grad_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *node = s->node;
    const struct norm *d = s->data;
    const bool eval = node->op == KP_OP_BATCH_NORM_EVAL_GRAD;
    const double *totals = kp_scratch(p, node);
    const double count = (double)p->rows * (double)d->pixels;

    for (int64_t g = t->group; g < t->group_end; g++)
        for (int64_t c = 0; c < d->channels; c++) {
            float inverse;
            struct kp_lane_norm n = channel_norm(s, p, g, c, &inverse);
            if (eval) {
                grad_pair(s, p, g, c, kp_scratch(p, node));
            } else {
                n.offset = kp_norm_offset(n.scale, totals[2 * c], count);
                n.slope = kp_norm_slope(n.scale, inverse, totals[2 * c + 1], count);
            }
            p->lane->norm_grad(&n, plane_at(p, node->in[0], g, c), plane_at(p, node->in[5], g, c),
                               plane_at(p, node->in[6], g, c), plane_at(p, node->out[0], g, c),
                               plane_at(p, node->out[3], g, c));
        }
}

size_t kp_scratch_norm_grad(const struct kp_cpu *cpu, const struct kp_graph *g,
                            const struct kp_node *n)
{
    (void)cpu;
    (void)g;
    return (size_t)kp_lane_planes(n->in[0]) * 2 * sizeof(double);
}

size_t kp_scratch_norm_eval_grad(const struct kp_cpu *cpu, const struct kp_graph *g,
                                 const struct kp_node *n)
{
    const int64_t groups = kp_cpu_padded(g) / KP_LANES;

    (void)cpu;
    return (size_t)(groups * kp_lane_planes(n->in[0])) * 2 * sizeof(double);
}

void kp_lower_norm_grad(struct kp_lowering *l, const struct kp_node *n)
{
    const struct norm *d = norm_alloc(l, n, n->in[6]);
    kp_lower_step(l, KP_BEFORE, grad_merge, d, 1);
    kp_lower_step(l, KP_SLICES, grad_slice, d, 0);
}

void kp_lower_norm_eval_grad(struct kp_lowering *l, const struct kp_node *n)
{
    const struct norm *d = norm_alloc(l, n, n->in[6]);
    kp_lower_step(l, KP_SLICES, grad_slice, d, 0);
    kp_lower_step(l, KP_AFTER, grad_merge, d, 1);
}
