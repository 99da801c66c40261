/* flops.h - the arithmetic of a recorded graph. */
#ifndef KP_TENSOR_FLOPS_H
#define KP_TENSOR_FLOPS_H

#include "device/graph.h"

/* Floating-point operations of one example's forward pass: 2 x the multiply-adds of convolutions,
 * linear layers and attention (all pairs, causal or not); the rest is not counted. A training step
 * counts three times as much (the backward pass twice the forward pass). */
double kp_graph_forward_flops(const struct kp_graph *g);

#endif
