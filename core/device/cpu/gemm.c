/* gemm.c - matrix product on one thread: OpenBLAS, which allocates nothing after its first call. */
#include "device/cpu/gemm.h"

#include <cblas.h>
#include <stdio.h>

void kp_gemm_init(void)
{
    openblas_set_num_threads(1);
}

void kp_gemm_describe(char *out, size_t size)
{
    const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 ..." */
    int words = 0;
    size_t n = 0;

    while (config[n] && n + 1 < size && !(config[n] == ' ' && ++words == 2)) {
        out[n] = config[n];
        n++;
    }
    (void)snprintf(out + n, size - n, " (%s)", openblas_get_corename());
}

void kp_gemm(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, turn_a ? CblasTrans : CblasNoTrans,
                turn_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a,
                (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
