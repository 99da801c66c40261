/* dnn_plan.c - a convolution as a graph of cuDNN, and the choice of the engine that does it. */
#include "device/cuda/dnn.h"

#include <stdlib.h>

/* What the graph calls its tensors. */
enum { UID_X = 1, UID_W, UID_Y, UID_BIAS, UID_PRODUCT, UID_SUM };

/* More suggestions than this are not looked at. */
#define SUGGESTIONS 64

/* A plan on its way. */
struct making {
    struct kp_dnn_plan *plan;
    cudnnBackendDescriptor_t device;
    cudnnStatus_t status; /* of the first call that failed; then nothing more is called */
};

/* Each of these does nothing once something has failed. */
static cudnnBackendDescriptor_t create(cudnnStatus_t *status, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t d = NULL;

    if (*status == CUDNN_STATUS_SUCCESS)
        *status = cudnnBackendCreateDescriptor(type, &d);
    return d;
}

static void set(cudnnStatus_t *status, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    if (*status == CUDNN_STATUS_SUCCESS)
        *status = cudnnBackendSetAttribute(d, name, type, count, values);
}

static void set_part(cudnnStatus_t *status, cudnnBackendDescriptor_t d,
                     cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
    set(status, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void get(cudnnStatus_t *status, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t room, int64_t *count, void *out)
{
    if (*status == CUDNN_STATUS_SUCCESS)
        *status = cudnnBackendGetAttribute(d, name, type, room, count, out);
}

static void finalize(cudnnStatus_t *status, cudnnBackendDescriptor_t d)
{
    if (*status == CUDNN_STATUS_SUCCESS)
        *status = cudnnBackendFinalize(d);
}

static void destroy(cudnnBackendDescriptor_t d)
{
    if (d)
        (void)cudnnBackendDestroyDescriptor(d);
}

static void keep(struct making *m, cudnnBackendDescriptor_t d)
{
    KP_ASSERT(m->plan->part_count < KP_DNN_PARTS);
    m->plan->parts[m->plan->part_count++] = d;
}

/* A descriptor that the plan keeps. */
static cudnnBackendDescriptor_t part(struct making *m, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t d = create(&m->status, type);

    if (d)
        keep(m, d);
    return d;
}

/* A tensor (n,c,h,w), the channels innermost. */
static cudnnBackendDescriptor_t tensor(struct making *m, int64_t uid, int64_t n, int64_t c,
                                       int64_t h, int64_t w)
{
    const int64_t dims[] = {n, c, h, w}, strides[] = {h * w * c, 1, w * c, c};
    const int64_t alignment = uid == UID_BIAS ? KP_DNN_BIAS_ALIGNMENT : KP_DNN_ALIGNMENT;
    const bool between = uid == UID_PRODUCT || uid == UID_SUM; /* never in memory */
    const cudnnDataType_t type = between ? CUDNN_DATA_FLOAT : m->plan->conv.type;
    cudnnBackendDescriptor_t d = part(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

    set(&m->status, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
    set(&m->status, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(&m->status, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
    set(&m->status, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    set(&m->status, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    set(&m->status, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &between);
    finalize(&m->status, d);
    return d;
}

static cudnnBackendDescriptor_t sliding(struct making *m, const struct kp_window *w)
{
    const int64_t spatial = 2, dilations[] = {1, 1};
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t d = part(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &spatial);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, w->pad);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, w->pad);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, w->stride);
    set(&m->status, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilations);
    finalize(&m->status, d);
    return d;
}

/* What cuDNN calls the attributes of each operation. */
struct pass {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, x, w, y, alpha, beta;
};

static const struct pass passes[] = {
    [KP_DNN_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [KP_DNN_GRAD_X] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [KP_DNN_GRAD_W] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static int64_t outputs_along(const struct kp_dnn_conv *c, int axis)
{
    const struct kp_window *k = &c->window;
    const int64_t size = axis == 0 ? c->height : c->width;

    return (size + 2 * k->pad[axis] - k->size[axis]) / k->stride[axis] + 1;
}

/* y = x + b, or y = relu(x) */
static cudnnBackendDescriptor_t pointwise(struct making *m, cudnnPointwiseMode_t mode,
                                          cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
                                          cudnnBackendDescriptor_t y)
{
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t what = part(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR), op;

    set(&m->status, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    set(&m->status, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    finalize(&m->status, what);
    op = part(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    set_part(&m->status, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    set_part(&m->status, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b)
        set_part(&m->status, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    set_part(&m->status, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    finalize(&m->status, op);
    return op;
}

/* An image as large as y. */
static cudnnBackendDescriptor_t like_y(struct making *m, int64_t uid)
{
    const struct kp_dnn_conv *c = &m->plan->conv;

    return tensor(m, uid, c->examples, c->outputs, outputs_along(c, 0), outputs_along(c, 1));
}

/* The convolution; the pass says which of x, w and y it makes. */
static cudnnBackendDescriptor_t operation(struct making *m, cudnnBackendDescriptor_t y)
{
    const struct kp_dnn_conv *c = &m->plan->conv;
    const struct pass *p = &passes[c->pass];
    const float one = 1, zero = 0;
    cudnnBackendDescriptor_t x = tensor(m, UID_X, c->examples, c->channels, c->height, c->width);
    cudnnBackendDescriptor_t w =
        tensor(m, UID_W, c->outputs, c->channels, c->window.size[0], c->window.size[1]);
    cudnnBackendDescriptor_t window = sliding(m, &c->window), op = part(m, p->type);

    set_part(&m->status, op, p->window, window);
    set_part(&m->status, op, p->x, x);
    set_part(&m->status, op, p->w, w);
    set_part(&m->status, op, p->y, y);
    set(&m->status, op, p->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    set(&m->status, op, p->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    finalize(&m->status, op);
    return op;
}

/* The convolution, its bias, its ReLU. */
static cudnnBackendDescriptor_t graph(struct making *m)
{
    const struct kp_dnn_conv *c = &m->plan->conv;
    cudnnBackendDescriptor_t y = like_y(m, UID_Y), ops[3], g;
    cudnnBackendDescriptor_t product = c->bias ? like_y(m, UID_PRODUCT) : y;
    cudnnBackendDescriptor_t sum = c->act ? like_y(m, UID_SUM) : y;
    int64_t count = 0;

    ops[count++] = operation(m, product);
    if (c->bias)
        ops[count++] = pointwise(m, CUDNN_POINTWISE_ADD, product,
                                 tensor(m, UID_BIAS, 1, c->outputs, 1, 1), sum);
    if (c->act)
        ops[count++] = pointwise(m, CUDNN_POINTWISE_RELU_FWD, sum, NULL, y);
    g = part(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set(&m->status, g, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count,
        (const void *)ops);
    finalize(&m->status, g);
    return g;
}

/* Configurations of engines, the most promising first; they are the caller's. Their number, 0 if
 * the heuristics have none. */
static int64_t suggest(struct making *m, cudnnBackendDescriptor_t g, cudnnBackendHeurMode_t mode,
                       cudnnBackendDescriptor_t out[SUGGESTIONS])
{
    cudnnBackendDescriptor_t list = part(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    int64_t count = 0, made = 0;

    set_part(&m->status, list, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g);
    set(&m->status, list, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    set_part(&m->status, list, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, m->device);
    /* Heuristics that do not know the graph refuse here; others may know it. */
    if (m->status != CUDNN_STATUS_SUCCESS || cudnnBackendFinalize(list) != CUDNN_STATUS_SUCCESS)
        return 0;
    get(&m->status, list, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count,
        NULL);
    count = count < SUGGESTIONS ? count : SUGGESTIONS;
    while (made < count) {
        out[made] = create(&m->status, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
        if (!out[made])
            break;
        made++;
    }
    if (made > 0)
        get(&m->status, list, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, made,
            &count, out);
    return made;
}

/* The number of a configuration's engine and its notes. */
static cudnnStatus_t look(cudnnBackendDescriptor_t config, int64_t *number, uint32_t *notes)
{
    cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    cudnnBackendDescriptor_t engine = create(&status, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int64_t count = 0;

    *notes = 0;
    get(&status, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
        &engine);
    get(&status, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count, number);
    get(&status, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
        CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, note);
    for (int64_t i = 0; status == CUDNN_STATUS_SUCCESS && i < count; i++)
        *notes |= 1u << note[i];
    destroy(engine);
    return status;
}

/* Notes that an engine must not have. With fp32 operands the tensor cores would be TF32. */
static uint32_t refused(const struct kp_dnn_conv *c)
{
    const uint32_t always = 1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC |
                            1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
                            1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;

    return c->type == CUDNN_DATA_FLOAT ? always | 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE : always;
}

/* Engines without a kernel for the layout turn the images first; that much they may ask for. */
static int64_t most_workspace(const struct kp_dnn_conv *c)
{
    const int64_t x = c->examples * c->channels * c->height * c->width;
    const int64_t w = c->outputs * c->channels * c->window.size[0] * c->window.size[1];
    const int64_t y = c->examples * c->outputs * outputs_along(c, 0) * outputs_along(c, 1);

    return (x + w + y) * (int64_t)sizeof(float) + ((int64_t)64 << 20);
}

/* Make the plan of a configuration, if its engine will do. */
static bool will_do(struct making *m, cudnnBackendDescriptor_t config)
{
    struct kp_dnn_plan *p = m->plan;
    cudnnStatus_t status = look(config, &p->engine, &p->notes);
    cudnnBackendDescriptor_t plan;
    int64_t count = 0;

    if (status != CUDNN_STATUS_SUCCESS || p->notes & refused(&p->conv))
        return false;
    plan = create(&status, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    set_part(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    set_part(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, m->device);
    finalize(&status, plan);
    get(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
        &p->workspace);
    if (status == CUDNN_STATUS_SUCCESS && p->workspace <= most_workspace(&p->conv)) {
        p->plan = plan;
        return true;
    }
    destroy(plan);
    return false;
}

/* The first that will do; the number of those that were looked at. */
static int64_t choose(struct making *m, cudnnBackendDescriptor_t g, cudnnBackendHeurMode_t mode)
{
    cudnnBackendDescriptor_t configs[SUGGESTIONS] = {NULL};
    const int64_t count = suggest(m, g, mode, configs);

    for (int64_t i = 0; i < count; i++) {
        if (m->status == CUDNN_STATUS_SUCCESS && !m->plan->plan && will_do(m, configs[i]))
            keep(m, configs[i]);
        else
            destroy(configs[i]);
    }
    return count;
}

enum kp_status kp_dnn_plan_create(const struct kp_dnn_conv *c, cudnnBackendDescriptor_t device,
                                  struct kp_dnn_plan **out, struct kp_error *e)
{
    struct making m = {.plan = calloc(1, sizeof(*m.plan)), .device = device};
    const int version = kp_dnn_version();
    char text[KP_DNN_TEXT_SIZE];
    cudnnBackendDescriptor_t g;
    int64_t tried;

    if (!m.plan)
        return kp_fail(e, KP_E_NOMEM, "no memory for a plan of cuDNN");
    m.plan->conv = *c;
    g = graph(&m);
    tried = choose(&m, g, CUDNN_HEUR_MODE_A);
    if (!m.plan->plan)
        tried += choose(&m, g, CUDNN_HEUR_MODE_FALLBACK);
    if (m.plan->plan) {
        *out = m.plan;
        return KP_OK;
    }
    kp_dnn_plan_destroy(m.plan);
    kp_dnn_conv_text(c, text);
    if (m.status != CUDNN_STATUS_SUCCESS)
        return kp_fail(e, KP_E_UNSUPPORTED, "%s: cuDNN %d.%d refuses it: %s", text, version / 100,
                       version % 100, cudnnGetErrorString(m.status));
    return kp_fail(
        e, KP_E_UNSUPPORTED,
        "%s: none of the %lld engines of cuDNN %d.%d computes it with the same bits each "
        "time, in its own precision and in memory of its own size",
        text, (long long)tried, version / 100, version % 100);
}

int kp_dnn_version(void)
{
    return (int)(cudnnGetVersion() / 100);
}

void kp_dnn_plan_destroy(struct kp_dnn_plan *p)
{
    if (!p)
        return;
    destroy(p->plan);
    while (p->part_count > 0)
        destroy(p->parts[--p->part_count]);
    free(p);
}

cudnnStatus_t kp_dnn_plan_run(const struct kp_dnn_plan *p, cudnnHandle_t handle,
                              const struct kp_dnn_operands *o)
{
    const int64_t uids[] = {UID_X, UID_W, UID_Y, UID_BIAS}, count = p->conv.bias ? 4 : 3;
    const void *const pointers[] = {o->x, o->w, o->y, o->bias};
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    cudnnBackendDescriptor_t pack = create(&status, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);

    set(&status, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, uids);
    set(&status, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count,
        (const void *)pointers);
    set(&status, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
        (const void *)&o->workspace);
    finalize(&status, pack);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendExecute(handle, p->plan, pack);
    destroy(pack);
    return status;
}
