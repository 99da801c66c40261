/* plan.c - resolves an experiment into runs, those that others need first. */
#include "study/cohort.h"
#include "study/planning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum kp_status kp_plan_open(struct kp_planning *p, const char *path,
                            const struct kp_override *overrides, int64_t override_count,
                            struct kp_experiment **out)
{
    struct kp_plan *plan = p->plan;
    size_t room = (size_t)(plan->experiment_count + 1);

    for (int64_t i = 0; i < plan->experiment_count; i++)
        if (strcmp(kp_experiment_path(plan->experiments[i]), path) == 0 &&
            p->opened_with[i] == overrides) {
            *out = plan->experiments[i];
            return KP_OK;
        }
    struct kp_experiment **more =
        (struct kp_experiment **)realloc((void *)plan->experiments, room * sizeof(*more));
    if (more)
        plan->experiments = more;
    const struct kp_override **with =
        (const struct kp_override **)realloc((void *)p->opened_with, room * sizeof(*with));
    if (with)
        p->opened_with = with;
    if (!more || !with) {
        kp_text_addf(p->report, "%s: no memory\n", path);
        return KP_E_NOMEM;
    }
    enum kp_status st =
        kp_experiment_open(path, overrides, override_count, p->registry, out, p->report);
    if (st == KP_OK) {
        p->opened_with[plan->experiment_count] = overrides;
        plan->experiments[plan->experiment_count++] = *out;
    }
    return st;
}

enum kp_status kp_plan_look_up(struct kp_store *store, struct kp_planned *r, struct kp_error *e)
{
    struct kp_run_info info;
    bool found = false;
    enum kp_status st = kp_store_find_run(store, r->hashes.config, &info, &found, e);

    if (st != KP_OK || !found)
        return st;
    memcpy(r->uid, info.uid, sizeof(r->uid));
    memcpy(r->known_as, info.name, sizeof(r->known_as));
    r->attempt = info.attempt;
    r->checkpoint = info.checkpoint[0] != '\0';
    switch (info.status) {
    case KP_RUN_DONE:
        r->state = KP_PLANNED_DONE;
        break;
    case KP_RUN_RUNNING:
        r->state = KP_PLANNED_RUNNING;
        break;
    case KP_RUN_INTERRUPTED:
    case KP_RUN_LOST:
        r->state = KP_PLANNED_STARTED;
        break;
    case KP_RUN_PENDING:
        r->state = KP_PLANNED_MISSING;
        break;
    case KP_RUN_FAILED:
        r->state = KP_PLANNED_FAILED;
        break;
    }
    return KP_OK;
}

enum kp_status kp_plan_refresh(struct kp_plan *p, struct kp_store *store, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < p->count; i++)
        st = kp_plan_look_up(store, &p->runs[i], e);
    return st;
}

enum kp_status kp_plan_only(struct kp_plan *p, const char *list, struct kp_error *e)
{
    for (const char *item = list; *item;) {
        size_t n = strcspn(item, ",");
        bool known = false;
        for (int64_t i = 0; i < p->count && !known; i++)
            known = n > 0 && strncmp(p->runs[i].hashes.config, item, n) == 0;
        if (!known)
            return kp_fail(e, KP_E_CONFIG,
                           "%s: no run has a configuration hash that begins with '%.*s'; has the "
                           "experiment changed?",
                           p->path, (int)n, item);
        item += n + (item[n] == ',');
    }
    for (int64_t i = 0; i < p->count; i++)
        p->runs[i].left_out = !kp_hash_listed(list, p->runs[i].hashes.config);
    return KP_OK;
}

/* The hashes move with the runs, so that they are entered again where these have moved. */
static bool make_room(struct kp_planning *p)
{
    struct kp_plan *plan = p->plan;
    const int64_t room = p->room > 0 ? 2 * p->room : 64;
    struct kp_planned *more = realloc(plan->runs, (size_t)room * sizeof(*more));
    bool entered = more != NULL;

    if (!more)
        return false;
    plan->runs = more;
    p->room = room;
    kp_index_finish(&p->known);
    for (int64_t i = 0; entered && i < plan->count; i++)
        entered = kp_index_put(&p->known, more[i].hashes.config, i);
    return entered;
}

enum kp_status kp_plan_append(struct kp_planning *p, const struct kp_planned *r, int64_t *out)
{
    struct kp_plan *plan = p->plan;
    struct kp_planned added = *r;
    struct kp_error e = {0};
    enum kp_status st = KP_OK;
    int64_t known = kp_index_find(&p->known, r->hashes.config);

    if (known >= 0) {
        *out = known;
        return KP_OK;
    }
    if (p->store)
        st = kp_plan_look_up(p->store, &added, &e);
    if (st == KP_OK && plan->count == p->room && !make_room(p))
        st = kp_fail(&e, KP_E_NOMEM, "no memory for the plan");
    if (st == KP_OK) {
        plan->runs[plan->count] = added;
        if (!kp_index_put(&p->known, plan->runs[plan->count].hashes.config, plan->count))
            st = kp_fail(&e, KP_E_NOMEM, "no memory for the plan");
    }
    if (st != KP_OK) {
        kp_text_addf(p->report, "%s\n", e.text);
        return st;
    }
    *out = plan->count++;
    return KP_OK;
}

/* Add a training, or join it with the run of the same hash. Takes its configuration over. */
static enum kp_status add_run(struct kp_planning *p, struct kp_planned *r, int64_t *out)
{
    struct kp_plan *plan = p->plan;
    struct kp_config *c = r->config;
    const char *identity[KP_REFERENCES] = {
        [KP_REFERENCE_TEACHER] = r->teacher.identity,
        [KP_REFERENCE_INIT] = r->init.identity,
    };

