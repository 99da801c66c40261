/* dnn_plan.c - graphs of cuDNN, and the choice of the engine that does one. */
#include "device/cuda/dnn_plan.h"

#include <stdlib.h>
#include <string.h>

/* More suggestions than this are not looked at. */
#define SUGGESTIONS 64

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

static void keep(struct kp_dnn_making *m, cudnnBackendDescriptor_t d)
{
    KP_ASSERT(m->plan->part_count < KP_DNN_PARTS);
    m->plan->parts[m->plan->part_count++] = d;
}

cudnnBackendDescriptor_t kp_dnn_part(struct kp_dnn_making *m, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t d = create(&m->status, type);

    if (d)
        keep(m, d);
    return d;
}

void kp_dnn_set(struct kp_dnn_making *m, cudnnBackendDescriptor_t d,
                cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                const void *values)
{
    set(&m->status, d, name, type, count, values);
}

void kp_dnn_set_part(struct kp_dnn_making *m, cudnnBackendDescriptor_t d,
                     cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
    set_part(&m->status, d, name, value);
}

void kp_dnn_finalize(struct kp_dnn_making *m, cudnnBackendDescriptor_t d)
{
    finalize(&m->status, d);
}

/* What the graph calls a tensor: of those with a place it is known to the variant pack. */
static int64_t name_of(int place)
{
    return place + 1;
}

cudnnBackendDescriptor_t kp_dnn_tensor(struct kp_dnn_making *m, int place,
                                       const struct kp_dnn_tensor *t)
{
    const bool between = place == KP_DNN_BETWEEN;
    const int64_t uid = name_of(between ? KP_DNN_TENSORS + m->between_count++ : place);
    cudnnBackendDescriptor_t d = kp_dnn_part(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &t->type);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, t->dims);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, t->strides);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &t->alignment);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &between);
    kp_dnn_set(m, d, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &t->host);
    kp_dnn_finalize(m, d);
    return d;
}

void kp_dnn_add(struct kp_dnn_making *m, cudnnBackendDescriptor_t operation)
{
    kp_dnn_finalize(m, operation);
    KP_ASSERT(m->operation_count < KP_DNN_OPERATIONS);
    m->operations[m->operation_count++] = operation;
}

