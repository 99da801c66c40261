/* use_op.c - an operation in use: a small net applies it between linear layers and is trained.
 *
 *   x -> (a linear layer for each operand with a batch dimension) -> operation -> linear -> logits
 *
 * so that gradients of all its operands reach parameters. */
#include "base/rng.h"
#include "conform/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct used_op {
    struct kp_rig rig; /* first */
    int variant;       /* of the shared operands' shape */
    struct kp_operation operation;
    const struct kp_operation *found;
    struct kp_tensor *operand[KP_OP_OPERANDS]; /* shared operands, or the linear layers' weights */
    struct kp_tensor *head;
};

static const struct kp_shape inputs[] = {{3, {8, 4, 4}}, {1, {8}}, {2, {5, 8}}};

/* The shape of shared operands: an operation says which it wants only by refusing others. */
static bool shared_shape(const struct kp_shape *example, int variant, struct kp_shape *out)
{
    const int64_t first = example->dim[0], last = example->dim[example->n - 1];
    const struct kp_shape all[] = {
        kp_shape1(first),      kp_shape1(last),         kp_shape1(1),
        kp_shape2(last, last), kp_shape2(first, first), *example,
    };

    if (variant >= (int)(sizeof(all) / sizeof(all[0])))
        return false;
    *out = all[variant];
    return true;
}

static bool choose_op(const struct kp_trial *t, int i, struct kp_use *u)
{
    const int count = (int)(sizeof(inputs) / sizeof(inputs[0]));
    struct kp_shape unused;

    if (!shared_shape(&inputs[0], i / count, &unused))
        return false;
    *u = (struct kp_use){.device = "ref",
                         .batch = 5,
                         .classes = 4,
                         .input = inputs[i % count],
                         .dtype = KP_F32,
                         .variant = i / count,
                         .seed = t->slate->seed};
    return true;
}

static void vary_op(int i, struct kp_use *u)
{
    const struct kp_rng_key key = {.seed = u->seed, .epoch = 80};

    u->batch = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 0, 19);
    u->classes = 2 + (int64_t)kp_rng_below(key, (uint64_t)i, 1, 5);
    for (int32_t k = 0; k < u->input.n; k++)
        u->input.dim[k] = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, (uint32_t)k + 2, 9);
    if (i % 2 == 0)
        u->input.dim[0] = 8 * (1 + i % 3);
}

static enum kp_status find_op(const void *arg, const char *name, const char *options,
                              struct kp_arena *memory, struct kp_operation *out, struct kp_error *e)
{
    struct used_op *o = (struct used_op *)(uintptr_t)arg;

    (void)name;
    (void)options;
    (void)memory;
    (void)e;
    *out = (struct kp_operation){&o->rig.guarded.op, &o->rig.guarded};
    return KP_OK;
}

/* Elements of an example of the result; 0, with an error, if the operation refuses the shapes. */
static enum kp_status fail_shapes(struct kp_op_shapes *s, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status fail_shapes(struct kp_op_shapes *s, enum kp_status st, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    st = kp_fail_v(s->host, st, fmt, args);
    va_end(args);
    return st;
}

static enum kp_status result_width(struct used_op *o, const struct kp_shape *example,
                                   const struct kp_shape *shared, int64_t *width,
                                   struct kp_error *e)
{
    const struct kp_op_def *d = o->rig.guarded.real_op;
    struct kp_op_shapes s = {.size = sizeof(s), .host = e, .fail = fail_shapes};
    struct kp_shape batch = {example->n + 1, {1}};
    enum kp_status st = KP_OK;

    memcpy(&batch.dim[1], example->dim, (size_t)example->n * sizeof(batch.dim[0]));
    s.count = (int32_t)d->operand_count;
    for (uint32_t i = 0; i < d->operand_count; i++)
        s.in[i] = kp_op_operand(d, i)->form == KP_SHARED ? *shared : batch;
    s.result = batch;
    if (o->rig.guarded.op.shape)
        st = o->rig.guarded.op.shape(&o->rig.guarded, &s);
    if (st != KP_OK && e->status == KP_OK)
        (void)kp_fail(e, st, "shape failed without saying why");
    *width = kp_shape_count(s.result);
    return st;
}

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct used_op *o = self;
    const struct kp_op_def *d = o->rig.guarded.real_op;
    const int64_t mixed = io->input.dim[io->input.n == 3 ? 0 : io->input.n - 1];
    struct kp_error why = {0};
    struct kp_shape shared;
    int64_t width;

    if (!shared_shape(&io->input, o->variant, &shared) ||
        result_width(o, &io->input, &shared, &width, &why) != KP_OK)
        return kp_build_fail(b, why.status, "%s", why.text);
    o->found = kp_build_operation(b, d->name);
    for (uint32_t i = 0; i < d->operand_count; i++) {
        const bool is_shared = kp_op_operand(d, i)->form == KP_SHARED;
        const struct kp_shape layer =
            io->input.n == 3 ? kp_shape4(mixed, mixed, 1, 1) : kp_shape2(mixed, mixed);
        char name[24];

        (void)snprintf(name, sizeof(name), "operand%u", (unsigned)i);
        o->operand[i] = kp_param(b, name, is_shared ? shared : layer, kp_init_normal(0.5));
    }
    o->head = kp_param(b, "head", kp_shape2(io->classes, width), kp_init_normal(0.3));
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct used_op *o = self;
    const struct kp_op_def *d = o->rig.guarded.real_op;
    const bool image = kp_tensor_shape(t, x).n == 4;
    struct kp_tensor *in[KP_OP_OPERANDS];

    for (uint32_t i = 0; i < d->operand_count; i++)
        in[i] = kp_op_operand(d, i)->form == KP_SHARED ? o->operand[i]
                : image ? kp_conv2d(t, x, o->operand[i], NULL, kp_window(1, 1, 0))
                        : kp_linear(t, x, o->operand[i], NULL);
    x = kp_apply(t, o->found, in, (int64_t)d->operand_count);
    *logits = kp_linear(t, kp_flatten(t, x), o->head, NULL);
    return kp_tape_status(t);
}

static const struct kp_model_def applies = {
    .size = sizeof(struct kp_model_def),
    .name = "applies",
    .doc = "Applies an operation.",
    .build = build,
    .forward = forward,
};

static enum kp_status open_op(const struct kp_trial *t, const struct kp_use *u, void **out,
                              struct kp_error *e)
{
    struct used_op *o = calloc(1, sizeof(*o));
    const struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = u->input, .classes = u->classes};
    const struct kp_op_source ops = {find_op, o};
    const struct kp_stand_spec spec = {.model = &applies,
                                       .model_self = o,
                                       .io = &io,
                                       .ops = &ops,
                                       .objective = &kp_stand_objective,
                                       .evaluates = true};

    if (!o)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    o->variant = u->variant;
    enum kp_status st = kp_guarded_op(t, u, &o->rig.guarded, e);
    if (st == KP_OK)
        st = kp_rig_open(&o->rig, u, &spec, e);
    if (st == KP_OK)
        *out = o;
    else
        kp_rig_close(o);
    return st;
}

static const struct kp_option_table *op_options(const void *def)
{
    return &((const struct kp_op_def *)def)->options;
}

const struct kp_usage kp_use_op = {
    .kind = "op",
    .busy = 40,
    .runs = 1,
    .choose = choose_op,
    .open = open_op,
    .run = kp_rig_run,
    .close = kp_rig_close,
    .options = op_options,
    .vary = vary_op,
    .stand = kp_rig_stand,
};
