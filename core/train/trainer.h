/* trainer.h - one training run from its recipe to its results. */
#ifndef KP_TRAIN_TRAINER_H
#define KP_TRAIN_TRAINER_H

#include "data/subset.h"
#include "store/store.h"
#include "train/teacher.h"

enum kp_phase {
    KP_PHASE_TEACHER_TABLE = 0,
    KP_PHASE_TRAIN = 1,
    KP_PHASE_EVALUATE = 2,
    KP_PHASE_DATA = 3, /* images are decoded into their cache */
    KP_PHASE_ANALYSE = 4,
};

/* What a person watching wants to know. */
struct kp_progress {
    enum kp_phase phase;
    int64_t epoch, epochs; /* epoch counts from 0 */
    int64_t step, steps;   /* of the whole run; of the phase where it is not TRAIN */
    int64_t samples;
    double samples_per_second; /* over the last seconds; 0: not known yet */
    double seconds_left;       /* of the phase; negative: not known yet */
    double loss;               /* mean of the epoch so far; NaN: none */
};

/* Who watches a run and may stop it. Called on the training thread, often: it must return at once.
 */
struct kp_watcher {
    void *arg;
    void (*progress)(void *arg, const struct kp_progress *p);
    bool (*stop)(void *arg); /* true: finish the step, save, return KP_E_INTERRUPTED */
};

struct kp_train_job {
    struct kp_recipe recipe;
    const struct kp_dataset *data;
    const struct kp_subset *subset;
    struct kp_device *device;
    struct kp_teacher *teacher; /* NULL: none */
    struct kp_store *store;
    const char *uid;
    const char *folder;     /* of the run's artifacts */
    const char *checkpoint; /* path of the one to continue from; NULL: begin */
    struct kp_watcher watcher;
};

/* Train, evaluate, store checkpoints, points, weights ("model.safetensors") and results, and end
 * the run in the store as done. On failure the run's row is left to the caller (kp_store_end_run),
 * except that on KP_E_INTERRUPTED a checkpoint was saved. KP_E_NUMERIC: the loss became NaN or
 * infinite; the text names the step. */
KP_NODISCARD enum kp_status kp_train(const struct kp_train_job *job, struct kp_error *e);

#endif
