/* losses.h - the losses of a run's steps, which stay on the device and are read some steps later:
 * a device that works beside the host is not waited for in each step. */
#ifndef KP_TRAIN_LOSSES_H
#define KP_TRAIN_LOSSES_H

#include "tensor/program.h"
#include "train/checkpoint.h"

/* Steps, or parts of them, until losses are read at the latest. */
#define KP_LOSSES_LATE 32

struct kp_losses {
    struct kp_device *device;
    void *unread; /* [KP_LOSSES_LATE] in a block of the device */
    int64_t count;
    struct {
        double weight; /* of its rows */
        int64_t step, epoch;
    } of[KP_LOSSES_LATE];
};

/* KP_E_NOMEM; what is made is *l's even then. */
KP_NODISCARD enum kp_status kp_losses_init(struct kp_losses *l, struct kp_device *device,
                                           struct kp_error *e);
void kp_losses_finish(struct kp_losses *l);

/* The run of x that was just asked for has this loss, over rows that weigh `weight`, in the step
 * that `at` tells. Room is left by kp_losses_read(): see kp_losses_full(). */
void kp_losses_add(struct kp_losses *l, const struct kp_exec *x, double weight,
                   const struct kp_position *at);

static inline bool kp_losses_full(const struct kp_losses *l)
{
    return l->count == KP_LOSSES_LATE;
}

/* Wait for all that were added since the last call and add them to at->loss_sum and loss_weight, in
 * their order. KP_E_NUMERIC at the first that is no finite number, which names its step. */
KP_NODISCARD enum kp_status kp_losses_read(struct kp_losses *l, struct kp_position *at,
                                           struct kp_error *e);

#endif
