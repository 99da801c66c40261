/* training.h - the parts of one training run, shared by the files that make it. */
#ifndef KP_TRAIN_TRAINING_H
#define KP_TRAIN_TRAINING_H

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/trainer.h"

struct kp_training {
    const struct kp_train_job *job;
    const struct kp_recipe *recipe; /* of the job */
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *train, *eval;
    struct kp_exec *train_exec, *eval_exec;
    struct kp_loader *loader;
    struct kp_observers running;   /* over the last epoch, while training */
    struct kp_observers clean;     /* evaluation passes */
    struct kp_teacher_table table; /* of the training examples; logits NULL: none */
    bool live;                     /* the teacher runs on each batch */
    float *mean, *sd;
    float *logits;         /* [batch][classes] */
    float *teacher_logits; /* [batch][classes] */
    struct kp_position at;
    double sample_flops; /* training on one example, teacher included */
    /* the clock */
    double last_checkpoint, last_rate;
    int64_t rate_samples;
    double rate;
};

/* Build programs, state, loader and tables; on failure call kp_training_finish() all the same. */
KP_NODISCARD enum kp_status kp_training_prepare(struct kp_training *t,
                                                const struct kp_train_job *job, struct kp_error *e);
void kp_training_finish(struct kp_training *t);

int64_t kp_training_steps(const struct kp_training *t);

/* Tell the watcher; false if it wants to stop. */
bool kp_training_tell(struct kp_training *t, enum kp_phase phase, int64_t done, int64_t total,
                      double loss);

/* Clean passes over the splits of the run. Values go to the points, or after the last epoch to the
 * results, which end the run. */
KP_NODISCARD enum kp_status kp_training_evaluate(struct kp_training *t, bool last,
                                                 struct kp_error *e);

#endif
