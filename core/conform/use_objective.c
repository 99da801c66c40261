/* use_objective.c - an objective in use: two steps of training of a linear layer. */
#include "base/rng.h"
#include "conform/wear.h"

#include <stdlib.h>

#define FEATURES 6

struct used_objective {
    struct kp_worn worn;
    struct kp_stand_model_self model;
    struct kp_stand stand;
    struct kp_feed feed;
    int64_t batch;
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

static void close_objective(void *instance)
{
    struct used_objective *o = instance;

    kp_feed_finish(&o->feed);
    kp_stand_close(&o->stand);
    kp_worn_finish(&o->worn);
    free(o);
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
    struct kp_stand_spec spec = {.device = u->device,
                                 .model = &kp_stand_model,
                                 .io = &io,
                                 .capacity = u->batch,
                                 .poison = u->poison,
                                 .seed = u->seed};

    if (!o)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    o->batch = u->batch;
    enum kp_status st = kp_wear_objective(t, u, &o->worn, e);
    spec.model_self = &o->model;
    spec.objective = &o->worn.objective;
    spec.objective_self = &o->worn;
    if (st == KP_OK)
        st = kp_stand_open(&spec, &o->stand, e);
    if (st == KP_OK)
        st = kp_feed_init(&o->feed, &io, u->batch, u->seed, e);
    if (st == KP_OK)
        *out = o;
    else
        close_objective(o);
    return st;
}

static enum kp_status run_objective(void *instance, struct kp_hasher *h, struct kp_error *e)
{
    struct used_objective *o = instance;
    enum kp_status st = kp_stand_run(&o->stand, &o->feed, o->batch, h, e);

    return st == KP_OK ? kp_worn_check(&o->worn, e) : st;
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

static struct kp_stand *objective_stand(void *instance, struct kp_feed **feed)
{
    struct used_objective *o = instance;

    *feed = &o->feed;
    return &o->stand;
}

const struct kp_usage kp_use_objective = {
    .kind = "objective",
    .busy = 200,
    .runs = 1,
    .choose = choose_objective,
    .open = open_objective,
    .run = run_objective,
    .close = close_objective,
    .options = objective_options,
    .vary = vary_objective,
    .stand = objective_stand,
};
