/* graph.h - what a device is given: values and the operations between them, in execution order.
 *
 * Made by core/tensor from a tape. Shapes are those of the batch capacity; at run time the first
 * `rows` examples count. A value whose first dimension is the batch is `batched`: its examples are
 * independent unless an operation's comment says otherwise. */
#ifndef KP_DEVICE_GRAPH_H
#define KP_DEVICE_GRAPH_H

#include "base/arena.h"
#include "kappa/tape.h"

/* What a value is; where its memory lies. */
enum kp_place {
    KP_AT_ARENA = 0,  /* computed, or an input; lives in the arena */
    KP_AT_PARAMS = 1, /* canonical f32 at `offset` of memory.params */
    KP_AT_BUFFERS = 2,
    KP_AT_GRADS = 3, /* gradient of a parameter, canonical f32 at the parameter's offset */
};

/* Memory layouts. Devices may have more; only PLAIN has a meaning outside. */
enum kp_layout {
    KP_PLAIN = 0, /* row-major */
    KP_LANE = 1,  /* cpu: [N / 16][dims after the first...][16], see cpu/README.md */
};

struct kp_value {
    int32_t id;
    enum kp_place place;
    enum kp_dtype dtype;
    struct kp_shape shape;
    bool batched;
    bool input;             /* written by the host before a run */
    bool output;            /* read by the host after a run: lives to the end */
    const char *name;       /* of a parameter, buffer, input or tap; else NULL */
    struct kp_value *alias; /* shares the memory of this value (flatten); else NULL */
    /* by the device's plan */
    enum kp_layout layout;
    size_t bytes; /* in the arena */
    /* by the core */
    size_t offset; /* from the start of its place */
};

/* Operations. The comment gives operands -> results and the formula; ? marks one that may be NULL.
 * Gradients are = (not +=): the core adds where a value is used twice. */
enum kp_op {
    /* x (N,I), w (O,I), b? (O) -> y (N,O):  y = x w^T + b */
    KP_OP_LINEAR,
    /* dy, w -> dx */
    KP_OP_LINEAR_GRAD_X,
    /* x, dy -> dw, db?   sums over the batch */
    KP_OP_LINEAR_GRAD_W,
    /* x (N,C,H,W), w (O,C,kh,kw), b? -> y (N,O,H',W').  window; act: then ReLU; pool: then max-pool
     */
    KP_OP_CONV2D,
    /* dy, w -> dx.  window */
    KP_OP_CONV2D_GRAD_X,
    /* x, dy -> dw, db?   sums over the batch.  window */
    KP_OP_CONV2D_GRAD_W,
    /* x, gamma, beta, mean, var, r? -> y, m, s.  Batch statistics over the first `rows` examples:
     * m = mean, s = 1 / sqrt(biased variance + eps); u = (x - m) s gamma + beta [+ r]; act: ReLU;
     * pool: max-pool with `window`.  The buffers mean and var move by `momentum` to m and to the
     * variance times n / (n - 1) (n = 1: the biased one). Statistics in fp64 or two passes. */
    KP_OP_BATCH_NORM,
    /* x, gamma, beta, m, s, r?, dy -> dx, dgamma, dbeta, dr?.  Through pool (first largest), ReLU
     * and the batch statistics; rows beyond `rows` get dx = 0 */
    KP_OP_BATCH_NORM_GRAD,
    /* x, gamma, beta, mean, var, r? -> y.  As BATCH_NORM with m = mean, s = 1 / sqrt(var + eps) */
    KP_OP_BATCH_NORM_EVAL,
    /* x, gamma, beta, mean, var, r?, dy -> dx, dgamma, dbeta, dr? */
    KP_OP_BATCH_NORM_EVAL_GRAD,
    /* w, b?, gamma, beta, mean, var -> w', b'.  The convolution that does what conv and the
     * evaluated batch norm do: w' = w gamma / sqrt(var + eps), b' = beta + (b - mean) gamma /
     * sqrt(...) */
    KP_OP_FOLD_BATCH_NORM,
    KP_OP_RELU,               /* x -> y */
    KP_OP_RELU_GRAD,          /* y, dy -> dx = y > 0 ? dy : 0 */
    KP_OP_MAX_POOL,           /* x -> y.  window */
    KP_OP_MAX_POOL_GRAD,      /* x, dy -> dx, to the first largest in row-major order.  window */
    KP_OP_AVG_POOL,           /* x -> y.  window; divided by the full size */
    KP_OP_AVG_POOL_GRAD,      /* dy -> dx.  window */
    KP_OP_RESHAPE,            /* x -> y, an alias; batch dimension kept */
    KP_OP_ADD,                /* a, b -> a + b */
    KP_OP_SUB,                /* a, b -> a - b */
    KP_OP_MUL,                /* a, b -> a b */
    KP_OP_SCALE,              /* x -> factor x */
    KP_OP_SOFTMAX,            /* x (..,K) -> y */
    KP_OP_SOFTMAX_GRAD,       /* y, dy -> dx = y (dy - sum(y dy)) */
    KP_OP_LOG_SOFTMAX,        /* x (..,K) -> y */
    KP_OP_LOG_SOFTMAX_GRAD,   /* y, dy -> dx = dy - exp(y) sum(dy) */
    KP_OP_MEAN,               /* x (N,..) -> y (N) */
    KP_OP_MEAN_GRAD,          /* dy (N) -> dx (N,..) = dy / count */
    KP_OP_CROSS_ENTROPY,      /* z (..,K), labels (..) -> l (..);  label -1: 0 */
    KP_OP_CROSS_ENTROPY_GRAD, /* z, labels, dl -> dz = (softmax(z) - onehot) dl;  label -1: 0 */
    KP_OP_KL,      /* z, t (..,K) -> l (..) = KL(softmax(t/tau) || softmax(z/tau)).  factor = tau */
    KP_OP_KL_GRAD, /* z, t, dl -> dz = (softmax(z/tau) - softmax(t/tau)) dl / tau */
    KP_OP_WEIGHTED_MEAN, /* x (..), w (..) -> scalar sum(w x) / sum(w), 0 where sum(w) = 0; fp64 */
    KP_OP_WEIGHTED_MEAN_GRAD, /* x, w, dy? (scalar; NULL: 1) -> dx = dy w / sum(w) */
    /* no operands: all parameters at once, from memory.grads and memory.slots (momentum v).
     *   g' = g + wd p;  v = mu v + g';  p -= lr (nesterov ? g' + mu v : v)    mu = 0: no slots, v =
     * g' */
    KP_OP_SGD,
    KP_OP_CONVERT, /* cpu: x -> y, the same numbers in another layout */
    /* cpu, made by its plan: the first pass of BATCH_NORM and of BATCH_NORM_GRAD over the batch, with
     * their operands; the result is the last operand of the node that it was split from.
     *   x -> sums      x, gamma, beta, m, s, r?, dy -> sums */
    KP_OP_BATCH_NORM_SUMS,
    KP_OP_BATCH_NORM_GRAD_SUMS,
    KP_OP_COUNT
};

