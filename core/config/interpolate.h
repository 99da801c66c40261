/* interpolate.h - ${section.key} and ${env:NAME} in values. */
#ifndef KP_CONFIG_INTERPOLATE_H
#define KP_CONFIG_INTERPOLATE_H

#include "base/error.h"
#include "base/text.h"

struct kp_cell;

/* Add `text` with every ${...} replaced, once. Without a cell only ${env:NAME} is known. A variable
 * that is not set is an error, or, if `leave`, stays as it is written. */
KP_NODISCARD enum kp_status kp_interpolate(const struct kp_cell *cell, const char *text, bool leave,
                                           struct kp_text *out, struct kp_error *why);

#endif
