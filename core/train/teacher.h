/* teacher.h - a trained net whose logits others learn from. */
#ifndef KP_TRAIN_TEACHER_H
#define KP_TRAIN_TEACHER_H

#include "base/hash.h"
#include "train/recipe.h"

/* In EVAL mode, with the normalisation it was trained with. */
struct kp_teacher {
    char uid[32];              /* "" for a weights file */
    char sha256[KP_HASH_SIZE]; /* of its weights */
    struct kp_device *device;
    enum kp_precision precision; /* that of the runs it teaches */
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *program;
    struct kp_exec *exec;
    /* The same up to the features, for students that compute its head themselves (spec.teacher);
     * NULL where there is no text or the head is no linear layer */
    struct kp_program *headless;
    struct kp_exec *headless_exec;
    float *mean, *sd;       /* [channels] */
    int64_t example_logits; /* numbers of an example's rows */
    float
        *table[KP_SPLITS][2]; /* by taught.c: [examples of the split][classes], by flip; or NULL */
};

/* Build the model for the dataset and fill it from the weights file. `batch`: examples of one pass.
 */
KP_NODISCARD enum kp_status kp_teacher_open(const struct kp_model_use *model, int64_t batch,
                                            enum kp_precision precision, const char *weights,
                                            const char *uid, const struct kp_dataset *data,
                                            struct kp_device *device, struct kp_teacher **out,
                                            struct kp_error *e);
void kp_teacher_close(struct kp_teacher *t);

/* Logits of a batch of any size: out [rows of its examples][classes]. load->mean and sd are
 * replaced by the teacher's. */
KP_NODISCARD enum kp_status kp_teacher_logits(struct kp_teacher *t, const struct kp_load *load,
                                              float *out, struct kp_error *e);

/* The same of `headless`: its features, out [rows of its examples][width]. */
KP_NODISCARD enum kp_status kp_teacher_features(struct kp_teacher *t, const struct kp_load *load,
                                                float *out, struct kp_error *e);

#endif
