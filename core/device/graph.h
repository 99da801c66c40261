/* graph.h - what a device is given: values and the operations between them, in execution order.
 *
 * Made by core/tensor from a tape. Shapes are those of the batch capacity; at run time the first
 * `rows` examples count. A value whose first dimension is the batch is `batched`: its examples are
 * independent unless an operation's comment says otherwise. */
#ifndef KP_DEVICE_GRAPH_H
#define KP_DEVICE_GRAPH_H

#include "base/arena.h"
#include "kappa/op.h"
#include "kappa/row.h"
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
    KP_NHWC = 2,  /* cuda: [N][H][W][C] of a value (N,C,H,W) */
};

struct kp_value {
    int32_t id;
    enum kp_place place;
    enum kp_dtype dtype;
    struct kp_shape shape;
    bool batched;
    bool input;       /* written by the host before a run */
    bool output;      /* read by the host after a run: lives to the end */
    bool frozen;      /* a parameter that is not trained */
    bool bf16;        /* f32 by type, of a ROUND: a device may keep two bytes of each number */
    const char *name; /* of a parameter, buffer, input or tap; else NULL */
    struct kp_value *alias; /* shares the memory of this value (flatten); else NULL */
    /* by the device's plan */
    enum kp_layout layout;
    bool half;     /* cuda: of a bf16 value, two bytes for each number, the upper ones of the f32 */
    int64_t group; /* cpu: its memory holds examples in multiples of this */
    size_t bytes;  /* in the arena */
    /* by the core */
    size_t offset; /* from the start of its place */
};

/* Operations. The comment gives operands -> results and the formula; ? marks one that may be NULL.
 * Gradients are = (not +=): the core adds where a value is used twice. */
