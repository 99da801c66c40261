/* training.c - trains runs of a plan, those of one cohort in lockstep. */
#include "study/cohort.h"
#include "study/execution.h"
#include "study/recipe.h"
#include "study/record.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run on its way into a cohort. */
struct enrolled {
    int64_t run; /* in the plan */
    struct kp_planned *planned;
    struct kp_recipe recipe;
    struct kp_run_info info;
    struct kp_checkpoint_row checkpoints[KP_CHECKPOINTS]; /* the newest first */
    int checkpoint_count;
    const struct kp_checkpoint_row *from; /* the one to continue from; NULL: begin */
    char *init, *folder;
    bool begun; /* its row says that this process is at it */
    bool ended; /* settled */
};

struct cohort {
    struct kp_execution *x;
    const struct kp_dataset *data;
    struct kp_teacher *teacher;
    struct kp_subset subset;
    struct enrolled *v;
    int64_t count;
};

static void leave(struct enrolled *m)
{
    kp_checkpoint_rows_finish(m->checkpoints, m->checkpoint_count);
    free(m->init);
    free(m->folder);
    *m = (struct enrolled){0};
}

/* Keep those for which keep() says so; the number of the others. */
static int64_t keep_only(struct cohort *c, bool (*keep)(const struct enrolled *m, int64_t arg),
                         int64_t arg)
{
    const int64_t count = c->count;
    int64_t kept = 0;

    for (int64_t i = 0; i < c->count; i++) {
        if (keep(&c->v[i], arg))
            c->v[kept++] = c->v[i];
        else
            leave(&c->v[i]);
    }
    c->count = kept;
    return count - kept;
}

/* The teacher of a run, trained before, ready to be asked. NULL if it has none. */
static enum kp_status get_teacher(struct cohort *c, const struct kp_planned *r, struct kp_error *e)
{
    struct kp_execution *x = c->x;
    const struct kp_planned *t = r->teacher.run >= 0 ? &x->plan->runs[r->teacher.run] : NULL;
    char *weights = NULL;
    enum kp_status st =
        kp_plan_weights(x->plan, x->store, &r->teacher, "the teacher's run", &weights, e);

    if (st == KP_OK && weights)
        st = kp_session_teacher(&x->session, t ? t->config : r->config,
                                kp_recipe_precision(r->config), weights, t ? t->uid : "", c->data,
                                &c->teacher, e);
    free(weights);
    return st;
}

/* The weights that a run begins with, or that it is; NULL if its own initialisers give them. */
static enum kp_status get_init(const struct kp_execution *x, const struct kp_planned *r, char **out,
                               struct kp_error *e)
{
    if (!*r->config->core.run.imported)
        return kp_plan_weights(x->plan, x->store, &r->init, "the run of [init]", out, e);
    if (!r->import)
        return kp_fail(e, KP_E_CONFIG,
                       "run.imported: it cannot be trained, and these weights are not in this "
                       "database; kappa import FILE --as EXP.ini");
    *out = strdup(r->import);
    return *out ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for a path");
}

enum kp_status kp_run_subset(const struct kp_config *c, const struct kp_dataset *data,
                             struct kp_subset *out, struct kp_error *e)
{
    const struct kp_settings *set = &c->core;
    bool unused = false;
    struct kp_subset_config config = {
        .role = (enum kp_rng_role)set->run.role,
        .total = data->split[KP_SPLIT_TRAIN].count,
        .endless = data->made.endless,
        .dev = set->data.dev,
        .n_teacher = set->data.n_teacher,
        .m = c->m,
        .pool = (enum kp_student_pool)set->data.student_pool,
        .first = set->data.draw == KP_SETTING_DRAW_FIRST,
        .offset = set->data.student_offset,
        .nested = set->data.nested,
        .seed_pool = (uint64_t)set->seed.teacher_pool,
        .seed_subset = kp_stream_seed(set->seed.subset, set->seed.master, &unused),
    };

    return kp_subset_draw(&config, out, e);
}

/* What all runs of the cohort share, by the first one's configuration. */
static enum kp_status open_shared(struct cohort *c, struct kp_planned *r, struct kp_error *e)
{
    struct kp_session *s = &c->x->session;
    struct kp_dataset *data = NULL;
    enum kp_status st = kp_session_device(s, r->config, c->x->watcher, e);

    if (st == KP_OK)
        st = kp_session_data(s, r->config, c->x->watcher, &data, e);
    c->data = data;
    if (st == KP_OK)
        st = get_teacher(c, r, e);
    if (st == KP_OK)
        st = kp_run_subset(r->config, data, &c->subset, e);
    return st;
}

