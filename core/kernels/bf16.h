/* bf16.h - rounding to bf16: the upper half of an f32, 8 bits of precision and the whole range. */
#ifndef KP_KERNELS_BF16_H
#define KP_KERNELS_BF16_H

#include "base/both.h"

#include <stdint.h>
#include <string.h>

/* The bits of the nearest bf16 of an f32 with these bits, of two equally near the even one. What is
 * beyond the largest becomes infinite, numbers below the smallest normal one keep what bf16 has of
 * them, and NaN stays NaN. */
KP_BOTH uint32_t kp_bf16_bits(uint32_t bits)
{
    const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const uint32_t quiet = bits >> 16 | 0x40u;

    return (bits & 0x7fffffffu) > 0x7f800000u ? quiet : nearest;
}

/* A number as its two bytes, and back. */
KP_BOTH uint16_t kp_bf16_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return (uint16_t)kp_bf16_bits(bits);
}

KP_BOTH float kp_bf16_number(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

KP_BOTH float kp_bf16_round(float x)
{
    return kp_bf16_number(kp_bf16_of(x));
}

#endif