/* Host-side numbers that may change from step to step (memory.scalars). */
enum kp_scalar { KP_SCALAR_LR = 0, KP_SCALARS = 8 };

struct kp_attrs {
    struct kp_window window;
    bool act;  /* ReLU after */
    bool pool; /* max-pool with `window` after (batch norm) or with `pool_window` (convolution) */
    struct kp_window pool_window;
    double factor; /* SCALE's factor, KL's tau */
    double eps, momentum;
    double weight_decay; /* SGD */
    bool nesterov;
};

#define KP_NODE_IN  8
#define KP_NODE_OUT 4

struct kp_node {
    enum kp_op op;
    struct kp_attrs attrs;
    struct kp_value *in[KP_NODE_IN];
    struct kp_value *out[KP_NODE_OUT];
    /* by the device's plan */
    size_t scratch;  /* bytes that live only during this node's segment */
    int32_t segment; /* nodes of one segment may be in execution at the same time, for different
                        slices; rises with execution order. Values live for whole segments */
    /* by the core */
    size_t scratch_offset; /* in the arena */
};

struct kp_graph {
    struct kp_arena memory; /* of everything below */
    enum kp_mode mode;
    int64_t capacity; /* examples */
    struct kp_value **values;
    int64_t value_count, value_room;
    struct kp_node **nodes; /* in execution order */
    int64_t node_count, node_room;
    size_t param_bytes, buffer_bytes, arena_bytes;
};

/* New members, appended; NULL if out of memory. */
struct kp_value *kp_graph_value(struct kp_graph *g, enum kp_dtype dtype, struct kp_shape shape,
                                bool batched);
struct kp_node *kp_graph_node(struct kp_graph *g, enum kp_op op);

/* A node that is in no list yet, and its insertion before nodes[at]. */
struct kp_node *kp_graph_node_insert(struct kp_graph *g, int64_t at, enum kp_op op);

const char *kp_op_name(enum kp_op op);

#endif
