/* worker.c - a worker process of `kappa run --jobs N`. */
#include "app/worker.h"

#include "app/crash.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "base/clock.h"
#include "base/machine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_INTERVAL 0.1 /* seconds */
#define MEBIBYTE          ((size_t)1 << 20)

_Static_assert(sizeof(struct kp_message) <= PIPE_BUF, "a message is passed whole");

struct worker {
    const struct kp_plan *plan;
    int report;
    double told; /* of the last progress, monotonic */
};

/* If the parent is gone there is nobody to tell, and a signal to stop is on its way. */
static void tell(const struct worker *w, const struct kp_message *m)
{
    (void)!write(w->report, m, sizeof(*m));
}

static void tell_run(const struct worker *w, enum kp_message_kind kind, const struct kp_planned *r,
                     enum kp_status st, const char *text)
{
    struct kp_message m = {.kind = kind, .status = st, .run = r - w->plan->runs};

    (void)snprintf(m.text, sizeof(m.text), "%s", text);
    tell(w, &m);
}

static void on_begin(void *arg, int64_t number, int64_t total, const struct kp_planned *r)
{
    (void)number;
    (void)total;
    tell_run(arg, KP_MESSAGE_BEGIN, r, KP_OK, r->uid);
}

static void on_progress(void *arg, const struct kp_progress *p)
{
    struct worker *w = arg;
    struct kp_message m = {.kind = KP_MESSAGE_PROGRESS, .progress = *p};
    double now = kp_clock_monotonic();

    if (now - w->told < PROGRESS_INTERVAL)
        return;
    w->told = now;
    tell(w, &m);
}

static void on_end(void *arg, const struct kp_planned *r, enum kp_status st, const char *text)
{
    tell_run(arg, KP_MESSAGE_END, r, st, st == KP_OK ? r->uid : text);
}

static void on_skip(void *arg, const struct kp_planned *r, const char *why)
{
    tell_run(arg, KP_MESSAGE_SKIP, r, KP_OK, why);
}

static bool on_stop(void *arg)
{
    (void)arg;
    return kp_interrupt_wanted();
}

static void on_note(void *arg, const char *text)
{
    struct kp_message m = {.kind = KP_MESSAGE_NOTE};

    (void)snprintf(m.text, sizeof(m.text), "%s", text);
    tell(arg, &m);
}

/* A worker's part of the machine. None of this is hashed. */
static void set_share(const struct kp_worker_job *job)
{
    struct kp_plan *p = job->plan;
    const int64_t jobs = job->jobs;

    p->sharers = jobs;
    for (int64_t i = 0; i < p->count; i++) {
        struct kp_settings *set = &p->runs[i].config->core;
        int64_t memory = set->run.cohort_memory > 0 ? set->run.cohort_memory
                                                    : (int64_t)(kp_machine_memory() / 2 / MEBIBYTE);
        set->run.threads = job->threads;
        set->run.cohort_memory = memory > jobs ? memory / jobs : 1;
        if (job->apart)
            p->runs[i].cohort[0] = '\0';
    }
}

void kp_worker_main(const struct kp_worker_job *job)
{
    struct worker w = {.plan = job->plan, .report = job->report};
    const struct kp_study_watcher watcher = {.arg = &w,
                                             .begin = on_begin,
                                             .progress = on_progress,
                                             .end = on_end,
                                             .skip = on_skip,
                                             .stop = on_stop,
                                             .note = on_note};
    struct kp_study_result result = {0};
    struct kp_store *store = NULL;
    struct kp_error e = {0}, closing = {0};

    kp_interrupt_follow(job->parent);
    kp_crash_record(job->database, job->registry, true);
    set_share(job);
    enum kp_status st = kp_store_open(job->database, &store, &e);
    if (st == KP_OK)
        st = kp_plan_execute(job->plan, job->registry, store, &watcher, &result, &e);
    if (kp_store_close(store, &closing) != KP_OK && st == KP_OK) {
        st = closing.status;
        e = closing;
    }
    if (st != KP_OK && st != KP_E_INTERRUPTED) {
        struct kp_message m = {.kind = KP_MESSAGE_FATAL, .status = st};
        memcpy(m.text, e.text, sizeof(m.text));
        tell(&w, &m);
    }
    _exit(st == KP_OK && result.lost ? KP_WORKER_LOST : (int)kp_exit_status(st));
}
