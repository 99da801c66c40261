/* vec_math.h - division, comparison and the exponential on the vectors of vec.h. */
#ifndef KP_CPU_VEC_MATH_H
#define KP_CPU_VEC_MATH_H

#include "device/cpu/vec.h"

#if KP_VEC == 16
KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return _mm512_div_ps(a, b);
}
/* a > b ? a : b, so that a NaN in b stays. */
KP_INLINE kp_vec v_max(kp_vec a, kp_vec b)
{
    return _mm512_max_ps(a, b);
}
/* a < b ? a : b */
KP_INLINE kp_vec v_min(kp_vec a, kp_vec b)
{
    return _mm512_min_ps(a, b);
}
KP_INLINE kp_vec v_abs(kp_vec x)
{
    return _mm512_abs_ps(x);
}
/* 2^n of t = n + 1.5 2^23: the low bits of t are n, moved into the exponent. */
KP_INLINE kp_vec v_exponent(kp_vec t)
{
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(0x3f800000)));
}

#elif KP_VEC == 8
KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return _mm256_div_ps(a, b);
}
KP_INLINE kp_vec v_max(kp_vec a, kp_vec b)
{
    return _mm256_max_ps(a, b);
}
KP_INLINE kp_vec v_min(kp_vec a, kp_vec b)
{
    return _mm256_min_ps(a, b);
}
KP_INLINE kp_vec v_abs(kp_vec x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}
KP_INLINE kp_vec v_exponent(kp_vec t)
{
    __m256i n = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(0x3f800000)));
}

#else
typedef uint32_t kp_words __attribute__((vector_size(16)));

KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return a / b;
}
KP_INLINE kp_vec v_max(kp_vec a, kp_vec b)
{
    return v_select(a > b, a, b);
}
KP_INLINE kp_vec v_min(kp_vec a, kp_vec b)
{
    return v_select(a < b, a, b);
}
KP_INLINE kp_vec v_abs(kp_vec x)
{
    return (kp_vec)((kp_words)x & 0x7fffffffu);
}
KP_INLINE kp_vec v_exponent(kp_vec t)
{
    return (kp_vec)(((kp_words)t << 23) + 0x3f800000u);
}
#endif

/* e^x within 2 ulp; 0 below -87, e^88 above 88; NaN stays NaN. With x = n log 2 + r, |r| <= log(2)
 * / 2, it is 2^n times the Taylor polynomial of degree 7, which is off by 5e-9. */
KP_INLINE kp_vec v_exp(kp_vec x)
{
    const kp_vec round = v_set(12582912.0f), low = v_set(-87.0f);
    kp_mask tiny = v_greater(low, x);
    kp_vec z = v_min(v_set(88.0f), v_max(low, x));
    kp_vec t = v_fma(z, v_set(1.44269504f), round);
    kp_vec n = v_sub(t, round);
    kp_vec r = v_fma(n, v_set(-0.693359375f), z); /* log 2 in two parts, the first exact in n */
    kp_vec p = v_set(1.0f / 5040.0f);

    r = v_fma(n, v_set(2.12194440e-4f), r);
    p = v_fma(p, r, v_set(1.0f / 720.0f));
    p = v_fma(p, r, v_set(1.0f / 120.0f));
    p = v_fma(p, r, v_set(1.0f / 24.0f));
    p = v_fma(p, r, v_set(1.0f / 6.0f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_select(tiny, v_zero(), v_mul(p, v_exponent(t)));
}

/* to[j][i] = from[i][j], 4 x 4, rows so many floats apart. */
KP_INLINE void v_turn4(const float *from, int64_t from_row, float *to, int64_t to_row)
{
#if KP_VEC > 4
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_row);
    __m128 c = _mm_loadu_ps(from + 2 * from_row), d = _mm_loadu_ps(from + 3 * from_row);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + to_row, b);
    _mm_storeu_ps(to + 2 * to_row, c);
    _mm_storeu_ps(to + 3 * to_row, d);
#else
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            to[j * to_row + i] = from[i * from_row + j];
#endif
}

/* Sum over the lanes, in a fixed order. */
KP_INLINE float v_sum(kp_vec x)
{
    float out[4];
    v_sum4(x, v_zero(), v_zero(), v_zero(), out);
    return out[0];
}

#endif
