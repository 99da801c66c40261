/* ops.h - the operations of the cuda backend: one function queues what graph.h says of it. */
#ifndef KP_CUDA_OPS_H
#define KP_CUDA_OPS_H

#include "device/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

void kp_cuda_relu(const struct kp_cuda_call *c);
void kp_cuda_relu_grad(const struct kp_cuda_call *c);
void kp_cuda_add(const struct kp_cuda_call *c);
void kp_cuda_sub(const struct kp_cuda_call *c);
void kp_cuda_mul(const struct kp_cuda_call *c);
void kp_cuda_scale(const struct kp_cuda_call *c);
void kp_cuda_gelu(const struct kp_cuda_call *c);
void kp_cuda_gelu_grad(const struct kp_cuda_call *c);
void kp_cuda_dropout(const struct kp_cuda_call *c);
void kp_cuda_round(const struct kp_cuda_call *c);
void kp_cuda_convert(const struct kp_cuda_call *c);
void kp_cuda_softmax(const struct kp_cuda_call *c);
void kp_cuda_softmax_grad(const struct kp_cuda_call *c);
void kp_cuda_log_softmax(const struct kp_cuda_call *c);
void kp_cuda_log_softmax_grad(const struct kp_cuda_call *c);
void kp_cuda_argmax(const struct kp_cuda_call *c);
void kp_cuda_one_hot(const struct kp_cuda_call *c);
void kp_cuda_mean(const struct kp_cuda_call *c);
void kp_cuda_mean_grad(const struct kp_cuda_call *c);
void kp_cuda_cross_entropy(const struct kp_cuda_call *c);
void kp_cuda_kl(const struct kp_cuda_call *c);
void kp_cuda_weighted_mean(const struct kp_cuda_call *c);
void kp_cuda_weighted_mean_grad(const struct kp_cuda_call *c);
void kp_cuda_row_loss(const struct kp_cuda_call *c);
void kp_cuda_head_loss(const struct kp_cuda_call *c);
void kp_cuda_linear(const struct kp_cuda_call *c);
void kp_cuda_linear_grad_x(const struct kp_cuda_call *c);
void kp_cuda_linear_grad_w(const struct kp_cuda_call *c);
void kp_cuda_accumulate(const struct kp_cuda_call *c);
void kp_cuda_clip(const struct kp_cuda_call *c);
void kp_cuda_sgd(const struct kp_cuda_call *c);
void kp_cuda_adam(const struct kp_cuda_call *c);
void kp_cuda_layer_norm(const struct kp_cuda_call *c);
void kp_cuda_layer_norm_grad(const struct kp_cuda_call *c);
void kp_cuda_patches(const struct kp_cuda_call *c);
void kp_cuda_patches_grad(const struct kp_cuda_call *c);
void kp_cuda_prepend(const struct kp_cuda_call *c);
void kp_cuda_prepend_grad(const struct kp_cuda_call *c);
void kp_cuda_add_position(const struct kp_cuda_call *c);
void kp_cuda_add_position_grad(const struct kp_cuda_call *c);
void kp_cuda_select(const struct kp_cuda_call *c);
void kp_cuda_select_grad(const struct kp_cuda_call *c);
void kp_cuda_embedding(const struct kp_cuda_call *c);
void kp_cuda_embedding_grad(const struct kp_cuda_call *c);
void kp_cuda_attention(const struct kp_cuda_call *c);
void kp_cuda_attention_grad(const struct kp_cuda_call *c);
void kp_cuda_pool(const struct kp_cuda_call *c);
void kp_cuda_pool_grad(const struct kp_cuda_call *c);
void kp_cuda_norm(const struct kp_cuda_call *c);
void kp_cuda_norm_grad(const struct kp_cuda_call *c);
void kp_cuda_fold_norm(const struct kp_cuda_call *c);
void kp_cuda_conv(const struct kp_cuda_call *c);
void kp_cuda_conv_grad_x(const struct kp_cuda_call *c);
void kp_cuda_conv_grad_w(const struct kp_cuda_call *c);
void kp_cuda_foreign(const struct kp_cuda_call *c);

/* Bytes of scratch. */
size_t kp_cuda_losses_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_share_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_row_loss_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_head_loss_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_linear_grad_w_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_clip_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_layer_norm_grad_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_prepend_grad_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_add_position_grad_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_attention_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_norm_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_norm_grad_scratch(const struct kp_graph *g, const struct kp_node *n);
size_t kp_cuda_conv_scratch(const struct kp_graph *g, const struct kp_node *n);

/* Losses of rows, in three parts; `n` rows. *share = dy / sum(w), 0 where sum(w) = 0; dy NULL: 1.
 * The objective's kernel over rows with memory for `kp_cuda_rows_work` floats. *out = sum(losses) /
 * sum(w), losses being weighted already. */
struct kp_row_batch;
int64_t kp_cuda_rows_work(int64_t rows, int64_t classes);
void kp_cuda_rows_share(const struct kp_cuda_call *c, int64_t n, const float *w, const float *dy,
                        double *share);
void kp_cuda_rows(const struct kp_cuda_call *c, const struct kp_row_batch *b);
void kp_cuda_rows_mean(const struct kp_cuda_call *c, int64_t n, const double *losses,
                       const float *w, float *out);

/* y (rows, O) = x (rows, I) w^T + b; w (O, I), b NULL: none. x and w are halves where in[0] is. */
void kp_cuda_affine(const struct kp_cuda_call *c, const void *x, int64_t rows,
                    const struct kp_value *w, const float *b, float *y);

/* y[0 .. n) = x as halves */
void kp_cuda_halve(const struct kp_cuda_call *c, int64_t n, const float *x, uint16_t *y);

/* `bytes` from p on are 0. */
void kp_cuda_clear(const struct kp_cuda_call *c, void *p, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
