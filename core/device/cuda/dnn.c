/* dnn.c - cuDNN on a device: its plans, one for each shape, and their execution. */
#include "device/cuda/dnn.h"
#include "device/cuda/cuda.h"

#include <stdlib.h>

/* The first that makes plans from a DEVICEPROP. */
#define OLDEST_VERSION 908

/* 9.10 has known bugs in attention, and what came before takes another number than -inf for what is
 * hidden. */
#define OLDEST_FOR_ATTENTION 911

struct kp_dnn {
    cudnnHandle_t handle;
    cudnnBackendDescriptor_t device; /* DEVICEPROP */
    struct kp_dnn_plan *plans;
};

static enum kp_status refuse(const struct kp_cuda *d, cudnnStatus_t status, const char *what,
                             struct kp_error *e)
{
    return kp_fail(e, KP_E_DEVICE, "%s: %s on %s", what, cudnnGetErrorString(status), d->name);
}

/* cuDNN loads engines and makes a context, so it is not begun before the first plan. */
static enum kp_status begin(struct kp_cuda *d, struct kp_error *e)
{
    const int version = kp_dnn_version();
    struct kp_dnn *dnn;
    cudnnStatus_t status;

    if (version < OLDEST_VERSION)
        return kp_fail(e, KP_E_DEVICE,
                       "device cuda: cuDNN %d.%d is too old; convolutions need %d.%d",
                       version / 100, version % 100, OLDEST_VERSION / 100, OLDEST_VERSION % 100);
    dnn = d->dnn = calloc(1, sizeof(*dnn));
    if (!dnn)
        return kp_fail(e, KP_E_NOMEM, "no memory for cuDNN");
    status = cudnnCreate(&dnn->handle);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnSetStream(dnn->handle, d->compute);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &dnn->device);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendSetAttribute(dnn->device, CUDNN_ATTR_DEVICEPROP_HANDLE,
                                          CUDNN_TYPE_HANDLE, 1, (const void *)&dnn->handle);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendFinalize(dnn->device);
    if (status == CUDNN_STATUS_SUCCESS)
        return KP_OK;
    kp_dnn_finish(d);
    return refuse(d, status, "cuDNN does not begin", e);
}

void kp_dnn_finish(struct kp_cuda *d)
{
    struct kp_dnn *dnn = d->dnn;

    if (!dnn)
        return;
    while (dnn->plans) {
        struct kp_dnn_plan *next = dnn->plans->next;
        kp_dnn_plan_destroy(dnn->plans);
        dnn->plans = next;
    }
    if (dnn->device)
        (void)cudnnBackendDestroyDescriptor(dnn->device);
    if (dnn->handle)
        (void)cudnnDestroy(dnn->handle);
    free(dnn);
    d->dnn = NULL;
}

/* That attention is done another way is kept in the list as well: a plan without cuDNN's. */
static enum kp_status make(struct kp_cuda *d, const struct kp_dnn_work *w, struct kp_dnn_plan **out,
                           struct kp_error *e)
{
    struct kp_error refused = {0};
    const enum kp_status st = kp_dnn_plan_create(w, d->dnn->device, out, &refused);

    if (st == KP_OK)
        return KP_OK;
    if (st != KP_E_UNSUPPORTED || w->kind != KP_DNN_ATTENTION)
        return kp_fail(e, st, "%s", refused.text);
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return kp_fail(e, KP_E_NOMEM, "no memory for a plan of cuDNN");
    (*out)->work = *w;
    return KP_OK;
}

/* The device's lock is held. */
static enum kp_status find(struct kp_cuda *d, const struct kp_dnn_work *w,
                           const struct kp_dnn_plan **out, struct kp_error *e)
{
    struct kp_dnn_plan *p = NULL;
    enum kp_status st = d->dnn ? KP_OK : begin(d, e);

    if (st != KP_OK)
        return st;
    for (p = d->dnn->plans; p; p = p->next)
        if (kp_dnn_work_same(&p->work, w))
            break;
    if (!p) {
        st = make(d, w, &p, e);
        if (st != KP_OK)
            return st;
        p->next = d->dnn->plans;
        d->dnn->plans = p;
    }
    *out = p->plan ? p : NULL;
    return KP_OK;
}

/* Whether cuDNN is asked for a plan of it. */
static bool is_asked(const struct kp_node *n, struct kp_dnn_work *w)
{
    if (!kp_dnn_work_of(n, w))
        return false;
    return w->kind == KP_DNN_CONV ||
           (kp_dnn_version() >= OLDEST_FOR_ATTENTION && kp_cuda_multiplies_halves(n));
}

enum kp_status kp_dnn_plan_of(struct kp_cuda *d, const struct kp_node *n,
                              const struct kp_dnn_plan **out, struct kp_error *e)
{
    const struct kp_value *w = n->op == KP_OP_CONV2D_GRAD_W ? n->out[0] : n->in[1];
    struct kp_dnn_work work;
    enum kp_status st;

    *out = NULL;
    if (!is_asked(n, &work))
        return KP_OK;
    (void)pthread_mutex_lock(&d->busy);
    st = find(d, &work, out, e);
    (void)pthread_mutex_unlock(&d->busy);
    if (st != KP_OK && work.kind == KP_DNN_CONV && w->name)
        return kp_fail_in(e, "the convolution with %s", w->name);
    return st;
}

void kp_dnn_choices(struct kp_device *d, struct kp_text *out)
{
    struct kp_cuda *cuda = (struct kp_cuda *)d;
    char text[KP_DNN_TEXT_SIZE];

    (void)pthread_mutex_lock(&cuda->busy);
    for (const struct kp_dnn_plan *p = cuda->dnn ? cuda->dnn->plans : NULL; p; p = p->next) {
        kp_dnn_work_text(&p->work, text);
        if (p->plan)
            kp_text_addf(out, "%s%s: engine %lld of cuDNN, %lld bytes of workspace",
                         out->length > 0 ? "\n" : "", text, (long long)p->engine,
                         (long long)p->workspace);
        else
            kp_text_addf(out, "%s%s: no engine of cuDNN", out->length > 0 ? "\n" : "", text);
    }
    (void)pthread_mutex_unlock(&cuda->busy);
}

/* The workspace begins where it must, wherever the scratch does. */
size_t kp_dnn_workspace(const struct kp_dnn_plan *p)
{
    return p ? kp_cuda_whole((size_t)p->workspace + KP_DNN_WORKSPACE_ALIGNMENT) : 0;
}

void kp_dnn_queue(const struct kp_cuda_call *c, struct kp_dnn_operands *o)
{
    const uintptr_t scratch = (uintptr_t)kp_cuda_scratch(c), step = KP_DNN_WORKSPACE_ALIGNMENT;
    cudnnStatus_t status;
    char text[KP_DNN_TEXT_SIZE];

    o->workspace = (void *)((scratch + step - 1) / step * step);
    status = kp_dnn_plan_run(c->plan, c->cuda->dnn->handle, o);

    if (status == CUDNN_STATUS_SUCCESS || c->cuda->failed.status != KP_OK)
        return;
    kp_dnn_work_text(&c->plan->work, text);
    (void)refuse(c->cuda, status, text, &c->cuda->failed);
}

void kp_dnn_run(const struct kp_cuda_call *c, const void *x, const void *w, const void *y,
                const float *bias)
{
    kp_dnn_queue(c, &(struct kp_dnn_operands){.tensor = {x, w, y, bias}});
}
