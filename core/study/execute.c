/* execute.c - does what is missing of a plan. */
#include "base/clock.h"
#include "base/file.h"
#include "study/cohort.h"
#include "study/execution.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Between two looks at what other processes are at: a multiple of what a look takes, in seconds. */
#define LOOK_SHARE 20.0
#define LOOK_LEAST 0.2
#define LOOK_MOST  5.0

enum kp_status kp_run_ini_path(struct kp_store *store, const char *uid, char **out,
                               struct kp_error *e)
{
    char *folder = kp_store_run_folder(store, uid, e);

    if (!folder)
        return e->status;
    *out = kp_path_join(folder, "run.ini");
    free(folder);
    return *out ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for a path");
}

enum kp_status kp_run_keep_ini(struct kp_store *store, const char *uid, const char *ini,
                               struct kp_error *e)
{
    struct kp_replace file = {0};
    char *path = NULL;
    enum kp_status st = kp_run_ini_path(store, uid, &path, e);

    if (st == KP_OK)
        st = kp_replace_begin(path, &file, e);
    if (st == KP_OK) {
        kp_replace_write(&file, ini, strlen(ini));
        st = kp_replace_commit(&file, e);
    }
    free(path);
    return st;
}

/* The weights of this role, as they were written; NULL if there are none. */
static enum kp_status find_weights(struct kp_store *store, const char *uid, const char *what,
                                   const char *role, char **path, struct kp_error *e)
{
    char *weights = NULL, sha256[KP_HASH_SIZE], now[KP_HASH_SIZE];
    bool found = false;
    enum kp_status st = kp_store_find_artifact(store, uid, role, &weights, sha256, &found, e);

    if (st == KP_OK && !found)
        return KP_OK;
    if (st == KP_OK && !kp_file_exists(weights))
        st = kp_fail(e, KP_E_IO,
                     "%s: not there, though the database records it for %s %s; the folder %s.d "
                     "belongs to the database and is moved with it",
                     weights, what, uid, kp_store_path(store));
    if (st == KP_OK)
        st = kp_hash_file(weights, now, e);
    if (st == KP_OK && strcmp(sha256, now) != 0)
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: not the file that %s %s wrote: sha256 %.12s..., recorded %.12s...",
                     weights, what, uid, now, sha256);
    if (st != KP_OK) {
        free(weights);
        return st;
    }
    *path = weights;
    return KP_OK;
}

enum kp_status kp_run_weights(struct kp_store *store, const char *uid, const char *what,
                              char **path, struct kp_error *e)
{
    char *weights = NULL;
    enum kp_status st = find_weights(store, uid, what, "model", &weights, e);

    if (st == KP_OK && !weights)
        st = kp_fail(e, KP_E_INVALID, "%s %s has no weights", what, uid);
    if (st == KP_OK)
        *path = weights;
    return st;
}

enum kp_status kp_run_weights_at(struct kp_store *store, const char *uid, double kappa, char **path,
                                 struct kp_error *e)
{
    char role[48], *weights = NULL;

    (void)snprintf(role, sizeof(role), KP_MODEL_AT, kappa);
    enum kp_status st = find_weights(store, uid, "run", role, &weights, e);
    if (st == KP_OK && !weights)
        st =
            kp_fail(e, KP_E_INVALID,
                    "run %s kept no weights at kappa %g: it was trained with another train.keep or "
                    "train.eval_kappas; train it anew in another database (--db), or at = end",
                    uid, kappa);
    if (st == KP_OK)
        *path = weights;
    return st;
}

/* A dataset that is missing, a device that does not open: every run would say the same. */
static bool fatal(enum kp_status st)
{
    return st == KP_E_INTERRUPTED || st == KP_E_STORE;
}

static enum kp_status join_sweep(struct kp_execution *x, struct kp_error *e)
{
    const char **uids = calloc((size_t)x->plan->count + 1, sizeof(*uids));
    int64_t count = 0;
    enum kp_status st;

