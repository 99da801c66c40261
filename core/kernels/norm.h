/* norm.h - batch norm of one channel: running statistics, coefficients, folding (Ioffe, Szegedy
 * 2015). */
#ifndef KP_KERNELS_NORM_H
#define KP_KERNELS_NORM_H

#include "base/both.h"

#include <math.h>

/* 1 / sqrt(var + eps) */
KP_BOTH float kp_norm_inverse(double var, double eps)
{
    return (float)(1.0 / sqrt(var + eps));
}

/* (1 - momentum) running + momentum mean */
KP_BOTH float kp_norm_running_mean(float running, double momentum, double mean)
{
    return (float)((1.0 - momentum) * (double)running + momentum * mean);
}

/* The same with the unbiased variance, of `count` values with this sum of squared deviations. */
KP_BOTH float kp_norm_running_var(float running, double momentum, double squares, double count)
{
    return (float)((1.0 - momentum) * (double)running +
                   momentum * squares / (count > 1.0 ? count - 1.0 : 1.0));
}

/* With g = gradient of u = (x - m) scale + shift, scale = gamma inverse, the gradient of x through
 * the statistics of `count` values is scale g + slope (x - m) + offset:
 *   slope = -scale inverse^2 sum(g (x - m)) / count     offset = -scale sum(g) / count */
KP_BOTH float kp_norm_slope(float scale, float inverse, double inner, double count)
{
    return (float)(-(double)scale * (double)inverse * (double)inverse * inner / count);
}

KP_BOTH float kp_norm_offset(float scale, double sum, double count)
{
    return (float)(-(double)scale * sum / count);
}

/* A convolution that does what conv and the evaluated batch norm do, see FOLD_BATCH_NORM: by =
 * gamma / sqrt(var + eps), w' = w by, b' = beta + (b - mean) by. */
KP_BOTH double kp_norm_fold(float gamma, float var, double eps)
{
    return (double)gamma / sqrt((double)var + eps);
}

KP_BOTH float kp_norm_fold_weight(float w, double by)
{
    return (float)((double)w * by);
}

KP_BOTH float kp_norm_fold_bias(float b, float beta, float mean, double by)
{
    return (float)((double)beta + ((double)b - (double)mean) * by);
}

#endif
