/* prepare.c - builds what a cohort and its runs need. */
#include "base/clock.h"
#include "tensor/freeze.h"
#include "train/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Examples of a batch, and of a part of it that goes through the net at once. */
static int64_t batch_of(const struct kp_recipe *r, int64_t examples)
{
    return r->batch < examples ? r->batch : examples;
}

static int64_t capacity_of(const struct kp_recipe *r, int64_t examples)
{
    const int64_t batch = batch_of(r, examples);

    return r->micro_batch > 0 && r->micro_batch < batch ? r->micro_batch : batch;
}

/* The net of a recipe and its programs; what is made is *t's even on failure. */
static enum kp_status build_programs(const struct kp_recipe *r, const struct kp_dataset *data,
                                     int64_t examples, const struct kp_teacher *teacher,
                                     struct kp_device *device, struct kp_training *t,
                                     struct kp_error *e)
{
    struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .capacity = capacity_of(r, examples),
        .precision = r->precision,
        .objective = r->objective,
        .objective_self = r->objective_self,
        .optimizer = r->optimizer,
        .accumulate = capacity_of(r, examples) < batch_of(r, examples),
        .freeze = r->freeze,
        .chunk_head = true,
        .teacher = teacher ? teacher->headless : NULL,
    };
    struct kp_program_spec eval = {
        .mode = KP_EVAL, .capacity = kp_eval_batch(r->eval_batch, data), .precision = r->precision};
    enum kp_status st = kp_model_build(&r->model, data, &t->net, e);

    spec.net = eval.net = t->net;
    if (st == KP_OK)
        st = kp_freeze_check(t->net, r->freeze, e);
    if (st == KP_OK)
        st = kp_program_create(device, &spec, &t->train, e);
    if (st == KP_OK)
        st = kp_program_create(device, &eval, &t->eval, e);
    return st;
}

static enum kp_status begin_with(struct kp_training *t, const char *weights, struct kp_error *e)
{
    enum kp_status st = kp_prefixes_check(t->net, t->recipe->init_skip, "init.skip", e);

    if (st == KP_OK && kp_weights_read(t->state, weights, t->recipe->init_skip, e) != KP_OK)
        st = kp_fail_in(e, "init");
    return st;
}

/* Weights as the initialisers, [init] or the checkpoint give them. */
static enum kp_status make_state(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_run *run = t->run;
    enum kp_status st = kp_state_create(t->cohort->job->device, t->net, true, &t->state, e);

    if (st == KP_OK)
        st = kp_state_init(t->state, t->recipe->seed_init, t->recipe->init_role, e);
    if (st == KP_OK && run->init && !run->checkpoint)
        st = begin_with(t, run->init, e);
    if (st == KP_OK)
        st = kp_exec_create(t->train, t->state, &t->train_exec, e);
    if (st == KP_OK && t->train->teacher_features)
        st = kp_exec_take_head(t->train_exec, t->cohort->job->teacher->headless_exec, e);
    if (st == KP_OK)
        st = kp_exec_create(t->eval, t->state, &t->eval_exec, e);
    return st;
}

/* Room for a value on the host, unless there is such already or no value. */
static bool make_rows(const struct kp_value *v, float **rows)
{
    if (v && !*rows)
        *rows = calloc((size_t)kp_shape_count(v->shape), sizeof(**rows));
    return !v || *rows;
}

int64_t kp_recipe_step(const struct kp_recipe *r, double kappa)
{
    const int64_t step = llround(kappa * (double)r->n_teacher / (double)r->batch);

    return step > 1 ? step : 1;
}

/* Each kappa at which a run is evaluated is a step of its own. */
static enum kp_status check_kappas(const struct kp_recipe *r, struct kp_error *e)
{
    const struct kp_reals *v = &r->eval_kappas;

    for (int64_t i = 1; i < v->count; i++)
        if (kp_recipe_step(r, v->v[i]) == kp_recipe_step(r, v->v[i - 1]))
            return kp_fail(e, KP_E_CONFIG,
                           "train.eval_kappas: with batches of %lld of %lld examples %g and %g are "
                           "the same step, number %lld; leave one out",
                           (long long)r->batch, (long long)r->n_teacher, v->v[i - 1], v->v[i],
                           (long long)kp_recipe_step(r, v->v[i]));
    return KP_OK;
}

