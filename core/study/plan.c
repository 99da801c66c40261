/* plan.c - resolves an experiment into runs, teachers first. */
#include "study/planning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEACHER_DEPTH 8

static enum kp_status config_error(struct kp_planning *p, const struct kp_teacher_ref *t,
                                   const char *what, const char *text)
{
    kp_text_addf(p->report, "%s: %s: %s\n", t->origin ? t->origin : "[teacher]", what, text);
    return KP_E_CONFIG;
}

/* The experiment of a path, opened once. */
static enum kp_status open_experiment(struct kp_planning *p, const char *path,
                                      const struct kp_override *overrides, int64_t override_count,
                                      struct kp_experiment **out)
{
    struct kp_plan *plan = p->plan;

    for (int64_t i = 0; i < plan->experiment_count; i++)
        if (strcmp(kp_experiment_path(plan->experiments[i]), path) == 0) {
            *out = plan->experiments[i];
            return KP_OK;
        }
    struct kp_experiment **more = (struct kp_experiment **)realloc(
        (void *)plan->experiments, (size_t)(plan->experiment_count + 1) * sizeof(*more));
    if (!more) {
        kp_text_addf(p->report, "%s: no memory\n", path);
        return KP_E_NOMEM;
    }
    plan->experiments = more;
    enum kp_status st =
        kp_experiment_open(path, overrides, override_count, p->registry, out, p->report);
    if (st == KP_OK)
        plan->experiments[plan->experiment_count++] = *out;
    return st;
}

static int64_t find_hash(const struct kp_plan *plan, const char *hash)
{
    for (int64_t i = 0; i < plan->count; i++)
        if (strcmp(plan->runs[i].hashes.config, hash) == 0)
            return i;
    return -1;
}

enum kp_status kp_plan_look_up(struct kp_store *store, struct kp_planned *r, struct kp_error *e)
{
    struct kp_run_info info;
    bool found = false;
    enum kp_status st = kp_store_find_run(store, r->hashes.config, &info, &found, e);

    if (st != KP_OK || !found)
        return st;
    memcpy(r->uid, info.uid, sizeof(r->uid));
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
    case KP_RUN_FAILED:
        r->state = KP_PLANNED_MISSING;
        break;
    }
    return KP_OK;
}

enum kp_status kp_plan_append(struct kp_planning *p, const struct kp_planned *r, int64_t *out)
{
    struct kp_plan *plan = p->plan;
    struct kp_planned added = *r;
    struct kp_error e = {0};
    enum kp_status st = KP_OK;
    int64_t known = find_hash(plan, r->hashes.config);

    if (known >= 0) {
        *out = known;
        return KP_OK;
    }
    if (p->store)
        st = kp_plan_look_up(p->store, &added, &e);
    if (st != KP_OK)
        kp_text_addf(p->report, "%s\n", e.text);
    if (st == KP_OK && plan->count == p->room) {
        int64_t room = p->room > 0 ? 2 * p->room : 64;
        struct kp_planned *more = realloc(plan->runs, (size_t)room * sizeof(*more));
        if (!more) {
            kp_text_add(p->report, "no memory for the plan\n");
            st = KP_E_NOMEM;
        } else {
            plan->runs = more;
            p->room = room;
        }
    }
    if (st != KP_OK)
        return st;
    *out = plan->count;
    plan->runs[plan->count++] = added;
    return KP_OK;
}

/* Add a configuration, or join it with the run of the same hash. Takes the configuration over. */
static enum kp_status add_run(struct kp_planning *p, struct kp_config *c,
                              const struct kp_planned_teacher *teacher, bool cell, int64_t *out)
{
    struct kp_plan *plan = p->plan;
    struct kp_planned r = {.config = c, .teacher = teacher->index, .cell = cell};

    r.weights = teacher->weights;
    r.teacher_hash = teacher->hash;
    memcpy(r.teacher_uid, teacher->uid, sizeof(r.teacher_uid));
    kp_config_hash(c, r.teacher_hash, &r.hashes);
    r.steps = c->core.train.epochs * ((c->m + c->core.train.batch - 1) / c->core.train.batch);
    enum kp_status st = kp_plan_append(p, &r, out);
    if (st != KP_OK || plan->runs[*out].config != c)
        kp_config_destroy(c);
    if (st == KP_OK)
        plan->runs[*out].cell |= cell;
    return st;
}

