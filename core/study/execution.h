/* execution.h - the execution of a plan, shared by the files that do it. */
#ifndef KP_STUDY_EXECUTION_H
#define KP_STUDY_EXECUTION_H

#include "study/cohort.h"
#include "study/planning.h"

/* What an execution knows of a run. */
struct kp_progress_of {
    bool settled; /* done, failed or skipped: nothing more to do */
    int attempt;  /* attempts that had ended when the execution began */
};

struct kp_execution {
    struct kp_plan *plan;
    const struct kp_registry *registry;
    struct kp_store *store;
    const struct kp_study_watcher *watcher;
    struct kp_study_result *result;
    struct kp_session session;
    struct kp_cohort_sizes sizes;
    struct kp_progress_of *of; /* [plan->count] */
    int64_t waiting;           /* runs that other processes are at, in this round */
    int64_t put_off;           /* runs that did not go with their cohort, in this round */
    bool lost;                 /* the device failed: nothing more can be done on it */
};

/* A run was tried by this execution: count and tell it. A failure that would meet every run, or the
 * wish to stop, is returned. After one of the device that was open nothing more is tried. */
KP_NODISCARD enum kp_status kp_execution_settle(struct kp_execution *x, int64_t run,
                                                enum kp_status st, const struct kp_error *why,
                                                struct kp_error *e);

/* Begin or continue the rows of runs that may be trained together (kp_planned.cohort), train them
 * in lockstep, end and settle them. `runs`: numbers in the plan, in rising order. Runs that another
 * process took first, that do not fit into memory, or whose last checkpoints are of other steps
 * than that of the first ones stay as they are: they are counted, and looked at again. */
KP_NODISCARD enum kp_status kp_execution_train(struct kp_execution *x, const int64_t *runs,
                                               int64_t count, struct kp_error *e);

#endif
