/* uses.h - options of the core that only some choices of another option use: beta1 is Adam's. */
#ifndef KP_CONFIG_USES_H
#define KP_CONFIG_USES_H

#include "config/cell.h"
#include "config/config.h"

/* Is option `o` of a section used in this configuration, in which the choices before it in its
 * table are resolved? Reports an unused one that was written all the same, unless what was written
 * suited a choice that has been replaced: the choice is an axis of the sweep, or it was written
 * later and in another file. */
bool kp_option_in_use(const struct kp_cell *cell, const struct kp_config *c, const char *section,
                      const struct kp_option *o, struct kp_problems *p);

#endif
