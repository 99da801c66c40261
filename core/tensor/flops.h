/* flops.h - the arithmetic of a recorded graph. */
#ifndef KP_TENSOR_FLOPS_H
#define KP_TENSOR_FLOPS_H

#include "device/graph.h"

/* Floating-point operations for one example: 2 x the multiply-adds of convolutions, linear layers
 * and attention (all pairs, causal or not); the rest is not counted. */
struct kp_flops {
    double forward;
    double training; /* forward and backward pass */
};

/* A layer's backward pass counts twice its forward pass, half of it for the gradient of its weights
 * and half for that of its input; so does that of attention. Where weights are frozen their half
 * falls away, and where nothing is trained in a layer or before it both do. The first trained layer
 * counts in full, as it is the custom, so that training everything is three forward passes. False
 * if out of memory. */
bool kp_graph_flops(const struct kp_graph *g, struct kp_flops *out);

#endif
