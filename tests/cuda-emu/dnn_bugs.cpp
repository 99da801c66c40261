// dnn_bugs.cpp - one convolution by the double of cuDNN, and what can be wrong with it.
#include "bugs.h"
#include "kernels/bf16.h"

#include <cstddef>
#include <cudnn_graph.h>
#include <vector>

enum fault {
    NONE,
    STRIDES,         // of NCHW
    TYPE,            // float where int64 belongs
    COUNT,           // three dimensions
    UNFINALIZED,     // a tensor
    INCOMPLETE,      // a tensor without its alignment
    CHANGED,         // after it was finalized
    SHAPE,           // of y
    ENGINE,          // the first that is suggested
    TENSOR_MISSING,  // in the variant pack
    MISALIGNED,      // y
    ON_HOST,         // y
    SHARED,          // y lies where x does
    WORKSPACE_SHORT, // by a byte
    STREAM,          // none
    DESTROYED,       // the plan
    CAPTURED,        // making the plan
    TWICE,           // making the plan
    HALVES,          // none: all is bf16
    TYPES,           // x and w are bf16, y is fp32
    SHORT,           // y has the memory of a bf16 image, and is fp32
};

enum { X = 1, W, Y };

struct made {
    fault f;
    cudaStream_t stream;
    cudnnHandle_t handle;
    cudnnBackendDescriptor_t device, plan;
    int64_t workspace;
};

static cudnnBackendDescriptor_t create(cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t d;

    (void)cudnnBackendCreateDescriptor(type, &d);
    return d;
}

template <class T>
static void set(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, const std::vector<T> &values)
{
    (void)cudnnBackendSetAttribute(d, name, type, (int64_t)values.size(), values.data());
}

static void set_part(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                     cudnnBackendDescriptor_t part)
{
    set<cudnnBackendDescriptor_t>(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, {part});
}

static bool is_half(fault f, int64_t uid)
{
    return f == HALVES || (f == TYPES && uid != Y);
}

// `f`: of the whole graph; what is wrong with one tensor is wrong with X.
static cudnnBackendDescriptor_t tensor(fault f, int64_t uid, int64_t n, int64_t c, int64_t h,
                                       int64_t w)
{
    const cudnnDataType_t type = is_half(f, uid) ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t d = create(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    std::vector<int64_t> dims = {n, c, h, w}, strides = {h * w * c, 1, w * c, c};

    if (uid != X)
        f = NONE;
    if (f == STRIDES)
        strides = {h * w * c, h * w, w, 1};
    if (f == COUNT)
        dims.pop_back();
    if (f == TYPE)
        set<float>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_FLOAT, {(float)uid});
    set<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, {uid});
    set<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, {type});
    set<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
    set<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    if (f != INCOMPLETE)
        set<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, {16});
    if (f != UNFINALIZED)
        (void)cudnnBackendFinalize(d);
    if (f == CHANGED)
        set<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
    return d;
}

static cudnnBackendDescriptor_t window()
{
    cudnnBackendDescriptor_t d = create(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

    set<int64_t>(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, {2});
    set<cudnnDataType_t>(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                         {CUDNN_DATA_FLOAT});
    set<cudnnConvolutionMode_t>(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
                                {CUDNN_CROSS_CORRELATION});
    set<int64_t>(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, {1, 1});
    set<int64_t>(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, {1, 1});
    set<int64_t>(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, {1, 1});
    set<int64_t>(d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, {1, 1});
    (void)cudnnBackendFinalize(d);
    return d;
}

// (1,2,4,4) by (3,2,3,3)
static cudnnBackendDescriptor_t graph(fault f)
{
    cudnnBackendDescriptor_t op = create(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    cudnnBackendDescriptor_t g = create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

    set_part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window());
    set_part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, tensor(f, X, 1, 2, 4, 4));
    set_part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, tensor(f, W, 3, 2, 3, 3));
    set_part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
             tensor(f, Y, 1, 3, f == SHAPE ? 3 : 4, 4));
    set<float>(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, {1});
    set<float>(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, {0});
    (void)cudnnBackendFinalize(op);
    set_part(g, CUDNN_ATTR_OPERATIONGRAPH_OPS, op);
    (void)cudnnBackendFinalize(g);
    return g;
}