static enum kp_status enrol(const struct kp_execution *x, struct enrolled *m, struct kp_error *e)
{
    struct kp_planned *r = m->planned;
    const struct kp_config *taught =
        r->teacher.run >= 0 ? x->plan->runs[r->teacher.run].config : NULL;
    bool found = false;
    enum kp_status st = get_init(x, r, &m->init, e);

    if (st == KP_OK)
        st = kp_recipe_make(r->config, taught, x->registry, &m->recipe, e);
    if (st == KP_OK)
        st = kp_store_find_run(x->store, r->hashes.config, &m->info, &found, e);
    if (st == KP_OK && found)
        st = kp_checkpoint_find(x->store, m->info.uid, m->checkpoints, &m->checkpoint_count, e);
    return st;
}

/* The checkpoint of a step; step 0: none, of a run that has none. False if there is no such one. */
static bool starts_at(const struct enrolled *m, int64_t step, const struct kp_checkpoint_row **from)
{
    *from = NULL;
    for (int i = 0; i < m->checkpoint_count; i++)
        if (m->checkpoints[i].step == step)
            *from = &m->checkpoints[i];
    return *from || (step == 0 && m->checkpoint_count == 0);
}

static bool can_start_at(const struct enrolled *m, int64_t step)
{
    const struct kp_checkpoint_row *from;

    return starts_at(m, step, &from);
}

/* The step at which the run that is least far stands, and only the runs that can begin there. Of a
 * cohort that was killed while it saved a checkpoint that is the step of the one before. */
static void take_one_step(struct cohort *c)
{
    int64_t step = INT64_MAX;

    for (int64_t i = 0; i < c->count; i++) {
        const struct enrolled *m = &c->v[i];
        const int64_t newest = m->checkpoint_count > 0 ? m->checkpoints[0].step : 0;
        step = newest < step ? newest : step;
    }
    c->x->put_off += keep_only(c, can_start_at, step);
    for (int64_t i = 0; i < c->count; i++)
        (void)starts_at(&c->v[i], step, &c->v[i].from);
}

static bool is_before(const struct enrolled *m, int64_t run)
{
    return m->run < run;
}

/* As many runs as fit into the cohort's memory, but at least one. */
static enum kp_status fit(struct cohort *c, struct kp_error *e)
{
    size_t room = kp_cohort_room(c->v[0].planned->config, c->x->session.device), used = 0;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; c->count > 1 && st == KP_OK && i < c->count; i++) {
        struct enrolled *m = &c->v[i];
        size_t bytes = 0;

        st = kp_cohort_measure(&c->x->sizes, &c->x->session, m->planned->config, &m->recipe,
                               c->data, &bytes, e);
        used += bytes;
        if (st == KP_OK && i > 0 && used > room)
            c->x->put_off += keep_only(c, is_before, m->run);
    }
    return st;
}

/* What data.skip_bad left out is part of the run's record. */
static void tell_skipped(struct kp_store *store, const char *uid, const struct kp_dataset *data)
{
    char text[384];

    if (data->skipped == 0)
        return;
    (void)snprintf(text, sizeof(text), "damaged files left out: %lld; the first: %s",
                   (long long)data->skipped, data->damage);
    kp_store_event(store, uid, "data.skipped", text);
}

/* Claim the run's row. *taken = false: another process was first. */
static enum kp_status begin(const struct cohort *c, struct enrolled *m, bool *taken,
                            struct kp_error *e)
{
    const struct kp_execution *x = c->x;
    struct kp_planned *r = m->planned;
    struct kp_record record = {0};
    enum kp_status st =
        kp_record_make(r, x->plan, x->registry, c->data, &c->subset, x->session.device, &record, e);

    if (st != KP_OK)
        return st;
    record.attempt.previous = m->info.attempt;
    st =
        kp_store_begin_run(x->store, &record.run, record.params, record.param_count, record.plugins,
                           record.plugin_count, record.subsets, record.subset_count,
                           &record.attempt, m->from ? m->from->step : -1, r->uid, taken, e);
    m->begun = st == KP_OK && *taken;
    if (m->begun) {
        if (x->watcher->begin)
            x->watcher->begin(x->watcher->arg, m->run, x->plan->count, r);
        tell_skipped(x->store, r->uid, c->data);
        const int64_t known = record.plugin_count;
        const int64_t used = kp_record_operations(&record, r->config, c->data);
        st = kp_store_add_plugins(x->store, r->uid, record.plugins + known, used, e);
    }
    if (m->begun && st == KP_OK) {
        st = kp_run_keep_ini(x->store, r->uid, record.ini.s, e);
        m->folder = st == KP_OK ? kp_store_run_folder(x->store, r->uid, e) : NULL;
        st = m->folder ? st : e->status;
    }
    kp_record_finish(&record);
    return st;
}

