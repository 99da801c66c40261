/* setup.h - what several commands begin with: plugins and a plan. */
#ifndef KP_APP_SETUP_H
#define KP_APP_SETUP_H

#include "app/arguments.h"
#include "study/study.h"

/* Open the plugins that this kappa finds. Refused ones are named on standard error and make the
 * status KP_EXIT_USAGE; `out` then holds the others. */
KP_NODISCARD int kp_setup_registry(struct kp_registry *out);

/* Plan the experiment a->v[0]; all errors go to standard error. Returns an exit status. */
KP_NODISCARD int kp_setup_plan(const struct kp_arguments *a, const struct kp_registry *registry,
                               struct kp_store *store, struct kp_plan **out);

/* Open a run database. Where there is none it is made, if `make`, or *out stays NULL. Returns an
 * exit status. */
KP_NODISCARD int kp_setup_store(const char *path, bool make, struct kp_store **out);

#endif
