/* teacher.h - a trained net whose logits others learn from. */
#ifndef KP_TRAIN_TEACHER_H
#define KP_TRAIN_TEACHER_H

#include "train/recipe.h"

/* Logits for every (example, flip) of a list of examples, computed once in list order. */
struct kp_teacher_table {
    int64_t count, classes;
    int draws;     /* 1: unflipped only; 2: unflipped, flipped */
    float *logits; /* [count][draws][classes] */
};

/* In EVAL mode, with the normalisation it was trained with. */
struct kp_teacher {
    char uid[32]; /* "" for a weights file */
    struct kp_device *device;
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *program;
    struct kp_exec *exec;
    float *mean, *sd;             /* [channels] */
    struct kp_teacher_table test; /* of the test split, once it was asked for */
};

/* Build the model for the dataset and fill it from the weights file. `batch`: examples of one pass.
 */
KP_NODISCARD enum kp_status kp_teacher_open(const struct kp_model_use *model, int64_t batch,
                                            const char *weights, const char *uid,
                                            const struct kp_dataset *data, struct kp_device *device,
                                            struct kp_teacher **out, struct kp_error *e);
void kp_teacher_close(struct kp_teacher *t);

/* Logits of a batch of any size: out [load->rows][classes]. load->mean and sd are replaced by the
 * teacher's. */
KP_NODISCARD enum kp_status kp_teacher_logits(struct kp_teacher *t, const struct kp_load *load,
                                              float *out, struct kp_error *e);

/* `step`, if not NULL, is called after each batch with the number of examples done; false stops
 * with KP_E_INTERRUPTED. */
KP_NODISCARD enum kp_status kp_teacher_tabulate(struct kp_teacher *t, const struct kp_dataset *data,
                                                enum kp_split split, const int64_t *index,
                                                int64_t count, int draws,
                                                bool (*step)(void *arg, int64_t done), void *arg,
                                                struct kp_teacher_table *out, struct kp_error *e);
/* Of the test split, computed on first use and kept. */
KP_NODISCARD enum kp_status kp_teacher_test_table(struct kp_teacher *t,
                                                  const struct kp_dataset *data,
                                                  const struct kp_teacher_table **out,
                                                  struct kp_error *e);
void kp_teacher_table_finish(struct kp_teacher_table *t);

#endif
