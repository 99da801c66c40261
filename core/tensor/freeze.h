/* freeze.h - prefixes of names: the parameters that a training leaves alone. */
#ifndef KP_TENSOR_FREEZE_H
#define KP_TENSOR_FREEZE_H

#include "tensor/net.h"

/* Does the name begin with one of the prefixes? They have spaces between; NULL: none. */
bool kp_has_prefix_of(const char *prefixes, const char *name);

/* Where the frozen parameters lie, neighbours together, in rising order; in the arena. False if out
 * of memory. */
bool kp_frozen_extents(const struct kp_net *net, const char *freeze, struct kp_arena *memory,
                       const struct kp_extent **out, int64_t *count);

/* KP_E_CONFIG if a prefix of setting `key` fits no parameter; says which names there are. */
KP_NODISCARD enum kp_status kp_prefixes_check(const struct kp_net *net, const char *prefixes,
                                              const char *key, struct kp_error *e);

/* The same of train.freeze, and KP_E_CONFIG if nothing is left to train. */
KP_NODISCARD enum kp_status kp_freeze_check(const struct kp_net *net, const char *freeze,
                                            struct kp_error *e);

#endif
