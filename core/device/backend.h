/* backend.h - what the shared object of a backend exports: one symbol, KP_BACKEND. */
#ifndef KP_DEVICE_BACKEND_H
#define KP_DEVICE_BACKEND_H

#include "device/device.h"

#define KP_BACKEND_SYMBOL kp_backend_v1
#define KP_BACKEND_NAME   "kp_backend_v1"

/* The object and the core share the structures of device.h and graph.h, so they must come from one
 * build: `layout`, a polynomial of their sizes, tells those apart that do not fit. */
#define KP_BACKEND_LAYOUT                                           \
    ((uint64_t)KP_OP_COUNT + 8191u * sizeof(struct kp_device_ops) + \
     8191ull * 8191u * sizeof(struct kp_node) +                     \
     8191ull * 8191u * 8191u * sizeof(struct kp_value) +            \
     8191ull * 8191u * 8191u * 8191u *                              \
         (sizeof(struct kp_memory) + 128u * sizeof(struct kp_foreign)))

struct kp_backend {
    size_t size; /* sizeof(struct kp_backend) */
    uint64_t layout;
    const struct kp_device_ops *ops;
};

/* Opens the backend's shared object and the device in it. Objects stay open until exit. Its `file`
 * lies where `meson install` puts backends, or in core/device/ of a build folder; a path in the
 * environment variable `variable` is opened in its place, and then `driver` is not looked for.
 * driver: a library that must be there first; `absent` says what it means if it is not. */
struct kp_backend_file {
    const char *kind, *file, *variable, *driver, *absent;
};
KP_NODISCARD enum kp_status kp_backend_open(const struct kp_backend_file *b,
                                            const struct kp_device_config *config,
                                            struct kp_device **out, struct kp_error *e);

#endif
