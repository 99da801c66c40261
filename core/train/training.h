/* training.h - a cohort in training and each of its runs, shared by the files that train. */
#ifndef KP_TRAIN_TRAINING_H
#define KP_TRAIN_TRAINING_H

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/kept.h"
#include "train/losses.h"
#include "train/trainer.h"

struct kp_cohort;

/* One run. */
struct kp_training {
    struct kp_cohort *cohort;
    const struct kp_train_run *run;
    const struct kp_recipe *recipe; /* of the run */
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *train, *eval;
    struct kp_exec *train_exec, *eval_exec;
    struct kp_observers running; /* over the last epoch, while training */
    struct kp_observers clean;   /* evaluation passes */
    float *logits;               /* [batch][classes]; NULL where the program has none */
    struct kp_position at;
    struct kp_losses losses; /* of steps that `at` does not have yet */
    double loss;             /* mean since the last point, or up to it; NaN: none was read */
    double sample_flops;     /* training on one example, teacher included */
    bool done;               /* so says its row */
    enum kp_status status;
    struct kp_error error; /* of status */
};

struct kp_cohort {
    const struct kp_train_job *job;
    const struct kp_recipe *recipe; /* of the first run, for what all agree in */
    struct kp_training *trainings;  /* [job->count] */
    /* Those that go on, the cheapest step first: all at one position. */
    struct kp_training **going;
    int64_t going_count;
    struct kp_kept kept; /* the images on the device; then the loader gives none */
    struct kp_loader *loader;
    struct kp_taught taught; /* the teacher's logits of the training examples */
    bool live;               /* the teacher runs on each batch */
    float *mean, *sd;
    float *teacher_logits;   /* [batch][classes] */
    float *teacher_features; /* [batch][width]; NULL if no run asks for them */
    /* the clock */
    double last_checkpoint, last_rate;
    int64_t rate_samples;
    double rate;
};

/* Build everything of the cohort; a run that cannot be built is told to the job's end() and left
 * out. On failure call kp_cohort_finish() all the same. */
KP_NODISCARD enum kp_status kp_cohort_prepare(struct kp_cohort *c, const struct kp_train_job *job,
                                              struct kp_error *e);
void kp_cohort_finish(struct kp_cohort *c);

/* Whether the run's objective reads a teacher. */
static inline bool kp_training_is_taught(const struct kp_training *t)
{
    return t->train->teacher_logits || t->train->teacher_features;
}

/* The cohort asking its teacher; there is a run that goes on. */
struct kp_teaching kp_cohort_teaching(const struct kp_cohort *c);

/* Where the cohort stands; there is a run that goes on. */
static inline const struct kp_position *kp_cohort_at(const struct kp_cohort *c)
{
    return &c->going[0]->at;
}

/* Tell the job's end() of those that are done or failed, and drop them. A failure that concerns all
 * runs (of the database, a wish to stop) is returned instead. */
KP_NODISCARD enum kp_status kp_cohort_settle(struct kp_cohort *c, struct kp_error *e);

/* Every run that goes on does one step on the batch; the last epoch is observed. A run that is
 * found to have a loss that is no number is settled. No allocation. */
KP_NODISCARD enum kp_status kp_cohort_step(struct kp_cohort *c, const struct kp_batch *b,
                                           bool observe, struct kp_error *e);

/* Wait for the steps that were asked for and take in their losses; what is found is t->status. */
void kp_training_catch_up(struct kp_training *t);

/* Tell the watcher; false if it wants to stop. */
bool kp_cohort_tell(struct kp_cohort *c, enum kp_phase phase, int64_t done, int64_t total,
                    double loss);

/* When a run is evaluated, and where its values go. */
enum kp_occasion {
    KP_AT_EPOCH = 0, /* points */
    KP_AT_KAPPA = 1, /* results of that kappa */
    KP_AT_END = 2,   /* results of the run's kappa, which end it */
};

/* Clean passes over the splits of the run. */
KP_NODISCARD enum kp_status kp_training_evaluate(struct kp_training *t, enum kp_occasion when,
                                                 double kappa, struct kp_error *e);

/* The weights as "<role>.safetensors" in the run's folder, an artifact of this role. */
KP_NODISCARD enum kp_status kp_training_keep(struct kp_training *t, const char *role,
                                             struct kp_error *e);

#endif
