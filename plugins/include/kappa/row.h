/* row.h - arithmetic on one row, of logits or of features, for metrics and analyses. Sums are in
 * double. */
#ifndef KAPPA_ROW_H
#define KAPPA_ROW_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* The number of the first largest element.   v [n], n >= 1 */
static inline int64_t kp_row_argmax(const float *v, int64_t n)
{
    int64_t best = 0;

    for (int64_t k = 1; k < n; k++)
        if (v[k] > v[best])
            best = k;
    return best;
}

/* log sum_k exp(v_k), so that log softmax(v)_k = v_k less it. */
static inline double kp_row_log_sum_exp(const float *v, int64_t n)
{
    double most = (double)v[kp_row_argmax(v, n)], sum = 0;

    for (int64_t k = 0; k < n; k++)
        sum += exp((double)v[k] - most);
    return most + log(sum);
}

/* p = softmax(v)   v, p [n] */
static inline void kp_row_softmax(const float *v, int64_t n, double *p)
{
    double all = kp_row_log_sum_exp(v, n);

    for (int64_t k = 0; k < n; k++)
        p[k] = exp((double)v[k] - all);
}

/* out = v, or v / |v| if `unit`; a row of zeros stays one.   v, out [n] */
static inline void kp_row_widen(const float *v, int64_t n, bool unit, double *out)
{
    double factor = 1;

    if (unit) {
        double square = 0;
        for (int64_t k = 0; k < n; k++)
            square += (double)v[k] * (double)v[k];
        factor = square > 0 ? 1 / sqrt(square) : 0;
    }
    for (int64_t k = 0; k < n; k++)
        out[k] = (double)v[k] * factor;
}

#endif
