/* case.h - the one table of operation cases: it drives the comparison of every device with the
 * reference, the gradient check and the benchmark. */
#ifndef KP_TESTS_OP_CASE_H
#define KP_TESTS_OP_CASE_H

#include "device/graph.h"

/* What the main input (activations, logits) holds. */
enum op_fill {
    FILL_NORMAL = 0, /* N(mean, sd) */
    FILL_COARSE,     /* integers from -2 to 2: many ties */
    FILL_CONSTANT,   /* mean */
    FILL_EXTREME,    /* -1e4, 0 or 1e4 */
    FILL_PEAKED,     /* N(mean, sd), about one in 512 larger by 100 sd */
    FILL_LABELS,     /* a class, or -1 in every fifth place */
    FILL_WEIGHTS,    /* 0, 1/2, 1, 3/2 */
    FILL_VARIANCE,   /* uniform in [0.1, 2) */
    FILL_GIVEN,      /* numbers from elsewhere */
};

/* Several operations in a row, offered to the device's fuse(). */
enum op_chain {
    CHAIN_NONE = 0,
    CHAIN_TRAIN, /* conv2d, batch_norm, (add), relu, (max_pool) */
    CHAIN_EVAL,  /* the same in EVAL */
};

/* Which of an operation's nodes a graph holds. */
enum {
    PART_FORWARD = 1,
    PART_GRAD_X = 2, /* or the only gradient */
    PART_GRAD_W = 4,
};

/* Images x (N, channels, height, width), or vectors (N, channels) where height is 0. Rows of a
 * softmax, a loss: (N, height, channels) or (N, channels), channels being the classes. Sequences:
 * (N, height, channels), tables of `outputs` rows. */
struct op_case {
    enum kp_op op; /* the forward operation */
    enum op_chain chain;
    int64_t capacity, rows;
    int64_t channels, height, width;
    int64_t outputs;
    struct kp_window window, pool_window;
    bool bias, act, pool, residual;
    bool head; /* a chain ends with flatten and a linear layer of 10 outputs */
    double factor, momentum, weight_decay;
    bool nesterov;
    double clip_norm;       /* 0: no clipping */
    bool decoupled, frozen; /* frozen: the middle third of the parameters */
    bool last;              /* a mean over the last dimension */
    enum op_fill fill;
    double mean, sd; /* of the main input; sd 0 means 1 */
    bool zero_weights;
    int64_t bench; /* batch of the benchmark; 0: not in it */
    int64_t heads, index;
    bool causal, approximate;
    bool bf16; /* the operands of products are rounded */
};

extern const struct op_case op_cases[];
extern const int64_t op_case_count;

/* Parts that the operation has. */
unsigned op_case_parts(const struct op_case *c);

/* "conv2d_grad_w n=13/16 c=5 5x7 o=6 k=3x3 s=1x1 p=1x1 bias" */
void op_case_name(const struct op_case *c, unsigned part, char *out, size_t size);

#endif
