/* soft.h - softened rows and their divergence, in double. */
#ifndef KP_DEVICE_REF_SOFT_H
#define KP_DEVICE_REF_SOFT_H

#include <math.h>
#include <stdint.h>

/* softmax(x / tau) of one row. The largest is taken out before the division, so that extreme logits
 * at a small temperature lose no digits. */
struct soft {
    const double *x;
    double tau, largest, sum;
};

static inline struct soft soft_of(const double *x, int64_t k, double tau)
{
    struct soft s = {x, tau, x[0], 0};
    for (int64_t i = 1; i < k; i++)
        s.largest = fmax(s.largest, x[i]);
    for (int64_t i = 0; i < k; i++)
        s.sum += exp((x[i] - s.largest) / tau);
    return s;
}

static inline double soft_share(const struct soft *s, int64_t i)
{
    return exp((s->x[i] - s->largest) / s->tau) / s->sum;
}

static inline double soft_log(const struct soft *s, int64_t i)
{
    return (s->x[i] - s->largest) / s->tau - log(s->sum);
}

/* d_i - d_0 with d = log(p / q) */
static inline double soft_ahead(const struct soft *p, const struct soft *q, int64_t i)
{
    return (p->x[i] - p->x[0]) / p->tau - (q->x[i] - q->x[0]) / q->tau;
}

/* e^-a - 1 + a, accurate near 0. */
static inline double second_order(double a)
{
    if (fabs(a) > 0.03)
        return expm1(-a) + a;
    return a * a / 2 *
           (1 - a / 3 * (1 - a / 4 * (1 - a / 5 * (1 - a / 6 * (1 - a / 7 * (1 - a / 8))))));
}

/* KL(p || q), p = softmax(t / target_tau), q = softmax(z / tau).
 *
 * With a = log(p / q), KL = sum p a = sum p (e^-a - 1 + a), because sum q = sum p. The terms of the
 * second form are not negative, so small divergences (a large tau: 1e-9 and less) keep their
 * digits; a itself is d - log sum q e^d with d = t / target_tau - z / tau, up to any constant. The
 * first form serves where the logits are far apart. */
static inline double divergence(const double *z, double tau, const double *t, double target_tau,
                                int64_t k)
{
    struct soft q = soft_of(z, k, tau), p = soft_of(t, k, target_tau);
    double farthest = 0, sum = 0, mean = 0;
    for (int64_t i = 0; i < k; i++)
        farthest = fmax(farthest, fabs(soft_ahead(&p, &q, i)));
    if (farthest > 1) {
        for (int64_t i = 0; i < k; i++)
            sum += soft_share(&p, i) * (soft_log(&p, i) - soft_log(&q, i));
        return sum;
    }
    for (int64_t i = 0; i < k; i++)
        mean += soft_share(&q, i) * expm1(soft_ahead(&p, &q, i));
    for (int64_t i = 0; i < k; i++) {
        double a = soft_ahead(&p, &q, i) - log1p(mean);
        sum += soft_share(&p, i) * second_order(a);
    }
    return sum;
}

#endif
