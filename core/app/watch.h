/* watch.h - what `kappa run` shows of the runs in progress. */
#ifndef KP_APP_WATCH_H
#define KP_APP_WATCH_H

#include "app/display.h"
#include "study/study.h"

struct kp_watch {
    struct kp_display display;
    const struct kp_plan *plan;
    const char *database;
    double *begun;        /* [plan->count]: monotonic; 0: not in progress */
    int64_t working;      /* runs in progress */
    int64_t last;         /* the one that was begun last */
    bool opening;         /* data are being opened, before a run */
    bool waiting;         /* for other processes; said once */
    struct kp_error said; /* the last failure that was shown */
};

/* False if out of memory. The plan and the name of the database must outlive it. */
KP_NODISCARD bool kp_watch_init(struct kp_watch *w, const struct kp_plan *plan,
                                const char *database, bool quiet);
void kp_watch_finish(struct kp_watch *w);

/* It stops where the user asks for it, see interrupt.h. */
struct kp_study_watcher kp_watch_watcher(struct kp_watch *w);

#endif