    if (!uids)
        return kp_fail(e, KP_E_NOMEM, "no memory for the sweep");
    for (int64_t i = 0; i < x->plan->count; i++)
        if ((x->plan->runs[i].cell || x->plan->runs[i].analysis) && x->plan->runs[i].uid[0])
            uids[count++] = x->plan->runs[i].uid;
    st = kp_store_sweep(x->store, x->plan->path, uids, count, e);
    free((void *)uids);
    return st;
}

/* What a run needs of other runs: its teacher, weights to begin with, or what an analysis looks
 * at. */
enum needs { NEEDS_MET, NEEDS_WAIT, NEEDS_FAILED };

static enum needs need(const struct kp_execution *x, int64_t i)
{
    if (x->plan->runs[i].state == KP_PLANNED_DONE)
        return NEEDS_MET;
    return x->of[i].settled ? NEEDS_FAILED : NEEDS_WAIT;
}

static enum needs needs_of(const struct kp_execution *x, const struct kp_planned *r)
{
    const struct kp_planned_analysis *a = r->analysis;
    enum needs all = !a && r->teacher.run >= 0 ? need(x, r->teacher.run) : NEEDS_MET;

    for (int64_t i = 0; a && i < a->net_count; i++) {
        enum needs one = a->nets[i].weights ? NEEDS_MET : need(x, a->nets[i].run);
        all = one > all ? one : all;
    }
    if (!a && !r->import && r->init.run >= 0) {
        enum needs one = need(x, r->init.run);
        all = one > all ? one : all;
    }
    return all;
}

static bool teacher_done(const struct kp_execution *x, const struct kp_planned *r)
{
    return r->teacher.run < 0 || x->plan->runs[r->teacher.run].state == KP_PLANNED_DONE;
}

static void skip(struct kp_execution *x, int64_t i, int64_t *count, const char *why)
{
    x->of[i].settled = true;
    ++*count;
    if (x->watcher->skip)
        x->watcher->skip(x->watcher->arg, &x->plan->runs[i], why);
}

enum kp_status kp_execution_settle(struct kp_execution *x, int64_t run, enum kp_status st,
                                   const struct kp_error *why, struct kp_error *e)
{
    const struct kp_study_watcher *w = x->watcher;
    struct kp_planned *r = &x->plan->runs[run];

    x->of[run].settled = true;
    if (st == KP_OK) {
        r->state = KP_PLANNED_DONE;
        x->result->done++;
    } else if (st != KP_E_INTERRUPTED) {
        r->state = KP_PLANNED_FAILED;
        x->result->failed++;
    }
    x->lost |= st == KP_E_DEVICE && x->session.device;
    x->session.stale |= st == KP_E_NOMEM;
    if (w->end)
        w->end(w->arg, r, st, why->text);
    return fatal(st) ? kp_fail(e, st, "%s", why->text) : KP_OK;
}

static enum kp_status analyse(struct kp_execution *x, int64_t i, struct kp_error *e)
{
    struct kp_error why = {0};
    bool taken = true;
    enum kp_status st = kp_study_analyse(x->plan, &x->plan->runs[i], x->registry, x->store,
                                         x->watcher, &x->session, &taken, &why);

    if (taken)
        return kp_execution_settle(x, i, st, &why, e);
    x->waiting++;
    return KP_OK;
}

/* Has it failed while this execution went on? It would fail here as well. */
static bool failed_elsewhere(const struct kp_execution *x, int64_t i)
{
    const struct kp_planned *r = &x->plan->runs[i];

    return r->state == KP_PLANNED_FAILED && r->attempt > x->of[i].attempt;
}

/* Is this run, too, to be had now? */
static enum kp_status look_at(struct kp_execution *x, int64_t i, bool *ready, struct kp_error *e)
{
    struct kp_planned *r = &x->plan->runs[i];
    enum kp_status st = kp_plan_look_up(x->store, r, e);

    *ready = r->state != KP_PLANNED_DONE && r->state != KP_PLANNED_RUNNING &&
             !failed_elsewhere(x, i) && needs_of(x, r) == NEEDS_MET;
    return st;
}

