/* mean.c - means over an example and weighted means over a batch, with gradients. */
#include "device/cpu/cpu.h"

/* x -> y, the mean of each run of `count` numbers; or dy -> dx = dy / count */
static void mean_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const bool back = n->op == KP_OP_MEAN_GRAD;
    const struct kp_value *wide = back ? n->out[0] : n->in[0], *means = back ? n->in[0] : n->out[0];
    const int64_t each = kp_value_rest(means), count = kp_value_rest(wide) / each;
    const float *in = kp_floats(p, n->in[0]);
    float *out = kp_floats(p, n->out[0]);

    for (int64_t e = t->first * each; e < t->end * each; e++) {
        double sum = 0.0;
        for (int64_t i = 0; i < count; i++) {
            if (back)
                out[e * count + i] = in[e] / (float)count;
            else
                sum += (double)in[e * count + i];
        }
        if (!back)
            out[e] = (float)(sum / (double)count);
    }
}

/* Elements of x or w that count. */
static int64_t counted(const struct kp_pass *p, const struct kp_value *v)
{
    return v->batched ? p->rows * kp_value_rest(v) : kp_value_rest(v);
}

double kp_weight_sum(const struct kp_pass *p, const struct kp_value *w)
{
    const float *v = kp_floats(p, w);
    double sum = 0.0;

    for (int64_t i = 0; i < counted(p, w); i++)
        sum += (double)v[i];
    return sum;
}

/* x, w -> sum(w x) / sum(w) */
static void weighted_mean(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const float *x = kp_floats(p, n->in[0]), *w = kp_floats(p, n->in[1]);
    const double total = kp_weight_sum(p, n->in[1]);
    double sum = 0.0;

    (void)t;
    for (int64_t i = 0; i < counted(p, n->in[0]); i++)
        sum += w[i] == 0.0f ? 0.0 : (double)w[i] * (double)x[i];
    *kp_floats(p, n->out[0]) = total > 0.0 ? (float)(sum / total) : 0.0f;
}

/* dy / sum(w), for the slices */
static void weighted_mean_share(const struct kp_step *s, const struct kp_pass *p,
                                const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const double total = kp_weight_sum(p, n->in[1]);
    const double dy = n->in[2] ? (double)*kp_floats(p, n->in[2]) : 1.0;

    (void)t;
    *(double *)kp_scratch(p, n) = total > 0.0 ? dy / total : 0.0;
}

static void weighted_mean_grad(const struct kp_step *s, const struct kp_pass *p,
                               const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_range r = kp_span_range(t, n->out[0]);
    const double share = *(const double *)kp_scratch(p, n);
    const float *w = kp_floats(p, n->in[1]);
    float *dx = kp_floats(p, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i++)
        dx[i] = (float)((double)w[i] * share);
}

size_t kp_scratch_mean(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n)
{
    (void)cpu;
    (void)g;
    (void)n;
    return sizeof(double);
}

void kp_lower_mean(struct kp_lowering *l, const struct kp_node *n)
{
    if (n->op == KP_OP_WEIGHTED_MEAN) {
        kp_lower_step(l, KP_BEFORE, weighted_mean, NULL, 1);
    } else if (n->op == KP_OP_WEIGHTED_MEAN_GRAD) {
        kp_lower_step(l, KP_BEFORE, weighted_mean_share, NULL, 1);
        kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES, weighted_mean_grad, NULL, 1);
    } else {
        kp_lower_step(l, KP_SLICES, mean_slice, NULL, 0);
    }
}
