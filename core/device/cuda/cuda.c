/* cuda.c - the cuda device: open, memory, description, table of operations. */
#include "device/cuda/cuda.h"
#include "device/backend.h"
#include "device/cuda/dnn.h"
#include "device/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name under which the device describes itself: that of the build. */
#ifndef KP_CUDA_NAME
#define KP_CUDA_NAME "cuda"
#endif

#define OLDEST_CAPABILITY 80
#define WORKSPACE_BYTES   ((size_t)32 << 20) /* what cuBLAS asks for on the newest devices */

void kp_cuda_note(struct kp_cuda *d, cudaError_t status, const char *what)
{
    if (status == cudaSuccess || d->failed.status != KP_OK)
        return;
    kp_fail(&d->failed, status == cudaErrorMemoryAllocation ? KP_E_NOMEM : KP_E_DEVICE,
            "%s: %s on %s", what, cudaGetErrorString(status), d->name);
}

void kp_cuda_note_blas(struct kp_cuda *d, cublasStatus_t status, const char *what)
{
    if (status == CUBLAS_STATUS_SUCCESS || d->failed.status != KP_OK)
        return;
    kp_fail(&d->failed, KP_E_DEVICE, "%s: cuBLAS status %d on %s", what, (int)status, d->name);
}

/* The current device belongs to the thread, and threads come from everywhere. */
void kp_cuda_enter(struct kp_cuda *d)
{
    (void)pthread_mutex_lock(&d->busy);
    kp_cuda_note(d, cudaSetDevice(d->index), "cudaSetDevice");
}

void kp_cuda_leave(struct kp_cuda *d)
{
    (void)pthread_mutex_unlock(&d->busy);
}

static void cuda_close(struct kp_device *base)
{
    struct kp_cuda *d = (struct kp_cuda *)base;

    if (!d)
        return;
    if (d->compute) {
        (void)cudaSetDevice(d->index);
        (void)cudaStreamSynchronize(d->compute);
    }
    kp_cuda_group_leave(d);
    kp_cuda_stagings_finish(d);
    kp_dnn_finish(d);
    if (d->blas)
        (void)cublasDestroy_v2(d->blas);
    (void)cudaFree(d->workspace);
    if (d->copy)
        (void)cudaStreamDestroy(d->copy);
    if (d->compute)
        (void)cudaStreamDestroy(d->compute);
    if (d->busy_made)
        (void)pthread_mutex_destroy(&d->busy);
    free(d);
}

static void cuda_arithmetic(const struct kp_device *base, char *out, size_t size)
{
    const struct kp_cuda *d = (const struct kp_cuda *)base;
    const int dnn = kp_dnn_version();

    (void)snprintf(out, size, KP_CUDA_NAME " %d.%d, CUDA %d.%d, cuDNN %d.%d, %s",
                   d->capability / 10, d->capability % 10, CUDART_VERSION / 1000,
                   CUDART_VERSION % 1000 / 10, dnn / 100, dnn % 100, d->tf32 ? "tf32" : "fp32");
}

static void cuda_describe(const struct kp_device *base, char *out, size_t size)
{
    const struct kp_cuda *d = (const struct kp_cuda *)base;

    cuda_arithmetic(base, out, size);
    size_t length = strlen(out);
    (void)snprintf(out + length, size - length, ", device %d (%s)", d->index, d->name);
}

static const char *cuda_level(const struct kp_device *d)
{
    (void)d;
    return NULL;
}

static void *cuda_alloc(struct kp_device *base, size_t bytes)
{
    struct kp_cuda *d = (struct kp_cuda *)base;
    void *p = NULL;

    kp_cuda_enter(d);
    if (d->failed.status == KP_OK && cudaMalloc(&p, bytes > 0 ? bytes : 1) != cudaSuccess) {
        /* a status of the caller's, not a failure of the device */
        (void)cudaGetLastError();
        p = NULL;
    }
    if (p)
        kp_cuda_note(d, cudaMemsetAsync(p, 0, bytes > 0 ? bytes : 1, d->compute),
                     "cudaMemsetAsync");
    kp_cuda_leave(d);
    return p;
}

static void cuda_release(struct kp_device *base, void *p, size_t bytes)
{
    struct kp_cuda *d = (struct kp_cuda *)base;

    (void)bytes;
    kp_cuda_enter(d);
    kp_cuda_note(d, cudaStreamSynchronize(d->compute), "cudaStreamSynchronize");
    kp_cuda_note(d, cudaFree(p), "cudaFree");
    kp_cuda_leave(d);
}

static size_t cuda_room(struct kp_device *base)
{
    struct kp_cuda *d = (struct kp_cuda *)base;
    size_t left = 0, all = 0;

    kp_cuda_enter(d);
    if (d->failed.status == KP_OK)
        kp_cuda_note(d, cudaMemGetInfo(&left, &all), "cudaMemGetInfo");
    kp_cuda_leave(d);
    return left;
}

/* One thread feeds the device. */
static void cuda_share(struct kp_device *d, int64_t tasks, void (*fn)(void *arg, int64_t task),
                       void *arg)
{
    (void)d;
    for (int64_t i = 0; i < tasks; i++)
        fn(arg, i);
}

static enum kp_status no_such_device(int index, int count, struct kp_error *e)
{
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    char right[32] = "0 is the only one";

