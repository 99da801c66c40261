/* place.h - where each value of a planned graph lies in the arena. */
#ifndef KP_TENSOR_PLACE_H
#define KP_TENSOR_PLACE_H

#include "base/error.h"
#include "device/graph.h"

/* Drop nodes whose results nobody uses (batch norm's running statistics and the optimizer count as
 * used). */
void kp_graph_prune(struct kp_graph *g);

/* Give every value and scratch block an offset, sets g->arena_bytes. Two that are alive in one
 * segment never overlap; inputs and outputs are alive throughout. */
KP_NODISCARD enum kp_status kp_graph_place(struct kp_graph *g, struct kp_error *e);

#endif