static enum kp_status same(struct kp_planning *p, const struct kp_config *student, const char *what,
                           bool equal, const char *teacher, const char *mine)
{
    if (equal)
        return KP_OK;
    kp_text_addf(
        p->report,
        "%s: %s is %s for the teacher and %s for the student; the teacher's pool is part of "
        "the data: make them equal\n",
        student->teacher.origin, what, teacher, mine);
    return KP_E_CONFIG;
}

static const char *text_of(const struct kp_config *c, const char *key)
{
    const struct kp_setting *s = kp_config_find(c, key);

    return s ? s->text : "";
}

static enum kp_status check_pools(struct kp_planning *p, const struct kp_config *teacher,
                                  const struct kp_config *student)
{
    static const char *const keys[] = {"data.format", "data.pad_to", "data.n_teacher", "data.dev",
                                       "seed.teacher_pool"};
    enum kp_status st = KP_OK;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *a = text_of(teacher, keys[i]), *b = text_of(student, keys[i]);
        enum kp_status one = same(p, student, keys[i], strcmp(a, b) == 0, a, b);
        st = one == KP_OK ? st : one;
    }
    return st;
}

static enum kp_status plan_config(struct kp_planning *p, const struct kp_experiment *x,
                                  struct kp_config *c, bool cell, int depth, int64_t *out);

/* The one run that a teacher's experiment stands for. */
static enum kp_status plan_teacher(struct kp_planning *p, const struct kp_experiment *of,
                                   const struct kp_config *student, const char *path, int depth,
                                   struct kp_planned_teacher *out)
{
    const struct kp_teacher_ref *t = &student->teacher;
    struct kp_experiment *x = NULL;
    struct kp_config *c = NULL;
    int64_t count = 0;
    const struct kp_override *o = kp_experiment_teacher_overrides(of, &count);
    enum kp_status st = open_experiment(p, path, o, count, &x);

    if (st != KP_OK)
        return st;
    if (kp_experiment_cells(x) != 1)
        return config_error(p, t, path,
                            "a teacher's experiment must stand for one run, not for a sweep");
    st = kp_experiment_resolve(x, 0, p->registry, &c, p->report);
    if (st != KP_OK)
        return st;
    if (c->core.run.role != KP_ROLE_TEACHER) {
        kp_config_destroy(c);
        return config_error(p, t, path, "is no teacher; say `role = teacher` in its [run] section");
    }
    st = check_pools(p, c, student);
    if (st != KP_OK) {
        kp_config_destroy(c);
        return st;
    }
    st = plan_config(p, x, c, false, depth + 1, &out->index);
    if (st == KP_OK)
        out->hash = p->plan->runs[out->index].hashes.config;
    return st;
}

/* [teacher] run: its stored configuration is an experiment like any other. */
static enum kp_status find_teacher_run(struct kp_planning *p, const struct kp_experiment *of,
                                       const struct kp_config *student, int depth,
                                       struct kp_planned_teacher *out)
{
    const struct kp_teacher_ref *t = &student->teacher;
    struct kp_run_info info;
    struct kp_error e = {0};
    bool found = false;
    char *path = NULL;

    if (!p->store)
        return config_error(p, t, t->run, "[teacher] run needs the run database; give --db");
    if (kp_store_find_uid(p->store, t->run, &info, &found, &e) != KP_OK)
        return config_error(p, t, t->run, e.text);
    if (!found)
        return config_error(p, t, t->run, "there is no such run in the database");
    enum kp_status st = kp_run_ini_path(p->store, info.uid, &path, &e);
    if (st != KP_OK)
        return config_error(p, t, t->run, e.text);
    st = plan_teacher(p, of, student, path, depth, out);
    free(path);
    if (st == KP_OK && strcmp(out->hash, info.config_hash) != 0)
        return config_error(p, t, t->run, "its stored configuration does not give its hash");
    return st;
}

