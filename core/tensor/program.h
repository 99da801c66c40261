/* program.h - a model and an objective, recorded, differentiated and lowered to a device. */
#ifndef KP_TENSOR_PROGRAM_H
#define KP_TENSOR_PROGRAM_H

#include "device/device.h"
#include "kappa/objective.h"
#include "tensor/net.h"

struct kp_sgd {
    double momentum;
    double weight_decay;
    bool nesterov;
};

struct kp_program_spec {
    const struct kp_net *net;
    enum kp_mode mode;
    int64_t capacity; /* examples */
    /* TRAIN only: */
    const struct kp_objective_def *objective;
    const void *objective_self;
    struct kp_sgd sgd;
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
    struct kp_value *seed;             /* TRAIN, the scalar 1 */
    /* outputs */
    struct kp_value *logits;
    struct kp_value *features; /* NULL if the model names none */
    struct kp_value *loss;     /* TRAIN */
    bool trains;               /* has gradients and an optimizer */
    bool slots;                /* the optimizer has momentum */
    double forward_flops; /* of one example: 2 x multiply-adds of convolutions and linear layers */
};

KP_NODISCARD enum kp_status kp_program_create(struct kp_device *device,
                                              const struct kp_program_spec *spec,
                                              struct kp_program **out, struct kp_error *e);
void kp_program_destroy(struct kp_program *p);

/* forward_flops of a net, without a device. */
KP_NODISCARD enum kp_status kp_net_forward_flops(const struct kp_net *net, double *out,
                                                 struct kp_error *e);

/* A net's numbers on a device: shared by all programs of that net. */
struct kp_state {
    struct kp_device *device;
    const struct kp_net *net;
    void *params, *buffers, *grads, *slots; /* grads and slots: NULL unless trained */
    int64_t steps; /* training steps done: the value of the net's counters */
};

KP_NODISCARD enum kp_status kp_state_create(struct kp_device *device, const struct kp_net *net,
                                            bool trained, struct kp_state **out,
                                            struct kp_error *e);
void kp_state_destroy(struct kp_state *s);

/* Fill parameters by their initialisers and buffers by their values; steps = 0. Parameter number i
 * draws at example i of the key. */
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
KP_NODISCARD enum kp_status kp_exec_run(struct kp_exec *x, int64_t rows, struct kp_error *e);

#endif
