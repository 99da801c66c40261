/* fusion.h - merges operations into fused ones, for the `fuse` of a device whose kernels have them.
 */
#ifndef KP_DEVICE_FUSION_H
#define KP_DEVICE_FUSION_H

#include "base/error.h"
#include "device/graph.h"

/* Batch norms include an addition, a ReLU and a max-pool without overlap that follow them and are
 * their only readers. In EVAL graphs convolutions include a batch norm, which becomes part of their
 * weights, a ReLU and, where `pools` says of the convolution that it can, such a max-pool. pools
 * NULL: none can. */
KP_NODISCARD enum kp_status
kp_graph_fuse(struct kp_graph *g, bool (*pools)(const struct kp_node *conv), struct kp_error *e);

#endif
