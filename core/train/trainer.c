/* trainer.c - the training loop of a cohort. */
#include "train/trainer.h"

#include "base/clock.h"
#include "train/training.h"

#include <math.h>
#include <stdio.h>

#define RATE_SECONDS 1.0

static int64_t steps_of(const struct kp_cohort *c)
{
    return c->recipe->epochs * kp_loader_batches(c->loader);
}

bool kp_cohort_tell(struct kp_cohort *c, enum kp_phase phase, int64_t done, int64_t total,
                    double loss)
{
    const struct kp_watcher *w = &c->job->watcher;
    const struct kp_position *at = kp_cohort_at(c);
    double now = kp_clock_monotonic();
    struct kp_progress p = {.phase = phase,
                            .epoch = at->epoch,
                            .epochs = c->recipe->epochs,
                            .step = done,
                            .steps = total,
                            .samples = at->samples,
                            .seconds_left = -1,
                            .loss = loss};

    if (phase == KP_PHASE_TRAIN && now - c->last_rate >= RATE_SECONDS) {
        c->rate = (double)(at->samples - c->rate_samples) / (now - c->last_rate);
        c->rate_samples = at->samples;
        c->last_rate = now;
    }
    p.samples_per_second = c->rate * (double)c->going_count;
    if (phase == KP_PHASE_TRAIN && c->rate > 0)
        p.seconds_left =
            (double)(c->recipe->epochs * c->job->subset->count - at->samples) / c->rate;
    if (w->progress)
        w->progress(w->arg, &p);
    return !w->stop || !w->stop(w->arg);
}

static bool concerns_all(enum kp_status st)
{
    return st == KP_E_INTERRUPTED || st == KP_E_STORE;
}

enum kp_status kp_cohort_settle(struct kp_cohort *c, struct kp_error *e)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < c->going_count; i++)
        if (concerns_all(c->going[i]->status))
            return kp_fail(e, c->going[i]->status, "%s", c->going[i]->error.text);
    for (int64_t i = 0; i < c->going_count; i++) {
        struct kp_training *t = c->going[i];

        if (t->status == KP_OK && !t->done)
            c->going[kept++] = t;
        else
            c->job->end(c->job->arg, t - c->trainings, t->status, &t->error);
    }
    c->going_count = kept;
    return KP_OK;
}

static enum kp_status add_metrics(struct kp_store *store, struct kp_error *e)
{
    static const struct kp_metric_key keys[] = {{"train/loss", "nats", false},
                                                {"train/lr", "", false}};
    enum kp_status st = KP_OK;

    for (size_t i = 0; st == KP_OK && i < sizeof(keys) / sizeof(keys[0]); i++)
        st = kp_store_metric(store, &keys[i], e);
    return st;
}

static void add_point(struct kp_training *t, const char *key, double value)
{
    struct kp_point p = {key, t->at.step, value, t->at.samples,
                         (double)t->at.samples * t->sample_flops};

    kp_store_point(t->cohort->job->store, t->run->uid, &p);
}

static struct kp_checkpoint_place place_of(const struct kp_training *t)
{
    return (struct kp_checkpoint_place){t->cohort->job->store, t->run->uid, t->run->folder};
}

/* A checkpoint of every run, all at this step. */
static enum kp_status checkpoint(struct kp_cohort *c, struct kp_error *e)
{
    for (int64_t i = 0; i < c->going_count; i++) {
        struct kp_training *t = c->going[i];
        const struct kp_checkpoint_place place = place_of(t);

        kp_training_catch_up(t);
        if (t->status == KP_OK)
            t->status = kp_checkpoint_save(&place, t->state, t->train->slots, &t->at, &t->running,
                                           &t->error);
    }
    c->last_checkpoint = kp_clock_monotonic();
    return kp_cohort_settle(c, e);
}

/* The learning rate of a step of the epoch that the run is in. */
static double rate_at(const struct kp_training *t, int64_t step)
{
    const struct kp_moment moment = {step, t->at.epoch, kp_loader_batches(t->cohort->loader)};

    return kp_schedule_lr(&t->recipe->schedule, moment);
}

