/* trainer.h - training: from recipes to results. */
#ifndef KP_TRAIN_TRAINER_H
#define KP_TRAIN_TRAINER_H

#include "data/subset.h"
#include "store/store.h"
#include "train/teacher.h"
#include "train/watcher.h"

/* One run to be trained: what it does not share. */
struct kp_train_run {
    struct kp_recipe recipe;
    const char *uid;
    const char *folder;     /* of the run's artifacts */
    const char *init;       /* weights to begin with (safetensors); NULL: initialisers alone */
    const char *checkpoint; /* path of the one to continue from; NULL: begin */
};

/* A cohort: runs that are trained in lockstep, each batch made once for all of them; a run by
 * itself is a cohort of one. Every run ends with the bits that it has when trained alone.
 *
 * The recipes agree in all that makes a batch (role, order, augmentation, batch, epochs, the seeds
 * of order and augmentation), in the mean and sd of the channels, in the teacher's mode and in the
 * seconds between checkpoints. The checkpoints, if any, are all of one step. */
struct kp_train_job {
    const struct kp_train_run *runs;
    int64_t count;
    const struct kp_dataset *data;
    const struct kp_subset *subset;
    struct kp_device *device;
    struct kp_teacher *teacher; /* of all; NULL: none */
    struct kp_store *store;
    struct kp_watcher watcher;
    /* Run number `run` is done, or failed for the reason in *why; the others go on. */
    void (*end)(void *arg, int64_t run, enum kp_status st, const struct kp_error *why);
    void *arg;
};

/* Train, evaluate, store checkpoints (all at one step), points, weights ("model.safetensors") and
 * results of each run, and end it in the store as done. The row of a run that failed is left to the
 * caller (kp_store_end_run): KP_E_NUMERIC says that its loss became NaN or infinite, and in which
 * step.
 *
 * Another result than KP_OK stops all runs whose end was not told, and their rows are left to the
 * caller; on KP_E_INTERRUPTED checkpoints of them were saved. */
KP_NODISCARD enum kp_status kp_train(const struct kp_train_job *job, struct kp_error *e);

/* Bytes of memory that a run takes while it is trained on a subset of `examples`, beside what the
 * cohort shares. */
KP_NODISCARD enum kp_status kp_train_memory(const struct kp_recipe *r,
                                            const struct kp_dataset *data, int64_t examples,
                                            struct kp_device *device, size_t *bytes,
                                            struct kp_error *e);

#endif
