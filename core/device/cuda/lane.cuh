// lane.cuh - the vocabulary of kernels/*.inl for one number: a thread's own.
#ifndef KP_CUDA_LANE_CUH
#define KP_CUDA_LANE_CUH

#include "device/cuda/device.cuh"

#include <math.h>

#define KP_INLINE static inline __device__

typedef float kp_vec;
typedef bool kp_mask;

KP_INLINE kp_vec v_zero()
{
    return 0;
}
KP_INLINE kp_vec v_set(float x)
{
    return x;
}
KP_INLINE kp_vec v_add(kp_vec a, kp_vec b)
{
    return a + b;
}
KP_INLINE kp_vec v_sub(kp_vec a, kp_vec b)
{
    return a - b;
}
KP_INLINE kp_vec v_mul(kp_vec a, kp_vec b)
{
    return a * b;
}
KP_INLINE kp_vec v_fma(kp_vec a, kp_vec b, kp_vec c)
{
    return fmaf(a, b, c);
}
KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return a / b;
}
KP_INLINE kp_vec v_sqrt(kp_vec x)
{
    return sqrtf(x);
}
KP_INLINE kp_vec v_abs(kp_vec x)
{
    return fabsf(x);
}
KP_INLINE kp_vec v_relu(kp_vec x)
{
    return x <= 0 ? 0 : x;
}
KP_INLINE kp_mask v_greater(kp_vec a, kp_vec b)
{
    return a > b;
}
KP_INLINE kp_vec v_select(kp_mask m, kp_vec a, kp_vec b)
{
    return m ? a : b;
}
KP_INLINE kp_vec v_keep(kp_mask m, kp_vec a)
{
    return m ? a : 0;
}
KP_INLINE kp_vec v_exp(kp_vec x)
{
    return x < -87 ? 0 : expf(x > 88 ? 88 : x);
}

#endif
