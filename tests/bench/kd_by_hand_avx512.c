/* kd_by_hand_avx512.c - see kd_by_hand.h. Three passes over a row; the last vector is masked. */
#include "kd_by_hand.h"

#include <immintrin.h>
#include <math.h>

#define WIDTH 16

/* e^x for x <= 0, 0 far below */
static inline __m512 exponential(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(-87.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

static float row_largest(int64_t whole, int64_t k, __mmask16 rest, const float *x)
{
    __m512 a = _mm512_set1_ps(-INFINITY), b = a, c = a, d = a;
    int64_t i = 0;

    for (; i + 4 * WIDTH <= whole; i += 4 * WIDTH) {
        a = _mm512_max_ps(a, _mm512_loadu_ps(x + i));
        b = _mm512_max_ps(b, _mm512_loadu_ps(x + i + WIDTH));
        c = _mm512_max_ps(c, _mm512_loadu_ps(x + i + 2 * WIDTH));
        d = _mm512_max_ps(d, _mm512_loadu_ps(x + i + 3 * WIDTH));
    }
    for (; i < whole; i += WIDTH)
        a = _mm512_max_ps(a, _mm512_loadu_ps(x + i));
    if (i < k)
        b = _mm512_mask_max_ps(b, rest, b, _mm512_maskz_loadu_ps(rest, x + i));
    return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d)));
}

double kd_by_hand_avx512(int64_t rows, int64_t k, float tau, const float *z, const float *t,
                         const float *w, float *dz, float *work)
{
    const int64_t whole = k / WIDTH * WIDTH;
    const __mmask16 rest = (__mmask16)((1u << (k - whole)) - 1);
    const __m512 scale = _mm512_set1_ps(1 / tau);
    double loss = 0, weights = 0;

    for (int64_t r = 0; r < rows; r++)
        weights += (double)w[r];
    for (int64_t r = 0; r < rows; r++, z += k, t += k, dz += k) {
        const float z_top = row_largest(whole, k, rest, z), t_top = row_largest(whole, k, rest, t);
        const __m512 z0 = _mm512_set1_ps(z_top), t0 = _mm512_set1_ps(t_top);
        __m512 z_sum = _mm512_setzero_ps(), t_sum = z_sum, product = z_sum;

        for (int64_t i = 0; i < k; i += WIDTH) {
            const __mmask16 m = i < whole ? (__mmask16)0xffff : rest;
            __m512 a = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, z + i), z0), scale);
            __m512 b = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, t + i), t0), scale);
            __m512 q = exponential(a), p = exponential(b);
            _mm512_mask_storeu_ps(dz + i, m, q);
            _mm512_mask_storeu_ps(work + i, m, p);
            z_sum = _mm512_mask_add_ps(z_sum, m, z_sum, q);
            t_sum = _mm512_mask_add_ps(t_sum, m, t_sum, p);
            product = _mm512_mask3_fmadd_ps(p, _mm512_sub_ps(b, a), product, m);
        }
        const float zs = _mm512_reduce_add_ps(z_sum), ts = _mm512_reduce_add_ps(t_sum);
        const float row = _mm512_reduce_add_ps(product) / ts + logf(zs / ts);
        const float factor = (float)((double)w[r] / weights) * tau;
        const __m512 zf = _mm512_set1_ps(factor / zs), tf = _mm512_set1_ps(factor / ts);
        for (int64_t i = 0; i < k; i += WIDTH) {
            const __mmask16 m = i < whole ? (__mmask16)0xffff : rest;
            __m512 p = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, work + i), tf);
            __m512 q = _mm512_maskz_loadu_ps(m, dz + i);
            _mm512_mask_storeu_ps(dz + i, m, _mm512_fmsub_ps(q, zf, p));
        }
        loss += (double)(w[r] * tau * tau * row);
    }
    return loss / weights;
}
