/* tasks.h - what is missing of a plan, cut into pieces that separate processes can do, each with a
 * database of its own. */
#ifndef KP_STUDY_TASKS_H
#define KP_STUDY_TASKS_H

#include "study/study.h"

struct kp_task {
    int stage;     /* stage 0 needs nothing that is missing, stage 1 only what stage 0 does, ... */
    int64_t *runs; /* numbers in the plan: one run, or runs that are trained in lockstep */
    int64_t count;
};

/* Trainings by stage. Analyses look at the runs of many tasks: they are not among them. */
struct kp_tasks {
    struct kp_task *v; /* in order of their stages */
    int64_t count;
    int stages;
    int64_t *runs; /* of all tasks, behind each other */
};

/* Runs that are done make no task. KP_E_NOMEM. */
KP_NODISCARD enum kp_status kp_tasks_make(const struct kp_plan *p, struct kp_tasks *out,
                                          struct kp_error *e);
void kp_tasks_finish(struct kp_tasks *t);

#endif
