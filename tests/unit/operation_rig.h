/* operation_rig.h - operations of every form in a plugin that is compiled in, and a small network
 * around one of them. */
#ifndef KP_TESTS_OPERATION_RIG_H
#define KP_TESTS_OPERATION_RIG_H

#include "base/running.h"
#include "host/operation.h"
#include "tensor/program.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 50, ROWS = 37, CHANNELS = 3, SIDE = 8, FILTERS = 4, CLASSES = 5 };

/* square, FLAT and nothing else:  y = x^2 + a */
struct square {
    double a;
    int64_t unused;
};

static const struct kp_option square_options[] = {
    KP_REAL(struct square, a, "a", "0.5", -10, 10, "added"),
    KP_INT(struct square, unused, "unused", NULL, 1, 4, "must be given"),
};

/* Numbers that it was shown and are none. */
static atomic_int strange;

KP_OP_TEXT(square, struct square, {
    for (int64_t i = 0; i < call->y.width; i++)
        atomic_fetch_add(&strange, isnan(call->in[0].v[i]) ? 1 : 0);
    for (int64_t i = 0; i < call->y.width; i++)
        call->y.v[i] = call->in[0].v[i] * call->in[0].v[i] + (kp_real)self->a;
})

KP_OP_TEXT(square_back, struct square, {
    for (int64_t i = 0; i < call->dy.width; i++)
        call->grad[0].v[i] = 2 * call->in[0].v[i] * call->dy.v[i];
})

static const struct kp_operand square_operands[] = {{"x", KP_FLAT, false}};

static const struct kp_op_def square_def = {
    .size = sizeof(struct kp_op_def),
    .name = "square",
    .doc = "Square.",
    .formula = "x^2 + ${a}",
    .self_size = sizeof(struct square),
    .options = KP_OPTIONS(square_options),
    .operands = square_operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_FLAT,
    .needs = KP_OP_NEEDS_IN0,
    .forward_float = square_float,
    .forward_double = square_double,
    .backward_float = square_back_float,
    .backward_double = square_back_double,
};

/* blend, FLAT and SHARED:  y = w x + (1 - w) c, w (1), no gradient to c */
static enum kp_status blend_shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    if (!kp_shape_equal(s->in[2], kp_shape1(1)))
        return kp_op_fail(s, KP_E_SHAPE, "w must be (1), it has %d dims", (int)s->in[2].n);
    return KP_OK;
}

KP_OP_TEXT(blend, void, {
    const kp_real w = call->in[2].v[0];

    for (int64_t i = 0; i < call->y.width; i++)
        call->y.v[i] = w * call->in[0].v[i] + (1 - w) * call->in[1].v[i];
})

KP_OP_TEXT(blend_back, void, {
    for (int64_t i = 0; i < call->dy.width; i++) {
        if (call->grad[0].v)
            call->grad[0].v[i] = call->in[2].v[0] * call->dy.v[i];
        if (call->grad[2].v)
            call->grad[2].v[0] += (call->in[0].v[i] - call->in[1].v[i]) * call->dy.v[i];
    }
})

static const struct kp_operand blend_operands[] = {
    {"x", KP_FLAT, false}, {"c", KP_FLAT, true}, {"w", KP_SHARED, false}};

static const struct kp_op_def blend_def = {
    .size = sizeof(struct kp_op_def),
    .name = "blend",
    .doc = "Blend.",
    .formula = "w x + (1 - w) c",
    .operands = blend_operands,
    .operand_count = 3,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_FLAT,
    .needs = KP_OP_NEEDS_IN0 | KP_OP_NEEDS_IN1 | KP_OP_NEEDS_IN2,
    .shape = blend_shape,
    .forward_float = blend_float,
    .forward_double = blend_double,
    .backward_float = blend_back_float,
    .backward_double = blend_back_double,
};

/* rms, ROWS with what is kept, the result and scratch:  y = x / r,  r = sqrt(mean(x^2) + 1) */
static enum kp_status rms_shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    s->result = s->kept[0] = s->in[0];
    s->kept[0].dim[s->in[0].n - 1] = 1;
    return KP_OK;
}

static int64_t rms_scratch(const void *self, const struct kp_op_shapes *s, int64_t examples)
{
    (void)self;
    return examples * s->in[0].dim[s->in[0].n - 1];
}

