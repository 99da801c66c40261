/* jobs.c - starts the workers of `kappa run --jobs N`, listens to them, replaces those that die. */
#include "app/jobs.h"

#include "app/worker.h"
#include "base/clock.h"
#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTEN_MS 100

struct worker {
    pid_t pid;                   /* 0: none */
    int fd;                      /* its messages */
    int64_t threads, working;    /* runs that it is at */
    bool apart;                  /* it takes no cohorts, see reap() */
    struct kp_progress progress; /* its last */
};

/* What is known of a run of the plan. */
struct seen {
    int worker;     /* index + 1 of the one that is at it; 0: none */
    int attempt;    /* attempts that had ended before */
    bool done;      /* before */
    bool said;      /* its end was shown */
    char *why_skip; /* a worker did not try it */
};

struct jobs {
    struct kp_plan *plan;
    const struct kp_registry *registry;
    const char *database;
    const struct kp_study_watcher *watcher;
    struct worker *workers;
    struct pollfd *fds;
    int count;
    struct seen *seen;
    int64_t steps_done, steps_left; /* of runs that have ended; of the others */
    double begun;
    char note[2048]; /* the last */
    struct kp_error fatal;
};

static enum kp_status start(struct jobs *j, struct worker *w, struct kp_error *e)
{
    struct kp_worker_job job = {.plan = j->plan,
                                .registry = j->registry,
                                .database = j->database,
                                .jobs = j->count,
                                .threads = w->threads,
                                .apart = w->apart,
                                .parent = getpid()};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return kp_fail(e, KP_E_IO, "cannot start a worker process: %s", strerror(errno));
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < j->count; i++)
            if (j->workers[i].pid > 0)
                (void)close(j->workers[i].fd);
        (void)close(ends[0]);
        job.report = ends[1];
        kp_worker_main(&job);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        int error = errno;
        (void)close(ends[0]);
        return kp_fail(e, KP_E_IO, "cannot start a worker process: %s", strerror(error));
    }
    w->pid = pid;
    w->fd = ends[0];
    w->working = 0;
    return KP_OK;
}

/* One progress of all workers. Time left: of the whole plan, at the rate of steps so far. */
static void show_progress(const struct jobs *j)
{
    struct kp_progress all = {.phase = KP_PHASE_TRAIN, .loss = (double)NAN, .seconds_left = -1};
    int working = 0;

    for (int i = 0; i < j->count; i++) {
        const struct kp_progress *p = &j->workers[i].progress;
        if (j->workers[i].pid == 0 || j->workers[i].working == 0)
            continue;
        if (working++ == 0)
            all.phase = p->phase;
        all.step += p->step;
        all.steps += p->steps;
        all.samples_per_second += p->samples_per_second;
    }
    int64_t done = j->steps_done + all.step, left = j->steps_left - all.step;
    if (done > 0 && left >= 0)
        all.seconds_left = (kp_clock_monotonic() - j->begun) * (double)left / (double)done;
    if (working > 0 && j->watcher->progress)
        j->watcher->progress(j->watcher->arg, &all);
}

/* Its worker is not at it any more. */
static void leave_run(struct jobs *j, int64_t run)
{
    struct seen *seen = &j->seen[run];

    if (seen->worker > 0)
        j->workers[seen->worker - 1].working--;
    seen->worker = 0;
}

static void end_run(struct jobs *j, int64_t run, enum kp_status st, const char *text)
{
    leave_run(j, run);
    j->seen[run].said = st != KP_E_INTERRUPTED;
    j->steps_done += j->plan->runs[run].steps;
    j->steps_left -= j->plan->runs[run].steps;
    if (j->watcher->end)
        j->watcher->end(j->watcher->arg, &j->plan->runs[run], st, text);
}

static void take_message(struct jobs *j, int worker, const struct kp_message *m)
{
    const struct kp_study_watcher *w = j->watcher;
    struct kp_planned *r = &j->plan->runs[m->run];
    struct seen *seen = &j->seen[m->run];

    switch (m->kind) {
    case KP_MESSAGE_BEGIN:
        (void)snprintf(r->uid, sizeof(r->uid), "%.*s", KP_UID_SIZE - 1, m->text);
        seen->worker = worker + 1;
        j->workers[worker].working++;
        j->workers[worker].progress = (struct kp_progress){.phase = KP_PHASE_TRAIN};
        if (w->begin)
            w->begin(w->arg, m->run, j->plan->count, r);
        break;
    case KP_MESSAGE_PROGRESS:
        j->workers[worker].progress = m->progress;
        break;
    case KP_MESSAGE_END:
        if (m->status == KP_OK)
            (void)snprintf(r->uid, sizeof(r->uid), "%.*s", KP_UID_SIZE - 1, m->text);
        end_run(j, m->run, m->status, m->text);
        break;
    case KP_MESSAGE_SKIP:
        if (!seen->why_skip)
            seen->why_skip = strdup(m->text);
        break;
    case KP_MESSAGE_NOTE:
        if (w->note && strcmp(j->note, m->text) != 0)
            w->note(w->arg, m->text);
        memcpy(j->note, m->text, sizeof(j->note));
        break;
    case KP_MESSAGE_FATAL:
        if (!j->fatal.status)
            (void)kp_fail(&j->fatal, m->status, "%s", m->text);
        break;
    }
}

