/* use_objective.c - an objective in use: two steps of training of a linear layer. */
#include "base/rng.h"
#include "conform/rig.h"

#include <stdlib.h>

#define FEATURES 6

struct used_objective {
    struct kp_rig rig; /* first */
    struct kp_stand_model_self model;
};

static const int64_t classes[] = {5, 10, 3, 33, 2};

static bool choose_objective(const struct kp_trial *t, int i, struct kp_use *u)
{
    if (i >= 2 * (int)(sizeof(classes) / sizeof(classes[0])))
        return false;
    *u = (struct kp_use){.device = "ref",
                         .batch = 7,
                         .classes = classes[i / 2],
                         .tokens = i % 2 == 0 ? 0 : 3,
                         .seed = t->slate->seed};
    return true;
}

static struct kp_model_io io_of(const struct kp_use *u)
{
    struct kp_model_io io = {.size = sizeof(io), .dtype = KP_F32, .classes = u->classes};

    io.input = u->tokens > 0 ? kp_shape2(u->tokens, FEATURES) : kp_shape1(FEATURES);
    if (u->tokens > 0)
        io.labels = kp_shape1(u->tokens);
    return io;
}

static enum kp_status open_objective(const struct kp_trial *t, const struct kp_use *u, void **out,
                                     struct kp_error *e)
{
    struct used_objective *o = calloc(1, sizeof(*o));
    const struct kp_model_io io = io_of(u);
    struct kp_stand_spec spec = {.model = &kp_stand_model, .io = &io};

    if (!o)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    enum kp_status st = kp_guarded_objective(t, u, &o->rig.guarded, e);
    spec.model_self = &o->model;
    spec.objective = &o->rig.guarded.objective;
    spec.objective_self = &o->rig.guarded;
    if (st == KP_OK)
        st = kp_rig_open(&o->rig, u, &spec, e);
    if (st == KP_OK)
        *out = o;
    else
        kp_rig_close(o);
    return st;
}

static const struct kp_option_table *objective_options(const void *def)
{
    return &((const struct kp_objective_def *)def)->options;
}

static void vary_objective(int i, struct kp_use *u)
{
    const struct kp_rng_key key = {.seed = u->seed, .epoch = 78};

    u->batch = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 0, 19);
    u->classes = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 1, i % 4 == 3 ? 300 : 12);
    u->tokens = i % 3 == 2 ? 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 2, 5) : 0;
}

const struct kp_usage kp_use_objective = {
    .kind = "objective",
    .busy = 200,
    .runs = 1,
    .choose = choose_objective,
    .open = open_objective,
    .run = kp_rig_run,
    .close = kp_rig_close,
    .options = objective_options,
    .vary = vary_objective,
    .stand = kp_rig_stand,
};
