/* optimizer.h - what the elements of an optimizer step share; the elements are in optimizer.inl. */
#ifndef KP_KERNELS_OPTIMIZER_H
#define KP_KERNELS_OPTIMIZER_H

#include "base/both.h"

#include <math.h>
#include <stdbool.h>

/* The factor for gradients of this sum of squares: min(1, limit / (|g| + 1e-6)). NaN stays NaN, so
 * that it is seen. */
KP_BOTH float kp_clip_factor(double limit, double squares)
{
    const double c = limit / (sqrt(squares) + 1e-6);

    return c > 1.0 ? 1.0f : (float)c;
}

/* g' = clip g + decay p;  v = momentum v + g';  p -= rate (nesterov ? g' + momentum v : v) */
struct kp_sgd {
    float rate, clip, momentum, decay;
    bool nesterov;
};

/* g' = clip g + decay p;  m = beta1 m + rest1 g';  v = beta2 v + rest2 g'^2;
 * p = kept p - rate m / (sqrt(v) / root + eps)         (Kingma, Ba 2015) */
struct kp_adam {
    float rate; /* lr / (1 - beta1^t) */
    float root; /* sqrt(1 - beta2^t) */
    float clip, decay, kept, beta1, rest1, beta2, rest2, eps;
};

/* Adam's step number t, from 1. decoupled: the weights decay apart from the gradient (Loshchilov,
 * Hutter 2019). */
KP_BOTH struct kp_adam kp_adam_at(double t, double lr, double beta1, double beta2, double eps,
                                  double decay, bool decoupled, float clip)
{
    struct kp_adam a = {
        (float)(lr / (1.0 - pow(beta1, t))),
        (float)sqrt(1.0 - pow(beta2, t)),
        clip,
        decoupled ? 0.0f : (float)decay,
        decoupled ? (float)(1.0 - lr * decay) : 1.0f,
        (float)beta1,
        (float)(1.0 - beta1),
        (float)beta2,
        (float)(1.0 - beta2),
        (float)eps,
    };
    return a;
}

#endif
