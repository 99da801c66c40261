/* kept.h - the training examples on the device, uploaded once. */
#ifndef KP_TRAIN_KEPT_H
#define KP_TRAIN_KEPT_H

#include "data/data.h"
#include "device/device.h"

struct kp_kept {
    struct kp_device *device;
    void *pool; /* [count][C][H][W] in a block of the device; NULL: batches come from the host */
    size_t bytes;
};

/* The images that the `count` entries of index name, in that order. Nothing is kept where the
 * device reads the host's memory, where they take more than half of what the device has left, and
 * where they are decoded or made each time they are wanted. */
KP_NODISCARD enum kp_status kp_kept_make(struct kp_device *device, const struct kp_dataset *data,
                                         const int64_t *index, int64_t count, struct kp_kept *out,
                                         struct kp_error *e);
void kp_kept_finish(struct kp_kept *k);

#endif
