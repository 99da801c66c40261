/* losses.c - cross-entropy and Kullback-Leibler divergence of rows of logits, with gradients. */
#include "device/cpu/cpu.h"

#include <math.h>

/* log sum exp(x / tau) */
static double log_sum_exp(const float *x, int64_t k, double tau)
{
    double top = (double)x[0], sum = 0.0;

    for (int64_t i = 1; i < k; i++)
        top = (double)x[i] > top ? (double)x[i] : top;
    for (int64_t i = 0; i < k; i++)
        sum += exp(((double)x[i] - top) / tau);
    return top / tau + log(sum);
}

/* In double, and from the differences of log-probabilities: at a large temperature the divergence
 * is far below the rounding of either entropy. */
static double divergence(const float *z, const float *t, int64_t k, double tau)
{
    const double z0 = log_sum_exp(z, k, tau), t0 = log_sum_exp(t, k, tau);
    double sum = 0.0;

    for (int64_t i = 0; i < k; i++) {
        const double lt = (double)t[i] / tau - t0, lz = (double)z[i] / tau - z0;
        const double pt = exp(lt);
        if (pt > 0.0)
            sum += pt * (lt - lz);
    }
    return sum;
}

static void divergence_grad(const float *z, const float *t, int64_t k, double tau, double dl,
                            float *dz)
{
    const double z0 = log_sum_exp(z, k, tau), t0 = log_sum_exp(t, k, tau);

    for (int64_t i = 0; i < k; i++)
        dz[i] = (float)((exp((double)z[i] / tau - z0) - exp((double)t[i] / tau - t0)) * dl / tau);
}

static void cross_entropy_grad(const float *z, int32_t label, int64_t k, double dl, float *dz)
{
    const double z0 = label < 0 ? 0.0 : log_sum_exp(z, k, 1.0);

    for (int64_t i = 0; i < k; i++)
        dz[i] =
            label < 0 ? 0.0f : (float)((exp((double)z[i] - z0) - (i == label ? 1.0 : 0.0)) * dl);
}

/* Row i of z, labels or t [, dl]. A label outside the classes counts as none. */
static void loss_row(const struct kp_node *n, const struct kp_pass *p, int64_t i, int64_t k)
{
    const float *z = kp_floats(p, n->in[0]) + i * k;
    const bool labelled = n->op == KP_OP_CROSS_ENTROPY || n->op == KP_OP_CROSS_ENTROPY_GRAD;
    const void *other = kp_value_at(p->m, n->in[1]);
    const float *t = labelled ? NULL : (const float *)other + i * k;
    int32_t label = labelled ? ((const int32_t *)other)[i] : -1;

    if (label >= k)
        label = -1;
    if (n->op == KP_OP_CROSS_ENTROPY)
        kp_floats(p, n->out[0])[i] =
            label < 0 ? 0.0f : (float)(log_sum_exp(z, k, 1.0) - (double)z[label]);
    else if (n->op == KP_OP_CROSS_ENTROPY_GRAD)
        cross_entropy_grad(z, label, k, (double)kp_floats(p, n->in[2])[i],
                           kp_floats(p, n->out[0]) + i * k);
    else if (n->op == KP_OP_KL)
        kp_floats(p, n->out[0])[i] = (float)divergence(z, t, k, n->attrs.factor);
    else
        divergence_grad(z, t, k, n->attrs.factor, (double)kp_floats(p, n->in[2])[i],
                        kp_floats(p, n->out[0]) + i * k);
}

static void losses_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_shape *shape = &n->in[0]->shape;
    const int64_t k = shape->dim[shape->n - 1];
    const struct kp_range r = kp_span_range(t, n->in[0]);

    for (int64_t i = r.first / k; i < (r.first + r.count) / k; i++)
        loss_row(n, p, i, k);
}

void kp_lower_losses(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES, losses_slice, NULL, 1);
}
