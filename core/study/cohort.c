/* cohort.c - which runs of a plan are trained in lockstep, and how many at once. */
#include "study/cohort.h"

#include "base/index.h"
#include "base/machine.h"
#include "study/recipe.h"

#include <stdlib.h>
#include <string.h>

#define MEBIBYTE ((size_t)1 << 20)

static bool begins_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void add_settings(struct kp_text *t, const struct kp_config *c, const char *const *prefixes)
{
    for (int64_t i = 0; i < c->count; i++) {
        const struct kp_setting *s = &c->settings[i];

        /* M stands for kappa. */
        for (int k = 0; prefixes[k]; k++)
            if (begins_with(s->key, prefixes[k]) && strcmp(s->key, "data.kappa") != 0)
                kp_text_addf(t, "%s=%s\n", s->key, s->text);
    }
}

/* The seeds that batches depend on; "0" for one that nothing is drawn by. */
static void seeds_of_batches(const struct kp_config *c, const char *out[3])
{
    const struct kp_settings *s = &c->core;
    const bool augments =
        s->data.flip || s->data.crop_pad > 0 || s->data.rotate > 0 || s->data.random_resized_crop;

    out[0] = s->data.draw == KP_SETTING_DRAW_FIRST ? "0" : s->seed.subset;
    out[1] = s->data.order == KP_ORDER_FIXED ? "0" : s->seed.order;
    out[2] = augments ? s->seed.augment : "0";
}

void kp_cohort_key(const struct kp_planned *r, char key[KP_HASH_SIZE])
{
    static const char *const shared[] = {"data.",
                                         "device.",
                                         "run.role",
                                         "run.threads",
                                         "run.checkpoint",
                                         "run.cohort",
                                         "train.batch",
                                         "train.micro_batch",
                                         "train.epochs",
                                         "train.precision",
                                         "seed.teacher_pool",
                                         "teacher.mode",
                                         NULL};
    static const char *const model[] = {"model.", NULL};
    const struct kp_config *c = r->config;
    const char *seeds[3];
    struct kp_text t = {0};
    bool unused = false;

    key[0] = '\0';
    if (c->core.run.cohort == KP_SETTING_COHORT_OFF || *c->core.run.imported)
        return;
    kp_text_addf(&t, "m=%lld\nteacher=%s\n", (long long)c->m,
                 r->teacher.identity ? r->teacher.identity : "");
    add_settings(&t, c, shared);
    /* The weights of [teacher] file are those of the run's own model. */
    if (r->teacher.file)
        add_settings(&t, c, model);
    seeds_of_batches(c, seeds);
    for (int i = 0; i < 3; i++)
        kp_text_addf(&t, "seed=%llu\n",
                     (unsigned long long)kp_stream_seed(seeds[i], c->core.seed.master, &unused));
    /* Without memory for a key a run is trained alone. */
    if (!t.failed)
        kp_hash_bytes(t.s, t.length, key);
    kp_text_finish(&t);
}

size_t kp_cohort_room(const struct kp_config *c, struct kp_device *d)
{
    const int64_t limit = c->core.run.cohort_memory;
    const size_t room = limit > 0 ? (size_t)limit * MEBIBYTE : kp_machine_memory() / 2;
    const size_t there = d && d->ops->room ? d->ops->room(d) / 2 : room;

    return there < room ? there : room;
}

static const struct kp_cohort_size *find_size(const struct kp_cohort_sizes *known, const char *key)
{
    for (int64_t i = 0; i < known->count; i++)
        if (strcmp(known->v[i].key, key) == 0)
            return &known->v[i];
    return NULL;
}

static enum kp_status add_size(struct kp_cohort_sizes *known, const struct kp_cohort_size *size,
                               struct kp_error *e)
{
    struct kp_cohort_size *more = realloc(known->v, (size_t)(known->count + 1) * sizeof(*known->v));

    if (!more)
        return kp_fail(e, KP_E_NOMEM, "no memory to measure runs");
    known->v = more;
    known->v[known->count++] = *size;
    return KP_OK;
}

/* What decides on the size of a run's programs. */
static enum kp_status size_key(const struct kp_config *c, char key[KP_HASH_SIZE],
                               struct kp_error *e)
{
    static const char *const matters[] = {"model.",
                                          "objective.",
                                          "device.",
                                          "data.",
                                          "train.batch",
                                          "train.micro_batch",
                                          "train.eval_batch",
                                          "train.optimizer",
                                          "train.momentum",
                                          "train.clip_norm",
                                          "train.freeze",
                                          "train.precision",
                                          NULL};
    const int64_t batch = c->core.train.batch;
    struct kp_text text = {0};
    enum kp_status st = KP_OK;

