/* schedule.h - the learning rate over a training. */
#ifndef KP_TRAIN_SCHEDULE_H
#define KP_TRAIN_SCHEDULE_H

#include "kappa/option.h"

enum kp_schedule_kind {
    KP_SCHEDULE_CONSTANT = 0,
    KP_SCHEDULE_COSINE_EPOCH = 1, /* per epoch, with warm-up */
    KP_SCHEDULE_COSINE = 2,       /* per step, with warm-up */
    KP_SCHEDULE_MULTISTEP = 3,    /* falls at milestones, with warm-up per step */
    KP_SCHEDULE_LANGUINI = 4,     /* per step, whatever the length of the training */
};

struct kp_schedule {
    enum kp_schedule_kind kind;
    double lr;       /* peak */
    double lr_final; /* floor of the cosines */
    int64_t epochs;
    int64_t warmup_epochs;             /* COSINE_EPOCH, COSINE, MULTISTEP */
    double warmup_factor;              /* COSINE_EPOCH: of epoch 0 */
    struct kp_ints milestones;         /* MULTISTEP: completed epochs, rising */
    double lr_factor;                  /* MULTISTEP: of each milestone */
    int64_t warmup_steps, decay_steps; /* LANGUINI */
};

/* Where a step stands. All counts begin at 0. */
struct kp_moment {
    int64_t step; /* of the whole training */
    int64_t epoch;
    int64_t epoch_steps; /* steps of one epoch */
};

/* Learning rate of a step. With C(x) = f + (lr - f) / 2 (1 + cos(pi x)), f = lr_final, E epochs, W
 * warm-up epochs, n steps in an epoch, e and i the epoch and the step:
 *   CONSTANT      lr
 *   COSINE_EPOCH  e < W:    lr (g + (1 - g) e / W), g = warmup_factor
 *                 else:     C((e - W) / (E - W))
 *                 (torch's LinearLR then CosineAnnealingLR, stepped once an epoch)
 *   COSINE        i < W n:  lr i / (W n)
 *                 else:     C((i - W n) / ((E - W) n))
 *   MULTISTEP     lr lr_factor^(milestones <= e), times i / (W n) where i < W n
 *   LANGUINI      min(t, w) / w C(min(t, T) / T), t = i + 1, w = warmup_steps, T = decay_steps */
double kp_schedule_lr(const struct kp_schedule *s, struct kp_moment at);

#endif
