// blas.cpp - doubles of cuBLAS: products in double, rounded once, by the matrices as declared.
#include "kernels/bf16.h"
#include "machine.h"

#include <cstring>
#include <cublas_v2.h>
#include <set>

struct handle {
    cudaStream_t stream = nullptr;
    void *workspace = nullptr;
    bool tf32 = false;
};

static std::set<handle *> &handles = *new std::set<handle *>;

static handle *known(cublasHandle_t h)
{
    if (!handles.count((handle *)h))
        emu_die("cuBLAS: a handle that does not live");
    return (handle *)h;
}

int64_t emu_blas_live()
{
    return (int64_t)handles.size();
}

// One matrix of a batch, column-major: element (row, column) of op(M) is at p[row * down + ...].
template <class T> struct matrix {
    const T *p;
    int64_t down, across; // from row to row and from column to column
};

template <class T> static matrix<T> seen(const T *p, cublasOperation_t op, int ld)
{
    if (op == CUBLAS_OP_N)
        return {p, 1, ld};
    return {p, ld, 1};
}

static size_t span(int rows, int columns, int ld, long long stride, int batch)
{
    return (size_t)stride * (size_t)(batch - 1) + (size_t)ld * (size_t)(columns - 1) + (size_t)rows;
}

// What a product takes an operand for; tf32 is the nearest number of 11 bits.
static double number(float x, bool tf32)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    if (tf32 && (bits & 0x7f800000u) != 0x7f800000u)
        bits = (bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu;
    memcpy(&x, &bits, sizeof(x));
    return (double)x;
}

static double number(uint16_t half, bool)
{
    return (double)kp_bf16_number(half);
}

// What cuBLAS requires of one operand; `rows` x `columns` as stored.
template <class T>
static void check_matrix(const char *name, const T *p, int rows, int columns, int ld,
                         long long stride, int batch)
{
    if (ld < (rows > 1 ? rows : 1))
        emu_die("cuBLAS: %s has %d rows but a leading dimension of %d", name, rows, ld);
    if (stride < 0)
        emu_die("cuBLAS: %s has a negative stride", name);
    if ((uintptr_t)p % sizeof(T) != 0)
        emu_die("cuBLAS: %s is not aligned", name);
    emu_need("cuBLAS", name, p, span(rows, columns, ld, stride, batch) * sizeof(T));
}

// Matrices of a result must not share memory.
static void check_apart(int rows, int columns, int ld, long long stride, int batch)
{
    const bool beside = stride >= (long long)ld * (columns - 1) + rows;
    const bool within = ld >= stride * (batch - 1) + rows; // heads of one row

    if (batch > 1 && !beside && !within)
        emu_die("cuBLAS: the matrices of C overlap");
}

// A batch of products, C (m,n) = alpha op(A) op(B) + beta C.
template <class T>
static cublasStatus_t multiply(const char *name, cublasHandle_t which, cublasOperation_t op_a,
                               cublasOperation_t op_b, int m, int n, int k, const float *alpha,
                               const T *a, int lda, long long stride_a, const T *b, int ldb,
                               long long stride_b, const float *beta, float *c, int ldc,
                               long long stride_c, int batch)
{
    const auto lock = emu_lock();
    const handle *h = known(which);
    const bool plain_a = op_a == CUBLAS_OP_N, plain_b = op_b == CUBLAS_OP_N;

    if (m < 0 || n < 0 || k < 0 || batch < 0)
        emu_die("cuBLAS: a product of %d x %d x %d, %d times", m, n, k, batch);
    if (m == 0 || n == 0 || batch == 0)
        return CUBLAS_STATUS_SUCCESS;
    if (!h->workspace)
        emu_die("cuBLAS: no workspace was set, so it would allocate");
    if (emu_is_device(alpha) || emu_is_device(beta))
        emu_die("cuBLAS: alpha or beta lies on the device, but the host reads it");
    if (k > 0) {
        check_matrix("A", a, plain_a ? m : k, plain_a ? k : m, lda, stride_a, batch);
        check_matrix("B", b, plain_b ? k : n, plain_b ? n : k, ldb, stride_b, batch);
    }
    check_matrix("C", c, m, n, ldc, stride_c, batch);
    check_apart(m, n, ldc, stride_c, batch);
    const double by = (double)*alpha, keep = (double)*beta;
    const bool tf32 = h->tf32;
    emu_enqueue(h->stream, name, [=] {
        emu_need("cuBLAS", "C", c, span(m, n, ldc, stride_c, batch) * sizeof(float));
        for (int which_one = 0; which_one < batch; which_one++) {
            const matrix<T> x = seen(a + stride_a * which_one, op_a, lda);
            const matrix<T> y = seen(b + stride_b * which_one, op_b, ldb);
            float *z = c + stride_c * which_one;
            for (int j = 0; j < n; j++)
                for (int i = 0; i < m; i++) {
                    double sum = 0;
                    for (int p = 0; p < k; p++)
                        sum += number(x.p[i * x.down + p * x.across], tf32) *
                               number(y.p[p * y.down + j * y.across], tf32);
                    float *at = z + (int64_t)j * ldc + i;
                    *at = (float)(by * sum + (keep != 0 ? keep * (double)*at : 0));
                }
        }
    });
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t *out)
{
    const auto lock = emu_lock();

    handle *h = new handle;
    handles.insert(h);
    *out = (cublasHandle_t)h;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t which)
{
    const auto lock = emu_lock();
    handle *h = known(which);

    emu_drain_all();
    handles.erase(h);
    delete h;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t which, cudaStream_t stream)
{
    const auto lock = emu_lock();

    known(which)->stream = stream;
    known(which)->workspace = nullptr; // as in cuBLAS: the stream's default again
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t which, void *p, size_t bytes)
{
    const auto lock = emu_lock();

    if ((uintptr_t)p % 256 != 0)
        emu_die("cuBLAS: the workspace is not aligned to 256 bytes");
    emu_need("cublasSetWorkspace", "the workspace", p, bytes);
    known(which)->workspace = p;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t which, cublasMath_t mode)
{
    const auto lock = emu_lock();

    if (mode != CUBLAS_DEFAULT_MATH && mode != CUBLAS_TF32_TENSOR_OP_MATH)
        emu_die("cuBLAS: a math mode that the double does not know: %d", (int)mode);
    known(which)->tf32 = mode == CUBLAS_TF32_TENSOR_OP_MATH;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t which, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const float *alpha, const float *a, int lda,
                                         long long stride_a, const float *b, int ldb,
                                         long long stride_b, const float *beta, float *c, int ldc,
                                         long long stride_c, int batch)
{
    return multiply("cublasSgemmStridedBatched", which, op_a, op_b, m, n, k, alpha, a, lda,
                    stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, batch);
}

// Of its types the backend uses one: bf16 by bf16, summed and stored in fp32.
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t which, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType type_c, int ldc,
                                          long long stride_c, int batch,
                                          cublasComputeType_t compute, cublasGemmAlgo_t)
{
    if (type_a != CUDA_R_16BF || type_b != CUDA_R_16BF || type_c != CUDA_R_32F ||
        compute != CUBLAS_COMPUTE_32F)
        emu_die("cuBLAS: a product of types %d, %d and %d, summed as %d", (int)type_a, (int)type_b,
                (int)type_c, (int)compute);
    return multiply("cublasGemmStridedBatchedEx", which, op_a, op_b, m, n, k, (const float *)alpha,
                    (const uint16_t *)a, lda, stride_a, (const uint16_t *)b, ldb, stride_b,
                    (const float *)beta, (float *)c, ldc, stride_c, batch);
}
}
