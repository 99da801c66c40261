/* gemm.h - matrix product on one thread, by OpenBLAS. */
#ifndef KP_CPU_GEMM_H
#define KP_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OpenBLAS does its work on the calling thread from now on. */
void kp_gemm_init(void);
/* "OpenBLAS 0.3.21 (core)" */
void kp_gemm_describe(char *out, size_t size);

/* Row-major  C (M, N) = op(A) op(B) + beta C,  op(A) (M, K), op(B) (K, N); turned: stored
 * transposed. ld: floats from row to row as stored. */
void kp_gemm(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
