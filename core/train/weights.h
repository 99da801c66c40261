/* weights.h - a net's numbers as a safetensors file, under the names of the equivalent PyTorch
 * module. */
#ifndef KP_TRAIN_WEIGHTS_H
#define KP_TRAIN_WEIGHTS_H

#include "tensor/program.h"
#include "train/safetensors.h"

/* Host copies of a state's arrays and the list that names them. The pointers point into this
 * object. */
struct kp_snapshot {
    float *params, *buffers,
        *slots; /* slots: NULL if the state is not trained or they are not wanted */
    int64_t *counters;
    struct kp_stored *arrays; /* parameters, buffers, counters; then slots, each array of slot k as
                                 "optimizer.<k>.<parameter>" */
    int64_t count, room;
    char **names; /* of slots */
    int64_t name_count;
    const struct kp_net *net;
};

/* Copy from the device. */
KP_NODISCARD enum kp_status kp_snapshot_take(const struct kp_state *s, bool slots,
                                             struct kp_snapshot *out, struct kp_error *e);
void kp_snapshot_finish(struct kp_snapshot *s);

/* Fill a state from a file: every parameter and buffer must be there with its shape, of any real
 * type, and counters may be missing (then 0): files of old PyTorch have none. What is missing,
 * misshapen or (unless `more` allows other arrays) surplus is listed in one error. slots: also the
 * optimizer's. */
KP_NODISCARD enum kp_status kp_weights_load(struct kp_state *s, const struct kp_safetensors *file,
                                            bool slots, bool more, struct kp_error *e);

/* The same for a file of weights alone. Arrays whose names begin with one of the prefixes `skip`
 * (spaces between; NULL: none) stay as they are in the state, whatever the file has under them. */
KP_NODISCARD enum kp_status kp_weights_read(struct kp_state *s, const char *path, const char *skip,
                                            struct kp_error *e);

#endif