enum kp_op {
    /* x (N,..,I), w (O,I), b? (O) -> y (N,..,O):  y = x w^T + b */
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
    KP_OP_MEAN,               /* x (N,..) -> y (N), or x (..,K) -> y (..) */
    KP_OP_MEAN_GRAD,          /* dy -> dx = dy / count */
    KP_OP_CROSS_ENTROPY,      /* z (..,K), labels (..) -> l (..);  label -1: 0 */
    KP_OP_CROSS_ENTROPY_GRAD, /* z, labels, dl -> dz = (softmax(z) - onehot) dl;  label -1: 0 */
    KP_OP_KL,      /* z, t (..,K) -> l (..) = KL(softmax(t/tau) || softmax(z/tau)).  factor = tau */
    KP_OP_KL_GRAD, /* z, t, dl -> dz = (softmax(z/tau) - softmax(t/tau)) dl / tau */
    KP_OP_WEIGHTED_MEAN, /* x (..), w (..) -> scalar sum(w x) / sum(w), 0 where sum(w) = 0; fp64 */
    KP_OP_WEIGHTED_MEAN_GRAD, /* x, w, dy? (scalar; NULL: 1) -> dx = dy w / sum(w) */
    /* z (..,K), labels (..), t? (..,K), w (..), dy? (scalar; NULL: 1) -> l, the scalar
     * sum(w row) / sum(w), 0 where sum(w) = 0, and dz (..,K) = dy dl / dz.  attrs.row says the loss
     * of a row and its gradient; rows of weight 0 are left out: dz = 0. Summed in fp64 */
    KP_OP_ROW_LOSS,
    /* A linear layer and the row loss of its results, which exist for some rows at a time only.
     * Numbered by kp_head_operand and kp_head_result: x (N,..,I), w (K,I), b? (K), labels (..),
     * weights (..), dy? -> l, dx?, dw?, db?, with z = x w^T + b as for ROW_LOSS. t? (..,K) are the
     * teacher's logits; with tw (K,J), tb? (K) it is (..,J), and the logits are t tw^T + tb. Where
     * w is bf16, dz is rounded to bf16 before it is multiplied and summed */
    KP_OP_HEAD_LOSS,
    /* labels (..) int32 -> y (..,K) = on at the label, off elsewhere;  label -1: off */
    KP_OP_ONE_HOT,
    KP_OP_ARGMAX, /* x (..,K) -> y (..) int32, the first largest */
    /* A batch in parts, of which SCALAR_PART is the number: memory.sums = memory.grads, at the
     * first part, or memory.sums + memory.grads; at the last memory.grads = memory.sums. Before
     * that CLIP, SGD and ADAM do nothing */
    KP_OP_ACCUMULATE,
    /* -> c (scalar) = min(1, clip_norm / (|g| + 1e-6)), |g| over memory.grads, summed in fp64 */
    KP_OP_CLIP,
    /* c? (scalar; NULL: 1): all parameters but `frozen` ones at once, from memory.grads and
     * memory.slots (momentum v).
     *   g' = c g + wd p;  v = mu v + g';  p -= lr (nesterov ? g' + mu v : v)    mu = 0: no slots,
     * v = g' */
    KP_OP_SGD,
    /* c?: as SGD, with moments m and v in slots 0 and 1; t = KP_SCALAR_STEP.
     *   decoupled: p -= lr wd p, g' = c g;  else: g' = c g + wd p
     *   m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2
     *   p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
    KP_OP_ADAM,
    /* x -> y, the nearest bf16 (kernels/bf16.h); its own gradient is the identity; precision.h */
    KP_OP_ROUND,
    KP_OP_CONVERT, /* cpu, cuda: x -> y, the same numbers in another layout */
    /* cpu, made by its plan: the first pass of BATCH_NORM and of BATCH_NORM_GRAD over the batch,
     * with their operands; the result is the last operand of the node that it was split from. x ->
     * sums      x, gamma, beta, m, s, r?, dy -> sums */
    KP_OP_BATCH_NORM_SUMS,
    KP_OP_BATCH_NORM_GRAD_SUMS,
    /* x (N,..,K), gamma (K), beta (K) -> y, m (N,..), s (N,..):  m = mean, s = 1 / sqrt(biased
     * variance + eps) over the last dimension;  y = (x - m) s gamma + beta */
    KP_OP_LAYER_NORM,
    /* x, gamma, m, s, dy -> dx, dgamma, dbeta.  With u = dy gamma, h = (x - m) s:
     *   dx = s (u - mean(u) - h mean(u h))     dgamma = sum of dy h     dbeta = sum of dy */
    KP_OP_LAYER_NORM_GRAD,
    /* x -> y = x P(x), P the standard normal distribution; approximate: P = (1 + tanh(sqrt(2 / pi)
     * (x + 0.044715 x^3))) / 2 */
    KP_OP_GELU,
    KP_OP_GELU_GRAD, /* x, dy -> dx = dy (P(x) + x P'(x)).  approximate */
    /* q, k, v (N,T,E) -> y (N,T,E), l (N,heads,T).  E = heads x width, head h is elements h width
     * to (h + 1) width - 1. For each head and query i:  a_j = factor q_i k_j, over j <= i where
     * causal; l_i = log sum_j exp a_j;  y_i = sum_j exp(a_j - l_i) v_j */
    KP_OP_ATTENTION,
    /* q, k, v, y, l, dy -> dq, dk, dv.  With p_ij = exp(a_ij - l_i):
     *   dv_j = sum_i p_ij dy_i     g_ij = p_ij (dy_i v_j - dy_i y_i)
     *   dq_i = factor sum_j g_ij k_j     dk_j = factor sum_i g_ij q_i */
    KP_OP_ATTENTION_GRAD,
    /* x (N,C,H,W) -> y (N,T,p p C).  window.size = p; patches in row-major order, a patch's pixels
     * in the order row, column, channel; rows and columns that fill no patch are left out */
    KP_OP_PATCHES,
    KP_OP_PATCHES_GRAD,      /* dy -> dx.  window */
    KP_OP_PREPEND,           /* x (N,T,D), token (D) -> y (N,T+1,D), the token first */
    KP_OP_PREPEND_GRAD,      /* dy -> dx?, dtoken?   dtoken sums over the batch */
    KP_OP_ADD_POSITION,      /* x (N,T,D), table (P,D), P >= T -> y = x + table[t] */
    KP_OP_ADD_POSITION_GRAD, /* dy -> dtable, sums over the batch; 0 from T on */
    KP_OP_SELECT,            /* x (N,T,D) -> y (N,D) = x[index] */
    KP_OP_SELECT_GRAD,       /* dy -> dx.  index */
    KP_OP_EMBEDDING,         /* ids (N,T) i32, table (V,D) -> y (N,T,D) = table[id]; 0 for no row */
    KP_OP_EMBEDDING_GRAD,    /* ids, dy -> dtable, sums over the batch */
    /* x -> y = x with probability 1 - factor divided by that, else 0, by kp_dropout_kept() of
     * (SCALAR_SEED, SCALAR_STEP, SCALAR_PART, number, element); its own gradient */
    KP_OP_DROPOUT,
    /* An operation of a plugin, attrs.foreign: operands -> y, kept.. */
    KP_OP_FOREIGN,
    /* Its gradient: operands that it reads, at their places, y?, kept.., dy at the places below ->
     * the gradients of the operands at their places, ? where nobody wants one. Those of operands
     * without a batch dimension are sums over the batch */
    KP_OP_FOREIGN_GRAD,
    KP_OP_COUNT
};

