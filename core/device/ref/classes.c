/* classes.c - from labels to rows of classes and back, on the reference device. */
#include "device/ref/ref.h"

/* labels (..) -> y (..,K) */
void kp_ref_one_hot(const struct kp_ref_call *c)
{
    const struct kp_value *v = c->node->out[0];
    const double *labels = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    int64_t k = v->shape.dim[v->shape.n - 1];
    for (int64_t i = 0; i < kp_ref_count(v, c->rows); i++)
        y[i] = (double)(i % k) == labels[i / k] ? c->node->attrs.on : c->node->attrs.off;
}

/* x (..,K) -> y (..) */
void kp_ref_argmax(const struct kp_ref_call *c)
{
    const struct kp_value *v = c->node->in[0];
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    int64_t k = v->shape.dim[v->shape.n - 1];
    for (int64_t i = 0; i < kp_ref_count(v, c->rows); i++)
        if (x[i] > x[i / k * k + (int64_t)y[i / k]])
            y[i / k] = (double)(i % k);
}
