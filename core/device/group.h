/* group.h - sums over several devices, each used by a process or a thread of its own. */
#ifndef KP_DEVICE_GROUP_H
#define KP_DEVICE_GROUP_H

#include "device/device.h"

/* Tells one group from another: made by one of the members, carried to the others as bytes. */
struct kp_group_name {
    char bytes[128];
};

struct kp_group_ops {
    enum kp_status (*name)(struct kp_device *d, struct kp_group_name *out, struct kp_error *e);
    enum kp_status (*join)(struct kp_device *d, const struct kp_group_name *name, int rank,
                           int ranks, struct kp_error *e);
    enum kp_status (*all_reduce)(struct kp_device *d, void *values, int64_t count,
                                 struct kp_error *e);
};

/* Each fails with KP_E_UNSUPPORTED on a device that works alone. */
KP_NODISCARD enum kp_status kp_group_name_make(struct kp_device *d, struct kp_group_name *out,
                                               struct kp_error *e);

/* Become member `rank` of `ranks`, 0 <= rank < ranks; returns when all have come. Once for each
 * device; closing it leaves the group. */
KP_NODISCARD enum kp_status kp_group_join(struct kp_device *d, const struct kp_group_name *name,
                                          int rank, int ranks, struct kp_error *e);

/* values[i] = the sum over the group, in fp32 and with the same bits in every member, for i <
 * count; they lie in a block of the device. All members call it in the same order with equal
 * counts. Queued behind what the device was asked before. */
KP_NODISCARD enum kp_status kp_group_all_reduce(struct kp_device *d, void *values, int64_t count,
                                                struct kp_error *e);

#endif