static enum kp_status prepare_training(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->cohort->job;
    const struct kp_recipe *r = t->recipe;
    const struct kp_checkpoint_place place = {job->store, t->run->uid, t->run->folder};
    enum kp_status st = check_kappas(r, e);

    if (st == KP_OK)
        st = kp_checkpoint_tidy(&place, e);
    if (st == KP_OK)
        st = build_programs(r, job->data, job->subset->count, job->teacher, job->device, t, e);
    if (st == KP_OK)
        st = make_state(t, e);
    if (st == KP_OK)
        st = kp_observers_create(r->metrics, r->metric_count, job->teacher != NULL, &t->clean, e);
    if (st == KP_OK)
        st = kp_observers_create(r->metrics, r->metric_count, t->train->teacher_logits != NULL,
                                 &t->running, e);
    if (st == KP_OK)
        st = kp_losses_init(&t->losses, job->device, e);
    if (st != KP_OK)
        return st;
    t->loss = (double)NAN;
    if (!make_rows(t->train->logits, &t->logits) ||
        !make_rows(t->train->teacher_features, &t->cohort->teacher_features))
        return kp_fail(e, KP_E_NOMEM, "no memory for the training");
    t->sample_flops = t->train->flops.training;
    if (kp_training_is_taught(t) && job->teacher)
        t->sample_flops += job->teacher->program->flops.forward;
    if (t->run->checkpoint)
        st = kp_checkpoint_load(t->run->checkpoint, t->state, t->train->slots, &t->at, &t->running,
                                e);
    return st;
}

static void finish_training(struct kp_training *t)
{
    kp_losses_finish(&t->losses);
    kp_exec_destroy(t->train_exec);
    kp_exec_destroy(t->eval_exec);
    kp_program_destroy(t->train);
    kp_program_destroy(t->eval);
    kp_state_destroy(t->state);
    kp_net_destroy(t->net);
    kp_observers_finish(&t->running);
    kp_observers_finish(&t->clean);
    free(t->logits);
}

enum kp_status kp_train_memory(const struct kp_recipe *r, const struct kp_dataset *data,
                               int64_t examples, struct kp_device *device, size_t *bytes,
                               struct kp_error *e)
{
    struct kp_training t = {0};
    enum kp_status st = build_programs(r, data, examples, NULL, device, &t, e);

    if (st == KP_OK)
        *bytes = t.train->graph.arena_bytes + t.eval->graph.arena_bytes +
                 (size_t)(2 + t.train->slots) * t.net->params.bytes + t.net->buffers.bytes;
    finish_training(&t);
    return st;
}

/* Cheapest step first, as kp_device_ops.share wants its tasks; equal ones keep their order. */
static void sort_by_cost(struct kp_cohort *c)
{
    for (int64_t i = 1; i < c->going_count; i++) {
        struct kp_training *t = c->going[i];
        int64_t k = i;

        for (; k > 0 && c->going[k - 1]->eval->flops.forward > t->eval->flops.forward; k--)
            c->going[k] = c->going[k - 1];
        c->going[k] = t;
    }
}

/* Pieces that are cut out anew each time are made on the host. */
static enum kp_status keep_examples(struct kp_cohort *c, struct kp_error *e)
{
    const struct kp_subset *subset = c->job->subset;
    char text[96];

    if (c->recipe->random_resized_crop)
        return KP_OK;
    enum kp_status st =
        kp_kept_make(c->job->device, c->job->data, subset->index, subset->count, &c->kept, e);
    (void)snprintf(text, sizeof(text), "%lld examples in %lld bytes of the device's memory",
                   (long long)subset->count, (long long)c->kept.bytes);
    for (int64_t i = 0; c->kept.pool && i < c->going_count; i++)
        kp_store_event(c->job->store, c->going[i]->run->uid, "data.kept", text);
    return st;
}

/* Which engines the device's libraries take decides the bits of a run. */
static void record_choices(const struct kp_cohort *c)
{
    struct kp_device *device = c->job->device;
    struct kp_text text = {0};

    if (device->ops->choices)
        device->ops->choices(device, &text);
    for (int64_t i = 0; text.s && i < c->going_count; i++)
        kp_store_event(c->job->store, c->going[i]->run->uid, "device.engines", text.s);
    kp_text_finish(&text);
}

static enum kp_status make_loader(struct kp_cohort *c, struct kp_error *e)
{
    const struct kp_recipe *r = c->recipe;
    const struct kp_subset *subset = c->job->subset;
    struct kp_loader_config config = {
        .data = c->job->data,
        .split = KP_SPLIT_TRAIN,
        .index = subset->index,
        .count = subset->count,
        .batch = batch_of(r, subset->count),
        .order = r->order,
        .flip = r->flip,
        .crop_pad = r->crop_pad,
        .rotate = r->rotate,
        .random_resized_crop = r->random_resized_crop,
        .without_pixels = c->kept.pool != NULL,
        .role = r->role,
        .seed_order = r->seed_order,
        .seed_augment = r->seed_augment,
    };

    return kp_loader_create(&config, &c->loader, e);
}

struct kp_teaching kp_cohort_teaching(const struct kp_cohort *c)
{
    const struct kp_train_run *run = c->going[0]->run;

    return (struct kp_teaching){c->job->teacher, c->job->data, c->job->store,
                                run->uid,        run->folder,  &c->job->watcher};
}

