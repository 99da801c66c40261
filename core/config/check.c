/* check.c - settings that are right one by one but not together. */
#include "config/resolve.h"

#include "host/options.h"

#include <stdio.h>
#include <string.h>

struct checker {
    const struct kp_cell *cell;
    const struct kp_config *c;
    struct kp_problems *p;
};

static struct kp_place place_of(const struct checker *k, const char *key)
{
    struct kp_known known;
    struct kp_raw raw = {.place = {k->cell->path, 0, 0}};

    if (kp_schema_find(k->cell->registry, key, &known))
        (void)kp_cell_raw(k->cell, key, known.option, &raw);
    return raw.place;
}

/* Was the key resolved? If not, that has been reported and its field means nothing. */
static bool has(const struct checker *k, const char *key)
{
    return kp_config_find(k->c, key) != NULL;
}

static void check_size(const struct checker *k)
{
    const struct kp_settings *s = &k->c->core;
    const struct kp_setting *pool = kp_config_find(k->c, "data.student_pool");
    struct kp_place place = place_of(k, "data.kappa");

    if (s->run.role == KP_ROLE_TEACHER || !has(k, "data.n_teacher") || !has(k, "data.kappa"))
        return;
    if (k->c->m < 1)
        kp_problem_add(k->p, place, "data.kappa",
                       "M = kappa n_teacher = %g * %lld is less than one example; a larger kappa",
                       s->data.kappa, (long long)s->data.n_teacher);
    if (k->c->m > s->data.n_teacher && pool && strcmp(pool->text, "subset") == 0)
        kp_problem_add(
            k->p, place, "data.kappa",
            "M = %lld is more than the teacher's pool of %lld, from which student_pool = "
            "subset draws; kappa up to 1, or another student_pool",
            (long long)k->c->m, (long long)s->data.n_teacher);
}

/* What only the files of a format have. */
static void check_set(const struct checker *k)
{
    static const char *const of_files[] = {"data.pad_to", "data.downsample", "data.resize",
                                           "data.crop", "data.random_resized_crop"};

    for (size_t i = 0; i < sizeof(of_files) / sizeof(of_files[0]); i++) {
        const struct kp_setting *s = kp_config_find(k->c, of_files[i]);
        if (s && strcmp(s->text, "0") != 0 && strcmp(s->text, "false") != 0)
            kp_problem_add(k->p, place_of(k, of_files[i]), of_files[i],
                           "belongs to data.format, and the data come from data.set = %s; leave it "
                           "out",
                           k->c->core.data.set);
    }
}

static void must_be_given(const struct checker *k, const char *key, int64_t count)
{
    struct kp_known known;
    char right[512];

    if (!has(k, key) || count > 0 || !kp_schema_find(k->cell->registry, key, &known))
        return;
    kp_option_describe(known.option, right, sizeof(right));
    kp_problem_add(k->p, place_of(k, key), key, "not given; %s (%s)", right, known.option->doc);
}

/* Files of a format, or a dataset plugin. */
static void check_data(const struct checker *k)
{
    const struct kp_settings *s = &k->c->core;
    const bool format = has(k, "data.format") && *s->data.format;
    const bool set = has(k, "data.set") && *s->data.set;

    if (format && set)
        kp_problem_add(k->p, place_of(k, "data.set"), "data.set",
                       "'%s' is given beside data.format = %s; leave one of them out", s->data.set,
                       s->data.format);
    else if (set)
        check_set(k);
    else if (!format)
        kp_problem_add(k->p, place_of(k, "data.format"), "data.format",
                       "not given; the name of a dataset format, or data.set, that of a plugin");
    if (!set) {
        must_be_given(k, "data.mean", s->data.mean.count);
        must_be_given(k, "data.sd", s->data.sd.count);
    }
    if (!set && has(k, "data.root") && !*s->data.root)
        kp_problem_add(k->p, place_of(k, "data.root"), "data.root",
                       "empty; the folder of the dataset");
    if (has(k, "data.mean") && has(k, "data.sd") && s->data.mean.count != s->data.sd.count)
        kp_problem_add(k->p, place_of(k, "data.sd"), "data.sd",
                       "%lld numbers where data.mean has %lld; one of each per channel",
                       (long long)s->data.sd.count, (long long)s->data.mean.count);
    check_size(k);
}

static void check_milestones(const struct checker *k)
{
    const struct kp_ints *m = &k->c->core.train.milestones;

    for (int64_t i = 1; i < m->count; i++)
        if (m->v[i] <= m->v[i - 1]) {
            kp_problem_add(k->p, place_of(k, "train.milestones"), "train.milestones",
                           "%lld comes after %lld; rising numbers of epochs", (long long)m->v[i],
                           (long long)m->v[i - 1]);
            return;
        }
}

