/* tape.h - the host's side of kappa/tape.h: recording into a graph. */
#ifndef KP_TENSOR_TAPE_H
#define KP_TENSOR_TAPE_H

#include "base/error.h"
#include "tensor/net.h"

/* In the caller's memory. The graph and the net outlive it. */
struct kp_recording {
    struct kp_tape tape; /* first: plugins see a pointer to it */
    struct kp_graph *graph;
    const struct kp_net *net;
    const char *freeze; /* see struct kp_program_spec; NULL after init */
    struct kp_error *error;
    struct kp_value **params;  /* [net->params.count], NULL where not used yet */
    struct kp_value **buffers; /* [net->buffers.count] */
    struct kp_value *features; /* NULL if not named */
    struct kp_tap taps[KP_TAP_LIMIT];
    int tap_count;
    int64_t fail_at; /* for tests of error paths: the operand whose use fails, from 1; 0: none */
    bool *failed;    /* set when that happened; or NULL */
};

KP_NODISCARD enum kp_status kp_recording_init(struct kp_recording *r, struct kp_graph *g,
                                              const struct kp_net *net, struct kp_error *e);

/* A value that the host fills before each run. */
struct kp_tensor *kp_recording_input(struct kp_recording *r, const char *name, enum kp_dtype dtype,
                                     struct kp_shape shape, bool batched);

#endif
