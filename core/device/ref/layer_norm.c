/* layer_norm.c - layer normalisation of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

/* Rows of the last dimension of x that count, and their width. */
static int64_t rows_of(const struct kp_ref_call *c, int64_t *width)
{
    const struct kp_value *x = c->node->in[0];

    *width = x->shape.dim[x->shape.n - 1];
    return kp_ref_count(x, c->rows) / *width;
}

void kp_ref_layer_norm(const struct kp_ref_call *c)
{
    const double *gamma = kp_ref_in(c, 1), *beta = kp_ref_in(c, 2);
    double *y = kp_ref_out(c, 0), *m = kp_ref_out(c, 1), *s = kp_ref_out(c, 2);
    int64_t k, rows = rows_of(c, &k);

    for (int64_t r = 0; r < rows; r++) {
        const double *x = kp_ref_in(c, 0) + r * k;
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < k; i++)
            sum += x[i];
        m[r] = sum / (double)k;
        for (int64_t i = 0; i < k; i++)
            squares += (x[i] - m[r]) * (x[i] - m[r]);
        s[r] = 1 / sqrt(squares / (double)k + c->node->attrs.eps);
        for (int64_t i = 0; i < k; i++)
            y[r * k + i] = (x[i] - m[r]) * s[r] * gamma[i] + beta[i];
    }
}

/* u = dy gamma, h = (x - m) s:  dx = s (u - mean(u) - h mean(u h)) */
void kp_ref_layer_norm_grad(const struct kp_ref_call *c)
{
    const double *gamma = kp_ref_in(c, 1), *m = kp_ref_in(c, 2), *s = kp_ref_in(c, 3);
    double *dx = kp_ref_out(c, 0), *dgamma = kp_ref_out(c, 1), *dbeta = kp_ref_out(c, 2);
    int64_t k, rows = rows_of(c, &k);

    for (int64_t r = 0; r < rows; r++) {
        const double *x = kp_ref_in(c, 0) + r * k, *dy = kp_ref_in(c, 4) + r * k;
        double u_sum = 0, uh_sum = 0;
        for (int64_t i = 0; i < k; i++) {
            double h = (x[i] - m[r]) * s[r];
            u_sum += dy[i] * gamma[i];
            uh_sum += dy[i] * gamma[i] * h;
            dgamma[i] += dy[i] * h;
            dbeta[i] += dy[i];
        }
        for (int64_t i = 0; i < k; i++) {
            double h = (x[i] - m[r]) * s[r];
            dx[r * k + i] = s[r] * (dy[i] * gamma[i] - u_sum / (double)k - h * uh_sum / (double)k);
        }
    }
}