static void begin_step(struct kp_cohort *c, bool last)
{
    for (int64_t i = 0; i < c->going_count; i++) {
        struct kp_training *t = c->going[i];

        if (last && t->at.batch == 0)
            kp_observers_reset(&t->running);
        t->train_exec->memory.scalars[KP_SCALAR_LR] = rate_at(t, t->at.step);
    }
}

/* A wish to stop came while something was evaluated, which is done again: the runs are saved as
 * they stood before it. */
static enum kp_status save_interrupted(struct kp_cohort *c, struct kp_error *e)
{
    struct kp_error unsaved = {0};

    for (int64_t i = 0; i < c->going_count; i++)
        if (c->going[i]->status == KP_E_INTERRUPTED)
            c->going[i]->status = KP_OK;
    if (checkpoint(c, &unsaved) != KP_OK)
        return kp_fail(e, unsaved.status, "%s", unsaved.text);
    return kp_fail(e, KP_E_INTERRUPTED, "stopped while evaluating; the state is saved");
}

static bool goes_on(const struct kp_cohort *c)
{
    return c->going_count > 0 && kp_cohort_at(c)->epoch < c->recipe->epochs;
}

static bool epoch_is_over(const struct kp_cohort *c)
{
    return kp_cohort_at(c)->batch == kp_loader_batches(c->loader);
}

/* Points of what was trained since the last ones. */
static void look_back(struct kp_training *t)
{
    kp_training_catch_up(t);
    if (t->status != KP_OK || t->at.loss_weight <= 0)
        return;
    add_point(t, "train/loss", t->loss);
    add_point(t, "train/lr", rate_at(t, t->at.step - 1));
    t->at.loss_sum = t->at.loss_weight = 0;
}

/* The last batch of an epoch is done. */
static void close_epoch(struct kp_training *t)
{
    const int64_t every = t->recipe->eval_every, done = t->at.epoch + 1;

    look_back(t);
    if (t->status == KP_OK && every > 0 && done % every == 0 && done < t->recipe->epochs)
        t->status = kp_training_evaluate(t, KP_AT_EPOCH, t->recipe->kappa, &t->error);
}

/* Evaluate at the kappas that the run has come to with this step. */
static void pass_kappas(struct kp_training *t)
{
    const struct kp_reals *kappas = &t->recipe->eval_kappas;
    char role[48];

    for (int64_t i = 0; t->status == KP_OK && i < kappas->count; i++) {
        const double kappa = kappas->v[i];

        if (kappa >= t->recipe->kappa || kp_recipe_step(t->recipe, kappa) != t->at.step)
            continue;
        (void)snprintf(role, sizeof(role), KP_MODEL_AT, kappa);
        kp_training_catch_up(t);
        if (t->status == KP_OK)
            t->status = kp_training_evaluate(t, KP_AT_KAPPA, kappa, &t->error);
        if (t->status == KP_OK && t->recipe->keep_kappas)
            t->status = kp_training_keep(t, role, &t->error);
    }
}

/* Each run does what evaluates it. One that is stopped there does it again when it goes on, from
 * the state that is saved here. */
static enum kp_status evaluate_each(struct kp_cohort *c, void (*fn)(struct kp_training *t),
                                    struct kp_error *e)
{
    bool stopped = false;

    for (int64_t i = 0; !stopped && i < c->going_count; i++) {
        fn(c->going[i]);
        stopped = c->going[i]->status == KP_E_INTERRUPTED;
    }
    return stopped ? save_interrupted(c, e) : kp_cohort_settle(c, e);
}

/* Only when everything that belongs to the end of an epoch is done does the next one begin: a run
 * that is stopped meanwhile goes on from here. */
static enum kp_status end_epoch(struct kp_cohort *c, struct kp_error *e)
{
    enum kp_status st = evaluate_each(c, close_epoch, e);

    for (int64_t i = 0; st == KP_OK && i < c->going_count; i++) {
        struct kp_position *at = &c->going[i]->at;

        at->epoch++;
        at->batch = 0;
    }
    return st;
}

