/* results.c - evaluates a run's splits and stores what was found. */
#include "train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A pass: the split's name in keys, its examples. */
struct pass {
    const char *name;
    enum kp_split split;
    const int64_t *index;
    int64_t count;
};

struct findings {
    struct kp_observed *v;
    const char **split; /* [count] */
    int64_t *rows;      /* [count] */
    int64_t count;
};

static bool tell(void *arg, int64_t done)
{
    struct kp_training *t = arg;

    return kp_cohort_tell(t->cohort, KP_PHASE_EVALUATE, done,
                          t->cohort->job->data->split[KP_SPLIT_TEST].count, (double)NAN);
}

static void add(struct findings *f, struct kp_observers *o, const char *split, int64_t rows)
{
    int64_t n = kp_observers_value_count(o);

    kp_observers_results(o, split, f->v + f->count);
    for (int64_t i = 0; i < n; i++) {
        f->split[f->count + i] = split;
        f->rows[f->count + i] = rows;
    }
    f->count += n;
}

static enum kp_status run_pass(struct kp_training *t, const struct pass *p, struct findings *f,
                               struct kp_error *e)
{
    int64_t labelled = 0;
    struct kp_evaluation v = {.exec = t->eval_exec,
                              .data = t->cohort->job->data,
                              .split = p->split,
                              .index = p->index,
                              .count = p->count,
                              .mean = t->cohort->mean,
                              .sd = t->cohort->sd,
                              .labelled = &labelled,
                              .step = tell,
                              .arg = t};
    const struct kp_train_job *job = t->cohort->job;
    struct kp_taught taught = {0};
    enum kp_status st = KP_OK;

    if (kp_dataset_is_text(job->data)) {
        v.live = job->teacher;
    } else if (job->teacher && p->index == job->subset->index) {
        v.teacher = &t->cohort->taught;
    } else if (job->teacher) {
        const struct kp_teaching ask = kp_cohort_teaching(t->cohort);
        st = kp_taught_make(&ask, p->split, p->index, p->count, false, &taught, e);
        v.teacher = &taught;
    }
    if (st == KP_OK)
        st = kp_evaluate(&v, &t->clean, e);
    if (st == KP_OK)
        add(f, &t->clean, p->name, labelled);
    kp_taught_finish(&taught);
    return st;
}

/* After the last epoch every split, but not the text that was read. Before it the development split
 * alone where there is one, so that nothing is selected on the test split; else the test split. */
static enum kp_status run_passes(struct kp_training *t, enum kp_occasion when, struct findings *f,
                                 struct kp_error *e)
{
    const bool last = when == KP_AT_END;
    const struct kp_train_job *job = t->cohort->job;
    const struct kp_subset *s = job->subset;
    const int64_t test = last || s->dev_count == 0 ? job->data->split[KP_SPLIT_TEST].count : 0;
    const struct pass passes[] = {
        {"test", KP_SPLIT_TEST, NULL, test},
        {"train", KP_SPLIT_TRAIN, s->index, last && !kp_dataset_is_text(job->data) ? s->count : 0},
        {"dev", KP_SPLIT_TRAIN, s->dev_index, s->dev_count},
    };
    enum kp_status st = KP_OK;

    for (size_t i = 0; st == KP_OK && i < sizeof(passes) / sizeof(passes[0]); i++)
        if (passes[i].count > 0)
            st = run_pass(t, &passes[i], f, e);
    return st;
}

static enum kp_status name_metrics(struct kp_training *t, const struct findings *f,
                                   struct kp_error *e)
{
    for (int64_t i = 0; i < f->count; i++) {
        struct kp_metric_key key = {f->v[i].key, f->v[i].unit, f->v[i].higher_is_better};
        enum kp_status st = kp_store_metric(t->cohort->job->store, &key, e);
        if (st != KP_OK)
            return st;
    }
    return KP_OK;
}

static void store_points(struct kp_training *t, const struct findings *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        struct kp_point p = {f->v[i].key, t->at.step, f->v[i].value, t->at.samples,
                             (double)t->at.samples * t->sample_flops};
        kp_store_point(t->cohort->job->store, t->run->uid, &p);
    }
}

/* Results of a kappa of the run, and beside them what compares it with its teacher. */
static enum kp_status store_results(struct kp_training *t, const struct findings *f, double kappa,
                                    bool last, struct kp_error *e)
{
    const struct kp_train_job *job = t->cohort->job;
    struct kp_result_row *rows = calloc((size_t)f->count + 1, sizeof(*rows));
    struct kp_pairwise_row *pairs = calloc((size_t)f->count + 1, sizeof(*pairs));
    int64_t pair_count = 0;
    enum kp_status st;

    if (!rows || !pairs) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the results");
        goto out;
    }
    for (int64_t i = 0; i < f->count; i++) {
        const struct kp_observed *v = &f->v[i];
        rows[i] =
            (struct kp_result_row){f->split[i], v->key, kappa, t->at.samples, t->at.step, v->value};
        if (v->with_teacher && job->teacher->uid[0])
            pairs[pair_count++] = (struct kp_pairwise_row){
                job->teacher->uid, v->key, f->split[i], "mean", f->rows[i], kappa, v->value};
    }
    st = last ? kp_store_end_run(job->store, t->run->uid, KP_RUN_DONE, NULL, rows, f->count, pairs,
                                 pair_count, e)
              : kp_store_results(job->store, t->run->uid, rows, f->count, pairs, pair_count, e);
out:
    free(rows);
    free(pairs);
    return st;
}

enum kp_status kp_training_evaluate(struct kp_training *t, enum kp_occasion when, double kappa,
                                    struct kp_error *e)
{
    const bool last = when == KP_AT_END;
    int64_t room =
        3 * kp_observers_value_count(&t->clean) + kp_observers_value_count(&t->running) + 1;
    struct findings f = {calloc((size_t)room, sizeof(struct kp_observed)),
                         calloc((size_t)room, sizeof(char *)),
                         calloc((size_t)room, sizeof(int64_t)), 0};
    enum kp_status st = KP_OK;

    if (!f.v || !f.split || !f.rows)
        st = kp_fail(e, KP_E_NOMEM, "no memory for the results");
    if (st == KP_OK)
        st = run_passes(t, when, &f, e);
    if (st == KP_OK && last && t->at.step > 0 && !kp_dataset_is_text(t->cohort->job->data))
        add(&f, &t->running, "train_running", t->cohort->job->subset->count);
    if (st == KP_OK)
        st = name_metrics(t, &f, e);
    if (st == KP_OK && when == KP_AT_EPOCH)
        store_points(t, &f);
    else if (st == KP_OK)
        st = store_results(t, &f, kappa, last, e);
    free(f.v);
    free((void *)f.split);
    free(f.rows);
    return st;
}
