// dnn_graph_bugs.cpp - a graph of three operations by the double of cuDNN, and what can be wrong
// with it: s = q k^T, t = factor s, l = sum of t over the keys.
#include "bugs.h"
#include "dnn_make.h"
#include "kernels/bf16.h"

#include <cstddef>

enum fault {
    NONE,
    FACTOR_TYPE,     // q is fp32
    FACTOR_STRIDES,  // two numbers of q have another between them, along either side
    SHAPES,          // k has a key more than there are scores
    ORDER,           // the sum comes before what it adds up
    SUM_TYPE,        // l is bf16
    OVERLAP,         // the queries of a head lie where the next head's do
    MISSING,         // l, in the variant pack
    NUMBER,          // the factor is in device memory
    WORKSPACE_SHORT, // by a byte
};

enum { Q = 1, K, FACTOR, L, S, T };

// 2 heads, 2 queries, 2 keys, 8 numbers each
static const int64_t heads = 2, tokens = 2, width = 8, all = heads * width;

static cudnnBackendDescriptor_t tensor(int64_t uid, cudnnDataType_t type,
                                       const std::vector<int64_t> &dims,
                                       const std::vector<int64_t> &strides)
{
    cudnnBackendDescriptor_t d = create(CUDNN_BACKEND_TENSOR_DESCRIPTOR);

    set<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, {uid});
    set<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, {type});
    set<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
    set<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    set<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, {4});
    const bool between = uid == S || uid == T, host = uid == FACTOR;
    (void)cudnnBackendSetAttribute(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
                                   &between);
    (void)cudnnBackendSetAttribute(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &host);
    (void)cudnnBackendFinalize(d);
    return d;
}

static cudnnBackendDescriptor_t scores(int64_t uid)
{
    return tensor(uid, CUDNN_DATA_FLOAT, {1, heads, tokens, tokens},
                  {heads * tokens * tokens, tokens * tokens, tokens, 1});
}

static cudnnBackendDescriptor_t product(fault f)
{
    const int64_t keys = f == SHAPES ? tokens + 1 : tokens;
    const int64_t apart = f == FACTOR_STRIDES ? 2 : 1;
    cudnnBackendDescriptor_t how = create(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
    cudnnBackendDescriptor_t op = create(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);

    set<cudnnDataType_t>(how, CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                         {CUDNN_DATA_FLOAT});
    (void)cudnnBackendFinalize(how);
    set_part(op, CUDNN_ATTR_OPERATION_MATMUL_ADESC,
             tensor(Q, f == FACTOR_TYPE ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16,
                    {1, heads, tokens, width}, {tokens * all, width, all, apart}));
    set_part(op, CUDNN_ATTR_OPERATION_MATMUL_BDESC,
             tensor(K, CUDNN_DATA_BFLOAT16, {1, heads, width, keys}, {keys * all, width, 1, all}));
    set_part(op, CUDNN_ATTR_OPERATION_MATMUL_CDESC, scores(S));
    set_part(op, CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
    (void)cudnnBackendFinalize(op);
    return op;
}

static cudnnBackendDescriptor_t scaling()
{
    cudnnBackendDescriptor_t how = create(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    cudnnBackendDescriptor_t op = create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);

    set<cudnnPointwiseMode_t>(how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE,
                              {CUDNN_POINTWISE_MUL});
    set<cudnnDataType_t>(how, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE,
                         {CUDNN_DATA_FLOAT});
    (void)cudnnBackendFinalize(how);
    set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
    set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, scores(S));
    set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
             tensor(FACTOR, CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1}));
    set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, scores(T));
    (void)cudnnBackendFinalize(op);
    return op;
}