/* What follows a step: progress, the end of an epoch, checkpoints, the wish to stop. */
static enum kp_status end_step(struct kp_cohort *c, struct kp_error *e)
{
    const int64_t step = kp_cohort_at(c)->step;
    const bool due = kp_clock_monotonic() - c->last_rate >= RATE_SECONDS;

    for (int64_t i = 0; i < c->going_count; i++)
        if (due || epoch_is_over(c) || isnan(c->going[i]->loss))
            kp_training_catch_up(c->going[i]);
    for (int64_t i = 0; i < c->going_count; i++)
        kp_store_progress(c->job->store, c->going[i]->run->uid, step, steps_of(c),
                          c->going[i]->at.samples);
    bool go = kp_cohort_tell(c, KP_PHASE_TRAIN, step, steps_of(c),
                             c->going_count == 1 ? c->going[0]->loss : (double)NAN);
    for (int64_t i = 0; i < c->going_count; i++) {
        const int64_t every = c->going[i]->recipe->log_every;
        if (every > 0 && step % every == 0)
            look_back(c->going[i]);
    }
    enum kp_status st = evaluate_each(c, pass_kappas, e);
    if (st == KP_OK && goes_on(c) && epoch_is_over(c))
        st = end_epoch(c, e);
    if (st == KP_OK && c->going_count > 0 &&
        (!go || kp_clock_monotonic() - c->last_checkpoint >= c->recipe->checkpoint_seconds))
        st = checkpoint(c, e);
    if (st == KP_OK && !go)
        st = kp_fail(e, KP_E_INTERRUPTED, "stopped after step %lld; the state is saved",
                     (long long)step);
    return st;
}

static enum kp_status train_all(struct kp_cohort *c, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    if (goes_on(c))
        st = evaluate_each(c, pass_kappas, e);
    if (st == KP_OK && goes_on(c) && epoch_is_over(c))
        st = end_epoch(c, e);
    if (st == KP_OK && goes_on(c))
        st = kp_loader_start(c->loader, kp_cohort_at(c)->epoch, kp_cohort_at(c)->batch, e);
    while (st == KP_OK && goes_on(c)) {
        /* All of a text is its last epoch, and its rows have many logits: metrics of each step
         * would cost more than the step. */
        const bool last =
            kp_cohort_at(c)->epoch == c->recipe->epochs - 1 && !kp_dataset_is_text(c->job->data);
        const struct kp_batch *b = NULL;

        st = kp_loader_next(c->loader, &b, e);
        if (st != KP_OK)
            break;
        begin_step(c, last);
        st = kp_cohort_step(c, b, last, e);
        if (st == KP_OK && c->going_count > 0)
            st = end_step(c, e);
    }
    return st;
}

/* The end of a training: keep the weights, evaluate, end the run, remove its checkpoints. What
 * cannot be removed now is removed when the run is next found done. */
static enum kp_status finish(struct kp_training *t, struct kp_error *e)
{
    const struct kp_checkpoint_place place = place_of(t);
    struct kp_error later = {0};
    enum kp_status st = kp_training_keep(t, "model", e);

    if (st == KP_OK)
        st = kp_training_evaluate(t, KP_AT_END, t->recipe->kappa, e);
    if (st == KP_OK)
        (void)(kp_checkpoint_drop(&place, &later) == KP_OK);
    return st;
}

/* One after the other: each has all threads for its evaluation. */
static enum kp_status finish_all(struct kp_cohort *c, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    while (st == KP_OK && c->going_count > 0) {
        struct kp_training *t = c->going[0];

        t->status = finish(t, &t->error);
        t->done = t->status == KP_OK;
        st = kp_cohort_settle(c, e);
        if (st == KP_E_INTERRUPTED)
            st = save_interrupted(c, e);
    }
    return st;
}

enum kp_status kp_train(const struct kp_train_job *job, struct kp_error *e)
{
    struct kp_cohort c = {0};
    enum kp_status st = kp_cohort_prepare(&c, job, e);

    if (st == KP_OK)
        st = add_metrics(job->store, e);
    if (st == KP_OK)
        st = train_all(&c, e);
    if (st == KP_OK)
        st = finish_all(&c, e);
    kp_cohort_finish(&c);
    return st;
}
