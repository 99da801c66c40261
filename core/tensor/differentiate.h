/* differentiate.h - append the operations that compute the gradient of a loss. */
#ifndef KP_TENSOR_DIFFERENTIATE_H
#define KP_TENSOR_DIFFERENTIATE_H

#include "base/error.h"
#include "device/graph.h"

/* trained[v->id]: a trained parameter is in the value, so that a gradient flows into it.
 *   trained [g->value_count] */
void kp_mark_trained(const struct kp_graph *g, bool *trained);

/* Reverse-mode differentiation. `seed` is the gradient of the loss itself, a value of its shape (a
 * scalar input that holds 1). Every parameter that the loss depends on gets a value at KP_AT_GRADS
 * with the parameter's offset; the others keep what is in memory.grads. */
KP_NODISCARD enum kp_status kp_differentiate(struct kp_graph *g, struct kp_value *loss,
                                             struct kp_value *seed, struct kp_error *e);

#endif
