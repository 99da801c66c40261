/* device.c - the backends, by name. */
#include "device/device.h"
#include "device/cpu/cpu.h"
#include "device/ref/ref.h"

#include <string.h>

const char *const kp_device_kinds[] = {"cpu", "ref", NULL};

static const struct kp_device_ops *const backends[] = {&kp_cpu_device, &kp_ref_ops};

enum kp_status kp_device_open(const char *kind, const struct kp_device_config *config,
                              struct kp_device **out, struct kp_error *e)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(kind, backends[i]->name) == 0)
            return backends[i]->open(config, out, e);
    return kp_fail(e, KP_E_INVALID, "no device is called \"%.40s\"; there are cpu and ref", kind);
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
