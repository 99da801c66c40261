/* test_sequence.c - what the tape refuses of operations on sequences; dropout at work. */
#include "tensor/program.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N     37
#define WIDTH 50
#define RATE  0.3

/* One forward pass of (N, 4, WIDTH / 2) or (N, WIDTH), as the test at hand wants it. */
struct model {
    struct kp_tensor *(*record)(const struct model *m, struct kp_tape *t, struct kp_tensor *x);
    struct kp_tensor *a, *b, *head;
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct model *m = self;

    m->a = kp_param(b, "a", kp_shape1(6), kp_init_constant(1));
    m->b = kp_param(b, "b", kp_shape2(4, 6), kp_init_constant(1));
    m->head = kp_param(b, "head", kp_shape2(io->classes, WIDTH), kp_init_constant(1));
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct model *m = self;

    *logits = m->record(m, t, x);
    return kp_tape_status(t);
}

static const struct kp_model_def def = {
    .size = sizeof(struct kp_model_def),
    .name = "test",
    .self_size = sizeof(struct model),
    .build = build,
    .forward = forward,
};

static enum kp_status sum_loss(const void *self, struct kp_tape *t,
                               const struct kp_objective_io *io, struct kp_tensor **loss)
{
    (void)self;
    *loss = kp_weighted_mean(t, kp_mean(t, io->logits), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def sum = {
    .size = sizeof(struct kp_objective_def), .name = "sum", .loss = sum_loss};

/* What a run needs; finish() after it. */
struct world {
    struct kp_device *device;
    struct kp_net *net;
    struct kp_program *program;
    struct kp_state *state;
    struct kp_exec *exec;
};

static enum kp_status start(struct world *w, struct model *m, const struct kp_model_io *io,
                            const char *device, enum kp_mode mode, struct kp_error *e)
{
    struct kp_device_config config = {.threads = 2, .slice = 16};
    struct kp_program_spec spec = {.mode = mode, .capacity = N};
    enum kp_status st = kp_device_open(device, &config, &w->device, e);

    if (st == KP_OK)
        st = kp_net_create(&def, m, io, NULL, &w->net, e);
    spec.net = w->net;
    spec.objective = mode == KP_TRAIN ? &sum : NULL;
    if (st == KP_OK)
        st = kp_program_create(w->device, &spec, &w->program, e);
    if (st == KP_OK)
        st = kp_state_create(w->device, w->net, mode == KP_TRAIN, &w->state, e);
    if (st == KP_OK)
        st = kp_state_init(w->state, 7, 1, e);
    if (st == KP_OK)
        st = kp_exec_create(w->program, w->state, &w->exec, e);
    return st;
}

static void finish(struct world *w)
{
    kp_exec_destroy(w->exec);
    kp_state_destroy(w->state);
    kp_program_destroy(w->program);
    kp_net_destroy(w->net);
    kp_device_close(w->device);
}

static void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

/* The recording must fail with a text that holds `words`. */
static void refused(struct kp_tensor *(*record)(const struct model *m, struct kp_tape *t,
                                                struct kp_tensor *x),
                    enum kp_dtype dtype, struct kp_shape input, const char *words)
{
    struct kp_model_io io = {.size = sizeof(io), .dtype = dtype, .input = input, .classes = WIDTH};
    struct model m = {.record = record};
    struct world w = {0};
    struct kp_error e = {0};

    assert_int_not_equal(start(&w, &m, &io, "ref", KP_EVAL, &e), KP_OK);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
    finish(&w);
}

#define RECORD(name, expression)                                                                 \
    static struct kp_tensor *name(const struct model *m, struct kp_tape *t, struct kp_tensor *x) \
    {                                                                                            \
        (void)m;                                                                                 \
        (void)t;                                                                                 \
        return expression;                                                                       \
    }

RECORD(bad_norm, kp_layer_norm(t, x, m->b, m->a, 1e-5))
RECORD(bad_eps, kp_layer_norm(t, x, m->a, m->a, 0))
RECORD(bad_heads, kp_attention(t, x, x, x, 4, 1, false))
RECORD(bad_keys, kp_attention(t, x, kp_prepend(t, x, m->a), x, 2, 1, false))
RECORD(flat_attention, kp_attention(t, x, x, x, 1, 1, false))
RECORD(bad_patches, kp_patches(t, x, 4))
RECORD(bad_token, kp_prepend(t, x, m->head))
RECORD(bad_positions, kp_add_position(t, x, m->b))
RECORD(bad_index, kp_select(t, x, 5))
RECORD(bad_ids, kp_embedding(t, x, m->b))
RECORD(bad_rate, kp_dropout(t, x, 1))
RECORD(bad_linear, kp_linear(t, x, m->head, NULL))
RECORD(bad_logits, x)

static void misfits_are_refused_with_a_reason(void **state)
{
    const struct kp_shape tokens = kp_shape2(5, 6), image = {3, {3, 8, 10}};

    (void)state;
    refused(bad_norm, KP_F32, tokens, "layer_norm: an operand is not (6)");
    refused(bad_eps, KP_F32, tokens, "eps is 0");
    refused(bad_heads, KP_F32, tokens, "4 heads do not divide a width of 6");
    refused(bad_keys, KP_F32, tokens, "q, k and v differ");
    refused(flat_attention, KP_F32, kp_shape1(6), "attention wants (N, T, D), got 2 dims");
    refused(bad_patches, KP_F32, image, "patches of 4 do not divide an image of 8x10");
    refused(bad_token, KP_F32, tokens, "it needs 1 of 6");
    refused(bad_positions, KP_F32, tokens, "the table has 4 rows of 6, it needs 5 of 6");
    refused(bad_index, KP_F32, tokens, "token 5 of 5");
    refused(bad_ids, KP_F32, kp_shape1(5), "the ids are not (N, T) int32");
    refused(bad_rate, KP_F32, tokens, "the rate is 1");
    refused(bad_linear, KP_F32, tokens, "I is 6 and 50");
    refused(bad_logits, KP_F32, tokens, "the logits are not (N, 50)");
}

static struct kp_tensor *dropped_twice(const struct model *m, struct kp_tape *t,
                                       struct kp_tensor *x)
{
    return kp_linear(t, kp_dropout(t, kp_dropout(t, x, RATE), RATE), m->head, NULL);
}

/* logits of N examples of ones, and the gradient of the head's first row */
static void run_dropout(struct world *w, float *logits, float *gradient)
{
    float x[N * WIDTH], ones[N];
    struct kp_error e = {0};

    for (int i = 0; i < N * WIDTH; i++)
        x[i] = 1;
    for (int i = 0; i < N; i++)
        ones[i] = 1;
    kp_exec_write(w->exec, w->program->x, x, N);
    if (w->program->trains)
        kp_exec_write(w->exec, w->program->weights, ones, N);
    must(kp_exec_run(w->exec, N, &e), &e);
    kp_exec_read(w->exec, w->program->logits, logits, N);
    if (!gradient)
        return;
    float *all = malloc(w->net->params.bytes);
    assert_non_null(all);
    w->device->ops->download(w->device, all, w->state->grads, w->net->params.bytes);
    memcpy(gradient, all + w->net->params.v[2]->offset / sizeof(float), WIDTH * sizeof(float));
    free(all);
}

/* Weights are 1 and stay so (the learning rate is 0): a logit is the number of kept elements over
 * (1 - rate)^2, and the gradient of a weight that of the examples that kept its element. */
static void check_dropout(const char *device, float first[N])
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = kp_shape1(WIDTH), .classes = 2};
    struct model m = {.record = dropped_twice};
    struct world w = {0};
    struct kp_error e = {0};
    float logits[2][2 * N], gradient[WIDTH];
    const double keep = (1 - RATE) * (1 - RATE);
    double from_logits = 0, from_gradient = 0;

    must(start(&w, &m, &io, device, KP_TRAIN, &e), &e);
    run_dropout(&w, logits[0], gradient);
    for (int i = 0; i < N; i++) {
        first[i] = logits[0][2 * i];
        from_logits += (double)logits[0][2 * i] * keep;
    }
    for (int i = 0; i < WIDTH; i++)
        from_gradient += (double)gradient[i] * 2 * N * keep;
    /* the same elements on the way back */
    assert_true(fabs(from_logits - from_gradient) < 1e-2);
    /* N * WIDTH draws: five standard deviations */
    assert_true(fabs(from_logits / (N * WIDTH) - keep) < 5 * sqrt(keep * (1 - keep) / (N * WIDTH)));
    run_dropout(&w, logits[1], NULL);
    assert_memory_not_equal(logits[0], logits[1], sizeof(logits[0]));

    w.state->updates = 0; /* as after going back to the first step */
    run_dropout(&w, logits[1], NULL);
    assert_memory_equal(logits[0], logits[1], sizeof(logits[0]));
    must(kp_state_init(w.state, 8, 1, &e), &e);
    run_dropout(&w, logits[1], NULL);
    assert_memory_not_equal(logits[0], logits[1], sizeof(logits[0]));
    finish(&w);
}

static void dropout_is_a_function_of_seed_step_and_place(void **state)
{
    float ref[N], cpu[N];

    (void)state;
    check_dropout("ref", ref);
    check_dropout("cpu", cpu);
    for (int i = 0; i < N; i++)
        assert_true(fabs((double)ref[i] - (double)cpu[i]) < 1e-4);
}

static void dropout_is_nothing_in_evaluation(void **state)
{
    const enum kp_mode modes[] = {KP_EVAL, KP_EVAL_GRAD};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kp_model_io io = {
            .size = sizeof(io), .dtype = KP_F32, .input = kp_shape1(WIDTH), .classes = 2};
        struct model m = {.record = dropped_twice};
        struct world w = {0};
        struct kp_error e = {0};
        float logits[2 * N];

        must(start(&w, &m, &io, "cpu", modes[i], &e), &e);
        run_dropout(&w, logits, NULL);
        for (int k = 0; k < 2 * N; k++)
            assert_true((double)logits[k] == WIDTH);
        finish(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misfits_are_refused_with_a_reason),
        cmocka_unit_test(dropout_is_a_function_of_seed_step_and_place),
        cmocka_unit_test(dropout_is_nothing_in_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
