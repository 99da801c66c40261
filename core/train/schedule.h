/* schedule.h - the learning rate over the epochs. */
#ifndef KP_TRAIN_SCHEDULE_H
#define KP_TRAIN_SCHEDULE_H

#include <stdint.h>

enum kp_schedule_kind {
    KP_SCHEDULE_CONSTANT = 0,
    KP_SCHEDULE_COSINE_EPOCH = 1, /* per epoch, with warm-up */
};

struct kp_schedule {
    enum kp_schedule_kind kind;
    double lr; /* peak */
    int64_t epochs;
    int64_t warmup_epochs;
    double warmup_factor; /* of epoch 0 */
};

/* Learning rate of an epoch, constant within it.
 *   CONSTANT      lr
 *   COSINE_EPOCH  e < W:  lr (f + (1 - f) e / W)
 *                 else:   lr / 2 (1 + cos(pi (e - W) / (E - W)))
 * with W warm-up epochs, f the factor of epoch 0, E epochs: torch's LinearLR then
 * CosineAnnealingLR, stepped once an epoch. */
double kp_schedule_lr(const struct kp_schedule *s, int64_t epoch);

#endif
