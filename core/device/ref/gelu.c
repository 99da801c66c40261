/* gelu.c - the Gaussian error linear unit and dropout of the reference device. */
#include "device/dropout.h"
#include "device/ref/ref.h"

#include <math.h>

#define SQRT_HALF      0.70710678118654752440
#define SQRT_2_OVER_PI 0.79788456080286535588
#define CUBE           0.044715

/* P(x) and its derivative. */
static double share(double x, bool approximate, double *slope)
{
    if (!approximate) {
        *slope = SQRT_2_OVER_PI / 2 * exp(-x * x / 2);
        return erfc(-x * SQRT_HALF) / 2;
    }
    double t = tanh(SQRT_2_OVER_PI * (x + CUBE * x * x * x));
    *slope = (1 - t * t) / 2 * SQRT_2_OVER_PI * (1 + 3 * CUBE * x * x);
    return (1 + t) / 2;
}

void kp_ref_gelu(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0), slope;
    for (int64_t i = 0; i < kp_ref_count(c->node->out[0], c->rows); i++)
        y[i] = x[i] * share(x[i], c->node->attrs.approximate, &slope);
}

void kp_ref_gelu_grad(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0), slope;
    for (int64_t i = 0; i < kp_ref_count(c->node->out[0], c->rows); i++) {
        double p = share(x[i], c->node->attrs.approximate, &slope);
        dx[i] = dy[i] * (p + x[i] * slope);
    }
}

void kp_ref_dropout(const struct kp_ref_call *c)
{
    const struct kp_dropout d = kp_dropout_of(&c->node->attrs, c->memory->scalars);
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    bool kept[4] = {false};
    for (int64_t i = 0; i < kp_ref_count(c->node->out[0], c->rows); i++) {
        if (i % 4 == 0)
            kp_dropout_kept(&d, (uint64_t)i / 4, kept);
        y[i] = kept[i % 4] ? x[i] * d.scale : 0;
    }
}
