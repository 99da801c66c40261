/* precision.h - in which precision a graph multiplies.
 *
 * With KP_PRECISION_BF16 the matrices of every product are rounded to bf16 first: weights,
 * activations, and the gradients that flow into the products of the backward pass, of linear
 * layers, convolutions and attention. Everything else is as in fp32: parameters (the master
 * weights), their gradients and the optimizer's state, biases, the sums of the products and their
 * results, norms, softmax, losses, statistics. In attention q, k, v and dy are rounded, and nothing
 * of what lies between its two products.
 *
 * This is torch.autocast(dtype=torch.bfloat16) but for the results: autocast rounds those of
 * products, and the gradients of weights, to bf16 as well. Here logits, features and the sums of
 * residual branches keep the digits that the products have; but for convolutions on cuda, whose
 * results (before the bias) and gradients of weights are rounded as autocast rounds them.
 *
 * The gradient of a rounding is the identity. */
#ifndef KP_DEVICE_PRECISION_H
#define KP_DEVICE_PRECISION_H

#include "base/error.h"
#include "device/graph.h"

enum kp_precision {
    KP_PRECISION_FP32 = 0,
    KP_PRECISION_BF16 = 1,
};

/* Which operands of a node are matrices of its products: bit k stands for in[k]. */
unsigned kp_node_factors(const struct kp_node *n);

/* Put a ROUND before every operand that is to be rounded and is not yet; one for all products that
 * read the value. Once for a recorded graph, before it is fused, and again for the products that
 * its differentiation added. */
KP_NODISCARD enum kp_status kp_graph_round(struct kp_graph *g, struct kp_error *e);

#endif
