/* lane_table.inl - all LANE kernels at the level KP_VEC, as the table LANE_TABLE named LANE_NAME.
 */
#include "device/cpu/lane.h"
#include "device/cpu/vec.h"
#include "device/cpu/vec_math.h"
#include "kernels/bf16.h"

#include "kernels/gelu.inl"
#include "kernels/layer_norm.inl"
#include "kernels/norm.inl"
#include "kernels/optimizer.inl"
#include "kernels/relu.inl"

/* what others use first */
#include "device/cpu/lane_pass.inl"
#include "device/cpu/lane_row.inl"
#include "device/cpu/lane_row_kl.inl"

#include "device/cpu/lane_attention.inl"
#include "device/cpu/lane_conv.inl"
#include "device/cpu/lane_element.inl"
#include "device/cpu/lane_gelu.inl"
#include "device/cpu/lane_grad_fast.inl"
#include "device/cpu/lane_grad_w.inl"
#include "device/cpu/lane_layer_norm.inl"
#include "device/cpu/lane_norm.inl"
#include "device/cpu/lane_optimizer.inl"
#include "device/cpu/lane_pool.inl"
#include "device/cpu/lane_rows.inl"
#include "device/cpu/lane_winograd.inl"
#include "device/cpu/lane_winograd_grad.inl"

const struct kp_lane_ops LANE_TABLE = {
    .name = LANE_NAME,
    .conv = lane_conv,
    .conv_fast = lane_conv_fast,
    .conv_grad_w = lane_conv_grad_w,
    .conv_grad_fast = lane_conv_grad_fast,
    .plane_stats = lane_plane_stats,
    .norm = lane_norm,
    .norm_grad_sums = lane_norm_grad_sums,
    .norm_grad = lane_norm_grad,
    .max_pool = lane_max_pool,
    .max_pool_grad = lane_max_pool_grad,
    .avg_pool = lane_avg_pool,
    .avg_pool_grad = lane_avg_pool_grad,
    .relu = lane_relu,
    .relu_grad = lane_relu_grad,
    .add = lane_add,
    .sub = lane_sub,
    .mul = lane_mul,
    .round = lane_round,
    .scale = lane_scale,
    .gelu = lane_gelu,
    .gelu_grad = lane_gelu_grad,
    .layer_norm = lane_layer_norm,
    .layer_norm_grad = lane_layer_norm_grad,
    .attention = lane_attention,
    .attention_grad = lane_attention_grad,
    .sgd = lane_sgd,
    .adam = lane_adam,
    .rows = lane_rows,
    .row = LANE_ROW,
};
