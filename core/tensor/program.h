/* program.h - a model and an objective, recorded, differentiated and lowered to a device. */
#ifndef KP_TENSOR_PROGRAM_H
#define KP_TENSOR_PROGRAM_H

#include "device/device.h"
#include "device/precision.h"
#include "kappa/objective.h"
#include "tensor/flops.h"
#include "tensor/net.h"

enum kp_optimizer_kind {
    KP_OPTIMIZER_SGD = 0,
    KP_OPTIMIZER_ADAM = 1,
    KP_OPTIMIZER_ADAMW = 2,
};

/* The formulas stand at KP_OP_SGD, KP_OP_ADAM and KP_OP_CLIP. */
struct kp_optimizer {
    enum kp_optimizer_kind kind;
    double weight_decay;
    double momentum; /* SGD */
    bool nesterov;
    double beta1, beta2, eps; /* ADAM, ADAMW */
    double clip_norm;         /* largest norm of all gradients together; 0: no limit */
};

struct kp_program_spec {
    const struct kp_net *net;
    enum kp_mode mode;
    int64_t capacity; /* examples */
    enum kp_precision precision;
    bool taps;           /* inner tensors that the model names are outputs */
    bool without_logits; /* EVAL: where the model names features they are the output, and what only
                            the logits need is not computed */
    bool cotangent; /* EVAL_GRAD: gradients of sum(cotangent x logits) with respect to parameters */
    /* TRAIN only: */
    const struct kp_objective_def *objective;
    const void *objective_self; /* outlives the program: row functions read it */
    struct kp_optimizer optimizer;
    bool accumulate; /* a batch may come in parts, see kp_exec_run_part() */
    /* Prefixes of names with spaces between, or NULL: these parameters are neither trained nor
     * decayed, and their batch norms use and keep the running statistics. */
    const char *freeze;
    /* Where examples have several rows (tokens), the loss is a row function and the logits are a
     * linear layer's that nothing else reads: the layer and the loss are made for some rows at a
     * time, and `logits` is NULL, for they never exist as a whole. */
    bool chunk_head;
    /* Then the teacher's logits too, if this EVAL program of the teacher, without logits, knows its
     * head: features and head are inputs in place of teacher_logits. NULL: not so. */
    const struct kp_program *teacher;
};

/* Immutable once created; shared by threads. */
struct kp_program {
    struct kp_graph graph;
    struct kp_code *code;
    struct kp_device *device;
    const struct kp_net *net;
    int64_t capacity, classes;
    /* inputs */
    struct kp_value *x;
    struct kp_value *labels, *weights; /* TRAIN */
    struct kp_value *teacher_logits;   /* TRAIN, if the objective needs them */
    /* in their place, see spec.teacher; the head by kp_exec_take_head(). bias may be NULL */
    struct kp_value *teacher_features, *teacher_weight, *teacher_bias;
    struct kp_value *seed;      /* TRAIN, the scalar 1 */
    struct kp_value *cotangent; /* as the logits; NULL unless asked for */
    /* outputs */
    struct kp_value *logits;   /* NULL if done without */
    struct kp_value *features; /* NULL if the model names none */
    /* spec.without_logits: the parameters of the linear layer on the features that gives logits, if
     * there is one; bias may be NULL */
    struct kp_value *head_weight, *head_bias;
    struct kp_value *loss;            /* TRAIN */
    struct kp_tap taps[KP_TAP_LIMIT]; /* only if asked for */
    int tap_count;
    bool trains;        /* has gradients and an optimizer */
    bool accumulates;   /* and sums of them over the parts of a batch */
    const bool *counts; /* [net->counter_count] TRAIN: the counters of what is not frozen */
    int slots;          /* of the optimizer, each as large as the parameters */
    struct kp_flops flops;
};

KP_NODISCARD enum kp_status kp_program_create(struct kp_device *device,
                                              const struct kp_program_spec *spec,
                                              struct kp_program **out, struct kp_error *e);
void kp_program_destroy(struct kp_program *p);

/* The same for a net, without a device. freeze: as in struct kp_program_spec. */
KP_NODISCARD enum kp_status kp_net_flops(const struct kp_net *net, const char *freeze,
                                         struct kp_flops *out, struct kp_error *e);

/* A net's numbers on a device: shared by all programs of that net. */
struct kp_state {
    struct kp_device *device;
    const struct kp_net *net;
    void *params, *buffers, *grads; /* grads: NULL unless trained */
    void *slots;                    /* made, zeroed, by the first exec that needs them */
    int slot_count;
    int64_t *counters;     /* [net->counter_count] training steps that each has counted */
    int64_t updates;       /* steps that the optimizer has done, in which its slots grew */
    uint64_t dropout_seed; /* drawn by kp_state_init() */
};

KP_NODISCARD enum kp_status kp_state_create(struct kp_device *device, const struct kp_net *net,
                                            bool trained, struct kp_state **out,
                                            struct kp_error *e);
void kp_state_destroy(struct kp_state *s);

/* Fill parameters by their initialisers and buffers by their values; counters at 0. Parameter
 * number i draws at example i of the key. */
KP_NODISCARD enum kp_status kp_state_init(struct kp_state *s, uint64_t seed, int role,
                                          struct kp_error *e);

/* A program in use: the state's memory and an arena of its own. Several may share a state, one at a
 * time. */
struct kp_exec {
    const struct kp_program *program;
    struct kp_state *state;
    struct kp_memory memory;
};

KP_NODISCARD enum kp_status kp_exec_create(const struct kp_program *p, struct kp_state *s,
                                           struct kp_exec **out, struct kp_error *e);
void kp_exec_destroy(struct kp_exec *x);

/* Convenience over the device table. */
void kp_exec_load(struct kp_exec *x, const struct kp_load *load);
void kp_exec_write(struct kp_exec *x, const struct kp_value *v, const void *host, int64_t rows);
void kp_exec_read(const struct kp_exec *x, const struct kp_value *v, void *host, int64_t rows);
/* Fill the inputs teacher_weight and teacher_bias from a teacher in use, whose program is the one
 * of spec.teacher. Once: they stay. */
KP_NODISCARD enum kp_status kp_exec_take_head(struct kp_exec *x, const struct kp_exec *teacher,
                                              struct kp_error *e);
KP_NODISCARD enum kp_status kp_exec_run(struct kp_exec *x, int64_t rows, struct kp_error *e);

/* One part of a training batch, of a program that accumulates. */
struct kp_batch_part {
    int64_t number; /* from 0 */
    bool more;      /* others follow: the parameters stay as they are */
    double share;   /* of the batch: the sum of the part's weights over that of all */
};

/* Run it: gradients are those of share x loss, added up over the parts; the last one makes the
 * step. The loss that is read afterwards is the part's own. */
KP_NODISCARD enum kp_status kp_exec_run_part(struct kp_exec *x, int64_t rows,
                                             const struct kp_batch_part *part, struct kp_error *e);

#endif