static enum kp_status hash_weights(struct kp_planning *p, struct kp_config *student,
                                   struct kp_planned_teacher *out)
{
    struct kp_error e = {0};
    char *hash = kp_arena_new(&student->memory, char, KP_HASH_SIZE);

    if (!hash || kp_hash_file(student->teacher.file, hash, &e) != KP_OK)
        return config_error(p, &student->teacher, "teacher.file", hash ? e.text : "no memory");
    out->weights = student->teacher.file;
    out->hash = hash;
    return KP_OK;
}

/* Formats are known to core/data, so the configuration alone cannot check them. */
static enum kp_status check_format(struct kp_planning *p, const struct kp_config *c)
{
    const struct kp_setting *s = kp_config_find(c, "data.format");
    struct kp_text known = {0};

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

/* Plan the teacher of a configuration, then itself. Takes the configuration over. */
static enum kp_status plan_config(struct kp_planning *p, const struct kp_experiment *x,
                                  struct kp_config *c, bool cell, int depth, int64_t *out)
{
    struct kp_planned_teacher teacher = {.index = -1};
    enum kp_status st = check_format(p, c);

    if (st == KP_OK && depth > TEACHER_DEPTH)
        st = config_error(p, &c->teacher, kp_experiment_path(x),
                          "the chain of teachers is too long; does it go in a circle?");
    else if (st == KP_OK && c->teacher.experiment)
        st = plan_teacher(p, x, c, c->teacher.experiment, depth, &teacher);
    else if (st == KP_OK && c->teacher.run)
        st = find_teacher_run(p, x, c, depth, &teacher);
    else if (st == KP_OK && c->teacher.file)
        st = hash_weights(p, c, &teacher);
    if (st != KP_OK) {
        kp_config_destroy(c);
        return st;
    }
    return add_run(p, c, &teacher, cell, out);
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
        st = open_experiment(p, path, NULL, 0, &x);
    if (st == KP_OK)
        st = kp_experiment_resolve(x, 0, p->registry, &c, p->report);
    if (st == KP_OK)
        st = plan_config(p, x, c, false, 0, out);
    if (st == KP_OK && strcmp(p->plan->runs[*out].uid, uid) != 0) {
        kp_text_addf(p->report, "%s: run %s: its stored configuration does not give its hash\n",
                     origin, uid);
        st = KP_E_CONFIG;
    }
    free(path);
    return st;
}

static enum kp_status plan_cells(struct kp_planning *p, const struct kp_experiment *x)
{
    enum kp_status first = KP_OK;

    p->plan->cells = kp_experiment_cells(x);
    for (int64_t i = 0; i < p->plan->cells; i++) {
        struct kp_config *c = NULL;
        int64_t index;
        enum kp_status st = kp_experiment_resolve(x, i, p->registry, &c, p->report);

        if (st == KP_OK)
            st = plan_config(p, x, c, true, 0, &index);
        if (st != KP_OK && first == KP_OK)
            first = st;
        /* One cell's complaint is usually every cell's. */
        if (st != KP_OK)
            break;
    }
    return first;
}

enum kp_status kp_plan_make(const char *path, const struct kp_override *overrides,
                            int64_t override_count, const struct kp_registry *registry,
                            struct kp_store *store, struct kp_plan **out, struct kp_text *report)
{
    struct kp_planning p = {.registry = registry, .store = store, .report = report};
    struct kp_experiment *x = NULL;
    enum kp_status st;

    p.plan = calloc(1, sizeof(*p.plan));
    if (!p.plan)
        return KP_E_NOMEM;
    p.plan->path = strdup(path);
    st = open_experiment(&p, path, overrides, override_count, &x);
    if (st == KP_OK)
        st = plan_cells(&p, x);
    if (st == KP_OK)
        st = kp_plan_analyses(&p);
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