static void check_eval_kappas(const struct checker *k)
{
    const struct kp_reals *v = &k->c->core.train.eval_kappas;

    for (int64_t i = 1; i < v->count; i++)
        if (v->v[i] <= v->v[i - 1]) {
            kp_problem_add(k->p, place_of(k, "train.eval_kappas"), "train.eval_kappas",
                           "%g comes after %g; rising numbers", v->v[i], v->v[i - 1]);
            return;
        }
    if (v->count > 0 && has(k, "train.epochs") && k->c->core.train.epochs > 1)
        kp_problem_add(k->p, place_of(k, "train.eval_kappas"), "train.eval_kappas",
                       "kappa grows while training where the data are read once; train.epochs = 1, "
                       "or train.eval_every");
}

static void check_train(const struct checker *k)
{
    const struct kp_settings *s = &k->c->core;

    if (s->train.nesterov && has(k, "train.momentum") && !(s->train.momentum > 0))
        kp_problem_add(k->p, place_of(k, "train.nesterov"), "train.nesterov",
                       "needs momentum; train.momentum above 0, or nesterov = false");
    if (has(k, "train.epochs") && has(k, "train.warmup_epochs") &&
        s->train.warmup_epochs > s->train.epochs)
        kp_problem_add(k->p, place_of(k, "train.warmup_epochs"), "train.warmup_epochs",
                       "%lld is more than the %lld epochs of the run; 0 to %lld",
                       (long long)s->train.warmup_epochs, (long long)s->train.epochs,
                       (long long)s->train.epochs);
    if (has(k, "train.lr") && has(k, "train.lr_final") && s->train.lr_final > s->train.lr)
        kp_problem_add(k->p, place_of(k, "train.lr_final"), "train.lr_final",
                       "%g is above train.lr = %g; 0 to %g", s->train.lr_final, s->train.lr,
                       s->train.lr);
    if (has(k, "train.milestones"))
        check_milestones(k);
    if (has(k, "train.eval_kappas"))
        check_eval_kappas(k);
    if (has(k, "device.slice") && s->device.slice % 16 != 0)
        kp_problem_add(k->p, place_of(k, "device.slice"), "device.slice",
                       "%lld is no multiple of 16; 16, 32, 48, ...", (long long)s->device.slice);
}

static void check_seed(const struct checker *k, const char *key, const char *text, bool teacher)
{
    if (has(k, key) && !kp_stream_seed_valid(text, teacher))
        kp_problem_add(k->p, place_of(k, key), key,
                       "'%.60s' is no seed; master, an integer from 0 to %lld%s", text,
                       (long long)KP_SEED_MAX, teacher ? ", or teacher" : "");
}

static void check_seeds(const struct checker *k)
{
    const struct kp_settings *s = &k->c->core;

    check_seed(k, "seed.init", s->seed.init, true);
    check_seed(k, "seed.subset", s->seed.subset, false);
    check_seed(k, "seed.order", s->seed.order, false);
    check_seed(k, "seed.augment", s->seed.augment, false);
    if (!has(k, "seed.init") || strcmp(s->seed.init, "teacher") != 0)
        return;
    if (s->run.role == KP_ROLE_TEACHER)
        kp_problem_add(k->p, place_of(k, "seed.init"), "seed.init",
                       "'teacher' is for students; master or a number");
    else if (!k->c->reference[KP_REFERENCE_TEACHER].experiment &&
             !k->c->reference[KP_REFERENCE_TEACHER].run)
        kp_problem_add(
            k->p, place_of(k, "seed.init"), "seed.init",
            "'teacher' needs a teacher whose seed is known; [teacher] experiment or run");
}

static void check_reference(const struct checker *k, enum kp_reference which)
{
    const struct kp_weights_ref *r = &k->c->reference[which];
    int given = (r->experiment != NULL) + (r->run != NULL) + (r->file != NULL);
    char last[32];

    (void)snprintf(last, sizeof(last), "%s.%s", kp_reference_names[which],
                   r->file ? "file" : "run");
    if (given > 1)
        kp_problem_add(k->p, place_of(k, last), last,
                       "weights are given twice; only one of experiment, run and file");
}

static void check_imported(const struct checker *k)
{
    const char *sha256 = k->c->core.run.imported;
    size_t n = has(k, "run.imported") ? strlen(sha256) : 0;

    if (n > 0 && (n != KP_HASH_SIZE - 1 || strspn(sha256, "0123456789abcdef") != n))
        kp_problem_add(k->p, place_of(k, "run.imported"), "run.imported",
                       "'%.80s' is no sha256; 64 digits of 0-9 and a-f, as 'kappa import' tells it",
                       sha256);
}