/* Could a dead worker still record which of its runs it died of? They have failed then. */
static enum kp_status find_crash(struct jobs *j, struct kp_store *store, int worker, bool *recorded,
                                 struct kp_error *e)
{
    struct kp_run_info info;
    bool found = false;
    enum kp_status st = KP_OK;

    *recorded = false;
    for (int64_t i = 0; st == KP_OK && !*recorded && i < j->plan->count; i++) {
        if (j->seen[i].worker != worker + 1)
            continue;
        st = kp_store_find_uid(store, j->plan->runs[i].uid, &info, &found, e);
        *recorded = st == KP_OK && found && info.status == KP_RUN_FAILED;
    }
    return st;
}

/* What a dead worker was at has failed: another worker would die of it as well. If it has recorded
 * which runs it died of, another may continue the rest. */
static enum kp_status blame(struct jobs *j, int worker, const char *why, bool *some,
                            struct kp_error *e)
{
    struct kp_store *store = NULL;
    struct kp_run_info info;
    bool recorded = false, found = false;
    enum kp_status st = kp_store_open(j->database, &store, e);

    if (st == KP_OK)
        st = find_crash(j, store, worker, &recorded, e);
    for (int64_t i = 0; st == KP_OK && i < j->plan->count; i++) {
        if (j->seen[i].worker != worker + 1)
            continue;
        *some = true;
        if (!recorded)
            st = kp_store_give_up(store, j->plan->runs[i].uid, why, e);
        if (st == KP_OK)
            st = kp_store_find_uid(store, j->plan->runs[i].uid, &info, &found, e);
        if (st == KP_OK && found && info.status == KP_RUN_FAILED)
            end_run(j, i, KP_E_INVALID, info.error);
        else
            leave_run(j, i);
    }
    if (st == KP_OK)
        return kp_store_close(store, e);
    (void)kp_store_close(store, &(struct kp_error){0});
    return st;
}

/* A worker has closed its pipe: it has ended. */
static enum kp_status reap(struct jobs *j, int worker, bool stopping, struct kp_error *e)
{
    struct worker *w = &j->workers[worker];
    int status = 0;
    char why[128];
    bool some = false;

    (void)close(w->fd);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == KP_WORKER_LOST && !stopping)
        return start(j, w, e);
    if (!WIFSIGNALED(status))
        return KP_OK;
    (void)snprintf(why, sizeof(why), "its process was ended by signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
    enum kp_status st = blame(j, worker, why, &some, e);
    if (st != KP_OK || stopping)
        return st;
    /* A cohort is built before its runs have rows. One after the other they have one when it comes
     * to it, and the failed one is known. */
    if (!some && w->apart)
        return kp_fail(e, KP_E_IO, "a worker process had no run yet: %s", why);
    w->apart |= !some;
    return start(j, w, e);
}

static void tell_all(const struct jobs *j, int signal_number)
{
    for (int i = 0; i < j->count; i++)
        if (j->workers[i].pid > 0)
            (void)kill(j->workers[i].pid, signal_number);
}

/* Those that are there; index[] tells whose each is. */
static nfds_t list_workers(struct jobs *j, int *index)
{
    nfds_t n = 0;

    for (int i = 0; i < j->count; i++)
        if (j->workers[i].pid > 0) {
            j->fds[n] = (struct pollfd){.fd = j->workers[i].fd, .events = POLLIN};
            index[n++] = i;
        }
    return n;
}

static enum kp_status hear(struct jobs *j, int worker, bool stopping, struct kp_error *e)
{
    struct kp_message m;
    ssize_t got;

    do
        got = read(j->workers[worker].fd, &m, sizeof(m));
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof(m)) {
        take_message(j, worker, &m);
        return KP_OK;
    }
    return reap(j, worker, stopping, e);
}

/* Until all workers have ended. */
static enum kp_status listen_all(struct jobs *j, int *index, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    bool stopping = false;
    nfds_t n;

    while ((n = list_workers(j, index)) > 0) {
        int ready = poll(j->fds, n, LISTEN_MS);
        bool stop = st != KP_OK || j->fatal.status != KP_OK ||
                    (j->watcher->stop && j->watcher->stop(j->watcher->arg));

        if (stop && !stopping) {
            stopping = true;
            tell_all(j, SIGTERM);
        }
        for (nfds_t i = 0; ready > 0 && i < n; i++)
            if (j->fds[i].revents) {
                struct kp_error one = {0};
                if (hear(j, index[i], stopping, &one) != KP_OK && st == KP_OK) {
                    st = one.status;
                    *e = one;
                }
            }
        show_progress(j);
    }
    return st;
}

