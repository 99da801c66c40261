/* verify.h - is a plugin's manifest well-formed? */
#ifndef KP_HOST_VERIFY_H
#define KP_HOST_VERIFY_H

#include "base/error.h"
#include "kappa/plugin.h"

/* Check the head alone: magic, sizes, versions. KP_E_ABI with both versions and what to do. */
KP_NODISCARD enum kp_status kp_verify_abi(const struct kp_abi *abi, const char *path,
                                          struct kp_error *e);

/* Check everything behind a good head: names, functions, option tables with their defaults. Runs no
 * code of the plugin. Also right for a plugin that is linked into the program. */
KP_NODISCARD enum kp_status kp_verify_plugin(const struct kp_plugin *p, const char *path,
                                             struct kp_error *e);

#endif
