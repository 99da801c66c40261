/* scope.h - the part of a run database that an experiment stands for. */
#ifndef KP_STORE_SCOPE_H
#define KP_STORE_SCOPE_H

#include "base/hash.h"
#include "store/database.h"

/* One run that an experiment plans, there or not. */
struct kp_scope_cell {
    char config_hash[KP_HASH_SIZE];
    const char *kind; /* "train" */
    const char *role; /* "teacher", "student" */
    const char *name; /* or NULL */
    const char *dataset, *model, *objective;
    const char *teacher; /* or NULL */
    double kappa, tau;   /* NaN: none */
    int64_t seed;
};

/* cells NULL: everything in the database. */
struct kp_scope {
    const struct kp_scope_cell *cells;
    int64_t count;
};

/* Give the connection the temporary view v_study: v_pair with the columns
 *   study  the run's name ([run] name): runs that are meant to be compared
 *   run, teacher_run  ids
 *   self   1: the teacher's model has the same settings
 * and `run` without teachers as `student`, with the column study. */
KP_NODISCARD enum kp_status kp_scope_begin(struct kp_database *d, struct kp_error *e);

/* Give the connection a temporary view `planned`, with the columns of kp_scope_cell: the trainings
 * among the cells of the scope, or without cells the database's. With cells, `run` and all views of
 * the schema then mean the scope's runs alone, by temporary views of the same names. */
KP_NODISCARD enum kp_status kp_scope_apply(struct kp_database *d, const struct kp_scope *scope,
                                           struct kp_error *e);

#endif