/* Host-side numbers that may change from step to step (memory.scalars). */
enum kp_scalar {
    KP_SCALAR_LR = 0,
    KP_SCALAR_STEP = 1, /* number of this update, from 1 */
    KP_SCALAR_SEED = 2, /* of dropout, an integer below 2^53 */
    KP_SCALAR_PART = 3, /* number of this part of the batch, from 0 */
    KP_SCALAR_MORE = 4, /* 1: parts of the batch follow */
    KP_SCALARS = 8
};

/* Consecutive floats of the parameters. */
struct kp_extent {
    int64_t first, count;
};

struct kp_node;
struct kp_foreign_places;
struct kp_foreign_piece;

/* An operation of a plugin in use. */
struct kp_foreign {
    const struct kp_op_def *def;
    const void *self;
    struct kp_op_shapes shapes;
    /* kp_foreign_call() of the program, in which a crash is told with the plugin's name: a backend
     * is an object of its own. */
    void (*call)(const struct kp_node *n, const struct kp_foreign_places *at,
                 const struct kp_foreign_piece *piece);
};

/* Operands of FOREIGN_GRAD behind those of the operation itself. */
enum {
    KP_FOREIGN_Y = KP_OP_OPERANDS,
    KP_FOREIGN_KEPT = KP_FOREIGN_Y + 1,
    KP_FOREIGN_DY = KP_FOREIGN_KEPT + KP_OP_KEPT,
};

/* Operands and results of HEAD_LOSS. */
enum kp_head_result {
    KP_HEAD_LOSS = 0,
    KP_HEAD_DX,
    KP_HEAD_DW,
    KP_HEAD_DB,
};
enum kp_head_operand {
    KP_HEAD_X = 0,
    KP_HEAD_W,
    KP_HEAD_B,
    KP_HEAD_LABELS,
    KP_HEAD_WEIGHTS,
    KP_HEAD_DY,
    KP_HEAD_T,
    KP_HEAD_TW,
    KP_HEAD_TB,
};

struct kp_attrs {
    struct kp_window window;
    bool act;  /* ReLU after */
    bool pool; /* max-pool with `window` after (batch norm) or with `pool_window` (convolution) */
    struct kp_window pool_window;
    double factor; /* SCALE's factor, KL's tau, ATTENTION's scale, DROPOUT's rate */
    double eps, momentum;
    double weight_decay; /* SGD, ADAM */
    bool nesterov;
    double on, off;                 /* ONE_HOT */
    double clip_norm;               /* CLIP */
    double beta1, beta2;            /* ADAM */
    bool decoupled;                 /* ADAM: weight decay apart from the gradient (AdamW) */
    const struct kp_extent *frozen; /* SGD, ADAM: what stays as it is, in rising order */
    int64_t frozen_count;
    int64_t heads, index; /* ATTENTION, SELECT */
    bool causal;          /* ATTENTION */
    bool approximate;     /* GELU */
    uint32_t number;      /* of a DROPOUT in its graph */
    const struct kp_foreign *foreign;
    const struct kp_row_loss *row; /* ROW_LOSS, HEAD_LOSS, with the options for it */
    const void *row_self;
    size_t row_self_size;
    const char *row_name; /* of the objective */
};

#define KP_NODE_IN  9
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
    /* by the device's plan */
    int64_t group, slice; /* cpu: examples of a group, of a slice; see cpu/README.md */
};

/* New members, appended; NULL if out of memory. */
struct kp_value *kp_graph_value(struct kp_graph *g, enum kp_dtype dtype, struct kp_shape shape,
                                bool batched);
struct kp_node *kp_graph_node(struct kp_graph *g, enum kp_op op);

/* A node that is in no list yet, and its insertion before nodes[at]. */
struct kp_node *kp_graph_node_insert(struct kp_graph *g, int64_t at, enum kp_op op);

const char *kp_op_name(enum kp_op op);

/* Whether it changes the parameters. */
static inline bool kp_op_is_optimizer(enum kp_op op)
{
    return op == KP_OP_SGD || op == KP_OP_ADAM;
}

/* Whether it works on all gradients, when they are complete. */
static inline bool kp_op_is_update(enum kp_op op)
{
    return op == KP_OP_ACCUMULATE || op == KP_OP_CLIP || kp_op_is_optimizer(op);
}

/* Slots, each as large as the parameters, that an optimizer keeps its state in. */
static inline int kp_optimizer_slots(const struct kp_node *n)
{
    return n->op == KP_OP_ADAM ? 2 : n->op == KP_OP_SGD && n->attrs.momentum != 0 ? 1 : 0;
}

#endif
