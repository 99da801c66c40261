/* stand.h - a model and an objective on a device, with made-up data. */
#ifndef KP_CONFORM_STAND_H
#define KP_CONFORM_STAND_H

#include "base/hash.h"
#include "tensor/program.h"

/* Numbers for a batch. Those of an example depend on the seed and the example alone. */
struct kp_feed {
    void *x;         /* [batch][input...] float, or int32 tokens below `classes` */
    int32_t *labels; /* [batch][labels...] -1 where the weight is 0 */
    float *weights;  /* [batch][labels...] that of the first row is not 0 */
    float *teacher;  /* [batch][labels...][classes] */
    int64_t rows;    /* batch times labels of an example */
};

KP_NODISCARD enum kp_status kp_feed_init(struct kp_feed *f, const struct kp_model_io *io,
                                         int64_t batch, uint64_t seed, struct kp_error *e);
void kp_feed_finish(struct kp_feed *f);

/* A model of the checker's own: a linear layer over features, which are the input.
 *   x (N, [T,] D)  ->  (N, [T,] K) */
extern const struct kp_model_def kp_stand_model;

struct kp_stand_model_self {
    struct kp_tensor *weight;
};

/* An objective of the checker's own: the cross-entropy with the labels. */
extern const struct kp_objective_def kp_stand_objective;

struct kp_stand_spec {
    const char *device;
    const struct kp_model_def *model;
    void *model_self;
    const struct kp_model_io *io;
    const struct kp_op_source *ops;           /* NULL: the model asks for none */
    const struct kp_objective_def *objective; /* NULL: the stand does not train */
    const void *objective_self;
    int64_t capacity;
    bool evaluates;
    int poison; /* what the programs' memory is filled with, as a float */
    uint64_t seed;
};

struct kp_stand {
    struct kp_device *device;
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *train, *eval; /* NULL unless asked for */
    struct kp_exec *training, *evaluation;
    const struct kp_objective_def *objective;
    const void *objective_self;
};

KP_NODISCARD enum kp_status kp_stand_open(const struct kp_stand_spec *s, struct kp_stand *out,
                                          struct kp_error *e);
void kp_stand_close(struct kp_stand *s);

/* Give the program its inputs and run it with the first `batch` examples of the feed. */
KP_NODISCARD enum kp_status kp_stand_train(struct kp_stand *s, const struct kp_feed *f,
                                           int64_t batch, double lr, double *loss,
                                           struct kp_error *e);
KP_NODISCARD enum kp_status kp_stand_evaluate(struct kp_stand *s, const struct kp_feed *f,
                                              int64_t batch, struct kp_error *e);

/* Record it once more, as for another batch; then two steps of training, and an evaluation if the
 * stand has one. Adds losses, parameters, buffers and logits to the hash. */
KP_NODISCARD enum kp_status kp_stand_run(struct kp_stand *s, const struct kp_feed *f, int64_t batch,
                                         struct kp_hasher *h, struct kp_error *e);

/* Floats of a value for `batch` examples. */
int64_t kp_stand_count(const struct kp_program *p, const struct kp_value *v, int64_t batch);

#endif
