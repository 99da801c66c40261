/* vec.h - a vector of floats at the processor level that the including file was compiled for.
 *
 * KP_VEC is 4 (any processor), 8 (AVX2 and FMA) or 16 (AVX-512): floats in a vector. */
#ifndef KP_CPU_VEC_H
#define KP_CPU_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define KP_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define KP_UNROLL _Pragma("unroll")
#else
#define KP_UNROLL _Pragma("GCC unroll 16")
#endif

/* Keeps a loaded vector in a register: compilers like to read it again for each use, and loads are
 * what the kernels run short of. */
#if KP_VEC == 16
#define KP_PIN(x) __asm__("" : "+v"(x))
#elif defined(__x86_64__)
#define KP_PIN(x) __asm__("" : "+x"(x))
#else
#define KP_PIN(x) ((void)0)
#endif

#if KP_VEC == 16
#include <immintrin.h>
typedef __m512 kp_vec;
typedef __mmask16 kp_mask; /* one bit a lane */
typedef __mmask16 kp_gate; /* all lanes or none */

KP_INLINE kp_vec v_zero(void)
{
    return _mm512_setzero_ps();
}
KP_INLINE kp_vec v_set(float x)
{
    return _mm512_set1_ps(x);
}
KP_INLINE kp_vec v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
KP_INLINE void v_store(float *p, kp_vec x)
{
    _mm512_storeu_ps(p, x);
}
KP_INLINE kp_gate v_gate(bool open)
{
    return (kp_gate)(open ? 0xffff : 0);
}
/* Zeros where the gate is closed; then p is not read. */
KP_INLINE kp_vec v_load_gated(kp_gate g, const float *p)
{
    return _mm512_maskz_loadu_ps(g, p);
}
KP_INLINE kp_vec v_add(kp_vec a, kp_vec b)
{
    return _mm512_add_ps(a, b);
}
KP_INLINE kp_vec v_sub(kp_vec a, kp_vec b)
{
    return _mm512_sub_ps(a, b);
}
KP_INLINE kp_vec v_mul(kp_vec a, kp_vec b)
{
    return _mm512_mul_ps(a, b);
}
/* a b + c */
KP_INLINE kp_vec v_fma(kp_vec a, kp_vec b, kp_vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
/* max(x, 0); NaN stays NaN. */
KP_INLINE kp_vec v_relu(kp_vec x)
{
    return _mm512_max_ps(_mm512_setzero_ps(), x);
}
KP_INLINE kp_mask v_greater(kp_vec a, kp_vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
KP_INLINE kp_mask v_equal(kp_vec a, kp_vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
/* m ? a : b */
KP_INLINE kp_vec v_select(kp_mask m, kp_vec a, kp_vec b)
{
    return _mm512_mask_mov_ps(b, m, a);
}
/* m ? a : 0 */
KP_INLINE kp_vec v_keep(kp_mask m, kp_vec a)
{
    return _mm512_maskz_mov_ps(m, a);
}
/* Sums over the lanes of four vectors. */
KP_INLINE void v_sum4(kp_vec a, kp_vec b, kp_vec c, kp_vec d, float out[4])
{
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    __m512d lo = _mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    __m512d hi = _mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    __m512 s = _mm512_add_ps(_mm512_castpd_ps(lo), _mm512_castpd_ps(hi));
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(s), _mm512_extractf32x8_ps(s, 1));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1)));
}

#elif KP_VEC == 8
#include <immintrin.h>
typedef __m256 kp_vec;
typedef __m256 kp_mask;
typedef bool kp_gate;

KP_INLINE kp_vec v_zero(void)
{
    return _mm256_setzero_ps();
}
KP_INLINE kp_vec v_set(float x)
{
    return _mm256_set1_ps(x);
}
KP_INLINE kp_vec v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
KP_INLINE void v_store(float *p, kp_vec x)
{
    _mm256_storeu_ps(p, x);
}
KP_INLINE kp_gate v_gate(bool open)
{
    return open;
}
KP_INLINE kp_vec v_load_gated(kp_gate g, const float *p)
{
    return g ? _mm256_loadu_ps(p) : _mm256_setzero_ps();
}
KP_INLINE kp_vec v_add(kp_vec a, kp_vec b)
{
    return _mm256_add_ps(a, b);
}
KP_INLINE kp_vec v_sub(kp_vec a, kp_vec b)
{
    return _mm256_sub_ps(a, b);
}
KP_INLINE kp_vec v_mul(kp_vec a, kp_vec b)
{
    return _mm256_mul_ps(a, b);
}
KP_INLINE kp_vec v_fma(kp_vec a, kp_vec b, kp_vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}
KP_INLINE kp_vec v_relu(kp_vec x)
{
    return _mm256_max_ps(_mm256_setzero_ps(), x);
}
KP_INLINE kp_mask v_greater(kp_vec a, kp_vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}
KP_INLINE kp_mask v_equal(kp_vec a, kp_vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
KP_INLINE kp_vec v_select(kp_mask m, kp_vec a, kp_vec b)
{
    return _mm256_blendv_ps(b, a, m);
}
KP_INLINE kp_vec v_keep(kp_mask m, kp_vec a)
{
    return _mm256_and_ps(m, a);
}
KP_INLINE void v_sum4(kp_vec a, kp_vec b, kp_vec c, kp_vec d, float out[4])
{
    __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

#elif KP_VEC == 4
typedef float kp_vec __attribute__((vector_size(16)));
typedef int32_t kp_mask __attribute__((vector_size(16)));
typedef bool kp_gate;

KP_INLINE kp_vec v_zero(void)
{
    return (kp_vec){0.0f, 0.0f, 0.0f, 0.0f};
}
KP_INLINE kp_vec v_set(float x)
{
    return (kp_vec){x, x, x, x};
}
KP_INLINE kp_vec v_load(const float *p)
{
    kp_vec x;
    memcpy(&x, p, sizeof(x));
    return x;
}
KP_INLINE void v_store(float *p, kp_vec x)
{
    memcpy(p, &x, sizeof(x));
}
KP_INLINE kp_gate v_gate(bool open)
{
    return open;
}
KP_INLINE kp_vec v_load_gated(kp_gate g, const float *p)
{
    return g ? v_load(p) : v_zero();
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
    return a * b + c;
}
KP_INLINE kp_mask v_greater(kp_vec a, kp_vec b)
{
    return a > b;
}
KP_INLINE kp_mask v_equal(kp_vec a, kp_vec b)
{
    return a == b;
}
KP_INLINE kp_vec v_keep(kp_mask m, kp_vec a)
{
    return (kp_vec)((kp_mask)a & m);
}
KP_INLINE kp_vec v_select(kp_mask m, kp_vec a, kp_vec b)
{
    return (kp_vec)(((kp_mask)a & m) | ((kp_mask)b & ~m));
}
KP_INLINE kp_vec v_relu(kp_vec x)
{
    return v_keep(~(x <= v_zero()), x);
}
KP_INLINE void v_sum4(kp_vec a, kp_vec b, kp_vec c, kp_vec d, float out[4])
{
    out[0] = (a[0] + a[1]) + (a[2] + a[3]);
    out[1] = (b[0] + b[1]) + (b[2] + b[3]);
    out[2] = (c[0] + c[1]) + (c[2] + c[3]);
    out[3] = (d[0] + d[1]) + (d[2] + d[3]);
}
#else
#error "KP_VEC must be 4, 8 or 16"
#endif

#endif