    kp_config_hash(c, identity, &r->hashes);
    kp_cohort_key(r, r->cohort);
    r->steps = c->core.train.epochs * ((c->m + c->core.train.batch - 1) / c->core.train.batch);
    enum kp_status st = kp_plan_append(p, r, out);
    if (st != KP_OK || plan->runs[*out].config != c)
        kp_config_destroy(c);
    if (st == KP_OK)
        plan->runs[*out].cell |= r->cell;
    return st;
}

/* Formats are known to core/data, so the configuration alone cannot check them. */
static enum kp_status check_format(struct kp_planning *p, const struct kp_config *c)
{
    const struct kp_setting *s = kp_config_find(c, "data.format");
    struct kp_text known = {0};

    if (c->dataset)
        return KP_OK;
    for (int i = 0; kp_dataset_formats[i]; i++) {
        if (strcmp(kp_dataset_formats[i], s->text) == 0) {
            kp_text_finish(&known);
            return KP_OK;
        }
        kp_text_addf(&known, "%s%s", i > 0 ? ", " : "", kp_dataset_formats[i]);
    }
    kp_text_addf(p->report, "%s: data.format: there is no format '%s'; one of %s\n", s->origin,
                 s->text, known.s);
    kp_text_finish(&known);
    return KP_E_CONFIG;
}

enum kp_status kp_plan_config(struct kp_planning *p, const struct kp_experiment *x,
                              struct kp_config *c, bool cell, int depth, int64_t *out)
{
    struct kp_planned r = {.config = c, .cell = cell};
    enum kp_status st = check_format(p, c);

    if (st == KP_OK)
        st = kp_plan_reference(p, x, c, KP_REFERENCE_INIT, depth, &r.init);
    if (st == KP_OK)
        st = kp_plan_reference(p, x, c, KP_REFERENCE_TEACHER, depth, &r.teacher);
    if (st != KP_OK) {
        kp_config_destroy(c);
        return st;
    }
    return add_run(p, &r, out);
}

enum kp_status kp_plan_stored(struct kp_planning *p, const char *uid, const char *origin,
                              int64_t *out)
{
    struct kp_experiment *x = NULL;
    struct kp_config *c = NULL;
    struct kp_error e = {0};
    char *path = NULL;
    enum kp_status st = kp_run_ini_path(p->store, uid, &path, &e);

    if (st != KP_OK)
        kp_text_addf(p->report, "%s: run %s: %s\n", origin, uid, e.text);
    if (st == KP_OK)
        st = kp_plan_open(p, path, NULL, 0, &x);
    if (st == KP_OK)
        st = kp_experiment_resolve(x, 0, p->registry, &c, p->report);
    if (st == KP_OK)
        st = kp_plan_config(p, x, c, false, 0, out);
    if (st == KP_OK && strcmp(p->plan->runs[*out].uid, uid) != 0) {
        kp_text_addf(p->report, "%s: run %s: its stored configuration does not give its hash\n",
                     origin, uid);
        st = KP_E_CONFIG;
    }
    free(path);
    return st;
}

static enum kp_status plan_cells(struct kp_planning *p, const struct kp_experiment *x, int64_t most)
{
    enum kp_status first = KP_OK;

    p->plan->cells = kp_experiment_cells(x);
    if (most > 0 && p->plan->cells > most) {
        kp_text_addf(p->report,
                     "%s: sweep: %lld cells, more than %lld; fewer values, zip or skip, or --yes "
                     "if they are meant\n",
                     kp_experiment_path(x), (long long)p->plan->cells, (long long)most);
        return KP_E_CONFIG;
    }
    for (int64_t i = 0; i < p->plan->cells; i++) {
        struct kp_config *c = NULL;
        int64_t index;
        enum kp_status st = kp_experiment_resolve(x, i, p->registry, &c, p->report);

        if (st == KP_OK)
            st = kp_plan_config(p, x, c, true, 0, &index);
        if (st != KP_OK && first == KP_OK)
            first = st;
        /* One cell's complaint is usually every cell's. */
        if (st != KP_OK)
            break;
    }
    return first;
}

enum kp_status kp_plan_make(const char *path, const struct kp_override *overrides,
                            int64_t override_count, int64_t most_cells,
                            struct kp_registry *registry, struct kp_store *store,
                            struct kp_plan **out, struct kp_text *report)
{
    struct kp_planning p = {.registry = registry, .store = store, .report = report};
    struct kp_experiment *x = NULL;
    enum kp_status st;

    p.plan = calloc(1, sizeof(*p.plan));
    if (!p.plan)
        return KP_E_NOMEM;
    p.plan->path = strdup(path);
    st = kp_plan_open(&p, path, overrides, override_count, &x);
    if (st == KP_OK)
        st = plan_cells(&p, x, most_cells);
    if (st == KP_OK)
        st = kp_plan_analyses(&p);
    free((void *)p.opened_with);
    kp_index_finish(&p.known);
    kp_plan_forget_files(&p);
    if (st != KP_OK) {
        kp_plan_destroy(p.plan);
        return st;
    }
    *out = p.plan;
    return KP_OK;
}

void kp_plan_destroy(struct kp_plan *p)
{
    if (!p)
        return;
    for (int64_t i = 0; i < p->count; i++) {
        if (p->runs[i].analysis)
            kp_planned_analysis_destroy(p->runs[i].analysis);
        else
            kp_config_destroy(p->runs[i].config);
    }
    for (int64_t i = 0; i < p->experiment_count; i++)
        kp_experiment_destroy(p->experiments[i]);
    free(p->runs);
    free((void *)p->experiments);
    free(p->path);
    free(p);
}