/* How the runs that learn from the teacher are given its logits. */
static enum kp_status choose_mode(struct kp_cohort *c, bool *learning, struct kp_error *e)
{
    const struct kp_recipe *r = c->recipe;
    const bool text = kp_dataset_is_text(c->job->data);
    const bool few = r->crop_pad == 0 && r->rotate <= 0 && !r->random_resized_crop && !text;
    const enum kp_teacher_mode mode = r->teacher_mode;

    *learning = false;
    for (int64_t i = 0; i < c->going_count; i++)
        *learning |= kp_training_is_taught(c->going[i]);
    if (*learning && mode == KP_TEACHER_TABLE && text)
        return kp_fail(e, KP_E_CONFIG,
                       "teacher.mode = table: the logits of every token of a text are no table; "
                       "teacher.mode = live or auto");
    if (*learning && mode == KP_TEACHER_TABLE && !few)
        return kp_fail(
            e, KP_E_CONFIG,
            "teacher.mode = table, but data.crop_pad = %lld, data.rotate = %g and "
            "data.random_resized_crop = %s give an example more than two draws; use teacher.mode = "
            "live, or 0, 0 and false",
            (long long)r->crop_pad, r->rotate, r->random_resized_crop ? "true" : "false");
    c->live = *learning && (mode == KP_TEACHER_LIVE || (mode == KP_TEACHER_AUTO && !few));
    for (int64_t i = 0; mode == KP_TEACHER_AUTO && i < c->going_count; i++)
        if (kp_training_is_taught(c->going[i]))
            kp_store_event(c->job->store, c->going[i]->run->uid, "teacher.mode",
                           text      ? "auto took live: text is read once"
                           : c->live ? "auto took live: an example has more than two draws"
                                     : "auto took table: an example has at most two draws");
    return KP_OK;
}

/* Logits for the objectives where they can use a table, and for the metrics at the end. */
static enum kp_status ask_teacher(struct kp_cohort *c, struct kp_error *e)
{
    const struct kp_subset *subset = c->job->subset;
    const struct kp_teaching ask = kp_cohort_teaching(c);
    bool learning = false;
    enum kp_status st = choose_mode(c, &learning, e);

    if (st == KP_OK && !kp_dataset_is_text(c->job->data))
        st = kp_taught_make(&ask, KP_SPLIT_TRAIN, subset->index, subset->count,
                            learning && !c->live && c->recipe->flip, &c->taught, e);
    return st;
}

static enum kp_status make_cohort_memory(struct kp_cohort *c, struct kp_error *e)
{
    const struct kp_train_job *job = c->job;
    const size_t rows =
        (size_t)kp_dataset_rows(job->data, capacity_of(c->recipe, job->subset->count));

    c->mean = kp_channel_floats(c->recipe->model.mean);
    c->sd = kp_channel_floats(c->recipe->model.sd);
    c->teacher_logits = calloc(rows * (size_t)job->data->classes, sizeof(float));
    c->trainings = calloc((size_t)job->count, sizeof(*c->trainings));
    c->going = (struct kp_training **)calloc((size_t)job->count, sizeof(struct kp_training *));
    if (!c->mean || !c->sd || !c->teacher_logits || !c->trainings || !c->going)
        return kp_fail(e, KP_E_NOMEM, "no memory for the training");
    return KP_OK;
}

enum kp_status kp_cohort_prepare(struct kp_cohort *c, const struct kp_train_job *job,
                                 struct kp_error *e)
{
    enum kp_status st;

    *c = (struct kp_cohort){.job = job, .recipe = &job->runs[0].recipe};
    st = make_cohort_memory(c, e);
    for (int64_t i = 0; st == KP_OK && i < job->count; i++) {
        struct kp_training *t = &c->trainings[i];

        t->cohort = c;
        t->run = &job->runs[i];
        t->recipe = &t->run->recipe;
        t->status = prepare_training(t, &t->error);
        c->going[c->going_count++] = t;
    }
    if (st == KP_OK)
        st = kp_cohort_settle(c, e);
    if (st != KP_OK || c->going_count == 0)
        return st;
    sort_by_cost(c);
    record_choices(c);
    st = keep_examples(c, e);
    if (st == KP_OK)
        st = make_loader(c, e);
    if (st == KP_OK && job->teacher)
        st = ask_teacher(c, e);
    if (st != KP_OK)
        return st;
    c->rate_samples = kp_cohort_at(c)->samples;
    c->last_checkpoint = c->last_rate = kp_clock_monotonic();
    return KP_OK;
}

void kp_cohort_finish(struct kp_cohort *c)
{
    for (int64_t i = 0; c->trainings && i < c->job->count; i++)
        finish_training(&c->trainings[i]);
    kp_loader_destroy(c->loader);
    kp_kept_finish(&c->kept);
    kp_taught_finish(&c->taught);
    free(c->trainings);
    free((void *)c->going);
    free(c->mean);
    free(c->sd);
    free(c->teacher_logits);
    free(c->teacher_features);
}
