/* recipe.c - translates settings. */
#include "study/recipe.h"

#include "host/operation.h"

#include <string.h>

static const enum kp_schedule_kind schedules[] = {
    [KP_SETTING_SCHEDULE_CONSTANT] = KP_SCHEDULE_CONSTANT,
    [KP_SETTING_SCHEDULE_COSINE_EPOCH] = KP_SCHEDULE_COSINE_EPOCH,
    [KP_SETTING_SCHEDULE_COSINE] = KP_SCHEDULE_COSINE,
    [KP_SETTING_SCHEDULE_MULTISTEP] = KP_SCHEDULE_MULTISTEP,
    [KP_SETTING_SCHEDULE_LANGUINI] = KP_SCHEDULE_LANGUINI,
};

static const enum kp_optimizer_kind optimizers[] = {
    [KP_SETTING_OPTIMIZER_SGD] = KP_OPTIMIZER_SGD,
    [KP_SETTING_OPTIMIZER_ADAM] = KP_OPTIMIZER_ADAM,
    [KP_SETTING_OPTIMIZER_ADAMW] = KP_OPTIMIZER_ADAMW,
};

static const enum kp_precision precisions[] = {
    [KP_SETTING_PRECISION_FP32] = KP_PRECISION_FP32,
    [KP_SETTING_PRECISION_BF16] = KP_PRECISION_BF16,
};

static const enum kp_teacher_mode teacher_modes[] = {
    [KP_SETTING_TEACHER_AUTO] = KP_TEACHER_AUTO,
    [KP_SETTING_TEACHER_TABLE] = KP_TEACHER_TABLE,
    [KP_SETTING_TEACHER_LIVE] = KP_TEACHER_LIVE,
};

static enum kp_status add_metrics(struct kp_config *c, const struct kp_registry *registry,
                                  struct kp_recipe *r, struct kp_error *e)
{
    const char *names = c->core.metrics.plugins;
    char *list = kp_arena_strdup(&c->memory, names), *rest = NULL;
    struct kp_metric_use *uses = kp_arena_new(&c->memory, struct kp_metric_use, strlen(names) + 1);

    if (!list || !uses)
        return kp_fail(e, KP_E_NOMEM, "no memory for the metrics");
    for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const struct kp_metric_def *def = kp_registry_metric(registry, name, NULL);
        void *self = def ? kp_config_metric_self(c, def) : NULL;
        if (!self)
            return kp_fail(e, KP_E_NOMEM, "no memory for metric '%s'", name);
        uses[r->metric_count++] = (struct kp_metric_use){def, self};
    }
    r->metrics = uses;
    return KP_OK;
}

static enum kp_status seed_weights(const struct kp_config *c, const struct kp_config *teacher,
                                   struct kp_recipe *r, struct kp_error *e)
{
    bool same = false, unused = false;

    r->seed_init = kp_stream_seed(c->core.seed.init, c->core.seed.master, &same);
    r->init_role = r->role;
    if (!same)
        return KP_OK;
    if (!teacher)
        return kp_fail(e, KP_E_CONFIG,
                       "seed.init = teacher needs a teacher that was trained here; "
                       "give [teacher] experiment or run");
    r->seed_init = kp_stream_seed(teacher->core.seed.init, teacher->core.seed.master, &unused);
    r->init_role = (enum kp_rng_role)teacher->core.run.role;
    return KP_OK;
}

enum kp_precision kp_recipe_precision(const struct kp_config *c)
{
    return precisions[c->core.train.precision];
}

enum kp_status kp_recipe_model(struct kp_config *c, struct kp_model_use *out, struct kp_error *e)
{
    void *self = kp_config_model_self(c);

    if (!self)
        return kp_fail(e, KP_E_NOMEM, "no memory for model '%s'", c->model->name);
    *out = (struct kp_model_use){
        c->model, self, c->core.data.mean, c->core.data.sd, {kp_operation_find, c->registry}};
    return KP_OK;
}

enum kp_status kp_recipe_make(struct kp_config *c, const struct kp_config *teacher,
                              const struct kp_registry *registry, struct kp_recipe *out,
                              struct kp_error *e)
{
    const struct kp_settings *set = &c->core;
    bool unused = false;
    struct kp_recipe r = {
        .objective = c->objective,
        .objective_self = kp_config_objective_self(c),
        .role = (enum kp_rng_role)set->run.role,
        .order = (enum kp_order)set->data.order,
        .flip = set->data.flip,
        .crop_pad = set->data.crop_pad,
        .rotate = set->data.rotate,
        .random_resized_crop = set->data.random_resized_crop,
        .kappa = c->kappa,
        .epochs = *set->run.imported ? 0 : set->train.epochs,
        .batch = set->train.batch,
        .eval_batch = set->train.eval_batch,
        .micro_batch = set->train.micro_batch,
        .precision = kp_recipe_precision(c),
        .eval_every = set->train.eval_every,
        .eval_kappas = set->train.eval_kappas,
        .keep_kappas = set->train.keep == KP_SETTING_KEEP_KAPPAS,
        .log_every = set->train.log_every,
        .n_teacher = set->data.n_teacher,
        .schedule = {.kind = schedules[set->train.schedule],
                     .lr = set->train.lr,
                     .lr_final = set->train.lr_final,
                     .epochs = set->train.epochs,
                     .warmup_epochs = set->train.warmup_epochs,
                     .warmup_factor = set->train.warmup_factor,
                     .milestones = set->train.milestones,
                     .lr_factor = set->train.lr_factor,
                     .warmup_steps = set->train.warmup_steps,
                     .decay_steps = set->train.decay_steps},
        .optimizer = {.kind = optimizers[set->train.optimizer],
                      .weight_decay = set->train.weight_decay,
                      .momentum = set->train.momentum,
                      .nesterov = set->train.nesterov,
                      .beta1 = set->train.beta1,
                      .beta2 = set->train.beta2,
                      .eps = set->train.eps,
                      .clip_norm = set->train.clip_norm},
        .freeze = set->train.freeze,
        .init_skip = *set->run.imported ? NULL : set->init.skip,
        .teacher_mode = teacher_modes[set->teacher.mode],
        .checkpoint_seconds = set->run.checkpoint,
        .seed_order = kp_stream_seed(set->seed.order, set->seed.master, &unused),
        .seed_augment = kp_stream_seed(set->seed.augment, set->seed.master, &unused),
    };
    enum kp_status st = kp_recipe_model(c, &r.model, e);

    if (st == KP_OK && !r.objective_self)
        st = kp_fail(e, KP_E_NOMEM, "no memory for objective '%s'", c->objective->name);
    if (st == KP_OK)
        st = add_metrics(c, registry, &r, e);
    if (st == KP_OK)
        st = seed_weights(c, teacher, &r, e);
    if (st == KP_OK)
        *out = r;
    return st;
}
