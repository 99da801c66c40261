/* checkpoint.h - everything that a training needs to go on as if it had never stopped. */
#ifndef KP_TRAIN_CHECKPOINT_H
#define KP_TRAIN_CHECKPOINT_H

#include "store/checkpoints.h"
#include "train/observers.h"
#include "train/weights.h"

/* Where a training stands, besides the numbers of its net and optimizer. */
struct kp_position {
    int64_t epoch, batch; /* the next batch to train on; behind the last one of an epoch: its
                           * evaluation comes first */
    int64_t step, samples;
    double loss_sum;    /* since the last point of the loss: sum of loss x rows */
    double loss_weight; /* rows, by their weights */
};

/* The file "checkpoint-<step>.safetensors": the weights, "optimizer.<slot>.<parameter>",
 * "kappa.position", "kappa.loss" and the observers' sums "kappa.sums.<metric>". */
KP_NODISCARD enum kp_status kp_checkpoint_load(const char *path, struct kp_state *state, bool slots,
                                               struct kp_position *at, struct kp_observers *running,
                                               struct kp_error *e);

/* The run whose checkpoints these are. */
struct kp_checkpoint_place {
    struct kp_store *store;
    const char *uid;
    const char *folder; /* kp_store_run_folder() */
};

/* Save one of a run that this process holds, and record it. Only when both are on disk does the
 * last but one go, so that a run has two to continue from once it has saved two. */
KP_NODISCARD enum kp_status kp_checkpoint_save(const struct kp_checkpoint_place *p,
                                               const struct kp_state *state, bool slots,
                                               const struct kp_position *at,
                                               const struct kp_observers *running,
                                               struct kp_error *e);

/* Those that can be continued from, newest first: recorded, there, and with the recorded hash. One
 * that is missing, torn or changed is left out and an event tells so. kp_checkpoint_rows_finish()
 * them. */
KP_NODISCARD enum kp_status kp_checkpoint_find(struct kp_store *store, const char *uid,
                                               struct kp_checkpoint_row out[KP_CHECKPOINTS],
                                               int *count, struct kp_error *e);

/* Remove what a process that died may have left in the folder: half-written files, and checkpoints
 * that are not recorded. Call it before the run goes on. */
KP_NODISCARD enum kp_status kp_checkpoint_tidy(const struct kp_checkpoint_place *p,
                                               struct kp_error *e);

/* Remove the checkpoints of a run that is done, which need not be held. They stay recorded until
 * their files are gone: a run that is done and has one recorded (kp_run_info) wants this again. */
KP_NODISCARD enum kp_status kp_checkpoint_drop(const struct kp_checkpoint_place *p,
                                               struct kp_error *e);

#endif
