/* ref.h - the reference device: every operation as plain loops in double, slow and obvious.
 *
 * All memory holds doubles: the arena, parameters, buffers, gradients and slots. The interface of
 * device.h stays in f32, so sizes and offsets count the bytes of the same numbers in f32: element i
 * of what the host sees is element i here, kp_value.offset / 4 is the index of a value's first
 * element, and the device allocates twice what is asked for. upload, download, read and write
 * convert. Labels (i32) are doubles too, which is exact. Tests that need all digits reach them
 * through kp_ref_values(). */
#ifndef KP_DEVICE_REF_REF_H
#define KP_DEVICE_REF_REF_H

#include "device/device.h"

extern const struct kp_device_ops kp_ref_ops;

/* One operation at work. */
struct kp_ref_call {
    const struct kp_node *node;
    const struct kp_memory *memory;
    int64_t rows; /* examples that count */
};

/* First element of a value, row-major; NULL for NULL. */
double *kp_ref_values(const struct kp_memory *m, const struct kp_value *v);

static inline double *kp_ref_in(const struct kp_ref_call *c, int i)
{
    return kp_ref_values(c->memory, c->node->in[i]);
}

static inline double *kp_ref_out(const struct kp_ref_call *c, int i)
{
    return kp_ref_values(c->memory, c->node->out[i]);
}

/* First dimension of v, as far as it counts. */
static inline int64_t kp_ref_first(const struct kp_value *v, int64_t rows)
{
    return v->batched ? rows : v->shape.dim[0];
}

/* Elements of v that count. */
static inline int64_t kp_ref_count(const struct kp_value *v, int64_t rows)
{
    int64_t count = kp_shape_count(v->shape);
    return v->batched ? count / v->shape.dim[0] * rows : count;
}

/* Height (i = 0) or width (i = 1) after a window went over `extent`. */
static inline int64_t kp_ref_windows(const struct kp_window *w, int i, int64_t extent)
{
    return (extent + 2 * w->pad[i] - w->size[i]) / w->stride[i] + 1;
}

/* Index in a plane (height, width) of the first largest element, in row-major order, of the window
 * at (oy, ox); at(arg, i) gives element i. Padding is never chosen. */
int64_t kp_ref_largest(double (*at)(const void *arg, int64_t i), const void *arg, int64_t height,
                       int64_t width, const struct kp_window *w, int64_t oy, int64_t ox);

/* One function for each operation, as its comment in graph.h says. Results are zero when it is
 * called, except RESHAPE's, which is its operand. */
void kp_ref_linear(const struct kp_ref_call *c);
void kp_ref_linear_grad_x(const struct kp_ref_call *c);
void kp_ref_linear_grad_w(const struct kp_ref_call *c);
void kp_ref_conv2d(const struct kp_ref_call *c);
void kp_ref_conv2d_grad_x(const struct kp_ref_call *c);
void kp_ref_conv2d_grad_w(const struct kp_ref_call *c);
void kp_ref_batch_norm(const struct kp_ref_call *c);
void kp_ref_batch_norm_grad(const struct kp_ref_call *c);
void kp_ref_batch_norm_eval(const struct kp_ref_call *c);
void kp_ref_batch_norm_eval_grad(const struct kp_ref_call *c);
void kp_ref_fold_batch_norm(const struct kp_ref_call *c);
void kp_ref_relu(const struct kp_ref_call *c);
void kp_ref_relu_grad(const struct kp_ref_call *c);
void kp_ref_max_pool(const struct kp_ref_call *c);
void kp_ref_max_pool_grad(const struct kp_ref_call *c);
void kp_ref_avg_pool(const struct kp_ref_call *c);
void kp_ref_avg_pool_grad(const struct kp_ref_call *c);
void kp_ref_add(const struct kp_ref_call *c);
void kp_ref_sub(const struct kp_ref_call *c);
void kp_ref_mul(const struct kp_ref_call *c);
void kp_ref_scale(const struct kp_ref_call *c);
void kp_ref_round(const struct kp_ref_call *c);
double kp_ref_bf16(double x); /* the nearest bf16 */
void kp_ref_copy(const struct kp_ref_call *c);
void kp_ref_softmax(const struct kp_ref_call *c);
void kp_ref_softmax_grad(const struct kp_ref_call *c);
void kp_ref_log_softmax(const struct kp_ref_call *c);
void kp_ref_log_softmax_grad(const struct kp_ref_call *c);
void kp_ref_mean(const struct kp_ref_call *c);
void kp_ref_mean_grad(const struct kp_ref_call *c);
void kp_ref_cross_entropy(const struct kp_ref_call *c);
void kp_ref_cross_entropy_grad(const struct kp_ref_call *c);
void kp_ref_kl(const struct kp_ref_call *c);
void kp_ref_kl_grad(const struct kp_ref_call *c);
void kp_ref_weighted_mean(const struct kp_ref_call *c);
void kp_ref_weighted_mean_grad(const struct kp_ref_call *c);
void kp_ref_layer_norm(const struct kp_ref_call *c);
void kp_ref_layer_norm_grad(const struct kp_ref_call *c);
void kp_ref_gelu(const struct kp_ref_call *c);
void kp_ref_gelu_grad(const struct kp_ref_call *c);
void kp_ref_attention(const struct kp_ref_call *c);
void kp_ref_attention_grad(const struct kp_ref_call *c);
void kp_ref_patches(const struct kp_ref_call *c);
void kp_ref_patches_grad(const struct kp_ref_call *c);
void kp_ref_prepend(const struct kp_ref_call *c);
void kp_ref_prepend_grad(const struct kp_ref_call *c);
void kp_ref_add_position(const struct kp_ref_call *c);
void kp_ref_add_position_grad(const struct kp_ref_call *c);
void kp_ref_select(const struct kp_ref_call *c);
void kp_ref_select_grad(const struct kp_ref_call *c);
void kp_ref_embedding(const struct kp_ref_call *c);
void kp_ref_embedding_grad(const struct kp_ref_call *c);
void kp_ref_dropout(const struct kp_ref_call *c);

void kp_ref_one_hot(const struct kp_ref_call *c);
void kp_ref_argmax(const struct kp_ref_call *c);

/* ROW_LOSS; bytes of its scratch. */
void kp_ref_row_loss(const struct kp_ref_call *c);
size_t kp_ref_row_loss_scratch(const struct kp_node *n);
void kp_ref_head_loss(const struct kp_ref_call *c);
size_t kp_ref_head_loss_scratch(const struct kp_node *n);
/* The row function of n: the loss of one row; `grad`, zero before, is its gradient. */
double kp_ref_row(const struct kp_node *n, int64_t classes, double label, const double *z,
                  const double *t, double *grad, double *work);
#define KP_REF_ROW_WORK(classes) ((KP_ROW_WORK + 2) * (classes)) /* doubles of `work` */

/* FOREIGN and FOREIGN_GRAD; bytes that the graph must plan for the plugin's scratch. */
void kp_ref_foreign(const struct kp_ref_call *c);
size_t kp_ref_foreign_scratch(const struct kp_graph *g, const struct kp_node *n);

/* ACCUMULATE, CLIP, SGD and ADAM: all `count` parameters at once. */
void kp_ref_accumulate(const struct kp_ref_call *c, int64_t count);
void kp_ref_clip(const struct kp_ref_call *c, int64_t count);
void kp_ref_optimize(const struct kp_ref_call *c, int64_t count);

#endif
