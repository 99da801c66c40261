/* device.c - the backends, by name. */
#include "device/device.h"
#include "device/backend.h"
#include "device/cpu/cpu.h"
#include "device/ref/ref.h"

#include <string.h>

const char *const kp_device_kinds[] = {"cpu", "cuda", "ref", NULL};

static const struct kp_device_ops *const backends[] = {&kp_cpu_device, &kp_ref_ops};

static const struct kp_backend_file files[] = {
    {"cuda", "kappa-cuda.so", "KAPPA_CUDA_BACKEND", "libcuda.so.1",
     "libcuda.so.1 is not there: this machine has no NVIDIA driver"},
};

enum kp_status kp_device_open(const char *kind, const struct kp_device_config *config,
                              struct kp_device **out, struct kp_error *e)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(kind, backends[i]->name) == 0)
            return backends[i]->open(config, out, e);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (strcmp(kind, files[i].kind) == 0)
            return kp_backend_open(&files[i], config, out, e);
    return kp_fail(e, KP_E_INVALID, "no device is called \"%.40s\"; there are cpu, cuda and ref",
                   kind);
}

void kp_device_close(struct kp_device *d)
{
    if (d)
        d->ops->close(d);
}

double *kp_device_wide(const struct kp_memory *m, const struct kp_value *v)
{
    return kp_ref_values(m, v);
}
