/* planning.h - what the files that make a plan share. */
#ifndef KP_STUDY_PLANNING_H
#define KP_STUDY_PLANNING_H

#include "base/index.h"
#include "data/subset.h"
#include "study/analysis.h"

struct kp_planning {
    struct kp_plan *plan;
    int64_t room;                           /* of plan->runs */
    struct kp_index known;                  /* configuration hash -> its run's number */
    const struct kp_override **opened_with; /* [plan->experiment_count] */
    struct kp_registry *registry;
    struct kp_store *store; /* NULL: none */
    struct kp_text *report;
    struct kp_hashed_file *hashed; /* weights files so far */
};

struct kp_hashed_file {
    struct kp_hashed_file *next;
    char *path;
    char sha256[KP_HASH_SIZE];
};

void kp_plan_forget_files(struct kp_planning *p);

/* The experiment of a path, opened once for each set of overrides, which outlive the plan. */
KP_NODISCARD enum kp_status kp_plan_open(struct kp_planning *p, const char *path,
                                         const struct kp_override *overrides,
                                         int64_t override_count, struct kp_experiment **out);

/* Plan what a configuration refers to, then itself. Takes the configuration over. depth: how many
 * runs referred to each other on the way here. */
KP_NODISCARD enum kp_status kp_plan_config(struct kp_planning *p, const struct kp_experiment *x,
                                           struct kp_config *c, bool cell, int depth, int64_t *out);

/* What a reference of `c`, a configuration of `x`, stands for; its run is planned. The texts live
 * as long as `c`. Problems go to the report. */
KP_NODISCARD enum kp_status kp_plan_reference(struct kp_planning *p, const struct kp_experiment *x,
                                              struct kp_config *c, enum kp_reference which,
                                              int depth, struct kp_planned_weights *out);

/* What the database knows of a run now: r->state and r->uid. */
KP_NODISCARD enum kp_status kp_plan_look_up(struct kp_store *store, struct kp_planned *r,
                                            struct kp_error *e);

/* Where a run keeps its resolved configuration: "<db>.d/<uid>/run.ini". free() it. */
KP_NODISCARD enum kp_status kp_run_ini_path(struct kp_store *store, const char *uid, char **out,
                                            struct kp_error *e);

/* The file behind a reference: the weights file, or what the run wrote. NULL if there is no
 * reference; free() it. `what` names a run in errors: "the teacher's run". */
KP_NODISCARD enum kp_status kp_plan_weights(const struct kp_plan *p, struct kp_store *store,
                                            const struct kp_planned_weights *of, const char *what,
                                            char **path, struct kp_error *e);

/* Do run number `run` alone, see kp_plan_execute(); what it refers to must be done. */
KP_NODISCARD enum kp_status kp_plan_execute_one(struct kp_plan *p, int64_t run,
                                                const struct kp_registry *registry,
                                                struct kp_store *store,
                                                const struct kp_study_watcher *watcher,
                                                struct kp_study_result *out, struct kp_error *e);

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

/* Do one analysis, whose runs are done. *taken = false: another process was first. */
struct kp_session;
KP_NODISCARD enum kp_status
kp_study_analyse(struct kp_plan *plan, struct kp_planned *r, const struct kp_registry *registry,
                 struct kp_store *store, const struct kp_study_watcher *watcher,
                 struct kp_session *session, bool *taken, struct kp_error *e);

#endif