void kp_dnn_add_pointwise(struct kp_dnn_making *m, const struct kp_dnn_pointwise *p)
{
    cudnnBackendDescriptor_t what = kp_dnn_part(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR), op;

    kp_dnn_set(m, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &p->mode);
    kp_dnn_set(m, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &p->type);
    if (p->mode == CUDNN_POINTWISE_GEN_INDEX)
        kp_dnn_set(m, what, CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, 1, &p->axis);
    kp_dnn_finalize(m, what);
    op = kp_dnn_part(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    kp_dnn_set_part(m, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    kp_dnn_set_part(m, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, p->x);
    if (p->b)
        kp_dnn_set_part(m, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, p->b);
    if (p->select)
        kp_dnn_set_part(m, op, CUDNN_ATTR_OPERATION_POINTWISE_TDESC, p->select);
    kp_dnn_set_part(m, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, p->y);
    kp_dnn_add(m, op);
}

static cudnnBackendDescriptor_t graph(struct kp_dnn_making *m)
{
    const struct kp_dnn_work *w = &m->plan->work;
    cudnnBackendDescriptor_t g;

    if (w->kind == KP_DNN_ATTENTION)
        kp_dnn_attention_graph(m, &w->attention);
    else
        kp_dnn_conv_graph(m, &w->conv);
    g = kp_dnn_part(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    kp_dnn_set(m, g, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
               m->operation_count, (const void *)m->operations);
    kp_dnn_finalize(m, g);
    return g;
}

bool kp_dnn_work_of(const struct kp_node *n, struct kp_dnn_work *out)
{
    out->kind = KP_DNN_CONV;
    if (kp_dnn_conv_of(n, &out->conv))
        return true;
    out->kind = KP_DNN_ATTENTION;
    return kp_dnn_attention_of(n, &out->attention);
}

/* Neither kind has gaps between its members, so that they are compared as bytes. */
_Static_assert(sizeof(struct kp_dnn_conv) == 4 * sizeof(int) + 11 * sizeof(int64_t),
               "no gaps in a convolution");
_Static_assert(sizeof(struct kp_dnn_attention) == 2 * sizeof(int) + 4 * sizeof(int64_t),
               "no gaps in an attention");

bool kp_dnn_work_same(const struct kp_dnn_work *a, const struct kp_dnn_work *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == KP_DNN_CONV ? memcmp(&a->conv, &b->conv, sizeof(a->conv)) == 0
                                  : memcmp(&a->attention, &b->attention, sizeof(a->attention)) == 0;
}

void kp_dnn_work_text(const struct kp_dnn_work *w, char out[KP_DNN_TEXT_SIZE])
{
    if (w->kind == KP_DNN_ATTENTION)
        kp_dnn_attention_text(&w->attention, out);
    else
        kp_dnn_conv_text(&w->conv, out);
}

/* Configurations of engines, the most promising first; they are the caller's. Their number, 0 if
 * the heuristics have none. */
static int64_t suggest(struct kp_dnn_making *m, cudnnBackendDescriptor_t g,
                       cudnnBackendHeurMode_t mode, cudnnBackendDescriptor_t out[SUGGESTIONS])
{
    cudnnBackendDescriptor_t list = kp_dnn_part(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
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

/* Notes that no engine must have. */
static const uint32_t never = 1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC |
                              1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
                              1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;

/* Make the plan of a configuration, if its engine will do. */
static bool will_do(struct kp_dnn_making *m, cudnnBackendDescriptor_t config)
{
    struct kp_dnn_plan *p = m->plan;
    cudnnStatus_t status = look(config, &p->engine, &p->notes);
    cudnnBackendDescriptor_t plan;
    int64_t count = 0;

    if (status != CUDNN_STATUS_SUCCESS || p->notes & (never | m->refused))
        return false;
    plan = create(&status, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    set_part(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    set_part(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, m->device);
    finalize(&status, plan);
    get(&status, plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
        &p->workspace);
    if (status == CUDNN_STATUS_SUCCESS && p->workspace <= m->most_workspace) {
        p->plan = plan;
        return true;
    }
    destroy(plan);
    return false;
}

/* The first that will do; the number of those that were looked at. */
static int64_t choose(struct kp_dnn_making *m, cudnnBackendDescriptor_t g,
                      cudnnBackendHeurMode_t mode)
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

enum kp_status kp_dnn_plan_create(const struct kp_dnn_work *w, cudnnBackendDescriptor_t device,
                                  struct kp_dnn_plan **out, struct kp_error *e)
{
    struct kp_dnn_making m = {.plan = calloc(1, sizeof(*m.plan)), .device = device};
    const int version = kp_dnn_version();
    char text[KP_DNN_TEXT_SIZE];
    cudnnBackendDescriptor_t g;
    int64_t tried;

    if (!m.plan)
        return kp_fail(e, KP_E_NOMEM, "no memory for a plan of cuDNN");
    m.plan->work = *w;
    g = graph(&m);
    tried = choose(&m, g, CUDNN_HEUR_MODE_A);
    if (!m.plan->plan)
        tried += choose(&m, g, CUDNN_HEUR_MODE_FALLBACK);
    if (m.plan->plan) {
        *out = m.plan;
        return KP_OK;
    }
    kp_dnn_plan_destroy(m.plan);
    kp_dnn_work_text(w, text);
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
    int64_t uids[KP_DNN_TENSORS], count = 0;
    const void *pointers[KP_DNN_TENSORS];
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    cudnnBackendDescriptor_t pack = create(&status, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);

    for (int i = 0; i < KP_DNN_TENSORS; i++) {
        if (!o->tensor[i])
            continue;
        uids[count] = name_of(i);
        pointers[count++] = o->tensor[i];
    }
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
