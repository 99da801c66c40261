/* tape.h - the operations that a model or an objective records. */
#ifndef KAPPA_TAPE_H
#define KAPPA_TAPE_H

#include "kappa/shape.h"

/* A value on a tape, or a parameter or buffer of a model. Owned by the host, never by a plugin. */
struct kp_tensor;

/* An operation of a plugin with its options, see op.h; the host's. */
struct kp_operation;

/* How the recorded program will be used.
 *   TRAIN      batch statistics, gradients, running statistics updated
 *   EVAL       running statistics, no gradient (batch normalisation is folded into convolutions)
 *   EVAL_GRAD  running statistics, differentiable with respect to parameters */
enum kp_mode {
    KP_TRAIN = 0,
    KP_EVAL = 1,
    KP_EVAL_GRAD = 2,
};

/* A window that slides over the last two dimensions of (N, C, H, W). */
struct kp_window {
    int64_t size[2];   /* height, width */
    int64_t stride[2]; /* >= 1 */
    int64_t pad[2];    /* on both sides, < size */
};

static inline struct kp_window kp_window(int64_t size, int64_t stride, int64_t pad)
{
    struct kp_window w = {{size, size}, {stride, stride}, {pad, pad}};
    return w;
}

/* Two forms of the Gaussian error linear unit x P(x).
 *   ERF    P = the standard normal distribution
 *   TANH   P = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
enum kp_gelu_form {
    KP_GELU_ERF = 0,
    KP_GELU_TANH = 1,
};

struct kp_tape;

/* Function table of a tape, given by the host. Append only. Arguments as in the functions below. */
struct kp_tape_fn {
    size_t size;
    enum kp_status (*status)(const struct kp_tape *t);
    enum kp_status (*fail)(struct kp_tape *t, enum kp_status st, const char *fmt, ...)
        KP_PRINTF(3, 4);
    enum kp_mode (*mode)(const struct kp_tape *t);
    struct kp_shape (*shape)(const struct kp_tensor *x);
    void (*features)(struct kp_tape *t, struct kp_tensor *x);
    void (*tap)(struct kp_tape *t, struct kp_tensor *x, const char *name);
    struct kp_tensor *(*linear)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                struct kp_tensor *b);
    struct kp_tensor *(*conv2d)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                struct kp_tensor *b, struct kp_window k);
    struct kp_tensor *(*batch_norm)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *gamma,
                                    struct kp_tensor *beta, struct kp_tensor *mean,
                                    struct kp_tensor *var, double momentum, double eps);
    struct kp_tensor *(*relu)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*max_pool)(struct kp_tape *t, struct kp_tensor *x, struct kp_window k);
    struct kp_tensor *(*avg_pool)(struct kp_tape *t, struct kp_tensor *x, struct kp_window k);
    struct kp_tensor *(*flatten)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*add)(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
    struct kp_tensor *(*sub)(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
    struct kp_tensor *(*mul)(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
    struct kp_tensor *(*scale)(struct kp_tape *t, struct kp_tensor *x, double factor);
    struct kp_tensor *(*softmax)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*log_softmax)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*mean)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*cross_entropy)(struct kp_tape *t, struct kp_tensor *logits,
                                       struct kp_tensor *labels);
    struct kp_tensor *(*kl_divergence)(struct kp_tape *t, struct kp_tensor *student,
                                       struct kp_tensor *teacher, double tau);
    struct kp_tensor *(*weighted_mean)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w);
    struct kp_tensor *(*layer_norm)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *gamma,
                                    struct kp_tensor *beta, double eps);
    struct kp_tensor *(*gelu)(struct kp_tape *t, struct kp_tensor *x, enum kp_gelu_form form);
    struct kp_tensor *(*attention)(struct kp_tape *t, struct kp_tensor *q, struct kp_tensor *k,
                                   struct kp_tensor *v, int64_t heads, double scale, bool causal);
    struct kp_tensor *(*patches)(struct kp_tape *t, struct kp_tensor *x, int64_t size);
    struct kp_tensor *(*prepend)(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *token);
    struct kp_tensor *(*add_position)(struct kp_tape *t, struct kp_tensor *x,
                                      struct kp_tensor *table);
    struct kp_tensor *(*select)(struct kp_tape *t, struct kp_tensor *x, int64_t index);
    struct kp_tensor *(*embedding)(struct kp_tape *t, struct kp_tensor *ids,
                                   struct kp_tensor *table);
    struct kp_tensor *(*dropout)(struct kp_tape *t, struct kp_tensor *x, double rate);
    struct kp_tensor *(*row_mean)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*one_hot)(struct kp_tape *t, struct kp_tensor *labels, int64_t classes,
                                 double on, double off);
    struct kp_tensor *(*argmax)(struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *(*apply)(struct kp_tape *t, const struct kp_operation *op,
                               struct kp_tensor *const *in, int64_t count);
};

/* Public head of a tape; the host's private part follows it. */
struct kp_tape {
    const struct kp_tape_fn *fn;
};