static void check_references(const struct checker *k)
{
    const struct kp_settings *s = &k->c->core;

    check_reference(k, KP_REFERENCE_TEACHER);
    check_reference(k, KP_REFERENCE_INIT);
    if (has(k, "init.skip") && *s->init.skip &&
        !kp_weights_ref_given(&k->c->reference[KP_REFERENCE_INIT]))
        kp_problem_add(k->p, place_of(k, "init.skip"), "init.skip",
                       "leaves something out, but nothing is taken; [init] experiment, run or "
                       "file, or no skip");
    if (!kp_weights_ref_given(&k->c->reference[KP_REFERENCE_TEACHER]) && k->c->objective &&
        (k->c->objective->needs & KP_NEED_TEACHER_LOGITS))
        kp_problem_add(k->p, place_of(k, "objective.plugin"), "objective.plugin",
                       "'%s' needs a teacher and none is given; [teacher] experiment = INI file, "
                       "run = uid, or file = weights",
                       k->c->objective->name);
}

/* at = kappas. What runs kept is for the plan to tell. */
static void check_points(const struct checker *k, const struct kp_analysis_config *a)
{
    char key[160];

    (void)snprintf(key, sizeof(key), "analysis.%s.at", a->section);
    if (a->core.of == KP_OF_INIT)
        kp_problem_add(k->p, place_of(k, key), key,
                       "initial weights have no curve; end, or of = cells");
    if (a->core.split == KP_ANALYSE_TRAIN && k->c->core.data.draw != KP_SETTING_DRAW_FIRST)
        kp_problem_add(
            k->p, place_of(k, key), key,
            "with split = train: which examples a run has seen at a kappa is known where "
            "they are read in order; data.draw = first, or split = test");
}

static void check_analysis(const struct checker *k, const struct kp_analysis_config *a)
{
    uint32_t needs = kp_metric_analyser(a->def)->needs;
    enum kp_analysis_with with = kp_analysis_partner(a);
    char key[160];

    (void)snprintf(key, sizeof(key), "analysis.%s.with", a->section);
    if (a->core.query[0] && (needs & KP_ANALYSIS_REFUSES_PAIRS)) {
        (void)snprintf(key, sizeof(key), "analysis.%s.query", a->section);
        kp_problem_add(k->p, place_of(k, key), key, "'%s' compares nothing; of = cells",
                       a->def->name);
    }
    if (a->core.query[0] && a->core.at == KP_ANALYSE_KAPPAS) {
        (void)snprintf(key, sizeof(key), "analysis.%s.at", a->section);
        kp_problem_add(k->p, place_of(k, key), key,
                       "the runs of a query are compared at their ends; end, or with = each_other "
                       "in place of the query");
    }
    if (a->core.of == KP_OF_NONE || a->core.query[0])
        return;
    if ((needs & KP_ANALYSIS_NEEDS_PAIRS) && with == KP_WITH_NONE)
        kp_problem_add(k->p, place_of(k, key), key,
                       "'%s' compares two runs; teacher, init or each_other, or a query",
                       a->def->name);
    if ((needs & KP_ANALYSIS_REFUSES_PAIRS) && with != KP_WITH_NONE)
        kp_problem_add(k->p, place_of(k, key), key, "'%s' compares nothing; none", a->def->name);
    if ((with == KP_WITH_TEACHER || a->core.of == KP_OF_TEACHER) &&
        !kp_weights_ref_given(&k->c->reference[KP_REFERENCE_TEACHER]))
        kp_problem_add(k->p, place_of(k, key), key,
                       "the experiment names no teacher; [teacher] experiment = INI file, run = "
                       "uid, or file = weights");
    if (a->core.of == KP_OF_TEACHER && (with == KP_WITH_TEACHER || with == KP_WITH_EACH_OTHER))
        kp_problem_add(k->p, place_of(k, key), key,
                       "teachers are compared with nothing but their initial weights; init or "
                       "none, or a query");
    if (a->core.at == KP_ANALYSE_KAPPAS)
        check_points(k, a);
    if (a->core.of == KP_OF_INIT && with == KP_WITH_INIT)
        kp_problem_add(k->p, place_of(k, key), key,
                       "initial weights with themselves; teacher, each_other or none");
}

void kp_resolve_check(const struct kp_cell *cell, const struct kp_config *c, struct kp_problems *p)
{
    struct checker k = {cell, c, p};

    check_data(&k);
    check_train(&k);
    check_seeds(&k);
    check_references(&k);
    check_imported(&k);
    for (int64_t i = 0; i < c->analysis_count; i++)
        check_analysis(&k, &c->analyses[i]);
}
