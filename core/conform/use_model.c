/* use_model.c - a model in use: two steps of training with the labels, then an evaluation. */
#include "base/rng.h"
#include "conform/rig.h"
#include "host/operation.h"

#include <stdlib.h>

struct used_model {
    struct kp_rig rig; /* first */
    int64_t params;
};

/* Images, small ones first, then vectors, tokens and sequences. */
static const struct choice {
    struct kp_shape input;
    enum kp_dtype dtype;
    int64_t tokens;
} choices[] = {
    {{3, {3, 8, 8}}, KP_F32, 0},   {{3, {1, 8, 8}}, KP_F32, 0},   {{3, {3, 16, 16}}, KP_F32, 0},
    {{3, {1, 16, 16}}, KP_F32, 0}, {{3, {3, 32, 32}}, KP_F32, 0}, {{3, {1, 28, 28}}, KP_F32, 0},
    {{3, {3, 64, 64}}, KP_F32, 0}, {{1, {12}}, KP_F32, 0},        {{1, {8}}, KP_I32, 8},
    {{1, {8}}, KP_I32, 0},         {{2, {8, 6}}, KP_F32, 8},
};

static bool choose_model(const struct kp_trial *t, int i, struct kp_use *u)
{
    if (i >= (int)(sizeof(choices) / sizeof(choices[0])))
        return false;
    *u = (struct kp_use){.device = "ref",
                         .batch = 5,
                         .classes = 7,
                         .input = choices[i].input,
                         .dtype = choices[i].dtype,
                         .tokens = choices[i].tokens,
                         .seed = t->slate->seed};
    return true;
}

static struct kp_model_io io_of(const struct kp_use *u)
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = u->dtype, .input = u->input, .classes = u->classes};

    if (u->tokens > 0)
        io.labels = kp_shape1(u->tokens);
    return io;
}

/* Build it and record every mode, on a device where it never runs. */
static enum kp_status record(struct used_model *m, const struct kp_model_io *io,
                             const struct kp_op_source *ops, int64_t batch, struct kp_error *e)
{
    struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_device *device = NULL;
    struct kp_net *net = NULL;
    enum kp_status st = kp_device_open("ref", &config, &device, e);

    if (st == KP_OK)
        st = kp_net_create(&m->rig.guarded.model, &m->rig.guarded, io, ops, &net, e);
    if (st == KP_OK)
        m->params = kp_net_param_count(net);
    for (int mode = KP_TRAIN; st == KP_OK && mode <= KP_EVAL_GRAD; mode++) {
        struct kp_program_spec spec = {.net = net,
                                       .mode = (enum kp_mode)mode,
                                       .capacity = batch,
                                       .cotangent = mode == KP_EVAL_GRAD,
                                       .objective = mode == KP_TRAIN ? &kp_stand_objective : NULL};
        struct kp_program *p = NULL;

        st = kp_program_create(device, &spec, &p, e);
        kp_program_destroy(p);
    }
    kp_net_destroy(net);
    kp_device_close(device);
    return st;
}

static enum kp_status open_model(const struct kp_trial *t, const struct kp_use *u, void **out,
                                 struct kp_error *e)
{
    struct used_model *m = calloc(1, sizeof(*m));
    const struct kp_model_io io = io_of(u);
    const struct kp_op_source ops = {kp_operation_find, &t->registry};
    struct kp_stand_spec spec = {
        .io = &io, .ops = &ops, .objective = &kp_stand_objective, .evaluates = true};

    if (!m)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    enum kp_status st = kp_guarded_model(t, u, &m->rig.guarded, e);
    spec.model = &m->rig.guarded.model;
    spec.model_self = &m->rig.guarded;
    if (st == KP_OK && u->record_only)
        st = record(m, &io, &ops, u->batch, e);
    else if (st == KP_OK)
        st = kp_rig_open(&m->rig, u, &spec, e);
    if (st == KP_OK)
        st = kp_guarded_check(&m->rig.guarded, e);
    if (st == KP_OK)
        *out = m;
    else
        kp_rig_close(m);
    return st;
}

static const struct kp_option_table *model_options(const void *def)
{
    return &((const struct kp_model_def *)def)->options;
}

static int64_t draw(uint64_t seed, int i, uint32_t what, int64_t least, int64_t most)
{
    const struct kp_rng_key key = {.seed = seed, .epoch = 77};

    return least + (int64_t)kp_rng_below(key, (uint64_t)i, what, (uint64_t)(most - least + 1));
}

/* Anything from a single pixel to images of odd sizes, vectors, tokens and ranks that mean nothing.
 */
static void vary_model(int i, struct kp_use *u)
{
    static const int64_t channels[] = {1, 3, 4}, sizes[] = {1, 7, 12, 16, 31, 32, 40};
    const int64_t kind = draw(u->seed, i, 0, 0, 9);
    int64_t size = sizes[draw(u->seed, i, 1, 0, 6)];

    u->record_only = true;
    u->batch = draw(u->seed, i, 2, 1, 9);
    u->classes = draw(u->seed, i, 3, 1, 300);
    u->dtype = kind >= 8 ? KP_I32 : KP_F32;
    u->tokens = 0;
    u->input = (struct kp_shape){3, {channels[draw(u->seed, i, 4, 0, 2)], size, size}};
    if (kind == 4)
        u->input.dim[2] = sizes[draw(u->seed, i, 5, 0, 6)];
    else if (kind == 5 || kind >= 8)
        u->input = kp_shape1(size);
    else if (kind == 6)
        u->input = kp_shape2(size, 5);
    else if (kind == 7)
        u->input = kp_shape4(2, 3, size, 4);
    if (kind == 6 || kind == 9)
        u->tokens = size;
}

static int64_t model_params(const void *instance)
{
    return ((const struct used_model *)instance)->params;
}

const struct kp_usage kp_use_model = {
    .kind = "model",
    .busy = 5,
    .runs = 1,
    .choose = choose_model,
    .open = open_model,
    .run = kp_rig_run,
    .close = kp_rig_close,
    .options = model_options,
    .vary = vary_model,
    .stand = kp_rig_stand,
    .params = model_params,
};
