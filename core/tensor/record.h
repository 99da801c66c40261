/* record.h - what the files that record operations share. */
#ifndef KP_TENSOR_RECORD_H
#define KP_TENSOR_RECORD_H

#include "tensor/tape.h"

static inline struct kp_recording *kp_recording_of(struct kp_tape *t)
{
    return (struct kp_recording *)t;
}

void kp_record_out_of_memory(struct kp_recording *r);

/* The value of a tensor on this tape; parameters and buffers appear on first use. NULL after an
 * error. */
struct kp_value *kp_record_value(struct kp_recording *r, const struct kp_tensor *x);

/* What the plugin gets for a value. */
struct kp_tensor *kp_record_wrap(struct kp_recording *r, struct kp_value *v);

/* One node with one result. Operands that are NULL stay so. */
struct kp_node *kp_record_node(struct kp_recording *r, enum kp_op op, struct kp_shape shape,
                               bool batched, int count, struct kp_value *const *in);

/* The first result of a node, which may be NULL. */
struct kp_tensor *kp_record_result(struct kp_recording *r, const struct kp_node *n);

/* The operations, for the tape's table. */
struct kp_tensor *kp_record_linear(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                   struct kp_tensor *b);
struct kp_tensor *kp_record_conv2d(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                   struct kp_tensor *b, struct kp_window k);
struct kp_tensor *kp_record_batch_norm(struct kp_tape *t, struct kp_tensor *x,
                                       struct kp_tensor *gamma, struct kp_tensor *beta,
                                       struct kp_tensor *mean, struct kp_tensor *var,
                                       double momentum, double eps);
struct kp_tensor *kp_record_relu(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_max_pool(struct kp_tape *t, struct kp_tensor *x, struct kp_window k);
struct kp_tensor *kp_record_avg_pool(struct kp_tape *t, struct kp_tensor *x, struct kp_window k);
struct kp_tensor *kp_record_flatten(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_add(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
struct kp_tensor *kp_record_sub(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
struct kp_tensor *kp_record_mul(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b);
struct kp_tensor *kp_record_scale(struct kp_tape *t, struct kp_tensor *x, double factor);
struct kp_tensor *kp_record_softmax(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_log_softmax(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_mean(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_cross_entropy(struct kp_tape *t, struct kp_tensor *logits,
                                          struct kp_tensor *labels);
struct kp_tensor *kp_record_kl_divergence(struct kp_tape *t, struct kp_tensor *student,
                                          struct kp_tensor *teacher, double tau);
struct kp_tensor *kp_record_weighted_mean(struct kp_tape *t, struct kp_tensor *x,
                                          struct kp_tensor *w);
struct kp_tensor *kp_record_row_mean(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_one_hot(struct kp_tape *t, struct kp_tensor *labels, int64_t classes,
                                    double on, double off);
struct kp_tensor *kp_record_argmax(struct kp_tape *t, struct kp_tensor *x);
struct kp_tensor *kp_record_apply(struct kp_tape *t, const struct kp_operation *op,
                                  struct kp_tensor *const *in, int64_t count);

struct kp_tensor *kp_record_layer_norm(struct kp_tape *t, struct kp_tensor *x,
                                       struct kp_tensor *gamma, struct kp_tensor *beta, double eps);
struct kp_tensor *kp_record_gelu(struct kp_tape *t, struct kp_tensor *x, enum kp_gelu_form form);
struct kp_tensor *kp_record_attention(struct kp_tape *t, struct kp_tensor *q, struct kp_tensor *k,
                                      struct kp_tensor *v, int64_t heads, double scale,
                                      bool causal);
struct kp_tensor *kp_record_patches(struct kp_tape *t, struct kp_tensor *x, int64_t size);
struct kp_tensor *kp_record_prepend(struct kp_tape *t, struct kp_tensor *x,
                                    struct kp_tensor *token);
struct kp_tensor *kp_record_add_position(struct kp_tape *t, struct kp_tensor *x,
                                         struct kp_tensor *table);
struct kp_tensor *kp_record_select(struct kp_tape *t, struct kp_tensor *x, int64_t index);
struct kp_tensor *kp_record_embedding(struct kp_tape *t, struct kp_tensor *ids,
                                      struct kp_tensor *table);
struct kp_tensor *kp_record_dropout(struct kp_tape *t, struct kp_tensor *x, double rate);

#endif
