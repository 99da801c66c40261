/* analyse.h - one analysis of finished runs, from their weights to its results. */
#ifndef KP_ANALYSE_ANALYSE_H
#define KP_ANALYSE_ANALYSE_H

#include "data/subset.h"
#include "kappa/metric.h"
#include "train/trainer.h"

/* A net to look at. Nothing here is owned. */
struct kp_analyse_net {
    struct kp_model_use model;
    int64_t batch;       /* examples of one pass */
    const char *weights; /* file; NULL: initial weights, from seed_init and init_role, then init */
    uint64_t seed_init;
    enum kp_rng_role init_role;
    const char *init, *init_skip; /* see struct kp_train_job and struct kp_recipe */
    const char *uid;              /* of its run; "" for a weights file */
    double kappa;
    int64_t seed, subset_seed;
    int64_t pool; /* examples that its training examples were drawn from */
    const struct kp_subset *subset;
    const char *freeze;   /* see struct kp_program_spec */
    int64_t samples;      /* examples seen in training, repeats counted */
    double teacher_flops; /* forward FLOPs of its teacher for an example; 0: it asks none */
};

struct kp_analyse_job {
    const struct kp_metric_def *def;
    const void *self;

    const struct kp_analyse_net *nets; /* subjects first */
    int64_t net_count, subject_count;
    const struct kp_net_pair *pairs;
    int64_t pair_count;
    bool partners; /* pairs are subjects with their partners: their values are the subjects' results
                    */

    const struct kp_dataset *data;
    bool train;         /* `split` is what the first subject trained on */
    const char *suffix; /* of result names: "", "_init", "_unbiased" */

    struct kp_device *device;
    const char *device_kind; /* for devices of one thread that work beside each other */
    int64_t device_slice, device_index;
    int threads;

    struct kp_store *store;
    const char *uid, *folder; /* of the analysis's run */
    struct kp_watcher watcher;
};

/* Run the plugin, store what it found and end the analysis's run as done. On failure the run's row
 * is left to the caller (kp_store_end_run). */
KP_NODISCARD enum kp_status kp_analyse(const struct kp_analyse_job *job, struct kp_error *e);

#endif
