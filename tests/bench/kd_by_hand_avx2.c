/* kd_by_hand_avx2.c - see kd_by_hand.h. Three passes over a row; the last vector is masked. */
#include "kd_by_hand.h"

#include <immintrin.h>
#include <math.h>

#define WIDTH 8

/* e^x for x <= 0, 0 far below */
static inline __m256 exponential(__m256 x)
{
    x = _mm256_max_ps(x, _mm256_set1_ps(-87.0f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
    __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
}

static inline float largest(__m256 x)
{
    __m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}

static inline float total(__m256 x)
{
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}

static float row_largest(int64_t whole, int64_t k, __m256i rest, const float *x)
{
    __m256 a = _mm256_set1_ps(-INFINITY), b = a, c = a, d = a;
    int64_t i = 0;

    for (; i + 4 * WIDTH <= whole; i += 4 * WIDTH) {
        a = _mm256_max_ps(a, _mm256_loadu_ps(x + i));
        b = _mm256_max_ps(b, _mm256_loadu_ps(x + i + WIDTH));
        c = _mm256_max_ps(c, _mm256_loadu_ps(x + i + 2 * WIDTH));
        d = _mm256_max_ps(d, _mm256_loadu_ps(x + i + 3 * WIDTH));
    }
    for (; i < whole; i += WIDTH)
        a = _mm256_max_ps(a, _mm256_loadu_ps(x + i));
    if (i < k)
        b = _mm256_blendv_ps(b, _mm256_max_ps(b, _mm256_maskload_ps(x + i, rest)),
                             _mm256_castsi256_ps(rest));
    return largest(_mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d)));
}

double kd_by_hand_avx2(int64_t rows, int64_t k, float tau, const float *z, const float *t,
                       const float *w, float *dz, float *work)
{
    static const int32_t lanes[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const int64_t whole = k / WIDTH * WIDTH;
    const __m256i rest = _mm256_loadu_si256((const void *)(lanes + WIDTH - (k - whole)));
    const __m256 keep = _mm256_castsi256_ps(rest), scale = _mm256_set1_ps(1 / tau);
    double loss = 0, weights = 0;

    for (int64_t r = 0; r < rows; r++)
        weights += (double)w[r];
    for (int64_t r = 0; r < rows; r++, z += k, t += k, dz += k) {
        const float z_top = row_largest(whole, k, rest, z), t_top = row_largest(whole, k, rest, t);
        const __m256 z0 = _mm256_set1_ps(z_top), t0 = _mm256_set1_ps(t_top);
        __m256 z_sum = _mm256_setzero_ps(), t_sum = z_sum, product = z_sum;
        int64_t i = 0;

        for (; i < whole; i += WIDTH) {
            __m256 a = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(z + i), z0), scale);
            __m256 b = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(t + i), t0), scale);
            __m256 q = exponential(a), p = exponential(b);
            _mm256_storeu_ps(dz + i, q);
            _mm256_storeu_ps(work + i, p);
            z_sum = _mm256_add_ps(z_sum, q);
            t_sum = _mm256_add_ps(t_sum, p);
            product = _mm256_fmadd_ps(p, _mm256_sub_ps(b, a), product);
        }
        if (i < k) {
            __m256 a = _mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(z + i, rest), z0), scale);
            __m256 b = _mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(t + i, rest), t0), scale);
            __m256 q = _mm256_and_ps(exponential(a), keep), p = _mm256_and_ps(exponential(b), keep);
            _mm256_maskstore_ps(dz + i, rest, q);
            _mm256_maskstore_ps(work + i, rest, p);
            z_sum = _mm256_add_ps(z_sum, q);
            t_sum = _mm256_add_ps(t_sum, p);
            product = _mm256_fmadd_ps(p, _mm256_sub_ps(b, a), product);
        }
        const float zs = total(z_sum), ts = total(t_sum);
        const float row = total(product) / ts + logf(zs / ts);
        const float factor = (float)((double)w[r] / weights) * tau;
        const __m256 zf = _mm256_set1_ps(factor / zs), tf = _mm256_set1_ps(factor / ts);
        for (i = 0; i < whole; i += WIDTH) {
            __m256 p = _mm256_mul_ps(_mm256_loadu_ps(work + i), tf);
            _mm256_storeu_ps(dz + i, _mm256_fmsub_ps(_mm256_loadu_ps(dz + i), zf, p));
        }
        if (i < k) {
            __m256 p = _mm256_mul_ps(_mm256_maskload_ps(work + i, rest), tf);
            __m256 q = _mm256_maskload_ps(dz + i, rest);
            _mm256_maskstore_ps(dz + i, rest, _mm256_fmsub_ps(q, zf, p));
        }
        loss += (double)(w[r] * tau * tau * row);
    }
    return loss / weights;
}
