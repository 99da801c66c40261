/* checkpoint.h - everything that a training needs to go on as if it had never stopped. */
#ifndef KP_TRAIN_CHECKPOINT_H
#define KP_TRAIN_CHECKPOINT_H

#include "train/observers.h"
#include "train/weights.h"

/* Where a training stands, besides the numbers of its net and optimizer. */
struct kp_position {
    int64_t epoch, batch; /* the next batch to train on */
    int64_t step, samples;
    double loss_sum;    /* of this epoch so far: sum of loss x examples */
    double loss_weight; /* examples */
};

/* One safetensors file: the weights, "optimizer.<slot>.<parameter>", "kappa.position", "kappa.loss"
 * and the observers' sums "kappa.sums.<metric>". Replaces `path` safely. */
KP_NODISCARD enum kp_status kp_checkpoint_save(const char *path, const struct kp_state *state,
                                               bool slots, const struct kp_position *at,
                                               const struct kp_observers *running,
                                               char sha256[KP_HASH_SIZE], int64_t *bytes,
                                               struct kp_error *e);
KP_NODISCARD enum kp_status kp_checkpoint_load(const char *path, struct kp_state *state, bool slots,
                                               struct kp_position *at, struct kp_observers *running,
                                               struct kp_error *e);

#endif
