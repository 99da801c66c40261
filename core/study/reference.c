/* reference.c - what [teacher] and [init] refer to: an experiment's run, a finished run, or a file.
 */
#include "study/planning.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8 /* of runs that refer to each other */

static enum kp_status refuse(struct kp_planning *p, const struct kp_weights_ref *r,
                             const char *what, const char *text)
{
    kp_text_addf(p->report, "%s: %s: %s\n", r->origin, what, text);
    return KP_E_CONFIG;
}

static const char *text_of(const struct kp_config *c, const char *key)
{
    const struct kp_setting *s = kp_config_find(c, key);

    return s ? s->text : "";
}

/* The options of a dataset plugin say which data these are. */
static enum kp_status check_dataset(struct kp_planning *p, const struct kp_config *teacher,
                                    const struct kp_config *student)
{
    struct kp_text a = {0}, b = {0};
    enum kp_status st = KP_OK;

    if (teacher->dataset && teacher->dataset == student->dataset) {
        kp_config_dataset_text(teacher, &a);
        kp_config_dataset_text(student, &b);
        if (!a.failed && !b.failed && strcmp(a.s, b.s) != 0) {
            kp_text_addf(p->report,
                         "%s: the options of [data.%s] differ between teacher and student: make "
                         "them equal\n",
                         student->reference[KP_REFERENCE_TEACHER].origin, teacher->dataset->name);
            st = KP_E_CONFIG;
        }
    }
    kp_text_finish(&a);
    kp_text_finish(&b);
    return st;
}

/* A teacher's pool is part of its students' data. */
static enum kp_status check_pools(struct kp_planning *p, const struct kp_config *teacher,
                                  const struct kp_config *student)
{
    static const char *const keys[] = {"data.format",    "data.set", "data.pad_to",
                                       "data.n_teacher", "data.dev", "seed.teacher_pool"};
    enum kp_status st = check_dataset(p, teacher, student);

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *a = text_of(teacher, keys[i]), *b = text_of(student, keys[i]);
        if (strcmp(a, b) == 0)
            continue;
        kp_text_addf(p->report,
                     "%s: %s is %s for the teacher and %s for the student; the teacher's pool is "
                     "part of the data: make them equal\n",
                     student->reference[KP_REFERENCE_TEACHER].origin, keys[i], a, b);
        st = KP_E_CONFIG;
    }
    return st;
}

static enum kp_status check_teacher(struct kp_planning *p, const struct kp_config *teacher,
                                    const struct kp_config *student, const char *path)
{
    if (teacher->core.run.role != KP_ROLE_TEACHER)
        return refuse(p, &student->reference[KP_REFERENCE_TEACHER], path,
                      "is no teacher; say `role = teacher` in its [run] section");
    return check_pools(p, teacher, student);
}

/* The one run that an experiment stands for. */
static enum kp_status plan_experiment(struct kp_planning *p, const struct kp_experiment *from,
                                      struct kp_config *c, enum kp_reference which,
                                      const char *path, int depth, struct kp_planned_weights *out)
{
    struct kp_experiment *x = NULL;
    struct kp_config *named = NULL;
    int64_t count = 0;
    const struct kp_override *o = kp_experiment_overrides(from, which, &count);
    enum kp_status st = kp_plan_open(p, path, o, count, &x);

    if (st != KP_OK)
        return st;
    if (kp_experiment_cells(x) != 1)
        return refuse(p, &c->reference[which], path,
                      which == KP_REFERENCE_TEACHER
                          ? "a teacher's experiment must stand for one run, not for a sweep"
                          : "weights to begin with come from one run, not from a sweep");
    st = kp_experiment_resolve(x, 0, p->registry, &named, p->report);
    if (st == KP_OK && which == KP_REFERENCE_TEACHER)
        st = check_teacher(p, named, c, path);
    if (st != KP_OK) {
        kp_config_destroy(named);
        return st;
    }
    st = kp_plan_config(p, x, named, false, depth + 1, &out->run);
    if (st == KP_OK)
        out->identity = kp_arena_strdup(&c->memory, p->plan->runs[out->run].hashes.config);
    if (st == KP_OK && !out->identity)
        return refuse(p, &c->reference[which], path, "no memory");
    return st;
}