/* How many runs of a cohort this process takes, so that each that shares the plan has as many. */
static int64_t share_of(const struct kp_plan *p, int64_t i)
{
    const int64_t sharers = p->sharers > 1 ? p->sharers : 1;
    int64_t open = 1;

    for (int64_t k = 0; *p->runs[i].cohort && k < p->count; k++)
        open += k != i && p->runs[k].state != KP_PLANNED_DONE &&
                strcmp(p->runs[k].cohort, p->runs[i].cohort) == 0;
    return (open + sharers - 1) / sharers;
}

/* Run i, and with it those behind it that make the same batches. */
static enum kp_status train(struct kp_execution *x, int64_t i, struct kp_error *e)
{
    const struct kp_plan *p = x->plan;
    int64_t *runs = calloc((size_t)(p->count - i), sizeof(*runs));
    int64_t count = 0, most = share_of(p, i);
    enum kp_status st = KP_OK;

    if (!runs)
        return kp_fail(e, KP_E_NOMEM, "no memory for the runs of a cohort");
    runs[count++] = i;
    for (int64_t k = i + 1; st == KP_OK && count < most && k < p->count; k++) {
        bool ready = false;

        if (x->of[k].settled || strcmp(p->runs[k].cohort, p->runs[i].cohort) != 0)
            continue;
        st = look_at(x, k, &ready, e);
        if (ready)
            runs[count++] = k;
    }
    if (st == KP_OK)
        st = kp_execution_train(x, runs, count, e);
    free(runs);
    return st;
}

/* Of a run that is done: whoever did it died before it had removed them. */
static enum kp_status drop_checkpoints(struct kp_store *store, const char *uid, struct kp_error *e)
{
    char *folder = kp_store_run_folder(store, uid, e);
    const struct kp_checkpoint_place place = {store, uid, folder};
    enum kp_status st = folder ? kp_checkpoint_drop(&place, e) : e->status;

    free(folder);
    return st;
}

/* One look at a run that is not settled: settle it, or leave it for the next round. */
static enum kp_status do_run(struct kp_execution *x, int64_t i, struct kp_error *e)
{
    struct kp_planned *r = &x->plan->runs[i];
    enum kp_status st = kp_plan_look_up(x->store, r, e);

    if (st != KP_OK)
        return st;
    if (r->state == KP_PLANNED_DONE) {
        x->of[i].settled = true;
        x->result->found++;
        return r->checkpoint ? drop_checkpoints(x->store, r->uid, e) : KP_OK;
    }
    if (failed_elsewhere(x, i)) {
        skip(x, i, &x->result->failed, "failed in another process");
        return KP_OK;
    }
    switch (r->state == KP_PLANNED_RUNNING ? NEEDS_WAIT : needs_of(x, r)) {
    case NEEDS_WAIT:
        x->waiting++;
        return KP_OK;
    case NEEDS_FAILED:
        skip(x, i, &x->result->skipped,
             r->analysis          ? "skipped: a run that it looks at is not done"
             : teacher_done(x, r) ? "skipped: the run of [init] is not trained"
                                  : "skipped: its teacher is not trained");
        return KP_OK;
    case NEEDS_MET:
        break;
    }
    return r->analysis ? analyse(x, i, e) : train(x, i, e);
}

static bool stopped(const struct kp_execution *x)
{
    return x->watcher->stop && x->watcher->stop(x->watcher->arg);
}

/* A look at a plan of many runs takes longer, and is taken less often. */
static void wait_for_others(const struct kp_execution *x, double look)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    double until = kp_clock_monotonic() + fmin(fmax(LOOK_LEAST, LOOK_SHARE * look), LOOK_MOST);

    if (x->watcher->wait)
        x->watcher->wait(x->watcher->arg, x->waiting);
    while (!stopped(x) && kp_clock_monotonic() < until)
        (void)nanosleep(&pause, NULL);
}