/* Every function below records one operation and returns its result, which lives as long as the
 * tape. Errors are sticky: on failure, or if an operand is NULL, it returns NULL and the tape keeps
 * the first error. Check once, with kp_tape_status(), at the end. N is the batch. Thread: the one
 * that called build, forward or loss. No function reads values; there are none yet. */

KP_NODISCARD static inline enum kp_status kp_tape_status(const struct kp_tape *t)
{
    return t->fn->status(t);
}

/* Record why, return `st`:  return kp_tape_fail(t, KP_E_SHAPE, "want 4 dims, got %d", n); */
#define kp_tape_fail(t, st, ...) ((t)->fn->fail((t), (st), __VA_ARGS__))

static inline enum kp_mode kp_tape_mode(const struct kp_tape *t)
{
    return t->fn->mode(t);
}

/* Of any tensor, parameters included. n = -1 for NULL. */
static inline struct kp_shape kp_tensor_shape(const struct kp_tape *t, const struct kp_tensor *x)
{
    return t->fn->shape(x);
}

/* Name x (N, D), or (N, T, D), the features: the input of the classification head. */
static inline void kp_features(struct kp_tape *t, struct kp_tensor *x)
{
    t->fn->features(t, x);
}

/* Name an inner tensor, so that objectives and analyses find it. The name is copied. */
static inline void kp_tap(struct kp_tape *t, struct kp_tensor *x, const char *name)
{
    t->fn->tap(t, x, name);
}

/* y = x w^T + b.   x (N, ..., I)   w (O, I)   b (O) or NULL   ->   (N, ..., O) */
static inline struct kp_tensor *kp_linear(struct kp_tape *t, struct kp_tensor *x,
                                          struct kp_tensor *w, struct kp_tensor *b)
{
    return t->fn->linear(t, x, w, b);
}

/* Cross-correlation, zero padding.
 *   x (N, C, H, W)   w (O, C, k.size)   b (O) or NULL   ->   (N, O, H', W')
 *   H' = (H + 2 pad - size) / stride + 1, rounded down */
static inline struct kp_tensor *kp_conv2d(struct kp_tape *t, struct kp_tensor *x,
                                          struct kp_tensor *w, struct kp_tensor *b,
                                          struct kp_window k)
{
    return t->fn->conv2d(t, x, w, b, k);
}

/* y = (x - m) / sqrt(v + eps) * gamma + beta, per channel of x (N, C, H, W) or (N, C).
 * TRAIN: m, v are the batch's mean and biased variance; the buffers mean and var move towards m and
 * the unbiased variance by `momentum`. Otherwise m, v are the buffers. gamma, beta, mean, var (C).
 */
static inline struct kp_tensor *kp_batch_norm(struct kp_tape *t, struct kp_tensor *x,
                                              struct kp_tensor *gamma, struct kp_tensor *beta,
                                              struct kp_tensor *mean, struct kp_tensor *var,
                                              double momentum, double eps)
{
    return t->fn->batch_norm(t, x, gamma, beta, mean, var, momentum, eps);
}

/* y = max(x, 0), any shape. The gradient at 0 is 0. */
static inline struct kp_tensor *kp_relu(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->relu(t, x);
}

/* Largest of each window, padding never chosen. x (N, C, H, W) -> (N, C, H', W'), H' as conv2d. The
 * gradient goes to the first largest element in row-major order. */
static inline struct kp_tensor *kp_max_pool(struct kp_tape *t, struct kp_tensor *x,
                                            struct kp_window k)
{
    return t->fn->max_pool(t, x, k);
}

/* Mean of each window, divided by its full size, padding counted as 0. Shapes as max_pool. */
static inline struct kp_tensor *kp_avg_pool(struct kp_tape *t, struct kp_tensor *x,
                                            struct kp_window k)
{
    return t->fn->avg_pool(t, x, k);
}

/* (N, a, b, ...) -> (N, a b ...) */
static inline struct kp_tensor *kp_flatten(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->flatten(t, x);
}

/* Elementwise, equal shapes. */
static inline struct kp_tensor *kp_add(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return t->fn->add(t, a, b);
}

static inline struct kp_tensor *kp_sub(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return t->fn->sub(t, a, b);
}

static inline struct kp_tensor *kp_mul(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return t->fn->mul(t, a, b);
}

/* y = factor x. */
static inline struct kp_tensor *kp_scale(struct kp_tape *t, struct kp_tensor *x, double factor)
{
    return t->fn->scale(t, x, factor);
}

/* Over the last dimension, any shape (N, ..., K). */
static inline struct kp_tensor *kp_softmax(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->softmax(t, x);
}

static inline struct kp_tensor *kp_log_softmax(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->log_softmax(t, x);
}

/* Mean over everything but the batch: (N, ...) -> (N). */
static inline struct kp_tensor *kp_mean(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->mean(t, x);
}

/* Mean over the last dimension: (N, ..., K) -> (N, ...). */
static inline struct kp_tensor *kp_row_mean(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->row_mean(t, x);
}

/* Rows with `on` at the label and `off` everywhere else; all `off` where the label is -1. No
 * gradient.   labels (N, ...) int32   ->   (N, ..., classes) */
