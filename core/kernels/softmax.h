/* softmax.h - elements of log-softmax and of the gradients of softmax and log-softmax. */
#ifndef KP_KERNELS_SOFTMAX_H
#define KP_KERNELS_SOFTMAX_H

#include "base/both.h"

#include <math.h>

/* x - top - log sum exp(x - top) */
KP_BOTH float kp_log_softmax_y(float x, float top, double log_sum)
{
    return (float)((double)x - (double)top - log_sum);
}

/* dx = y (dy - inner), inner = sum(y dy) */
KP_BOTH float kp_softmax_dx(float y, float dy, double inner)
{
    return (float)((double)y * ((double)dy - inner));
}

/* dx = dy - exp(y) sum, sum = sum(dy) */
KP_BOTH float kp_log_softmax_dx(float y, float dy, double sum)
{
    return (float)((double)dy - (double)expf(y) * sum);
}

#endif
