/* gemm.c - the one place where matrices are multiplied. */
#include "device/cuda/cuda.h"

#include <limits.h>

static cublasOperation_t op_of(bool turned)
{
    return turned ? CUBLAS_OP_T : CUBLAS_OP_N;
}

/* cuBLAS has columns where we have rows: C^T = op(B)^T op(A)^T, so the operands change places and
 * nothing is turned. */
void kp_cuda_gemm(const struct kp_cuda_call *c, const struct kp_cuda_gemm *g)
{
    const int64_t largest = INT_MAX;
    const bool fits = g->m <= largest && g->n <= largest && g->k <= largest && g->ld_a <= largest &&
                      g->ld_b <= largest && g->ld_c <= largest && g->batch <= largest;

    KP_ASSERT(fits);
    if (g->half) {
        kp_cuda_note_blas(c->cuda,
                          cublasGemmStridedBatchedEx(
                              c->cuda->blas, op_of(g->turned_b), op_of(g->turned_a), (int)g->n,
                              (int)g->m, (int)g->k, &g->alpha, g->b, CUDA_R_16BF, (int)g->ld_b,
                              g->stride_b, g->a, CUDA_R_16BF, (int)g->ld_a, g->stride_a, &g->beta,
                              g->c, CUDA_R_32F, (int)g->ld_c, g->stride_c, (int)g->batch,
                              CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                          "a matrix product of bf16");
        return;
    }
    kp_cuda_note_blas(c->cuda,
                      cublasSgemmStridedBatched(c->cuda->blas, op_of(g->turned_b),
                                                op_of(g->turned_a), (int)g->n, (int)g->m, (int)g->k,
                                                &g->alpha, g->b, (int)g->ld_b, g->stride_b, g->a,
                                                (int)g->ld_a, g->stride_a, &g->beta, g->c,
                                                (int)g->ld_c, g->stride_c, (int)g->batch),
                      "a matrix product");
}
