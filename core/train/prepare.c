/* prepare.c - builds what a training run needs. */
#include "base/clock.h"
#include "tensor/freeze.h"
#include "train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *channel_floats(struct kp_reals list)
{
    float *v = calloc((size_t)list.count + 1, sizeof(*v));

    for (int64_t i = 0; v && i < list.count; i++)
        v[i] = (float)list.v[i];
    return v;
}

static enum kp_status check_data(const struct kp_train_job *job, struct kp_error *e)
{
    const struct kp_model_use *m = &job->recipe.model;
    int64_t channels = job->data->shape.dim[0];

    if (m->mean.count != channels || m->sd.count != channels)
        return kp_fail(e, KP_E_CONFIG,
                       "data.mean and data.sd have %lld and %lld numbers; %s has %lld channels",
                       (long long)m->mean.count, (long long)m->sd.count, job->data->name,
                       (long long)channels);
    return KP_OK;
}

static enum kp_status build_programs(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->job;
    const struct kp_recipe *r = t->recipe;
    struct kp_model_io io = {sizeof(io), KP_F32, job->data->shape, job->data->classes};
    struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .capacity = r->batch < job->subset->count ? r->batch : job->subset->count,
        .objective = r->objective,
        .objective_self = r->objective_self,
        .optimizer = r->optimizer,
        .freeze = r->freeze,
    };
    struct kp_program_spec eval = {.mode = KP_EVAL, .capacity = r->eval_batch};
    enum kp_status st = kp_net_create(r->model.def, r->model.self, &io, &t->net, e);

    spec.net = eval.net = t->net;
    if (st == KP_OK)
        st = kp_freeze_check(t->net, r->freeze, e);
    if (st == KP_OK)
        st = kp_state_create(job->device, t->net, true, &t->state, e);
    if (st == KP_OK)
        st = kp_state_init(t->state, r->seed_init, r->init_role, e);
    if (st == KP_OK)
        st = kp_program_create(job->device, &spec, &t->train, e);
    if (st == KP_OK)
        st = kp_exec_create(t->train, t->state, &t->train_exec, e);
    if (st == KP_OK)
        st = kp_program_create(job->device, &eval, &t->eval, e);
    if (st == KP_OK)
        st = kp_exec_create(t->eval, t->state, &t->eval_exec, e);
    return st;
}

static enum kp_status make_loader(struct kp_training *t, struct kp_error *e)
{
    const struct kp_recipe *r = t->recipe;
    struct kp_loader_config config = {
        .data = t->job->data,
        .split = KP_SPLIT_TRAIN,
        .index = t->job->subset->index,
        .count = t->job->subset->count,
        .batch = t->train->capacity,
        .order = r->order,
        .flip = r->flip,
        .crop_pad = r->crop_pad,
        .rotate = r->rotate,
        .random_resized_crop = r->random_resized_crop,
        .role = r->role,
        .seed_order = r->seed_order,
        .seed_augment = r->seed_augment,
    };

    return kp_loader_create(&config, &t->loader, e);
}

static bool tell_table(void *arg, int64_t done)
{
    struct kp_training *t = arg;

    return kp_training_tell(t, KP_PHASE_TEACHER_TABLE, done, t->table.count, (double)NAN);
}

/* Tabulate the teacher where the objective can use the table, or where only clean logits are
 * needed. */
static enum kp_status ask_teacher(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->job;
    bool needed = (t->recipe->objective->needs & KP_NEED_TEACHER_LOGITS) != 0;
    const struct kp_recipe *r = t->recipe;
    bool few = r->crop_pad == 0 && r->rotate <= 0 && !r->random_resized_crop;
    enum kp_teacher_mode mode = t->recipe->teacher_mode;
    int draws = 1;

    if (!job->teacher)
        return KP_OK;
    if (needed && mode == KP_TEACHER_TABLE && !few)
        return kp_fail(
            e, KP_E_CONFIG,
            "teacher.mode = table, but data.crop_pad = %lld, data.rotate = %g and "
            "data.random_resized_crop = %s give an example more than two draws; use teacher.mode = "
            "live, or 0, 0 and false",
            (long long)r->crop_pad, r->rotate, r->random_resized_crop ? "true" : "false");
    t->live = needed && (mode == KP_TEACHER_LIVE || (mode == KP_TEACHER_AUTO && !few));
    if (needed && !t->live && t->recipe->flip)
        draws = 2;
    if (needed && mode == KP_TEACHER_AUTO)
        kp_store_event(job->store, job->uid, "teacher.mode",
                       t->live ? "auto took live: an example has more than two draws"
                               : "auto took table: an example has at most two draws");
    t->table.count = job->subset->count * draws;
    return kp_teacher_tabulate(job->teacher, job->data, KP_SPLIT_TRAIN, job->subset->index,
                               job->subset->count, draws, tell_table, t, &t->table, e);
}

enum kp_status kp_training_prepare(struct kp_training *t, const struct kp_train_job *job,
                                   struct kp_error *e)
{
    const struct kp_recipe *r = &job->recipe;
    enum kp_status st;

    *t = (struct kp_training){.job = job, .recipe = r};
    t->mean = channel_floats(r->model.mean);
    t->sd = channel_floats(r->model.sd);
    if (!t->mean || !t->sd)
        return kp_fail(e, KP_E_NOMEM, "no memory for the training");
    st = check_data(job, e);
    if (st == KP_OK)
        st = build_programs(t, e);
    if (st == KP_OK)
        st = make_loader(t, e);
    if (st == KP_OK)
        st = kp_observers_create(r->metrics, r->metric_count, job->teacher != NULL, &t->clean, e);
    if (st == KP_OK)
        st = kp_observers_create(r->metrics, r->metric_count, t->train->teacher_logits != NULL,
                                 &t->running, e);
    if (st != KP_OK)
        return st;
    size_t cells = (size_t)(t->train->capacity * t->train->classes);
    t->logits = calloc(cells, sizeof(float));
    t->teacher_logits = calloc(cells, sizeof(float));
    if (!t->logits || !t->teacher_logits)
        return kp_fail(e, KP_E_NOMEM, "no memory for the training");
    t->sample_flops = 3.0 * t->eval->forward_flops;
    if (t->train->teacher_logits && job->teacher)
        t->sample_flops += job->teacher->program->forward_flops;
    t->last_checkpoint = t->last_rate = kp_clock_monotonic();
    st = ask_teacher(t, e);
    if (st == KP_OK && job->checkpoint)
        st = kp_checkpoint_load(job->checkpoint, t->state, t->train->slots, &t->at, &t->running, e);
    t->rate_samples = t->at.samples;
    return st;
}

void kp_training_finish(struct kp_training *t)
{
    kp_loader_destroy(t->loader);
    kp_exec_destroy(t->train_exec);
    kp_exec_destroy(t->eval_exec);
    kp_program_destroy(t->train);
    kp_program_destroy(t->eval);
    kp_state_destroy(t->state);
    kp_net_destroy(t->net);
    kp_observers_finish(&t->running);
    kp_observers_finish(&t->clean);
    kp_teacher_table_finish(&t->table);
    free(t->mean);
    free(t->sd);
    free(t->logits);
    free(t->teacher_logits);
}
