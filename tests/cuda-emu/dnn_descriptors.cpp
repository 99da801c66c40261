// dnn_descriptors.cpp - double of cuDNN's backend API: descriptors and their attributes.
//
// A table says what each descriptor may and must be told. Images and weights must have their
// channels innermost, as the backend's kernels store them.
#include "dnn_machine.h"

#include <algorithm>

enum how { MAY, MUST, READ };

struct attribute {
    cudnnBackendDescriptorType_t owner;
    int name;
    const char *text;
    cudnnBackendAttributeType_t type;
    int64_t least, most; // elements
    how use;
    int part; // type of the descriptor that it names, or -1
};

#define OWNER(NAME) CUDNN_BACKEND_##NAME##_DESCRIPTOR
#define ROW(OWN, NAME, TYPE, LEAST, MOST, USE)                                        \
    {                                                                                 \
        OWNER(OWN), CUDNN_ATTR_##NAME, #NAME, CUDNN_TYPE_##TYPE, LEAST, MOST, USE, -1 \
    }
#define PART(OWN, NAME, TYPE, USE)                                                           \
    {                                                                                        \
        OWNER(OWN), CUDNN_ATTR_##NAME, #NAME, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, USE, TYPE \
    }
#define OPERATION(OWN, NAME, X, W, Y)                                                           \
    PART(OWN, NAME##_CONV_DESC, OWNER(CONVOLUTION), MUST),                                      \
        PART(OWN, NAME##_##X, OWNER(TENSOR), MUST), PART(OWN, NAME##_##W, OWNER(TENSOR), MUST), \
        PART(OWN, NAME##_##Y, OWNER(TENSOR), MUST), ROW(OWN, NAME##_ALPHA, FLOAT, 1, 1, MUST),  \
        ROW(OWN, NAME##_BETA, FLOAT, 1, 1, MUST)

static const attribute attributes[] = {
    ROW(TENSOR, TENSOR_UNIQUE_ID, INT64, 1, 1, MUST),
    ROW(TENSOR, TENSOR_DATA_TYPE, DATA_TYPE, 1, 1, MUST),
    ROW(TENSOR, TENSOR_DIMENSIONS, INT64, 4, 4, MUST),
    ROW(TENSOR, TENSOR_STRIDES, INT64, 4, 4, MUST),
    ROW(TENSOR, TENSOR_BYTE_ALIGNMENT, INT64, 1, 1, MUST),
    ROW(TENSOR, TENSOR_IS_VIRTUAL, BOOLEAN, 1, 1, MAY),
    ROW(POINTWISE, POINTWISE_MODE, POINTWISE_MODE, 1, 1, MUST),
    ROW(POINTWISE, POINTWISE_MATH_PREC, DATA_TYPE, 1, 1, MUST),
    PART(OPERATION_POINTWISE, OPERATION_POINTWISE_PW_DESCRIPTOR, OWNER(POINTWISE), MUST),
    PART(OPERATION_POINTWISE, OPERATION_POINTWISE_XDESC, OWNER(TENSOR), MUST),
    PART(OPERATION_POINTWISE, OPERATION_POINTWISE_BDESC, OWNER(TENSOR), MAY),
    PART(OPERATION_POINTWISE, OPERATION_POINTWISE_YDESC, OWNER(TENSOR), MUST),
    ROW(CONVOLUTION, CONVOLUTION_SPATIAL_DIMS, INT64, 1, 1, MUST),
    ROW(CONVOLUTION, CONVOLUTION_COMP_TYPE, DATA_TYPE, 1, 1, MUST),
    ROW(CONVOLUTION, CONVOLUTION_CONV_MODE, CONVOLUTION_MODE, 1, 1, MUST),
    ROW(CONVOLUTION, CONVOLUTION_PRE_PADDINGS, INT64, 2, 2, MUST),
    ROW(CONVOLUTION, CONVOLUTION_POST_PADDINGS, INT64, 2, 2, MUST),
    ROW(CONVOLUTION, CONVOLUTION_FILTER_STRIDES, INT64, 2, 2, MUST),
    ROW(CONVOLUTION, CONVOLUTION_DILATIONS, INT64, 2, 2, MUST),
    OPERATION(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD, X, W, Y),
    OPERATION(OPERATION_CONVOLUTION_BACKWARD_DATA, OPERATION_CONVOLUTION_BWD_DATA, DX, W, DY),
    OPERATION(OPERATION_CONVOLUTION_BACKWARD_FILTER, OPERATION_CONVOLUTION_BWD_FILTER, X, DW, DY),
    {OWNER(OPERATIONGRAPH), CUDNN_ATTR_OPERATIONGRAPH_OPS, "OPERATIONGRAPH_OPS",
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 3, MUST, -1},
    PART(ENGINEHEUR, ENGINEHEUR_OPERATION_GRAPH, OWNER(OPERATIONGRAPH), MUST),
    ROW(ENGINEHEUR, ENGINEHEUR_MODE, HEUR_MODE, 1, 1, MUST),
    PART(ENGINEHEUR, ENGINEHEUR_DEVICEPROP, OWNER(DEVICEPROP), MUST),
    PART(ENGINEHEUR, ENGINEHEUR_RESULTS, OWNER(ENGINECFG), READ),
    PART(ENGINECFG, ENGINECFG_ENGINE, OWNER(ENGINE), READ),
    PART(ENGINECFG, ENGINE_OPERATION_GRAPH, OWNER(OPERATIONGRAPH), READ), // kept there, never read
    ROW(ENGINE, ENGINE_GLOBAL_INDEX, INT64, 1, 1, READ),
    ROW(ENGINE, ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, 1, 1, READ),
    PART(EXECUTION_PLAN, EXECUTION_PLAN_ENGINE_CONFIG, OWNER(ENGINECFG), MUST),
    PART(EXECUTION_PLAN, EXECUTION_PLAN_DEVICEPROP, OWNER(DEVICEPROP), MUST),
    ROW(EXECUTION_PLAN, EXECUTION_PLAN_WORKSPACE_SIZE, INT64, 1, 1, READ),
    ROW(VARIANT_PACK, VARIANT_PACK_UNIQUE_IDS, INT64, 1, 16, MUST),
    ROW(VARIANT_PACK, VARIANT_PACK_DATA_POINTERS, VOID_PTR, 1, 16, MUST),
    ROW(VARIANT_PACK, VARIANT_PACK_WORKSPACE, VOID_PTR, 1, 1, MUST),
    ROW(DEVICEPROP, DEVICEPROP_HANDLE, HANDLE, 1, 1, MUST),
};

static std::set<emu_descriptor *> &descriptors = *new std::set<emu_descriptor *>;

const std::set<emu_descriptor *> &emu_descriptors()
{
    return descriptors;
}

static emu_descriptor *known(cudnnBackendDescriptor_t d, const char *who)
{
    if (!descriptors.count((emu_descriptor *)d))
        emu_die("cuDNN: %s: a descriptor that does not live", who);
    return (emu_descriptor *)d;
}

emu_descriptor *emu_descriptor_of(cudnnBackendDescriptor_t which, cudnnBackendDescriptorType_t type,
                                  const char *who)
{
    emu_descriptor *d = known(which, who);

    if (d->type != type)
        emu_die("cuDNN: %s: a descriptor of type %d where %d belongs", who, (int)d->type,
                (int)type);
    return d;
}

static const attribute *find(const emu_descriptor *d, int name)
{
    for (const attribute &a : attributes)
        if (a.owner == d->type && a.name == name)
            return &a;
    emu_die("cuDNN: a descriptor of type %d has no attribute %d, or the double does not know it",
            (int)d->type, name);
}

static size_t size_of(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
        return 8;
    case CUDNN_TYPE_BOOLEAN:
        return 1;
    default:
        return 4;
    }
}

const emu_descriptor *emu_part(const emu_descriptor *d, int name, size_t which)
{
    const attribute *a = find(d, name);
    const emu_descriptor *part =
        known(emu_values<cudnnBackendDescriptor_t>(d, name)[which], a->text);

    if (!part->finalized)
        emu_die("cuDNN: %s: the descriptor was never finalized", a->text);
    return part;
}

static const int64_t *numbers(const emu_descriptor *d, int name)
{
    return emu_values<int64_t>(d, name);
}

emu_tensor emu_tensor_of(const emu_descriptor *d)
{
    emu_tensor t;

    t.uid = *numbers(d, CUDNN_ATTR_TENSOR_UNIQUE_ID);
    t.alignment = *numbers(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
    t.between = emu_count<bool>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL) > 0 &&
                *emu_values<bool>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
    t.half = *emu_values<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_BFLOAT16;
    std::copy_n(numbers(d, CUDNN_ATTR_TENSOR_DIMENSIONS), 4, t.dims);
    std::copy_n(numbers(d, CUDNN_ATTR_TENSOR_STRIDES), 4, t.strides);
    return t;
}

static size_t each(const emu_tensor &t)
{
    return t.half ? sizeof(uint16_t) : sizeof(float);
}

size_t emu_tensor::bytes() const
{
    return (size_t)(dims[0] * dims[1] * dims[2] * dims[3]) * each(*this);
}

static cudnnStatus_t finalize_tensor(const emu_descriptor *d)
{
    const auto type = *emu_values<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE);
    const emu_tensor t = emu_tensor_of(d);
    const int64_t *n = t.dims, *s = t.strides;

    for (int i = 0; i < 4; i++)
        if (n[i] < 1)
            emu_die("cuDNN: tensor %lld: dimension %d is %lld", (long long)t.uid, i,
                    (long long)n[i]);
    if (s[0] != n[1] * n[2] * n[3] || s[1] != 1 || s[2] != n[3] * n[1] || s[3] != n[1])
        emu_die("cuDNN: tensor %lld of (%lld,%lld,%lld,%lld) has strides %lld, %lld, %lld, %lld, "
                "which are not those of [N][H][W][C]",
                (long long)t.uid, (long long)n[0], (long long)n[1], (long long)n[2],
                (long long)n[3], (long long)s[0], (long long)s[1], (long long)s[2],
                (long long)s[3]);
    if (t.alignment < (int64_t)each(t) || (t.alignment & (t.alignment - 1)) != 0)
        emu_die("cuDNN: tensor %lld: an alignment of %lld bytes", (long long)t.uid,
                (long long)t.alignment);
    return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_BFLOAT16
               ? CUDNN_STATUS_SUCCESS
               : CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE;
}

static cudnnStatus_t finalize_window(const emu_descriptor *d)
{
    if (*numbers(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2)
        emu_die("cuDNN: a window over other than 2 dimensions has arrays of 2");
    if (*emu_values<cudnnDataType_t>(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE) != CUDNN_DATA_FLOAT)
        emu_die("cuDNN: a convolution that does not add in fp32");
    if (*emu_values<cudnnConvolutionMode_t>(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE) !=
        CUDNN_CROSS_CORRELATION)
        emu_die("cuDNN: a convolution that turns its weights around");
    for (int i = 0; i < 2; i++) {
        if (numbers(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES)[i] < 1)
            emu_die("cuDNN: a stride below 1");
        if (numbers(d, CUDNN_ATTR_CONVOLUTION_DILATIONS)[i] != 1)
            emu_die("cuDNN: a dilation that nobody needs");
        if (numbers(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)[i] < 0 ||
            numbers(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)[i] !=
                numbers(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS)[i])
            emu_die("cuDNN: paddings below 0 or of two sizes");
    }
    return CUDNN_STATUS_SUCCESS;
}

struct names {
    int window, x, w, y, alpha, beta;
};

static names names_of(cudnnBackendDescriptorType_t type)
{
#define NAMES(NAME, X, W, Y)                                 \
    {                                                        \
        CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_CONV_DESC, \
            CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_##X,   \
            CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_##W,   \
            CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_##Y,   \
            CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_ALPHA, \
            CUDNN_ATTR_OPERATION_CONVOLUTION_##NAME##_BETA   \
    }
    if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
        return NAMES(FORWARD, X, W, Y);
    if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
        return NAMES(BWD_DATA, DX, W, DY);
    if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR)
        return NAMES(BWD_FILTER, X, DW, DY);
    emu_die("cuDNN: a graph of something that is no convolution (type %d)", (int)type);
}

emu_convolution emu_convolution_of(const emu_descriptor *op)
{
    const names n = names_of(op->type);
    const emu_descriptor *window = emu_part(op, n.window);
    emu_convolution c = {op->type,
                         emu_tensor_of(emu_part(op, n.x)),
                         emu_tensor_of(emu_part(op, n.w)),
                         emu_tensor_of(emu_part(op, n.y)),
                         {},
                         {}};

    std::copy_n(numbers(window, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES), 2, c.stride);
    std::copy_n(numbers(window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), 2, c.pad);
    return c;
}

static cudnnStatus_t finalize_operation(const emu_descriptor *op)
{
    const names n = names_of(op->type);
    const emu_convolution c = emu_convolution_of(op);
    bool fits =
        c.x.dims[0] == c.y.dims[0] && c.x.dims[1] == c.w.dims[1] && c.w.dims[0] == c.y.dims[1];

    for (int i = 0; i < 2; i++)
        fits &=
            c.y.dims[2 + i] == (c.x.dims[2 + i] + 2 * c.pad[i] - c.w.dims[2 + i]) / c.stride[i] + 1;
    if (!fits)
        emu_die("cuDNN: the shapes of x, w and y do not fit together");
    // No engine of cuDNN that is there without compiling one reads bf16 and writes fp32.
    if (c.x.half != c.w.half || (c.x.half != c.y.half && !c.y.between))
        emu_die("cuDNN: x, w and y of a convolution are not of one type");
    if (c.x.uid == c.w.uid || c.x.uid == c.y.uid || c.w.uid == c.y.uid)
        emu_die("cuDNN: two tensors of a graph are called %lld", (long long)c.x.uid);
    if (*emu_values<float>(op, n.alpha) != 1 || *emu_values<float>(op, n.beta) != 0)
        emu_die("cuDNN: factors other than 1 and 0");
    return CUDNN_STATUS_SUCCESS;
}

// x, b and y of an addition, x and y of a ReLU.
static cudnnStatus_t finalize_pointwise(const emu_descriptor *op)
{
    const emu_descriptor *what = emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const auto mode = *emu_values<cudnnPointwiseMode_t>(what, CUDNN_ATTR_POINTWISE_MODE);
    const emu_tensor x = emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    const emu_tensor y = emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    const bool has_b =
        emu_count<cudnnBackendDescriptor_t>(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC) > 0;

    if (*emu_values<cudnnDataType_t>(what, CUDNN_ATTR_POINTWISE_MATH_PREC) != CUDNN_DATA_FLOAT)
        emu_die("cuDNN: an addition or a ReLU that is not done in fp32");
    if (mode != CUDNN_POINTWISE_ADD && mode != CUDNN_POINTWISE_RELU_FWD)
        emu_die("cuDNN: an operation on elements (%d) that nobody needs", (int)mode);
    if (has_b != (mode == CUDNN_POINTWISE_ADD))
        emu_die("cuDNN: an addition has two operands, a ReLU one");
    if (!std::equal(x.dims, x.dims + 4, y.dims))
        emu_die("cuDNN: x and y of an operation on elements have other shapes");
    if (has_b) {
        const emu_tensor b = emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
        if (b.dims[0] != 1 || b.dims[1] != x.dims[1] || b.dims[2] != 1 || b.dims[3] != 1)
            emu_die("cuDNN: a bias that is not (1,O,1,1)");
    }
    return CUDNN_STATUS_SUCCESS;
}

static const emu_descriptor *step_of(const emu_descriptor *graph, size_t which,
                                     cudnnPointwiseMode_t mode)
{
    const emu_descriptor *op = emu_part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, which);

    if (op->type != CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR ||
        *emu_values<cudnnPointwiseMode_t>(
            emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
            CUDNN_ATTR_POINTWISE_MODE) != mode)
        emu_die("cuDNN: operation %zu of a graph: after a convolution come its bias and then its "
                "ReLU",
                which);
    return op;
}

emu_graph emu_graph_of(const emu_descriptor *d)
{
    const size_t count = emu_count<cudnnBackendDescriptor_t>(d, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    emu_graph g = {
        emu_convolution_of(emu_part(d, CUDNN_ATTR_OPERATIONGRAPH_OPS)), count > 1, count > 2, {}};
    emu_tensor last = g.convolution.y;

    if (count > 1 && g.convolution.type != CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
        emu_die("cuDNN: a bias behind a gradient");
    for (size_t i = 1; i < count; i++) {
        const emu_descriptor *op =
            step_of(d, i, i == 1 ? CUDNN_POINTWISE_ADD : CUDNN_POINTWISE_RELU_FWD);
        if (emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC)).uid != last.uid)
            emu_die("cuDNN: operation %zu of a graph does not read what the one before it makes",
                    i);
        if (!last.between)
            emu_die("cuDNN: tensor %lld between two operations is not virtual",
                    (long long)last.uid);
        if (i == 1)
            g.b = emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
        last = emu_tensor_of(emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    }
    if (count > 1 && g.b.half != g.convolution.x.half)
        emu_die("cuDNN: a bias of another type than the operands");
    if (last.half != g.convolution.x.half)
        emu_die("cuDNN: a result of another type than the operands");
    if (last.between || g.convolution.x.between || g.convolution.w.between ||
        (count > 1 && g.b.between))
        emu_die("cuDNN: an operand or the result of a graph is virtual");
    g.convolution.y = last;
    return g;
}

static cudnnStatus_t finalize_pack(const emu_descriptor *d)
{
    const size_t ids = emu_count<int64_t>(d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);

    if (ids != emu_count<void *>(d, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS))
        emu_die("cuDNN: a variant pack has %zu names and another number of pointers", ids);
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize(emu_descriptor *d)
{
    switch (d->type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
        return finalize_tensor(d);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
        return finalize_window(d);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        return finalize_operation(d);
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
        (void)emu_graph_of(d);
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        return finalize_pointwise(d);
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
        return emu_plan_finalize(d);
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
        return finalize_pack(d);
    case CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR:
        if (!emu_dnn_handle_lives(*emu_values<cudnnHandle_t>(d, CUDNN_ATTR_DEVICEPROP_HANDLE)))
            emu_die("cuDNN: properties of a device by a handle that does not live");
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_BACKEND_POINTWISE_DESCRIPTOR:
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
        return CUDNN_STATUS_SUCCESS;
    default:
        emu_die("cuDNN: a descriptor of type %d is not for the program to finalize", (int)d->type);
    }
}

extern "C" {

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *out)
{
    const auto lock = emu_lock();

    if (emu_dnn_fails())
        return CUDNN_STATUS_INTERNAL_ERROR;
    emu_descriptor *d = new emu_descriptor;
    d->type = type;
    descriptors.insert(d);
    *out = d;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t which)
{
    const auto lock = emu_lock();
    emu_descriptor *d = known(which, "cudnnBackendDestroyDescriptor");

    descriptors.erase(d);
    delete d;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t which,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *values)
{
    const auto lock = emu_lock();
    emu_descriptor *d = known(which, "cudnnBackendSetAttribute");
    const attribute *a = find(d, name);

    if (d->finalized)
        emu_die("cuDNN: %s: the descriptor is finalized already", a->text);
    if (a->use == READ)
        emu_die("cuDNN: %s can only be read", a->text);
    if (type != a->type)
        emu_die("cuDNN: %s is of type %d, not %d", a->text, (int)a->type, (int)type);
    if (count < a->least || count > a->most)
        emu_die("cuDNN: %s has %lld elements, must be %lld to %lld", a->text, (long long)count,
                (long long)a->least, (long long)a->most);
    d->values[name].assign((const char *)values,
                           (const char *)values + size_of(type) * (size_t)count);
    if (a->part >= 0)
        (void)emu_descriptor_of(*(const cudnnBackendDescriptor_t *)values,
                                (cudnnBackendDescriptorType_t)a->part, a->text);
    for (int64_t i = 0; a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR && i < count; i++)
        (void)emu_part(d, name, (size_t)i);
    return emu_dnn_fails() ? CUDNN_STATUS_INTERNAL_ERROR : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t which)
{
    const auto lock = emu_lock();
    emu_descriptor *d = known(which, "cudnnBackendFinalize");

    if (d->finalized)
        emu_die("cuDNN: a descriptor is finalized twice");
    for (const attribute &a : attributes)
        if (a.owner == d->type && a.use == MUST && !d->values.count(a.name))
            emu_die("cuDNN: a descriptor is finalized without %s", a.text);
    const cudnnStatus_t status = emu_dnn_fails() ? CUDNN_STATUS_INTERNAL_ERROR : finalize(d);
    d->finalized = status == CUDNN_STATUS_SUCCESS;
    return status;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t which,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t room,
                                       int64_t *count, void *out)
{
    const auto lock = emu_lock();
    emu_descriptor *d = known(which, "cudnnBackendGetAttribute");
    const attribute *a = find(d, name);

    if (!d->finalized)
        emu_die("cuDNN: %s is read of a descriptor that was never finalized", a->text);
    if (type != a->type)
        emu_die("cuDNN: %s is of type %d, not %d", a->text, (int)a->type, (int)type);
    return emu_dnn_fails() ? CUDNN_STATUS_INTERNAL_ERROR
                           : emu_engines_get(d, name, room, count, out);
}
}
