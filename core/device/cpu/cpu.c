/* cpu.c - the cpu device: open, memory, description, table of operations. */
#include "device/cpu/cpu.h"
#include "device/cpu/dnn.h"
#include "device/cpu/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cpu_close(struct kp_device *d)
{
    struct kp_cpu *cpu = (struct kp_cpu *)d;

    if (!cpu)
        return;
    kp_pool_destroy(cpu->pool);
    if (cpu->busy_made)
        (void)pthread_mutex_destroy(&cpu->busy);
    free(cpu);
}

static void cpu_arithmetic(const struct kp_device *d, char *out, size_t size)
{
    const struct kp_cpu *cpu = (const struct kp_cpu *)d;
    const char *coretype = getenv("OPENBLAS_CORETYPE");
    char library[96], dnn[64];

    kp_gemm_describe(library, sizeof(library));
    kp_dnn_describe(dnn, sizeof(dnn));
    (void)snprintf(out, size, "cpu %s, %s%s%s, slice %lld of %d rows%s%.32s", cpu->lane->name,
                   library, *dnn ? ", " : "", dnn, (long long)cpu->slice, KP_SLICE_ROWS,
                   coretype ? ", OPENBLAS_CORETYPE=" : "", coretype ? coretype : "");
}

static void cpu_describe(const struct kp_device *d, char *out, size_t size)
{
    const struct kp_cpu *cpu = (const struct kp_cpu *)d;
    const int threads = kp_pool_threads(cpu->pool);

    cpu_arithmetic(d, out, size);
    size_t length = strlen(out);
    (void)snprintf(out + length, size - length, ", %d thread%s", threads, threads == 1 ? "" : "s");
}

static const char *cpu_level(const struct kp_device *d)
{
    return ((const struct kp_cpu *)d)->lane->name;
}

static void *cpu_alloc(struct kp_device *d, size_t bytes)
{
    (void)d;
    return kp_pages_alloc(bytes);
}

static void cpu_release(struct kp_device *d, void *p, size_t bytes)
{
    (void)d;
    kp_pages_free(p, bytes);
}

static void cpu_upload(struct kp_device *d, void *device, const void *host, size_t bytes)
{
    (void)d;
    memcpy(device, host, bytes);
}

static void cpu_download(struct kp_device *d, void *host, const void *device, size_t bytes)
{
    (void)d;
    memcpy(host, device, bytes);
}

static enum kp_status cpu_open(const struct kp_device_config *config, struct kp_device **out,
                               struct kp_error *e)
{
    struct kp_cpu *cpu = NULL;
    enum kp_status st;

    if (config->slice < KP_LANES || config->slice > 4096 || config->slice % KP_LANES != 0)
        return kp_fail(e, KP_E_INVALID,
                       "device slice is %lld; it must be a multiple of %d up to 4096",
                       (long long)config->slice, KP_LANES);
    cpu = calloc(1, sizeof(*cpu));
    if (!cpu) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the cpu device");
        goto out;
    }
    cpu->slice = config->slice;
    st = kp_cpu_level_choose(&cpu->level, e);
    if (st != KP_OK)
        goto out;
    cpu->lane = kp_cpu_level_lane(cpu->level);
    if (pthread_mutex_init(&cpu->busy, NULL) != 0) {
        st = kp_fail(e, KP_E_NOMEM, "no mutex for the cpu device");
        goto out;
    }
    cpu->busy_made = true;
    st = kp_pool_create(config->threads, &cpu->pool, e);
    if (st != KP_OK)
        goto out;
    kp_gemm_init();
    cpu->base.ops = &kp_cpu_device;
    *out = &cpu->base;
    cpu = NULL;
out:
    cpu_close((struct kp_device *)cpu);
    return st;
}

const struct kp_device_ops kp_cpu_device = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .arithmetic = cpu_arithmetic,
    .level = cpu_level,
    .alloc = cpu_alloc,
    .release = cpu_release,
    .fuse = kp_cpu_fuse,
    .plan = kp_cpu_plan,
    .lower = kp_cpu_lower,
    .code_destroy = kp_cpu_code_destroy,
    .run = kp_cpu_run,
    .write = kp_cpu_write,
    .read = kp_cpu_read,
    .put_aside = kp_cpu_put_aside,
    .load_batch = kp_cpu_load_batch,
    .copy_batch = kp_cpu_copy_batch,
    .share = kp_cpu_share,
    .upload = cpu_upload,
    .download = cpu_download,
};
