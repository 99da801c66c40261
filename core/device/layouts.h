/* layouts.h - a layout for each value of a graph, and conversions where operations disagree: for
 * the plan of a device that has one layout beside PLAIN. */
#ifndef KP_DEVICE_LAYOUTS_H
#define KP_DEVICE_LAYOUTS_H

#include "base/error.h"
#include "device/graph.h"

/* `has`: whether a value may be in either layout; others stay PLAIN. `wanted`: the layout of a
 * node's operands and results that may; `given` is the other layout where an operand is in it, else
 * PLAIN. Results of RESHAPE become aliases of its operand. */
KP_NODISCARD enum kp_status
kp_plan_layouts(struct kp_graph *g, bool (*has)(const struct kp_value *v),
                enum kp_layout (*wanted)(const struct kp_node *n, enum kp_layout given),
                struct kp_error *e);

#endif
