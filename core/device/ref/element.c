/* element.c - element by element operations of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

static int64_t elements(const struct kp_ref_call *c)
{
    return kp_ref_count(c->node->out[0], c->rows);
}

void kp_ref_relu(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void kp_ref_relu_grad(const struct kp_ref_call *c)
{
    const double *y = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

void kp_ref_add(const struct kp_ref_call *c)
{
    const double *a = kp_ref_in(c, 0), *b = kp_ref_in(c, 1);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = a[i] + b[i];
}

void kp_ref_sub(const struct kp_ref_call *c)
{
    const double *a = kp_ref_in(c, 0), *b = kp_ref_in(c, 1);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = a[i] - b[i];
}

void kp_ref_mul(const struct kp_ref_call *c)
{
    const double *a = kp_ref_in(c, 0), *b = kp_ref_in(c, 1);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = a[i] * b[i];
}

void kp_ref_scale(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = c->node->attrs.factor * x[i];
}

/* 8 bits from the leading one on, or down to 2^-133. */
double kp_ref_bf16(double x)
{
    const double largest = 0x1.fep127;
    int exponent;

    if (!isfinite(x))
        return x;
    (void)frexp(x, &exponent);
    const int last = exponent - 8 > -133 ? exponent - 8 : -133;
    const double y = ldexp(rint(ldexp(x, -last)), last);
    return fabs(y) > largest ? copysign(HUGE_VAL, x) : y;
}

void kp_ref_round(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; i < elements(c); i++)
        y[i] = kp_ref_bf16(x[i]);
}

/* RESHAPE and CONVERT: the same numbers in the same order, in the same memory for an alias. */
void kp_ref_copy(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    for (int64_t i = 0; x != y && i < elements(c); i++)
        y[i] = x[i];
}
