/* names.h - runs that are known under another name than the experiment gives them. */
#ifndef KP_APP_NAMES_H
#define KP_APP_NAMES_H

#include "study/study.h"

/* A name changes no weights, so that experiments of different names share runs, and a finished run
 * keeps the name that it was given first. Where that is another one than [run] name of the plan:
 * a line that says so, and how the runs are selected all the same. free() it. NULL: nothing to
 * say. */
char *kp_names_other(const struct kp_plan *p, const char *database);

#endif
