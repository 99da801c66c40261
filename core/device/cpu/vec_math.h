/* vec_math.h - division, roots, comparison, exponentials and parts of the vectors of vec.h. */
#ifndef KP_CPU_VEC_MATH_H
#define KP_CPU_VEC_MATH_H

#include "device/cpu/vec.h"

#include <math.h>

#if KP_VEC == 16
KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return _mm512_div_ps(a, b);
}
KP_INLINE kp_vec v_sqrt(kp_vec x)
{
    return _mm512_sqrt_ps(x);
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
/* The first `count` lanes from memory, the others from `rest`; 0 <= count <= KP_VEC. */
KP_INLINE kp_vec v_load_first(const float *p, int64_t count, kp_vec rest)
{
    return _mm512_mask_loadu_ps(rest, (__mmask16)((1u << count) - 1), p);
}
/* Zeros but in the first `count` lanes. */
KP_INLINE kp_vec v_first(kp_vec x, int64_t count)
{
    return _mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), x);
}
KP_INLINE void v_store_first(float *p, int64_t count, kp_vec x)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), x);
}
/* The largest lane. */
KP_INLINE float v_largest(kp_vec x)
{
    return _mm512_reduce_max_ps(x);
}

#elif KP_VEC == 8
KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return _mm256_div_ps(a, b);
}
KP_INLINE kp_vec v_sqrt(kp_vec x)
{
    return _mm256_sqrt_ps(x);
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
/* All bits in the first `count` lanes. */
KP_INLINE __m256i v_first_lanes(int64_t count)
{
    static const int32_t ones_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones_zeros + 8 - count));
}
KP_INLINE kp_vec v_load_first(const float *p, int64_t count, kp_vec rest)
{
    const __m256i lanes = v_first_lanes(count);
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(p, lanes), _mm256_castsi256_ps(lanes));
}
KP_INLINE kp_vec v_first(kp_vec x, int64_t count)
{
    return _mm256_and_ps(x, _mm256_castsi256_ps(v_first_lanes(count)));
}
/* By halves: a masked store takes AMD's processors tens of operations. */
KP_INLINE void v_store_first(float *p, int64_t count, kp_vec x)
{
    __m128 part = _mm256_castps256_ps128(x);

    if (count & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(x, 1);
        p += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (count & 1)
        _mm_store_ss(p, part);
}
KP_INLINE float v_largest(kp_vec x)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#else
typedef uint32_t kp_words __attribute__((vector_size(16)));

KP_INLINE kp_vec v_div(kp_vec a, kp_vec b)
{
    return a / b;
}
KP_INLINE kp_vec v_sqrt(kp_vec x)
{
    return (kp_vec){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
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
KP_INLINE kp_vec v_load_first(const float *p, int64_t count, kp_vec rest)
{
    for (int64_t i = 0; i < count; i++)
        rest[i] = p[i];
    return rest;
}
KP_INLINE kp_vec v_first(kp_vec x, int64_t count)
{
    for (int64_t i = count; i < KP_VEC; i++)
        x[i] = 0.0f;
    return x;
}
KP_INLINE void v_store_first(float *p, int64_t count, kp_vec x)
{
    for (int64_t i = 0; i < count; i++)
        p[i] = x[i];
}
KP_INLINE float v_largest(kp_vec x)
{
    float most = x[0];
    for (int i = 1; i < KP_VEC; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}
#endif

/* z = n log 2 + r, |r| <= log(2) / 2; returns r, and 2^n in *power.  -87 <= z <= 88 */
KP_INLINE kp_vec v_reduce(kp_vec z, kp_vec *power, kp_vec *n)
{
    const kp_vec round = v_set(12582912.0f);
    kp_vec t = v_fma(z, v_set(1.44269504f), round);

    *n = v_sub(t, round);
    *power = v_exponent(t);
    /* log 2 in two parts, the first exact in n */
    return v_fma(*n, v_set(2.12194440e-4f), v_fma(*n, v_set(-0.693359375f), z));
}

/* (e^r - 1 - r) / r^2, the Taylor polynomial of degree 5: off by 5e-9 of e^r */
KP_INLINE kp_vec v_exp_rest(kp_vec r)
{
    kp_vec p = v_set(1.0f / 5040.0f);

    p = v_fma(p, r, v_set(1.0f / 720.0f));
    p = v_fma(p, r, v_set(1.0f / 120.0f));
    p = v_fma(p, r, v_set(1.0f / 24.0f));
    p = v_fma(p, r, v_set(1.0f / 6.0f));
    return v_fma(p, r, v_set(0.5f));
}

/* e^z within 2 ulp, -87 <= z <= 88; NaN stays NaN. */
KP_INLINE kp_vec v_exp_inside(kp_vec z)
{
    kp_vec power, n, r = v_reduce(z, &power, &n), p = v_exp_rest(r);

    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_mul(p, power);
}

/* The same for any x: 0 below -87, e^88 above 88. */
KP_INLINE kp_vec v_exp(kp_vec x)
{
    const kp_vec low = v_set(-87.0f);
    kp_mask tiny = v_greater(low, x);

    return v_select(tiny, v_zero(), v_exp_inside(v_min(v_set(88.0f), v_max(low, x))));
}

/* e^x - 1 and, in *rest, e^x - 1 - x, both within a few ulp also near 0; -1 below -87, for x up to
 * 88; NaN stays NaN. Where n = 0 the polynomial is the result, without its first terms. */
KP_INLINE kp_vec v_expm1(kp_vec x, kp_vec *rest)
{
    kp_vec power, n, r = v_reduce(v_max(v_set(-87.0f), x), &power, &n);
    kp_vec p = v_mul(v_exp_rest(r), v_mul(r, r));
    kp_vec y = v_fma(power, v_add(p, r), v_sub(power, v_set(1.0f)));

    *rest = v_select(v_equal(n, v_zero()), p, v_sub(y, x));
    return y;
}

/* e^x - 1 - x within a few ulp, |x| <= 2: x^2 times a polynomial that is off by at most 6e-8 of it
 * (interpolated at the Chebyshev nodes). */
KP_INLINE kp_vec v_expm1_rest_near(kp_vec x)
{
    kp_vec p = v_set(2.6879549e-8f);

    p = v_fma(p, x, v_set(2.97224716e-7f));
    p = v_fma(p, x, v_set(2.74833997e-6f));
    p = v_fma(p, x, v_set(2.47248936e-5f));
    p = v_fma(p, x, v_set(1.98425711e-4f));
    p = v_fma(p, x, v_set(1.38899917e-3f));
    p = v_fma(p, x, v_set(8.33332445e-3f));
    p = v_fma(p, x, v_set(4.1666612e-2f));
    p = v_fma(p, x, v_set(1.66666672e-1f));
    p = v_fma(p, x, v_set(0.5f));
    return v_mul(p, v_mul(x, x));
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

/* x in one lane, 0 in the others. */
KP_INLINE kp_vec v_place(int64_t lane, float x)
{
    float lanes[2 * KP_VEC] = {0};

    lanes[KP_VEC] = x;
    return v_load(lanes + KP_VEC - lane);
}

/* Sum over the lanes, in a fixed order. */
KP_INLINE float v_sum(kp_vec x)
{
    float out[4];
    v_sum4(x, v_zero(), v_zero(), v_zero(), out);
    return out[0];
}

#endif
