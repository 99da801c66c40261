/* operation.h - an operation of a plugin by name, its state filled from a line of options. */
#ifndef KP_HOST_OPERATION_H
#define KP_HOST_OPERATION_H

#include "base/arena.h"
#include "host/registry.h"

/* Find operation `name` and fill its state struct, in the arena, from "key = value, key = value";
 * what is not named is as by default. KP_E_CONFIG says what is wrong with which option, and what
 * would be right. `registry` is a struct kp_registry: the find of a struct kp_op_source. */
KP_NODISCARD enum kp_status kp_operation_find(const void *registry, const char *name,
                                              const char *options, struct kp_arena *a,
                                              struct kp_operation *out, struct kp_error *e);

#endif
