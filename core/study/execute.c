/* execute.c - does what is missing of a plan. */
#include "base/file.h"
#include "study/planning.h"
#include "study/recipe.h"
#include "study/record.h"
#include "study/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct execution {
    struct kp_plan *plan;
    const struct kp_registry *registry;
    struct kp_store *store;
    const struct kp_study_watcher *watcher;
    struct kp_session session;
};

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

enum kp_status kp_run_weights(struct kp_store *store, const char *uid, const char *what,
                              char **path, struct kp_error *e)
{
    char *weights = NULL, sha256[KP_HASH_SIZE], now[KP_HASH_SIZE];
    bool found = false;
    enum kp_status st = kp_store_find_artifact(store, uid, "model", &weights, sha256, &found, e);

    if (st == KP_OK && !found)
        st = kp_fail(e, KP_E_INVALID, "%s %s has no weights", what, uid);
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

/* The teacher of a run, trained before, ready to be asked. NULL if it has none. */
static enum kp_status get_teacher(struct execution *x, struct kp_planned *r,
                                  const struct kp_dataset *data, struct kp_teacher **out,
                                  struct kp_error *e)
{
    char *weights = NULL;
    enum kp_status st;

    *out = NULL;
    if (r->weights)
        return kp_session_teacher(&x->session, r->config, r->weights, "", data, out, e);
    if (r->teacher < 0)
        return KP_OK;
    const struct kp_planned *t = &x->plan->runs[r->teacher];
    memcpy(r->teacher_uid, t->uid, sizeof(r->teacher_uid));
    st = kp_run_weights(x->store, t->uid, "the teacher's run", &weights, e);
    if (st == KP_OK)
        st = kp_session_teacher(&x->session, t->config, weights, t->uid, data, out, e);
    free(weights);
    return st;
}

enum kp_status kp_run_subset(const struct kp_config *c, const struct kp_dataset *data,
                             struct kp_subset *out, struct kp_error *e)
{
    const struct kp_settings *set = &c->core;
    bool unused = false;
    struct kp_subset_config config = {
        .role = (enum kp_rng_role)set->run.role,
        .total = data->split[KP_SPLIT_TRAIN].count,
        .dev = set->data.dev,
        .n_teacher = set->data.n_teacher,
        .m = c->m,
        .pool = (enum kp_student_pool)set->data.student_pool,
        .nested = set->data.nested,
        .seed_pool = (uint64_t)set->seed.teacher_pool,
        .seed_subset = kp_stream_seed(set->seed.subset, set->seed.master, &unused),
    };

    return kp_subset_draw(&config, out, e);
}

/* The checkpoint to continue from: recorded, there, and with the recorded hash; else NULL. */
static enum kp_status find_checkpoint(struct kp_store *store, const struct kp_run_info *info,
                                      char **path, struct kp_error *e)
{
    char sha256[KP_HASH_SIZE], now[KP_HASH_SIZE];
    struct kp_error unreadable = {0};
    bool found = false;
    enum kp_status st =
        kp_store_find_artifact(store, info->uid, "checkpoint", path, sha256, &found, e);

    if (st != KP_OK || !found)
        return st;
    if (kp_hash_file(*path, now, &unreadable) == KP_OK && strcmp(now, sha256) == 0)
        return KP_OK;
    kp_store_event(store, info->uid, "checkpoint",
                   "the recorded checkpoint is missing or damaged; begun again");
    free(*path);
    *path = NULL;
    return KP_OK;
}

/* What data.skip_bad left out is part of the run's record. */
static void tell_skipped(struct kp_store *store, const char *uid, const struct kp_dataset *data)
{
    char text[96];

    if (data->skipped == 0)
        return;
    (void)snprintf(text, sizeof(text), "%lld bad image files were left out",
                   (long long)data->skipped);
    kp_store_event(store, uid, "data.skipped", text);
}

/* Begin or continue the run's row, train, end it. */
static enum kp_status train_run(struct execution *x, struct kp_planned *r, struct kp_error *e)
{
    struct kp_dataset *data = NULL;
    struct kp_teacher *teacher = NULL;
    struct kp_subset subset = {0};
    struct kp_run_info info = {0};
    struct kp_record record = {0};
    struct kp_recipe recipe = {0};
    const struct kp_config *taught = r->teacher >= 0 ? x->plan->runs[r->teacher].config : NULL;
    char *checkpoint = NULL, *folder = NULL;
    bool found = false, begun = false;
    enum kp_status st = kp_session_device(&x->session, r->config, x->watcher, e);

    if (st == KP_OK)
        st = kp_session_data(&x->session, r->config, x->watcher, &data, e);
    if (st == KP_OK)
        st = get_teacher(x, r, data, &teacher, e);
    if (st == KP_OK)
        st = kp_run_subset(r->config, data, &subset, e);
    if (st == KP_OK)
        st = kp_recipe_make(r->config, taught, x->registry, &recipe, e);
    if (st == KP_OK)
        st = kp_store_find_run(x->store, r->hashes.config, &info, &found, e);
    if (st == KP_OK && found)
        st = find_checkpoint(x->store, &info, &checkpoint, e);
    if (st == KP_OK)
        st = kp_record_make(r, x->plan, x->registry, data, &subset, x->session.device, &record, e);
    if (st == KP_OK)
        st = kp_store_begin_run(x->store, &record.run, record.params, record.param_count,
                                record.plugins, record.plugin_count, record.subsets,
                                record.subset_count, &record.attempt, checkpoint ? info.step : -1,
                                r->uid, e);
    begun = st == KP_OK;
    if (st == KP_OK)
        tell_skipped(x->store, r->uid, data);
    if (st == KP_OK)
        st = kp_run_keep_ini(x->store, r->uid, record.ini.s, e);
    if (st == KP_OK) {
        folder = kp_store_run_folder(x->store, r->uid, e);
        st = folder ? KP_OK : e->status;
    }
    if (st == KP_OK) {
        struct kp_train_job job = {
            .recipe = recipe,
            .data = data,
            .subset = &subset,
            .device = x->session.device,
            .teacher = teacher,
            .store = x->store,
            .uid = r->uid,
            .folder = folder,
            .checkpoint = checkpoint,
            .watcher = {x->watcher->arg, x->watcher->progress, x->watcher->stop},
        };
        st = kp_train(&job, e);
    }
    if (st != KP_OK && begun) {
        struct kp_error second = {0};
        enum kp_run_status end = st == KP_E_INTERRUPTED ? KP_RUN_INTERRUPTED : KP_RUN_FAILED;
        if (kp_store_end_run(x->store, r->uid, end, e->text, NULL, 0, NULL, 0, &second) != KP_OK)
            st = kp_fail_in(e, "%s; besides", second.text);
    }
    kp_record_finish(&record);
    kp_subset_finish(&subset);
    free(checkpoint);
    free(folder);
    return st;
}

/* A dataset that is missing, a device that does not open: every run would say the same. */
static bool fatal(enum kp_status st)
{
    return st == KP_E_INTERRUPTED || st == KP_E_STORE;
}

static enum kp_status join_sweep(struct execution *x, struct kp_error *e)
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

/* Is everything done that an analysis looks at? */
static bool subjects_done(const struct kp_plan *p, const struct kp_planned_analysis *a)
{
    for (int64_t i = 0; a && i < a->net_count; i++)
        if (!a->nets[i].weights && p->runs[a->nets[i].run].state != KP_PLANNED_DONE)
            return false;
    return true;
}

static enum kp_status do_run(struct execution *x, int64_t i, struct kp_study_result *result,
                             struct kp_error *e)
{
    const struct kp_study_watcher *w = x->watcher;
    struct kp_planned *r = &x->plan->runs[i];
    struct kp_error why = {0};

    enum kp_status st = kp_plan_look_up(x->store, r, e);
    if (st != KP_OK)
        return st;
    if (r->state == KP_PLANNED_DONE) {
        result->found++;
        return KP_OK;
    }
    if (r->state == KP_PLANNED_RUNNING) {
        result->skipped++;
        if (w->end)
            w->end(w->arg, r, KP_E_STORE, "skipped: another process works on it");
        return KP_OK;
    }
    if (r->teacher >= 0 && x->plan->runs[r->teacher].state != KP_PLANNED_DONE) {
        result->skipped++;
        if (w->end)
            w->end(w->arg, r, KP_E_INVALID, "skipped: its teacher is not trained");
        return KP_OK;
    }
    if (!subjects_done(x->plan, r->analysis)) {
        result->skipped++;
        if (w->end)
            w->end(w->arg, r, KP_E_INVALID, "skipped: a run that it looks at is not done");
        return KP_OK;
    }
    if (w->begin)
        w->begin(w->arg, i, x->plan->count, r);
    st = r->analysis ? kp_study_analyse(x->plan, r, x->registry, x->store, w, &x->session, &why)
                     : train_run(x, r, &why);
    if (st == KP_OK) {
        r->state = KP_PLANNED_DONE;
        result->done++;
    } else if (st != KP_E_INTERRUPTED) {
        r->state = KP_PLANNED_MISSING;
        result->failed++;
    }
    if (w->end)
        w->end(w->arg, r, st, why.text);
    return fatal(st) ? kp_fail(e, st, "%s", why.text) : KP_OK;
}

enum kp_status kp_plan_execute(struct kp_plan *p, const struct kp_registry *registry,
                               struct kp_store *store, const struct kp_study_watcher *watcher,
                               struct kp_study_result *out, struct kp_error *e)
{
    struct execution x = {.plan = p, .registry = registry, .store = store, .watcher = watcher};
    struct kp_error sweep = {0};
    enum kp_status st = KP_OK;

    *out = (struct kp_study_result){0};
    for (int64_t i = 0; st == KP_OK && i < p->count; i++) {
        if (watcher->stop && watcher->stop(watcher->arg))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped between two runs");
        else
            st = do_run(&x, i, out, e);
    }
    if (out->done > 0 && join_sweep(&x, &sweep) != KP_OK && st == KP_OK)
        st = kp_fail(e, sweep.status, "%s", sweep.text);
    kp_session_finish(&x.session);
    return st;
}