    if (count > 1)
        (void)snprintf(right, sizeof(right), "0 to %d would be right", count - 1);
    return kp_fail(e, KP_E_DEVICE,
                   "device cuda: device.index = %d, but this process sees %d GPU%s "
                   "(CUDA_VISIBLE_DEVICES %s%.200s); %s",
                   index, count, count == 1 ? "" : "s", list ? "= " : "is not set",
                   list ? list : "", right);
}

/* Whether there is a driver and a device that this build can use. */
static enum kp_status find_device(struct kp_cuda *d, struct kp_error *e)
{
    struct cudaDeviceProp properties;
    int driver = 0, count = 0;

    (void)cudaDriverGetVersion(&driver);
    cudaError_t status = cudaGetDeviceCount(&count);
    if (driver > 0 && driver < CUDART_VERSION)
        return kp_fail(
            e, KP_E_DEVICE,
            "device cuda: the NVIDIA driver is too old: it serves CUDA %d.%d, this kappa "
            "was built with %d.%d",
            driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (status != cudaSuccess || count == 0)
        return kp_fail(e, KP_E_DEVICE, "device cuda: the driver finds no GPU: %s",
                       cudaGetErrorString(status != cudaSuccess ? status : cudaErrorNoDevice));
    if (d->index >= count)
        return no_such_device(d->index, count, e);
    status = cudaGetDeviceProperties(&properties, d->index);
    if (status == cudaSuccess)
        status = cudaSetDevice(d->index);
    if (status != cudaSuccess)
        return kp_fail(e, KP_E_DEVICE, "device cuda: device %d: %s", d->index,
                       cudaGetErrorString(status));
    d->capability = 10 * properties.major + properties.minor;
    (void)snprintf(d->name, sizeof(d->name), "%.60s", properties.name);
    if (d->capability < OLDEST_CAPABILITY)
        return kp_fail(
            e, KP_E_DEVICE,
            "device cuda: %s has compute capability %d.%d; this kappa needs %d.%d or more", d->name,
            d->capability / 10, d->capability % 10, OLDEST_CAPABILITY / 10, OLDEST_CAPABILITY % 10);
    return KP_OK;
}

static enum kp_status begin(struct kp_cuda *d, struct kp_error *e)
{
    enum kp_status st = find_device(d, e);

    if (st != KP_OK)
        return st;
    if (pthread_mutex_init(&d->busy, NULL) != 0)
        return kp_fail(e, KP_E_NOMEM, "no mutex for the cuda device");
    d->busy_made = true;
    kp_cuda_note(d, cudaStreamCreateWithFlags(&d->compute, cudaStreamNonBlocking), "a stream");
    kp_cuda_note(d, cudaStreamCreateWithFlags(&d->copy, cudaStreamNonBlocking), "a stream");
    kp_cuda_note(d, cudaMalloc(&d->workspace, WORKSPACE_BYTES), "the workspace of cuBLAS");
    if (d->failed.status == KP_OK) {
        kp_cuda_note_blas(d, cublasCreate_v2(&d->blas), "cublasCreate");
        kp_cuda_note_blas(d, cublasSetStream_v2(d->blas, d->compute), "cublasSetStream");
        kp_cuda_note_blas(d, cublasSetWorkspace_v2(d->blas, d->workspace, WORKSPACE_BYTES),
                          "cublasSetWorkspace");
        if (d->tf32)
            kp_cuda_note_blas(d, cublasSetMathMode(d->blas, CUBLAS_TF32_TENSOR_OP_MATH),
                              "cublasSetMathMode");
    }
    return d->failed.status == KP_OK ? KP_OK : kp_fail(e, d->failed.status, "%s", d->failed.text);
}

static enum kp_status cuda_open(const struct kp_device_config *config, struct kp_device **out,
                                struct kp_error *e)
{
    struct kp_cuda *d = calloc(1, sizeof(*d));
    enum kp_status st;

    if (!d)
        return kp_fail(e, KP_E_NOMEM, "no memory for the cuda device");
    d->index = config->index;
    d->base.ops = &kp_cuda_device;
    d->tf32 = config->tf32;
    d->batches.count = 2;
    d->values.count = KP_CUDA_STAGINGS;
    st = begin(d, e);
    if (st != KP_OK) {
        cuda_close(&d->base);
        return st;
    }
    *out = &d->base;
    return KP_OK;
}

const struct kp_device_ops kp_cuda_device = {
    .name = "cuda",
    .open = cuda_open,
    .close = cuda_close,
    .describe = cuda_describe,
    .arithmetic = cuda_arithmetic,
    .level = cuda_level,
    .choices = kp_dnn_choices,
    .alloc = cuda_alloc,
    .release = cuda_release,
    .room = cuda_room,
    .fuse = kp_cuda_fuse,
    .plan = kp_cuda_plan,
    .lower = kp_cuda_lower,
    .code_destroy = kp_cuda_code_destroy,
    .run = kp_cuda_run,
    .write = kp_cuda_write,
    .read = kp_cuda_read,
    .put_aside = kp_cuda_put_aside,
    .load_batch = kp_cuda_load_batch,
    .copy_batch = kp_cuda_copy_batch,
    .share = cuda_share,
    .upload = kp_cuda_upload,
    .download = kp_cuda_download,
    .group = &kp_cuda_group,
};

__attribute__((visibility("default"))) extern const struct kp_backend KP_BACKEND_SYMBOL;
const struct kp_backend KP_BACKEND_SYMBOL = {
    .size = sizeof(struct kp_backend),
    .layout = KP_BACKEND_LAYOUT,
    .ops = &kp_cuda_device,
};
