/* device.c - the backends by name. */
#include "device/device.h"

#include <string.h>

extern const struct kp_device_ops kp_cpu_ops;
extern const struct kp_device_ops kp_ref_ops;

static const struct kp_device_ops *const backends[] = {&kp_cpu_ops, &kp_ref_ops};

const char *const kp_device_kinds[] = {"cpu", "ref", NULL};

enum kp_status kp_device_open(const char *kind, const struct kp_device_config *config,
                              struct kp_device **out, struct kp_error *e)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
        if (strcmp(kind, backends[i]->name) == 0)
            return backends[i]->open(config, out, e);
    return kp_fail(e, KP_E_INVALID, "no device '%s', must be cpu or ref", kind);
}

void kp_device_close(struct kp_device *d)
{
    if (d)
        d->ops->close(d);
}