static cudnnBackendDescriptor_t sum(fault f)
{
    cudnnBackendDescriptor_t how = create(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
    cudnnBackendDescriptor_t op = create(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);

    set<cudnnReduceTensorOp_t>(how, CUDNN_ATTR_REDUCTION_OPERATOR,
                               CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, {CUDNN_REDUCE_TENSOR_ADD});
    set<cudnnDataType_t>(how, CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                         {CUDNN_DATA_FLOAT});
    (void)cudnnBackendFinalize(how);
    set_part(op, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, scores(T));
    set_part(op, CUDNN_ATTR_OPERATION_REDUCTION_YDESC,
             tensor(L, f == SUM_TYPE ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT,
                    {1, heads, tokens, 1}, {heads * tokens, f == OVERLAP ? 1 : tokens, 1, 1}));
    set_part(op, CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
    (void)cudnnBackendFinalize(op);
    return op;
}

static cudnnBackendDescriptor_t graph(fault f)
{
    cudnnBackendDescriptor_t first = product(f), second = scaling(), last = sum(f);
    cudnnBackendDescriptor_t g = create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

    if (f == ORDER)
        set<cudnnBackendDescriptor_t>(g, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, {first, last, second});
    else
        set<cudnnBackendDescriptor_t>(g, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, {first, second, last});
    (void)cudnnBackendFinalize(g);
    return g;
}

template <fault f> static bool attend()
{
    float half = 0.5f;
    cudaStream_t stream;
    cudnnHandle_t handle;
    cudnnBackendDescriptor_t device = create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    cudnnBackendDescriptor_t plan = create(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    cudnnBackendDescriptor_t pack = create(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    int64_t count, bytes = 0;
    float *q = new_floats(16), *k = new_floats(16), *l = new_floats(4), *number = new_floats(1);
    void *workspace, *host;

    (void)cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    (void)cudnnCreate(&handle);
    (void)cudnnSetStream(handle, stream);
    set<cudnnHandle_t>(device, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, {handle});
    (void)cudnnBackendFinalize(device);
    set_part(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
             suggestion(device, CUDNN_HEUR_MODE_FALLBACK, graph(f)));
    set_part(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device);
    (void)cudnnBackendFinalize(plan);
    (void)cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                                   1, &count, &bytes);
    (void)cudaMalloc(&workspace, (size_t)(f == WORKSPACE_SHORT ? bytes - 1 : bytes));
    fill(q, 32, kp_bf16_of(1), stream);
    fill(k, 32, kp_bf16_of(2), stream);
    set<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
                 {Q, K, FACTOR, f == MISSING ? S : L});
    set<void *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                {q, k, f == NUMBER ? number : &half, l});
    set<void *>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, {workspace});
    (void)cudnnBackendFinalize(pack);
    (void)cudnnBackendExecute(handle, plan, pack);
    half = 0; // it has been read
    (void)cudaMallocHost(&host, 4 * sizeof(float));
    (void)cudaMemcpyAsync(host, l, 4 * sizeof(float), cudaMemcpyDeviceToHost, stream);
    (void)cudaStreamSynchronize(stream);
    // Two keys of 8 products.
    return ((float *)host)[0] == 16 && ((float *)host)[3] == 16;
}

#define BUG(FAULT, NAME, MESSAGE)                                 \
    {                                                             \
        "cudnn_graph_" NAME, attend<FAULT>, attend<NONE>, MESSAGE \
    }

const bug dnn_graph_bugs[] = {
    BUG(FACTOR_TYPE, "factor_type", "tensor 1 is a factor of a product and not of type BFLOAT16"),
    BUG(FACTOR_STRIDES, "factor_strides", "neither of its last two strides is 1"),
    BUG(SHAPES, "shapes", "the shapes of a product do not fit together"),
    BUG(ORDER, "order", "reads tensor 6, which none before it makes"),
    BUG(SUM_TYPE, "sum_type", "a reduction that is not done in fp32"),
    BUG(OVERLAP, "overlap", "tensor 4 is written and its elements share memory"),
    BUG(MISSING, "missing", "the variant pack has no tensor 4"),
    BUG(NUMBER, "number", "tensor 3 is a number on the host, its memory is the device's"),
    BUG(WORKSPACE_SHORT, "workspace_short", "the workspace needs 1001 bytes"),
    {nullptr, nullptr, nullptr, nullptr},
};
