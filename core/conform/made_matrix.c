/* made_matrix.c - the matrix helpers of a made-up analysis as plain loops. */
#include "conform/made_analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EIGEN_MOST   300
#define SWEEPS       30
#define DESCENT_MOST 40

void kp_made_gemm(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n, int64_t k,
                  const double *x, const double *y, double beta, double *c)
{
    if (kp_made_stopped(a))
        return;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = beta != 0 ? c[i * n + j] : 0;
            for (int64_t p = 0; p < k; p++)
                sum +=
                    (turn_x ? x[p * m + i] : x[i * k + p]) * (turn_y ? y[j * k + p] : y[p * n + j]);
            c[i * n + j] = sum;
        }
}

void kp_made_gram(struct kp_analysis *a, int64_t n, int64_t k, const double *x, double beta,
                  double *c)
{
    kp_made_gemm(a, true, false, n, n, k, x, x, beta, c);
}

void kp_made_gram_f32(struct kp_analysis *a, int64_t n, int64_t k, const float *x, double beta,
                      double *c)
{
    if (kp_made_stopped(a))
        return;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = beta != 0 ? c[i * n + j] : 0;
            for (int64_t p = 0; p < k; p++)
                sum += (double)x[i * k + p] * (double)x[j * k + p];
            c[i * n + j] = sum;
        }
}

/* Rotate rows and columns p and q so that c_pq becomes 0 (Jacobi 1846). */
static void rotate(double *c, int64_t n, int64_t p, int64_t q)
{
    const double theta = (c[q * n + q] - c[p * n + p]) / (2 * c[p * n + q]);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double cosine = 1 / sqrt(t * t + 1), sine = t * cosine;

    for (int64_t i = 0; i < n; i++) {
        const double x = c[i * n + p], y = c[i * n + q];
        c[i * n + p] = cosine * x - sine * y;
        c[i * n + q] = sine * x + cosine * y;
    }
    for (int64_t i = 0; i < n; i++) {
        const double x = c[p * n + i], y = c[q * n + i];
        c[p * n + i] = cosine * x - sine * y;
        c[q * n + i] = sine * x + cosine * y;
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

enum kp_status kp_made_eigenvalues(struct kp_analysis *a, int64_t n, double *c, double *values)
{
    if (kp_made_stopped(a))
        return kp_analysis_status(a);
    if (n > EIGEN_MOST)
        return kp_analysis_fail(a, KP_E_UNSUPPORTED, "eigenvalues of more than %d rows",
                                EIGEN_MOST);
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++)
                if (fabs(c[p * n + q]) > 1e-300)
                    rotate(c, n, p, q);
    for (int64_t i = 0; i < n; i++)
        values[i] = c[i * n + i];
    qsort(values, (size_t)n, sizeof(*values), by_value);
    return KP_OK;
}

/* Steepest descent whose step grows while it succeeds and shrinks where it does not. */
enum kp_status kp_made_minimise(struct kp_analysis *a, struct kp_minimise *how, kp_objective_fn f,
                                void *arg, int64_t n, double *x)
{
    double *next = kp_analysis_alloc(a, double, n), *g = kp_analysis_alloc(a, double, n);
    double *next_g = kp_analysis_alloc(a, double, n), step = 1;

    if (kp_made_stopped(a) || !next || !g || !next_g)
        return kp_analysis_status(a);
    how->value = f(arg, x, g, n);
    for (how->iterations = 0; how->iterations < DESCENT_MOST; how->iterations++) {
        for (int64_t i = 0; i < n; i++)
            next[i] = x[i] - step * g[i];
        const double value = f(arg, next, next_g, n);
        if (!(value < how->value)) {
            step /= 2;
            continue;
        }
        memcpy(x, next, (size_t)n * sizeof(*x));
        memcpy(g, next_g, (size_t)n * sizeof(*g));
        how->value = value;
        step *= 1.5;
    }
    how->converged = false;
    return KP_OK;
}
