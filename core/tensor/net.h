/* net.h - a model that was built: its parameters, buffers and counters by name. */
#ifndef KP_TENSOR_NET_H
#define KP_TENSOR_NET_H

#include "base/arena.h"
#include "base/error.h"
#include "device/graph.h"
#include "kappa/model.h"

struct kp_net;

/* What a plugin holds: a parameter or buffer of a net, or a value on a tape. */
struct kp_tensor {
    const struct kp_net *net; /* of a parameter or buffer, else NULL */
    bool buffer;
    int64_t index;          /* in net->params or net->buffers */
    struct kp_value *value; /* on a tape, else NULL */
};

/* An inner tensor that a model's forward pass names. */
struct kp_tap {
    const char *name;
    struct kp_value *value;
};

#define KP_TAP_LIMIT 64

/* Knows the operations of plugins: find one by name and fill its state struct, in `memory`, from
 * "key = value, key = value". */
struct kp_op_source {
    enum kp_status (*find)(const void *arg, const char *name, const char *options,
                           struct kp_arena *memory, struct kp_operation *out, struct kp_error *e);
    const void *arg;
};

/* A named block of f32 inside the parameters or the buffers. */
struct kp_net_block {
    const char *name;
    struct kp_shape shape;
    struct kp_init init;
    size_t offset; /* bytes */
    struct kp_tensor tensor;
};

struct kp_net_list {
    struct kp_net_block **v;
    int64_t count, room;
    size_t bytes;
};

struct kp_net {
    struct kp_arena memory;
    const struct kp_model_def *def;
    void *self;
    struct kp_model_io io;
    struct kp_net_list params;
    struct kp_net_list buffers;
    const char **counters; /* names of int64 step counters */
    int64_t counter_count, counter_room;
    struct kp_operation **operations;
    int64_t operation_count, operation_room;
};

/* Build `def` with its filled state struct, which the net uses from now on and does not free. `ops`
 * may be NULL: then there are no operations of plugins. */
KP_NODISCARD enum kp_status kp_net_create(const struct kp_model_def *def, void *self,
                                          const struct kp_model_io *io,
                                          const struct kp_op_source *ops, struct kp_net **out,
                                          struct kp_error *e);
void kp_net_destroy(struct kp_net *n);

/* Is there a parameter, buffer or counter of this name? */
bool kp_net_declares(const struct kp_net *n, const char *name);

/* Number of trainable scalars. */
int64_t kp_net_param_count(const struct kp_net *n);

#endif