    kp_text_addf(&text, "%lld\n", (long long)(c->m < batch ? c->m : batch));
    add_settings(&text, c, matters);
    if (c->dataset)
        kp_config_dataset_text(c, &text);
    if (text.failed)
        st = kp_fail(e, KP_E_NOMEM, "no memory to measure runs");
    else
        kp_hash_bytes(text.s, text.length, key);
    kp_text_finish(&text);
    return st;
}

enum kp_status kp_cohort_measure(struct kp_cohort_sizes *known, struct kp_session *s,
                                 struct kp_config *c, const struct kp_recipe *r,
                                 const struct kp_dataset *data, size_t *bytes, struct kp_error *e)
{
    const struct kp_cohort_size *found = NULL;
    struct kp_recipe measured = *r;
    struct kp_cohort_size size = {0};
    enum kp_status st = size_key(c, size.key, e);

    if (st == KP_OK && (found = find_size(known, size.key))) {
        *bytes = found->bytes;
        return KP_OK;
    }
    /* A model's state struct is for one net. */
    if (st == KP_OK)
        st = kp_recipe_model(c, &measured.model, e);
    if (st == KP_OK)
        st = kp_train_memory(&measured, data, c->m, s->device, &size.bytes, e);
    if (st == KP_OK)
        st = add_size(known, &size, e);
    if (st == KP_OK)
        *bytes = size.bytes;
    return st;
}

void kp_cohort_sizes_finish(struct kp_cohort_sizes *known)
{
    free(known->v);
    *known = (struct kp_cohort_sizes){0};
}

/* Bytes that a run takes; 0 if that cannot be told, as where the data are not there. */
static size_t bytes_of(struct kp_cohort_sizes *known, struct kp_session *s, const struct kp_plan *p,
                       const struct kp_planned *r, const struct kp_registry *registry)
{
    const struct kp_config *taught = r->teacher.run >= 0 ? p->runs[r->teacher.run].config : NULL;
    const struct kp_study_watcher nobody = {0};
    struct kp_dataset *data = NULL;
    struct kp_recipe recipe;
    struct kp_error unknown = {0};
    size_t bytes = 0;

    if (kp_session_device(s, r->config, &nobody, &unknown) != KP_OK ||
        kp_session_data(s, r->config, NULL, &data, &unknown) != KP_OK ||
        kp_recipe_make(r->config, taught, registry, &recipe, &unknown) != KP_OK ||
        kp_cohort_measure(known, s, r->config, &recipe, data, &bytes, &unknown) != KP_OK)
        return 0;
    return bytes;
}

static bool is_missing(const struct kp_planned *r)
{
    return !r->analysis && r->state != KP_PLANNED_DONE && r->state != KP_PLANNED_RUNNING;
}

/* For each missing run the next one of its cohort, or -1. Without memory for it none has one. */
static void chain(const struct kp_plan *p, int64_t *next)
{
    struct kp_index newest = {0};

    for (int64_t i = p->count - 1; i >= 0; i--) {
        const struct kp_planned *r = &p->runs[i];

        next[i] = -1;
        if (!is_missing(r) || !*r->cohort)
            continue;
        next[i] = kp_index_find(&newest, r->cohort);
        (void)kp_index_put(&newest, r->cohort, i);
    }
    kp_index_finish(&newest);
}

int64_t kp_plan_group(struct kp_plan *p, const struct kp_registry *registry)
{
    struct kp_session session = {0};
    struct kp_cohort_sizes known = {0};
    int64_t *next = calloc((size_t)p->count + 1, sizeof(*next));
    int64_t groups = 0;

    for (int64_t i = 0; i < p->count; i++)
        p->runs[i].group = 0;
    if (next)
        chain(p, next);
    for (int64_t i = 0; next && i < p->count; i++) {
        struct kp_planned *first = &p->runs[i];
        size_t used = 0;
        bool full = false;

        if (!is_missing(first) || first->group > 0)
            continue;
        first->group = ++groups;
        for (int64_t k = i; *first->cohort && !full && k >= 0; k = next[k]) {
            struct kp_planned *r = &p->runs[k];

            if (k > i && r->group > 0)
                continue;
            used += bytes_of(&known, &session, p, r, registry);
            full = k > i && used > kp_cohort_room(first->config, session.device);
            if (!full)
                r->group = groups;
        }
    }
    free(next);
    kp_cohort_sizes_finish(&known);
    kp_session_finish(&session);
    return groups;
}
