/* recipe.h - what is trained and how: all of a configuration that the trainer needs. */
#ifndef KP_TRAIN_RECIPE_H
#define KP_TRAIN_RECIPE_H

#include "data/loader.h"
#include "kappa/objective.h"
#include "tensor/program.h"
#include "train/model.h"
#include "train/observers.h"
#include "train/schedule.h"

enum kp_teacher_mode {
    KP_TEACHER_AUTO = 0,  /* table where an example has at most two draws, else live */
    KP_TEACHER_TABLE = 1, /* logits of (example, flip) computed once */
    KP_TEACHER_LIVE = 2,  /* the teacher runs on each batch */
};

/* Nothing here is owned. */
struct kp_recipe {
    struct kp_model_use model;
    const struct kp_objective_def *objective;
    const void *objective_self;
    const struct kp_metric_use *metrics;
    int64_t metric_count;

    enum kp_rng_role role;
    enum kp_order order;
    bool flip;
    int64_t crop_pad;
    double rotate;
    bool random_resized_crop;
    double kappa; /* for the results */

    int64_t epochs, batch, eval_batch;
    int64_t micro_batch;         /* examples that go through the net at a time; 0: the batch */
    enum kp_precision precision; /* of the training, the evaluations and the teacher */
    int64_t eval_every;          /* epochs; 0: only after the last */
    struct kp_reals eval_kappas; /* rising */
    bool keep_kappas;            /* the weights at each of them, too */
    int64_t log_every;           /* steps; 0: each epoch */
    int64_t n_teacher;           /* examples that kappa = 1 stands for */
    struct kp_schedule schedule;
    struct kp_optimizer optimizer;
    const char *freeze; /* see struct kp_program_spec */
    enum kp_teacher_mode teacher_mode;
    double checkpoint_seconds;

    uint64_t seed_init, seed_order, seed_augment;
    enum kp_rng_role init_role; /* the teacher's where the weights begin as the teacher's did */
    const char *init_skip;      /* what begins at random all the same: see kp_weights_read() */
};

/* The step, counted from 1, with which a run has seen the examples of a kappa: kappa n_teacher /
 * batch, to the nearest. */
int64_t kp_recipe_step(const struct kp_recipe *r, double kappa);

#endif