// The first suggestion of the heuristics; those of FALLBACK have the engine that computes.
static cudnnBackendDescriptor_t suggestion(const made &m, cudnnBackendDescriptor_t g)
{
    cudnnBackendDescriptor_t list = create(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    cudnnBackendDescriptor_t config = create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    int64_t count;

    set_part(list, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g);
    set<cudnnBackendHeurMode_t>(list, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE,
                                {m.f == ENGINE ? CUDNN_HEUR_MODE_A : CUDNN_HEUR_MODE_FALLBACK});
    set_part(list, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, m.device);
    (void)cudnnBackendFinalize(list);
    (void)cudnnBackendGetAttribute(list, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &config);
    return config;
}

static made make(fault f)
{
    made m = {f, nullptr, nullptr, create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR), nullptr, 0};
    int64_t count;

    (void)cudaStreamCreateWithFlags(&m.stream, cudaStreamNonBlocking);
    (void)cudnnCreate(&m.handle);
    if (f != STREAM)
        (void)cudnnSetStream(m.handle, m.stream);
    set<cudnnHandle_t>(m.device, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, {m.handle});
    (void)cudnnBackendFinalize(m.device);
    if (f == CAPTURED)
        (void)cudaStreamBeginCapture(m.stream, cudaStreamCaptureModeThreadLocal);
    for (int i = 0; i < (f == TWICE ? 2 : 1); i++) {
        m.plan = create(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        set_part(m.plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, suggestion(m, graph(f)));
        set_part(m.plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, m.device);
        (void)cudnnBackendFinalize(m.plan);
    }
    (void)cudnnBackendGetAttribute(m.plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                   CUDNN_TYPE_INT64, 1, &count, &m.workspace);
    return m;
}

static float *new_floats(size_t count)
{
    void *p;

    (void)cudaMalloc(&p, count * sizeof(float));
    return (float *)p;
}

// T is the type of the numbers: float, or uint16_t for bf16.
template <class T> static void fill(float *device, size_t count, T value, cudaStream_t stream)
{
    void *host;

    (void)cudaMallocHost(&host, count * sizeof(T));
    for (size_t i = 0; i < count; i++)
        ((T *)host)[i] = value;
    (void)cudaMemcpyAsync(device, host, count * sizeof(T), cudaMemcpyHostToDevice, stream);
    (void)cudaStreamSynchronize(stream);
}

static void fill_operands(bool half, float *x, float *w, cudaStream_t stream)
{
    if (half) {
        fill(x, 32, kp_bf16_of(2), stream);
        fill(w, 54, kp_bf16_of(1), stream);
    } else {
        fill(x, 32, 2.0f, stream);
        fill(w, 54, 1.0f, stream);
    }
}

// Number i of an image of 48 numbers.
static float number(bool half, const void *image, int i)
{
    return half ? kp_bf16_number(((const uint16_t *)image)[i]) : ((const float *)image)[i];
}

template <fault f> static bool convolve()
{
    static float here[48];
    const made m = make(f);
    float *x = new_floats(32), *w = new_floats(54), *y = new_floats(f == SHORT ? 24 : 49);
    void *workspace = new_floats((size_t)m.workspace / sizeof(float) + 1), *host;
    cudnnBackendDescriptor_t pack = create(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);

    fill_operands(is_half(f, X), x, w, m.stream);
    if (f == WORKSPACE_SHORT)
        (void)cudaMalloc(&workspace, (size_t)m.workspace - 1);
    float *to = f == MISALIGNED ? y + 1 : f == ON_HOST ? here : y;
    if (f == TENSOR_MISSING)
        set<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, {X, W, 4});
    else
        set<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, {X, W, Y});
    set<void *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                {f == SHARED ? y : x, w, to});
    set<void *>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, {workspace});
    (void)cudnnBackendFinalize(pack);
    if (f == DESTROYED)
        (void)cudnnBackendDestroyDescriptor(m.plan);
    (void)cudnnBackendExecute(m.handle, m.plan, pack);
    const size_t bytes = 48 * (is_half(f, Y) ? sizeof(uint16_t) : sizeof(float));
    (void)cudaMallocHost(&host, bytes);
    (void)cudaMemcpyAsync(host, y, bytes, cudaMemcpyDeviceToHost, m.stream);
    (void)cudaStreamSynchronize(m.stream);
    // A corner has 4 pixels of 2 channels under the window, the pixel beside it 6.
    return number(is_half(f, Y), host, 0) == 16 && number(is_half(f, Y), host, 3) == 24;
}

#define BUG_OF(RIGHT, FAULT, NAME, MESSAGE)                      \
    {                                                            \
        "cudnn_" NAME, convolve<FAULT>, convolve<RIGHT>, MESSAGE \
    }
#define BUG(FAULT, NAME, MESSAGE) BUG_OF(NONE, FAULT, NAME, MESSAGE)

const bug dnn_bugs[] = {
    BUG(STRIDES, "strides", "which are not those of [N][H][W][C]"),
    BUG(TYPE, "type", "TENSOR_UNIQUE_ID is of type"),
    BUG(COUNT, "count", "TENSOR_DIMENSIONS has 3 elements"),
    BUG(UNFINALIZED, "unfinalized", "FORWARD_X: the descriptor was never finalized"),
    BUG(INCOMPLETE, "incomplete", "finalized without TENSOR_BYTE_ALIGNMENT"),
    BUG(CHANGED, "changed", "the descriptor is finalized already"),
    BUG(SHAPE, "shape", "the shapes of x, w and y do not fit together"),
    BUG(ENGINE, "engine", "an engine is executed that rounds what it multiplies to TF32"),
    BUG(TENSOR_MISSING, "tensor_missing", "the variant pack has no tensor 3"),
    BUG(MISALIGNED, "misaligned", "tensor 3 is not aligned to the 16 bytes"),
    BUG(ON_HOST, "on_host", "a tensor is no device memory"),
    BUG(SHARED, "shared", "tensors or the workspace share memory"),
    BUG(WORKSPACE_SHORT, "workspace_short", "the workspace needs 1001 bytes"),
    BUG(STREAM, "stream", "the default stream counts as none"),
    BUG(DESTROYED, "destroyed", "cudnnBackendExecute: a descriptor that does not live"),
    BUG(CAPTURED, "captured", "not allowed while a stream is capturing"),
    BUG(TWICE, "twice", "there is a plan for this convolution already"),
    BUG_OF(HALVES, TYPES, "types", "x, w and y of a convolution are not of one type"),
    BUG(SHORT, "short", "a tensor needs 192 bytes"),
    {nullptr, nullptr, nullptr, nullptr},
};
