/* ops.c - how each operation is planned and lowered. */
#include "device/cpu/cpu.h"

#define SLICE KP_WHEN_SLICE
#define SUM   KP_WHEN_SUM
#define WIDE  KP_WHEN_WIDE

const struct kp_cpu_op kp_cpu_ops[KP_OP_COUNT] = {
    [KP_OP_LINEAR] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_linear},
    [KP_OP_LINEAR_GRAD_X] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_linear},
    [KP_OP_LINEAR_GRAD_W] = {KP_WANT_PLAIN, SUM, NULL, kp_lower_linear},
    [KP_OP_CONV2D] = {KP_WANT_CONV, SLICE, kp_scratch_conv, kp_lower_conv},
    [KP_OP_CONV2D_GRAD_X] = {KP_WANT_CONV, SLICE, kp_scratch_conv, kp_lower_conv},
    [KP_OP_CONV2D_GRAD_W] = {KP_WANT_CONV, SUM, kp_scratch_conv_grad_w, kp_lower_conv_grad_w},
    [KP_OP_BATCH_NORM] = {KP_WANT_LANE, SLICE, NULL, kp_lower_norm},
    [KP_OP_BATCH_NORM_GRAD] = {KP_WANT_LANE, SLICE, kp_scratch_norm_grad, kp_lower_norm_grad},
    [KP_OP_BATCH_NORM_EVAL] = {KP_WANT_LANE, SLICE, NULL, kp_lower_norm_eval},
    [KP_OP_BATCH_NORM_EVAL_GRAD] = {KP_WANT_LANE, SUM, kp_scratch_norm_eval_grad,
                                    kp_lower_norm_eval_grad},
    [KP_OP_FOLD_BATCH_NORM] = {KP_WANT_PLAIN, WIDE, NULL, kp_lower_fold},
    [KP_OP_RELU] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_RELU_GRAD] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_MAX_POOL] = {KP_WANT_LANE, SLICE, NULL, kp_lower_pool},
    [KP_OP_MAX_POOL_GRAD] = {KP_WANT_LANE, SLICE, NULL, kp_lower_pool},
    [KP_OP_AVG_POOL] = {KP_WANT_LANE, SLICE, NULL, kp_lower_pool},
    [KP_OP_AVG_POOL_GRAD] = {KP_WANT_LANE, SLICE, NULL, kp_lower_pool},
    [KP_OP_RESHAPE] = {KP_WANT_SAME, SLICE, NULL, kp_lower_nothing},
    [KP_OP_ADD] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_SUB] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_MUL] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_SCALE] = {KP_WANT_SAME, SLICE, NULL, kp_lower_element},
    [KP_OP_SOFTMAX] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_rows},
    [KP_OP_SOFTMAX_GRAD] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_rows},
    [KP_OP_LOG_SOFTMAX] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_rows},
    [KP_OP_LOG_SOFTMAX_GRAD] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_rows},
    [KP_OP_MEAN] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_mean},
    [KP_OP_MEAN_GRAD] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_mean},
    [KP_OP_CROSS_ENTROPY] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_losses},
    [KP_OP_CROSS_ENTROPY_GRAD] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_losses},
    [KP_OP_KL] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_losses},
    [KP_OP_KL_GRAD] = {KP_WANT_PLAIN, SLICE, NULL, kp_lower_losses},
    [KP_OP_WEIGHTED_MEAN] = {KP_WANT_PLAIN, WIDE, NULL, kp_lower_mean},
    [KP_OP_WEIGHTED_MEAN_GRAD] = {KP_WANT_PLAIN, SLICE, kp_scratch_mean, kp_lower_mean},
    [KP_OP_SGD] = {KP_WANT_PLAIN, WIDE, NULL, kp_lower_sgd},
    [KP_OP_CONVERT] = {KP_WANT_SAME, SLICE, NULL, kp_lower_convert},
    [KP_OP_BATCH_NORM_SUMS] = {KP_WANT_LANE, SUM, NULL, kp_lower_norm_sums},
    [KP_OP_BATCH_NORM_GRAD_SUMS] = {KP_WANT_LANE, SUM, NULL, kp_lower_norm_grad_sums},
};
