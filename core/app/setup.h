/* setup.h - what several commands begin with: plugins and a plan. */
#ifndef KP_APP_SETUP_H
#define KP_APP_SETUP_H

#include "app/arguments.h"
#include "study/study.h"

/* Open the plugins that this kappa finds. Refused ones are named on standard error and make the
 * status KP_EXIT_USAGE; `out` then holds the others. */
KP_NODISCARD int kp_setup_registry(struct kp_registry *out);

/* The path of what kappa brings along as `name`, such as "experiments/sql": here if the working
 * directory has it, else where this kappa has it, there or not. free() it. */
KP_NODISCARD enum kp_status kp_setup_find(const char *name, char **out, struct kp_error *e);

/* Plan the experiment a->v[0]; all errors go to standard error. Returns an exit status. */
KP_NODISCARD int kp_setup_plan(const struct kp_arguments *a, struct kp_registry *registry,
                               struct kp_store *store, struct kp_plan **out);

enum kp_setup_access {
    KP_SETUP_READ,  /* nothing is written; *out stays NULL where there is no database */
    KP_SETUP_WRITE, /* *out stays NULL where there is no database */
    KP_SETUP_MAKE,  /* made where there is none */
};

/* Open a run database. Returns an exit status. */
KP_NODISCARD int kp_setup_store(const char *path, enum kp_setup_access access,
                                struct kp_store **out);

/* For a command that does runs: a plan with what the database knows, and the database. It is made
 * only once the configuration is known to be right; then it is empty, and the plan made without it
 * holds. Returns an exit status; what was opened is the caller's even if it is not
 * KP_EXIT_DONE. */
KP_NODISCARD int kp_setup_all(const struct kp_arguments *a, struct kp_registry *registry,
                              struct kp_store **store, struct kp_plan **plan);

#endif
