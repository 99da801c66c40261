/* sources.h - which folders of queries a command asks, and about which runs. */
#ifndef KP_APP_SOURCES_H
#define KP_APP_SOURCES_H

#include "app/arguments.h"
#include "report/report.h"
#include "study/study.h"

struct kp_sources {
    struct kp_report_source *v;
    int64_t count;
    struct kp_sources_owned {
        char *folder;
        struct kp_plan *plan; /* or NULL; v[].experiment is its path */
        struct kp_scope_cell *cells;
    } * owned;
};

/* a->v[0] names an experiment: its own folder, and with `claims` the folder "claims" beside that
 * one, asked about the experiment's runs (--set and --sweep as in `kappa run`). It names a folder:
 * that one and those in it that hold queries, each asked about the runs of the experiment in it
 * that has the most finished runs in the database, or about the whole database if there is none.
 * None: `fallback`, here or as this kappa brings it along. Messages go to standard error. Returns
 * an exit status. */
KP_NODISCARD int kp_sources_find(const struct kp_arguments *a, bool claims, const char *fallback,
                                 struct kp_sources *out);
void kp_sources_finish(struct kp_sources *s);

#endif