/* Where the scratch of each call was. */
static const void *_Atomic scratches[16];
static atomic_int scratch_count;

KP_OP_TEXT(rms, void, {
    atomic_store(&scratches[atomic_fetch_add(&scratch_count, 1) % 16], call->scratch);
    for (int64_t r = 0; r < call->y.rows; r++) {
        const kp_real *x = call->in[0].v + r * call->in[0].stride;
        double sum = 0;
        for (int64_t i = 0; i < call->y.width; i++) {
            call->scratch[i] = x[i] * x[i];
            sum += (double)call->scratch[i];
        }
        const kp_real root = (kp_real)sqrt(sum / (double)call->y.width + 1);
        for (int64_t i = 0; i < call->y.width; i++)
            call->y.v[r * call->y.stride + i] = x[i] / root;
        call->kept[0].v[r * call->kept[0].stride] = root;
    }
})

KP_OP_TEXT(rms_back, void, {
    for (int64_t r = 0; r < call->dy.rows; r++) {
        const kp_real *y = call->y.v + r * call->y.stride;
        const kp_real *dy = call->dy.v + r * call->dy.stride;
        double sum = 0;
        for (int64_t i = 0; i < call->dy.width; i++)
            sum += (double)dy[i] * (double)y[i];
        for (int64_t i = 0; i < call->dy.width; i++)
            call->grad[0].v[r * call->grad[0].stride + i] =
                (dy[i] - y[i] * (kp_real)(sum / (double)call->dy.width)) /
                call->kept[0].v[r * call->kept[0].stride];
    }
})

static const struct kp_operand rms_operands[] = {{"x", KP_ROWS, false}};

static const struct kp_op_def rms_def = {
    .size = sizeof(struct kp_op_def),
    .name = "rms",
    .doc = "Rows of about unit length.",
    .formula = "x / r",
    .operands = rms_operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_ROWS,
    .kept = {KP_ROWS},
    .kept_count = 1,
    .needs = KP_OP_NEEDS_RESULT,
    .shape = rms_shape,
    .scratch = rms_scratch,
    .forward_float = rms_float,
    .forward_double = rms_double,
    .backward_float = rms_back_float,
    .backward_double = rms_back_double,
};

/* first, CANONICAL:  y (N, 2) = an example's first number and its last; counts its examples, and
 * notes whose code a crash would be told to be in. */
static atomic_int seen;
static const char *_Atomic blamed;

static enum kp_status first_shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    s->result = kp_shape2(s->in[0].dim[0], s->in[0].n == 4 ? 2 : 0);
    return KP_OK;
}

KP_OP_TEXT(first, void, {
    atomic_fetch_add(&seen, (int)call->examples);
    atomic_store(&blamed, kp_running.name);
    for (int64_t n = 0; n < call->examples; n++) {
        const kp_real *x = call->in[0].v + n * call->in[0].stride;
        call->y.v[n * call->y.stride] = x[0];
        call->y.v[n * call->y.stride + 1] = x[call->in[0].width - 1];
    }
})

KP_OP_TEXT(first_back, void, {
    for (int64_t n = 0; n < call->examples; n++) {
        kp_real *dx = call->grad[0].v + n * call->grad[0].stride;
        for (int64_t i = 0; i < call->grad[0].width; i++)
            dx[i] = 0;
        dx[0] = call->dy.v[n * call->dy.stride];
        dx[call->grad[0].width - 1] = call->dy.v[n * call->dy.stride + 1];
    }
})

static const struct kp_operand first_operands[] = {{"x", KP_CANONICAL, false}};

static double first_flops(const void *self, const struct kp_op_shapes *s)
{
    (void)self;
    return 10.0 * (double)s->in[0].dim[1];
}

static const struct kp_op_def first_def = {
    .size = sizeof(struct kp_op_def),
    .name = "first",
    .doc = "First and last.",
    .formula = "x[0], x[-1]",
    .operands = first_operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_CANONICAL,
    .shape = first_shape,
    .flops = first_flops,
    .forward_float = first_float,
    .forward_double = first_double,
    .backward_float = first_back_float,
    .backward_double = first_back_double,
};