/* Rounds over the plan until every run is settled. */
static enum kp_status do_runs(struct kp_execution *x, struct kp_error *e)
{
    const struct kp_study_result *result = x->result;
    enum kp_status st = KP_OK;

    do {
        int64_t tried = result->done + result->failed;
        double begun = kp_clock_monotonic();
        x->waiting = x->put_off = 0;
        for (int64_t i = 0; st == KP_OK && !x->lost && i < x->plan->count; i++) {
            if (x->of[i].settled)
                continue;
            if (stopped(x))
                st = kp_fail(e, KP_E_INTERRUPTED, "stopped between two runs");
            else
                st = do_run(x, i, e);
        }
        if (st == KP_OK && !x->lost && x->waiting > 0 && tried == result->done + result->failed)
            wait_for_others(x, kp_clock_monotonic() - begun);
    } while (st == KP_OK && !x->lost && (x->waiting > 0 || x->put_off > 0));
    return st;
}

static bool is_left(const struct kp_execution *x)
{
    for (int64_t i = 0; i < x->plan->count; i++)
        if (!x->of[i].settled)
            return true;
    return false;
}

static bool is_missing(const struct kp_execution *x, int64_t i)
{
    return !x->of[i].settled && x->plan->runs[i].state != KP_PLANNED_DONE;
}

/* Where everything that is missing asks for one device and it cannot be opened, that is said once,
 * and no run begins. Otherwise each run says so for itself. */
static enum kp_status try_device(struct kp_execution *x, struct kp_error *e)
{
    const struct kp_config *first = NULL;

    for (int64_t i = 0; i < x->plan->count; i++) {
        const struct kp_config *c = x->plan->runs[i].config;

        if (!is_missing(x, i))
            continue;
        if (first && (c->core.device.kind != first->core.device.kind ||
                      c->core.device.index != first->core.device.index))
            return KP_OK;
        first = first ? first : c;
    }
    return first ? kp_session_device(&x->session, first, x->watcher, e) : KP_OK;
}

/* Run number `only`, or all if it is negative. */
static enum kp_status execute(struct kp_plan *p, int64_t only, const struct kp_registry *registry,
                              struct kp_store *store, const struct kp_study_watcher *watcher,
                              struct kp_study_result *out, struct kp_error *e)
{
    struct kp_execution x = {
        .plan = p, .registry = registry, .store = store, .watcher = watcher, .result = out};
    struct kp_error sweep = {0};
    enum kp_status st;

    *out = (struct kp_study_result){0};
    kp_provenance_find(p->path, &p->made_by);
    x.of = calloc((size_t)p->count + 1, sizeof(*x.of));
    if (!x.of)
        return kp_fail(e, KP_E_NOMEM, "no memory for the runs of a plan");
    for (int64_t i = 0; i < p->count; i++) {
        x.of[i].attempt = p->runs[i].attempt - (p->runs[i].state == KP_PLANNED_RUNNING);
        x.of[i].settled = p->runs[i].left_out || (only >= 0 && i != only);
    }
    st = try_device(&x, e);
    if (st == KP_OK)
        st = do_runs(&x, e);
    out->lost = x.lost && is_left(&x);
    if (out->done + out->found > 0 && join_sweep(&x, &sweep) != KP_OK && st == KP_OK)
        st = kp_fail(e, sweep.status, "%s", sweep.text);
    kp_session_finish(&x.session);
    kp_cohort_sizes_finish(&x.sizes);
    free(x.of);
    return st;
}

enum kp_status kp_plan_execute(struct kp_plan *p, const struct kp_registry *registry,
                               struct kp_store *store, const struct kp_study_watcher *watcher,
                               struct kp_study_result *out, struct kp_error *e)
{
    return execute(p, -1, registry, store, watcher, out, e);
}

enum kp_status kp_plan_execute_one(struct kp_plan *p, int64_t run,
                                   const struct kp_registry *registry, struct kp_store *store,
                                   const struct kp_study_watcher *watcher,
                                   struct kp_study_result *out, struct kp_error *e)
{
    return execute(p, run, registry, store, watcher, out, e);
}
