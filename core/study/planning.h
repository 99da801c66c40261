/* planning.h - what the files that make a plan share. */
#ifndef KP_STUDY_PLANNING_H
#define KP_STUDY_PLANNING_H

#include "study/study.h"

struct kp_planning {
    struct kp_plan *plan;
    int64_t room; /* of plan->runs */
    const struct kp_registry *registry;
    struct kp_store *store; /* NULL: none */
    struct kp_text *report;
};

/* What stands in for a configuration's [teacher] section. */
struct kp_planned_teacher {
    int64_t index;       /* in the plan, or -1 */
    const char *weights; /* of [teacher] file, or NULL */
    const char *hash;    /* its configuration's, or its file's; NULL: no teacher */
    char uid[KP_UID_SIZE];
};

/* What the database knows of a run now: r->state and r->uid. */
KP_NODISCARD enum kp_status kp_plan_look_up(struct kp_store *store, struct kp_planned *r,
                                            struct kp_error *e);

/* Where a run keeps its resolved configuration: "<db>.d/<uid>/run.ini". free() it. */
KP_NODISCARD enum kp_status kp_run_ini_path(struct kp_store *store, const char *uid, char **out,
                                            struct kp_error *e);

#endif
