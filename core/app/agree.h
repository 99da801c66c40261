/* agree.h - are two runs, each in a database of its own, the same bit for bit? */
#ifndef KP_APP_AGREE_H
#define KP_APP_AGREE_H

#include "base/error.h"

struct kp_agree_run {
    const char *database, *uid;
};

/* Print for weights, results, comparisons and curves whether they are equal, with the first
 * differences, and where something differs also what differs in the making: program, versions,
 * device, plugins, examples. Times and hosts do not count. */
KP_NODISCARD enum kp_status kp_agree_print(const struct kp_agree_run *recorded,
                                           const struct kp_agree_run *again, bool *equal,
                                           struct kp_error *e);

#endif