static const struct kp_plugin plugin = {
    .abi = KP_ABI,
    .name = "test",
    .version = "1",
    .ops = (const struct kp_op_def *const[]){&square_def, &blend_def, &rms_def, &first_def, NULL},
};

static char plugin_path[] = "test.so";
static struct kp_loaded loaded = {.plugin = &plugin, .path = plugin_path};
static struct kp_loaded *all_loaded[] = {&loaded};
static const struct kp_registry registry = {.loaded = all_loaded, .count = 1};
static const struct kp_op_source ops = {kp_operation_find, &registry};

/* Images -> convolution -> an operation -> linear. */
struct model {
    struct kp_tensor *(*record)(const struct model *m, struct kp_tape *t, struct kp_tensor *x);
    int64_t width; /* numbers of an example behind the operation */
    struct kp_tensor *filters, *w, *head;
    const struct kp_operation *square, *blend, *rms, *first;
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct model *m = self;

    m->filters = kp_param(b, "filters", kp_shape4(FILTERS, CHANNELS, 3, 3), kp_init_normal(0.3));
    m->w = kp_param(b, "w", kp_shape1(1), kp_init_constant(0.7));
    m->head = kp_param(b, "head", kp_shape2(io->classes, m->width), kp_init_normal(0.1));
    m->square = kp_build_operation_with(b, "square", "a = %g, unused = 2", 0.25);
    m->blend = kp_build_operation(b, "blend");
    m->rms = kp_build_operation(b, "rms");
    m->first = kp_build_operation(b, "first");
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct model *m = self;

    x = m->record(m, t, kp_conv2d(t, x, m->filters, NULL, kp_window(3, 1, 1)));
    kp_tap(t, x, "y");
    *logits = kp_linear(t, kp_flatten(t, x), m->head, NULL);
    return kp_tape_status(t);
}

static const struct kp_model_def def = {
    .size = sizeof(struct kp_model_def),
    .name = "test",
    .self_size = sizeof(struct model),
    .build = build,
    .forward = forward,
};

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def objective = {
    .size = sizeof(struct kp_objective_def), .name = "lt", .loss = loss};

static inline struct kp_tensor *apply(struct kp_tape *t, const struct kp_operation *op,
                                      struct kp_tensor *x)
{
    return kp_apply(t, op, &x, 1);
}

#define RECORD(name, expression)                                                                 \
    static struct kp_tensor *name(const struct model *m, struct kp_tape *t, struct kp_tensor *x) \
    {                                                                                            \
        (void)x;                                                                                 \
        return expression;                                                                       \
    }

struct form {
    const char *name;
    struct kp_tensor *(*record)(const struct model *m, struct kp_tape *t, struct kp_tensor *x);
    int64_t width;
};

struct world {
    struct model model;
    struct kp_device *device;
    struct kp_net *net;
    struct kp_program *program;
    struct kp_state *state;
    struct kp_exec *exec;
};

static const struct kp_model_io images = {
    sizeof(images), KP_F32, {3, {CHANNELS, SIDE, SIDE}}, CLASSES, {0}};

static inline enum kp_status start(struct world *w, const struct form *f, const char *device,
                                   int threads, struct kp_error *e)
{
    const struct kp_device_config config = {.threads = threads, .slice = 16};
    struct kp_program_spec spec = {
        .mode = KP_TRAIN, .capacity = CAPACITY, .objective = &objective, .taps = true};
    enum kp_status st = kp_device_open(device, &config, &w->device, e);

    w->model = (struct model){.record = f->record, .width = f->width};
    if (st == KP_OK)
        st = kp_net_create(&def, &w->model, &images, &ops, &w->net, e);
    spec.net = w->net;
    if (st == KP_OK)
        st = kp_program_create(w->device, &spec, &w->program, e);
    if (st == KP_OK)
        st = kp_state_create(w->device, w->net, true, &w->state, e);
    if (st == KP_OK)
        st = kp_state_init(w->state, 7, 1, e);
    if (st == KP_OK)
        st = kp_exec_create(w->program, w->state, &w->exec, e);
    return st;
}

static inline void finish(struct world *w)
{
    kp_exec_destroy(w->exec);
    kp_state_destroy(w->state);
    kp_program_destroy(w->program);
    kp_net_destroy(w->net);
    kp_device_close(w->device);
}

static inline void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

#endif
