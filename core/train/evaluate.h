/* evaluate.h - a clean pass over examples: evaluation mode, no augmentation. */
#ifndef KP_TRAIN_EVALUATE_H
#define KP_TRAIN_EVALUATE_H

#include "data/data.h"
#include "tensor/program.h"
#include "train/observers.h"
#include "train/taught.h"

/* Examples of an evaluation batch: `wanted`, or fewer where their logits would take more than 64
 * MiB. */
int64_t kp_eval_batch(int64_t wanted, const struct kp_dataset *data);

struct kp_evaluation {
    struct kp_exec *exec; /* of an EVAL program */
    const struct kp_dataset *data;
    enum kp_split split;
    const int64_t *index; /* [count]; NULL: 0..count-1 */
    int64_t count;
    const float *mean, *sd;                /* [channels] */
    const struct kp_taught *teacher;       /* of the same examples; NULL: none */
    struct kp_teacher *live;               /* in place of it: the teacher is asked for each batch */
    int64_t *labelled;                     /* out: rows that have a label; or NULL */
    bool (*step)(void *arg, int64_t done); /* NULL, or false stops with KP_E_INTERRUPTED */
    void *arg;
};

/* Observers are reset, then see every example once, in order. */
KP_NODISCARD enum kp_status kp_evaluate(const struct kp_evaluation *v, struct kp_observers *o,
                                        struct kp_error *e);

#endif
