/* resolve.h - one cell of an experiment becomes a configuration. */
#ifndef KP_CONFIG_RESOLVE_H
#define KP_CONFIG_RESOLVE_H

#include "config/cell.h"
#include "config/config.h"

/* Resolve every setting and check them one by one and together. NULL if there was a problem. */
struct kp_config *kp_resolve(const struct kp_cell *cell, struct kp_problems *p);

/* Check settings against each other; part of kp_resolve(). Settings that are missing have been
 * reported. */
void kp_resolve_check(const struct kp_cell *cell, const struct kp_config *c, struct kp_problems *p);

#endif