/* A run that did not come to its end: so says its row, if it has been begun. */
static enum kp_status end_short(const struct cohort *c, struct enrolled *m, enum kp_status st,
                                const struct kp_error *why, struct kp_error *e)
{
    struct kp_error text = *why, second = {0};
    enum kp_run_status end = st == KP_E_INTERRUPTED ? KP_RUN_INTERRUPTED : KP_RUN_FAILED;

    m->ended = true;
    if (m->begun && kp_store_end_run(c->x->store, m->planned->uid, end, why->text, NULL, 0, NULL, 0,
                                     &second) != KP_OK)
        st = kp_fail_in(&text, "%s; besides", second.text);
    return kp_execution_settle(c->x, m->run, st, &text, e);
}

static bool goes_on(const struct enrolled *m, int64_t unused)
{
    (void)unused;
    return !m->ended;
}

/* The trainer says that a run is done or failed. */
static void on_end(void *arg, int64_t run, enum kp_status st, const struct kp_error *why)
{
    struct cohort *c = arg;
    struct enrolled *m = &c->v[run];
    struct kp_error unused = {0};

    if (st != KP_OK) {
        (void)(end_short(c, m, st, why, &unused) == KP_OK);
        return;
    }
    m->ended = true;
    (void)(kp_execution_settle(c->x, m->run, st, why, &unused) == KP_OK);
}

static enum kp_status train(struct cohort *c, struct kp_error *e)
{
    const struct kp_study_watcher *w = c->x->watcher;
    struct kp_train_run *runs = calloc((size_t)c->count, sizeof(*runs));
    struct kp_train_job job = {
        .runs = runs,
        .count = c->count,
        .data = c->data,
        .subset = &c->subset,
        .device = c->x->session.device,
        .teacher = c->teacher,
        .store = c->x->store,
        .watcher = {w->arg, w->progress, w->stop, w->note},
        .end = on_end,
        .arg = c,
    };

    if (!runs)
        return kp_fail(e, KP_E_NOMEM, "no memory for a cohort of %lld runs", (long long)c->count);
    for (int64_t i = 0; i < c->count; i++) {
        const struct enrolled *m = &c->v[i];
        runs[i] = (struct kp_train_run){m->recipe, m->planned->uid, m->folder, m->init,
                                        m->from ? m->from->path : NULL};
    }
    enum kp_status st = kp_train(&job, e);
    free(runs);
    return st;
}

/* Every run that is still enrolled and not settled meets the same fate. */
static enum kp_status end_all(struct cohort *c, enum kp_status st, struct kp_error *e)
{
    const struct kp_error why = *e;
    enum kp_status result = KP_OK;

    for (int64_t i = 0; i < c->count; i++) {
        struct kp_error one = {0};
        if (!c->v[i].ended && end_short(c, &c->v[i], st, &why, &one) != KP_OK)
            result = kp_fail(e, one.status, "%s", one.text);
    }
    return result;
}

static enum kp_status enrol_all(struct cohort *c, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < c->count; i++) {
        struct kp_error why = {0};
        enum kp_status one = enrol(c->x, &c->v[i], &why);
        if (one != KP_OK)
            st = end_short(c, &c->v[i], one, &why, e);
    }
    (void)keep_only(c, goes_on, 0);
    return st;
}

static enum kp_status begin_all(struct cohort *c, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < c->count; i++) {
        struct enrolled *m = &c->v[i];
        struct kp_error why = {0};
        bool taken = false;
        enum kp_status one = begin(c, m, &taken, &why);

        if (one != KP_OK)
            st = end_short(c, m, one, &why, e);
        else if (!taken)
            c->x->waiting++;
        m->ended |= !taken;
    }
    (void)keep_only(c, goes_on, 0);
    return st;
}

enum kp_status kp_execution_train(struct kp_execution *x, const int64_t *runs, int64_t count,
                                  struct kp_error *e)
{
    struct cohort c = {.x = x, .count = count, .v = calloc((size_t)count, sizeof(*c.v))};
    enum kp_status st = KP_OK;

    if (!c.v)
        return kp_fail(e, KP_E_NOMEM, "no memory for a cohort of %lld runs", (long long)count);
    for (int64_t i = 0; i < count; i++)
        c.v[i] = (struct enrolled){.run = runs[i], .planned = &x->plan->runs[runs[i]]};
    st = open_shared(&c, c.v[0].planned, e);
    if (st == KP_OK)
        st = enrol_all(&c, e);
    if (st == KP_OK && c.count > 0) {
        take_one_step(&c);
        st = fit(&c, e);
    }
    if (st == KP_OK)
        st = begin_all(&c, e);
    if (st == KP_OK && c.count > 0)
        st = train(&c, e);
    if (st != KP_OK)
        st = end_all(&c, st, e);
    for (int64_t i = 0; i < c.count; i++)
        leave(&c.v[i]);
    kp_subset_finish(&c.subset);
    free(c.v);
    return st;
}