static inline struct kp_tensor *kp_one_hot(struct kp_tape *t, struct kp_tensor *labels,
                                           int64_t classes, double on, double off)
{
    return t->fn->one_hot(t, labels, classes, on, off);
}

/* The class of the first largest element. No gradient.   x (N, ..., K)   ->   (N, ...) int32 */
static inline struct kp_tensor *kp_argmax(struct kp_tape *t, struct kp_tensor *x)
{
    return t->fn->argmax(t, x);
}

/* -log softmax(logits)[label], nats; 0 where the label is -1.
 *   logits (N, ..., K)   labels (N, ...) int32   ->   (N, ...) */
static inline struct kp_tensor *kp_cross_entropy(struct kp_tape *t, struct kp_tensor *logits,
                                                 struct kp_tensor *labels)
{
    return t->fn->cross_entropy(t, logits, labels);
}

/* KL(p_t || p_s) with p = softmax(logits / tau), summed over classes, nats. No gradient flows to
 * the teacher.   student, teacher (N, ..., K)   ->   (N, ...) */
static inline struct kp_tensor *kp_kl_divergence(struct kp_tape *t, struct kp_tensor *student,
                                                 struct kp_tensor *teacher, double tau)
{
    return t->fn->kl_divergence(t, student, teacher, tau);
}

/* sum(w x) / sum(w), a scalar; 0 where sum(w) = 0.   x, w (N, ...) equal shapes. */
static inline struct kp_tensor *kp_weighted_mean(struct kp_tape *t, struct kp_tensor *x,
                                                 struct kp_tensor *w)
{
    return t->fn->weighted_mean(t, x, w);
}

/* y = (x - m) / sqrt(v + eps) * gamma + beta, m and v the mean and biased variance of the last
 * dimension.   x (N, ..., K)   gamma, beta (K) */
static inline struct kp_tensor *kp_layer_norm(struct kp_tape *t, struct kp_tensor *x,
                                              struct kp_tensor *gamma, struct kp_tensor *beta,
                                              double eps)
{
    return t->fn->layer_norm(t, x, gamma, beta, eps);
}

/* Elementwise, any shape. */
static inline struct kp_tensor *kp_gelu(struct kp_tape *t, struct kp_tensor *x,
                                        enum kp_gelu_form form)
{
    return t->fn->gelu(t, x, form);
}

/* For each head, softmax(scale q k^T) v; head h is the h-th of `heads` equal parts of the last
 * dimension. causal: no query sees a later key.   q, k, v (N, T, E)   ->   (N, T, E) */
static inline struct kp_tensor *kp_attention(struct kp_tape *t, struct kp_tensor *q,
                                             struct kp_tensor *k, struct kp_tensor *v,
                                             int64_t heads, double scale, bool causal)
{
    return t->fn->attention(t, q, k, v, heads, scale, causal);
}

/* Square patches without overlap, in row-major order; a patch's numbers in the order row, column,
 * channel.   x (N, C, H, W), H and W multiples of size   ->   (N, H W / size^2, size^2 C) */
static inline struct kp_tensor *kp_patches(struct kp_tape *t, struct kp_tensor *x, int64_t size)
{
    return t->fn->patches(t, x, size);
}

/* The same token before those of every example.
 *   x (N, T, D)   token (D) or (1, .., 1, D)   ->   (N, T + 1, D) */
static inline struct kp_tensor *kp_prepend(struct kp_tape *t, struct kp_tensor *x,
                                           struct kp_tensor *token)
{
    return t->fn->prepend(t, x, token);
}

/* y[n][t] = x[n][t] + table[t].   x (N, T, D)   table (P, D) or (1, P, D) with P >= T */
static inline struct kp_tensor *kp_add_position(struct kp_tape *t, struct kp_tensor *x,
                                                struct kp_tensor *table)
{
    return t->fn->add_position(t, x, table);
}

/* One token of each example.   x (N, T, D), 0 <= index < T   ->   (N, D) */
static inline struct kp_tensor *kp_select(struct kp_tape *t, struct kp_tensor *x, int64_t index)
{
    return t->fn->select(t, x, index);
}

/* Rows of a table.   ids (N, T) int32   table (V, D)   ->   (N, T, D). An id that is no row of the
 * table gives zeros. */
static inline struct kp_tensor *kp_embedding(struct kp_tape *t, struct kp_tensor *ids,
                                             struct kp_tensor *table)
{
    return t->fn->embedding(t, ids, table);
}

/* TRAIN: each element is 0 with probability rate, else divided by 1 - rate; which ones depends on
 * the run's seed, the step, the operation and the element. Otherwise x itself.   0 <= rate < 1 */
static inline struct kp_tensor *kp_dropout(struct kp_tape *t, struct kp_tensor *x, double rate)
{
    return t->fn->dropout(t, x, rate);
}

/* The result of a plugin's operation, which kp_build_operation() gave. in [count], the operands in
 * the order of its definition; the array may go away after the call. */
static inline struct kp_tensor *kp_apply(struct kp_tape *t, const struct kp_operation *op,
                                         struct kp_tensor *const *in, int64_t count)
{
    return t->fn->apply(t, op, in, count);
}

#endif
