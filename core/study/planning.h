/* planning.h - what the files that make a plan share. */
#ifndef KP_STUDY_PLANNING_H
#define KP_STUDY_PLANNING_H

#include "data/subset.h"
#include "study/analysis.h"

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

/* The file with the weights that a run wrote, the one whose hash is recorded; free() it. `what`
 * names the run in errors: "the teacher's run". */
KP_NODISCARD enum kp_status kp_run_weights(struct kp_store *store, const char *uid,
                                           const char *what, char **path, struct kp_error *e);

/* The examples that a configuration trains on. */
KP_NODISCARD enum kp_status kp_run_subset(const struct kp_config *c, const struct kp_dataset *data,
                                          struct kp_subset *out, struct kp_error *e);

KP_NODISCARD enum kp_status kp_run_keep_ini(struct kp_store *store, const char *uid,
                                            const char *ini, struct kp_error *e);

/* Append a run, or find the one of the same hash; *r is copied. */
KP_NODISCARD enum kp_status kp_plan_append(struct kp_planning *p, const struct kp_planned *r,
                                           int64_t *out);

/* A finished run of the database as a run of the plan, its teacher before it. Problems go to the
 * report, behind `origin`. */
KP_NODISCARD enum kp_status kp_plan_stored(struct kp_planning *p, const char *uid,
                                           const char *origin, int64_t *out);

/* The analyses of all cells, behind the runs that they look at. */
KP_NODISCARD enum kp_status kp_plan_analyses(struct kp_planning *p);

/* Do one analysis, whose runs are done. */
struct kp_session;
KP_NODISCARD enum kp_status kp_study_analyse(struct kp_plan *plan, struct kp_planned *r,
                                             const struct kp_registry *registry,
                                             struct kp_store *store,
                                             const struct kp_study_watcher *watcher,
                                             struct kp_session *session, struct kp_error *e);

#endif
