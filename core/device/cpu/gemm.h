/* gemm.h - matrix product on one thread, by whichever library is there. */
#ifndef KP_CPU_GEMM_H
#define KP_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The libraries do their work on the calling thread from now on. */
void kp_gemm_init(void);
/* Same, for the thread that calls: some libraries keep the number per thread. */
void kp_gemm_thread(void);
void kp_gemm_describe(char *out, size_t size);

/* Row-major  C (M, N) = op(A) op(B) + beta C,  op(A) (M, K), op(B) (K, N); turned: stored
 * transposed. ld: floats from row to row as stored. */
void kp_gemm(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