/* From the database: what has become of each run. */
static enum kp_status count_results(struct jobs *j, struct kp_study_result *out, struct kp_error *e)
{
    struct kp_store *store = NULL;
    enum kp_status st = kp_store_open(j->database, &store, e);

    if (st == KP_OK)
        st = kp_plan_refresh(j->plan, store, e);
    for (int64_t i = 0; st == KP_OK && i < j->plan->count; i++) {
        const struct kp_planned *r = &j->plan->runs[i];
        const struct seen *seen = &j->seen[i];
        bool failed = r->state == KP_PLANNED_FAILED && r->attempt > seen->attempt;

        if (r->state == KP_PLANNED_DONE)
            ++*(seen->done ? &out->found : &out->done);
        else if (failed)
            out->failed++;
        else if (seen->why_skip)
            out->skipped++;
        if (r->state != KP_PLANNED_DONE && !seen->said && seen->why_skip && j->watcher->skip)
            j->watcher->skip(j->watcher->arg, r, seen->why_skip);
    }
    if (st == KP_OK)
        return kp_store_close(store, e);
    (void)kp_store_close(store, &(struct kp_error){0});
    return st;
}

static enum kp_status run_workers(struct jobs *j, struct kp_error *e)
{
    int *index = calloc((size_t)j->count, sizeof(*index));
    enum kp_status st = index ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for worker processes");

    for (int i = 0; st == KP_OK && i < j->count; i++)
        st = start(j, &j->workers[i], e);
    if (st != KP_OK)
        tell_all(j, SIGTERM);
    if (index) {
        struct kp_error listening = {0};
        if (listen_all(j, index, &listening) != KP_OK && st == KP_OK) {
            st = listening.status;
            *e = listening;
        }
    }
    if (st == KP_OK && j->fatal.status != KP_OK) {
        st = j->fatal.status;
        *e = j->fatal;
    }
    free(index);
    return st;
}

/* At most one worker for each run that is missing, and the threads that one run would have in
 * shares that differ by at most one. */
static void share_out(struct jobs *j, int64_t jobs)
{
    int64_t missing = 0, threads = kp_cpu_count();

    for (int64_t i = 0; i < j->plan->count; i++) {
        const struct kp_planned *r = &j->plan->runs[i];
        j->seen[i] = (struct seen){.attempt = r->attempt - (r->state == KP_PLANNED_RUNNING),
                                   .done = r->state == KP_PLANNED_DONE};
        if (j->seen[i].done)
            continue;
        j->steps_left += r->steps;
        if (missing++ == 0 && r->config->core.run.threads > 0)
            threads = r->config->core.run.threads;
    }
    j->count = (int)(missing < jobs ? missing : jobs);
    for (int i = 0; i < j->count; i++) {
        int64_t share = threads / j->count + (i < threads % j->count);
        j->workers[i].threads = share > 0 ? share : 1;
    }
}

enum kp_status kp_jobs_execute(struct kp_plan *p, const struct kp_registry *registry,
                               const char *database, int64_t jobs,
                               const struct kp_study_watcher *watcher, struct kp_study_result *out,
                               struct kp_error *e)
{
    struct jobs j = {.plan = p,
                     .registry = registry,
                     .database = database,
                     .watcher = watcher,
                     .begun = kp_clock_monotonic()};
    struct kp_error second = {0};
    enum kp_status st = KP_OK;

    *out = (struct kp_study_result){0};
    j.workers = calloc((size_t)jobs, sizeof(*j.workers));
    j.fds = calloc((size_t)jobs, sizeof(*j.fds));
    j.seen = calloc((size_t)p->count + 1, sizeof(*j.seen));
    if (!j.workers || !j.fds || !j.seen) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for worker processes");
    } else {
        share_out(&j, jobs);
        st = run_workers(&j, e);
        if (count_results(&j, out, &second) != KP_OK && st == KP_OK) {
            st = second.status;
            *e = second;
        }
    }
    bool all = out->done + out->found + out->failed + out->skipped == p->count;
    if (st == KP_OK && !all && watcher->stop && watcher->stop(watcher->arg))
        st = kp_fail(e, KP_E_INTERRUPTED, "stopped");
    for (int64_t i = 0; j.seen && i < p->count; i++)
        free(j.seen[i].why_skip);
    free(j.seen);
    free(j.fds);
    free(j.workers);
    return st;
}