/* A run's stored configuration is an experiment like any other. */
static enum kp_status find_run(struct kp_planning *p, const struct kp_experiment *from,
                               struct kp_config *c, enum kp_reference which, int depth,
                               struct kp_planned_weights *out)
{
    const struct kp_weights_ref *r = &c->reference[which];
    struct kp_run_info info;
    struct kp_error e = {0};
    bool found = false;
    char *path = NULL;

    if (!p->store)
        return refuse(p, r, r->run, "a run is looked up in the run database; give --db");
    if (kp_store_find_uid(p->store, r->run, &info, &found, &e) != KP_OK)
        return refuse(p, r, r->run, e.text);
    if (!found)
        return refuse(p, r, r->run, "there is no such run in the database");
    enum kp_status st = kp_run_ini_path(p->store, info.uid, &path, &e);
    if (st != KP_OK)
        return refuse(p, r, r->run, e.text);
    st = plan_experiment(p, from, c, which, path, depth, out);
    free(path);
    if (st == KP_OK && strcmp(out->identity, info.config_hash) != 0)
        return refuse(p, r, r->run, "its stored configuration does not give its hash");
    return st;
}

/* Many cells name the same file. */
static enum kp_status hash_once(struct kp_planning *p, const char *path, char sha256[KP_HASH_SIZE],
                                struct kp_error *e)
{
    struct kp_hashed_file *f = p->hashed;

    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    if (f) {
        memcpy(sha256, f->sha256, KP_HASH_SIZE);
        return KP_OK;
    }
    enum kp_status st = kp_hash_file(path, sha256, e);
    if (st != KP_OK)
        return st;
    f = calloc(1, sizeof(*f));
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return kp_fail(e, KP_E_NOMEM, "no memory for a path");
    }
    memcpy(f->sha256, sha256, KP_HASH_SIZE);
    f->next = p->hashed;
    p->hashed = f;
    return KP_OK;
}

void kp_plan_forget_files(struct kp_planning *p)
{
    for (struct kp_hashed_file *f = p->hashed, *next; f; f = next) {
        next = f->next;
        free(f->path);
        free(f);
    }
    p->hashed = NULL;
}

static enum kp_status hash_file(struct kp_planning *p, struct kp_config *c, enum kp_reference which,
                                struct kp_planned_weights *out)
{
    const struct kp_weights_ref *r = &c->reference[which];
    struct kp_error e = {0};
    char *hash = kp_arena_new(&c->memory, char, KP_HASH_SIZE);

    if (!hash || hash_once(p, r->file, hash, &e) != KP_OK)
        return refuse(p, r, kp_reference_names[which], hash ? e.text : "no memory");
    out->file = r->file;
    out->identity = hash;
    return KP_OK;
}

enum kp_status kp_plan_weights(const struct kp_plan *p, struct kp_store *store,
                               const struct kp_planned_weights *of, const char *what, char **path,
                               struct kp_error *e)
{
    if (of->run >= 0)
        return kp_run_weights(store, p->runs[of->run].uid, what, path, e);
    *path = NULL;
    if (!of->file)
        return KP_OK;
    char now[KP_HASH_SIZE];
    enum kp_status st = kp_hash_file(of->file, now, e);
    if (st == KP_OK && strcmp(now, of->identity) != 0)
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: changed since the runs were planned: sha256 %.12s..., then %.12s...; run "
                     "the experiment again",
                     of->file, now, of->identity);
    if (st == KP_OK && !(*path = strdup(of->file)))
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    return st;
}

enum kp_status kp_plan_reference(struct kp_planning *p, const struct kp_experiment *x,
                                 struct kp_config *c, enum kp_reference which, int depth,
                                 struct kp_planned_weights *out)
{
    const struct kp_weights_ref *r = &c->reference[which];

    *out = (struct kp_planned_weights){.run = -1};
    if (!kp_weights_ref_given(r))
        return KP_OK;
    if (depth > DEPTH_MAX)
        return refuse(
            p, r, kp_experiment_path(x),
            "the chain of runs that need each other is too long; does it go in a circle?");
    if (r->experiment)
        return plan_experiment(p, x, c, which, r->experiment, depth, out);
    if (r->run)
        return find_run(p, x, c, which, depth, out);
    return hash_file(p, c, which, out);
}
