/* jobs.h - `kappa run --jobs N`: a plan done by several processes of this machine. */
#ifndef KP_APP_JOBS_H
#define KP_APP_JOBS_H

#include "study/study.h"

/* As kp_plan_execute(), in at most `jobs` worker processes, each with its share of the threads.
 * They find each other through the database, as any processes do. The watcher hears of all of them,
 * and of one common progress. A worker that dies marks what it worked on as failed and is replaced,
 * one whose device is lost is replaced; when the watcher wants to stop, all are told to. No run
 * database may be open in this process, and no thread running: the workers are made by fork(). */
KP_NODISCARD enum kp_status kp_jobs_execute(struct kp_plan *p, const struct kp_registry *registry,
                                            const char *database, int64_t jobs,
                                            const struct kp_study_watcher *watcher,
                                            struct kp_study_result *out, struct kp_error *e);

#endif
