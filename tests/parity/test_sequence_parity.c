/* test_sequence_parity.c - a model of tokens against what PyTorch computed: labels (N, T) of which
 * some are none, a weight for each token, ten steps.
 *
 * The fixtures hold fp64 results rounded to fp32 (make_model_fixtures.py, model_gpt*). Bounds as in
 * test_model_parity.c. */
#include "support/rig.h"
#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 19 /* above the fixtures' 5 rows: the rest must not count */
#define CONTEXT  12
#define WORDS    19
#define STEPS    10
#define LR       0.05
#define DECAY    1e-3

struct bench {
    bool exact; /* device ref */
    struct rig rig;
    struct kp_device *device;
    struct kp_net *net;
    struct kp_safetensors file;
    int64_t rows;
    struct kp_state *state;
    struct kp_program *program;
    struct kp_exec *exec;
};

static void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

static const struct kp_stored *array(const struct bench *b, const char *prefix, const char *name)
{
    char full[256];

    (void)snprintf(full, sizeof(full), "%s%s", prefix, name);
    const struct kp_stored *a = kp_safetensors_find(&b->file, full);
    if (!a)
        fail_msg("the fixture has no '%s'", full);
    return a;
}

static double largest(const struct kp_stored *a)
{
    double max = 0;

    for (int64_t i = 0; i < kp_shape_count(a->shape); i++)
        max = fmax(max, fabs((double)((const float *)a->data)[i]));
    return max;
}

static void compare(const struct bench *b, const struct kp_stored *want, const float *got,
                    double bound, double scale)
{
    const float *v = want->data;

    for (int64_t i = 0; i < kp_shape_count(want->shape); i++) {
        double allowed = b->exact ? 0x1p-22 * fabs((double)v[i]) + 1e-11 : bound * scale;
        if (!(fabs((double)got[i] - (double)v[i]) <= allowed))
            fail_msg("%s: %s[%lld] = %.9g, PyTorch has %.9g, allowed %.3g", b->device->ops->name,
                     want->name, (long long)i, (double)got[i], (double)v[i], allowed);
    }
}

static void compare_params(struct bench *b, const void *device, const char *prefix, double bound)
{
    const struct kp_net_list *params = &b->net->params;
    float *host = malloc(params->bytes);
    double top = 0;

    assert_non_null(host);
    b->device->ops->download(b->device, host, device, params->bytes);
    for (int64_t i = 0; i < params->count; i++)
        top = fmax(top, largest(array(b, prefix, params->v[i]->name)));
    for (int64_t i = 0; i < params->count; i++) {
        const struct kp_stored *want = array(b, prefix, params->v[i]->name);
        compare(b, want, host + params->v[i]->offset / sizeof(float), bound,
                fmax(largest(want), 0.05 * top));
    }
    free(host);
}

static void write_batch(struct bench *b)
{
    const int64_t *x = array(b, "x", "")->data, *y = array(b, "labels", "")->data;
    int32_t ids[CAPACITY * CONTEXT], labels[CAPACITY * CONTEXT];

    for (int64_t i = 0; i < b->rows * CONTEXT; i++) {
        ids[i] = (int32_t)x[i];
        labels[i] = (int32_t)y[i];
    }
    kp_exec_write(b->exec, b->program->x, ids, b->rows);
    kp_exec_write(b->exec, b->program->labels, labels, b->rows);
    kp_exec_write(b->exec, b->program->weights, array(b, "weights", "")->data, b->rows);
}

static void open_bench(struct bench *b, const char *device, bool tied)
{
    struct kp_device_config config = {.threads = 2, .slice = 16};
    struct kp_model_io io = {.size = sizeof(io),
                             .dtype = KP_I32,
                             .input = kp_shape1(CONTEXT),
                             .classes = WORDS,
                             .labels = kp_shape1(CONTEXT)};
    struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .capacity = CAPACITY,
        .optimizer = {.momentum = 0.9, .weight_decay = DECAY},
    };
    struct kp_error e = {0};
    void *self = NULL;

    *b = (struct bench){.exact = device[0] == 'r'};
    must(rig_open(&b->rig, KP_BUILD_ROOT, &e), &e);
    must(rig_scan(&b->rig, KP_BUILD_ROOT, "tests/parity", &e), &e);
    must(kp_device_open(device, &config, &b->device, &e), &e);
    must(rig_net_io(&b->rig, "gpt_shape", tied ? "tied=true" : NULL, &io, &b->net, &e), &e);
    must(kp_safetensors_open(tied ? KP_SOURCE_ROOT
                                 "/tests/parity/fixtures/model_gpt_tied.safetensors"
                                  : KP_SOURCE_ROOT "/tests/parity/fixtures/model_gpt.safetensors",
                             &b->file, &e),
         &e);
    b->rows = array(b, "x", "")->shape.dim[0];
    assert_in_range(b->rows, 1, CAPACITY);
    must(rig_objective(&b->rig, "lt", NULL, &spec.objective, &self, &e), &e);
    spec.objective_self = self;
    spec.net = b->net;
    must(kp_program_create(b->device, &spec, &b->program, &e), &e);
    must(kp_state_create(b->device, b->net, true, &b->state, &e), &e);
    must(kp_weights_load(b->state, &b->file, false, true, &e), &e);
    must(kp_exec_create(b->program, b->state, &b->exec, &e), &e);
    write_batch(b);
}

static void close_bench(struct bench *b)
{
    kp_exec_destroy(b->exec);
    kp_state_destroy(b->state);
    kp_program_destroy(b->program);
    kp_safetensors_close(&b->file);
    kp_net_destroy(b->net);
    kp_device_close(b->device);
    rig_close(&b->rig);
}

static void step(struct bench *b, double lr)
{
    struct kp_error e = {0};

    b->exec->memory.scalars[KP_SCALAR_LR] = lr;
    must(kp_exec_run(b->exec, b->rows, &e), &e);
}

/* With lr 0 momentum still fills, so the ten steps start from a state of their own. */
static void check_gradient(const char *device, bool tied)
{
    struct bench b;
    float logits[CAPACITY * CONTEXT * WORDS], loss;

    open_bench(&b, device, tied);
    step(&b, 0);
    kp_exec_read(b.exec, b.program->logits, logits, b.rows);
    compare(&b, array(&b, "logits/train", ""), logits, 2e-6,
            largest(array(&b, "logits/train", "")));
    kp_exec_read(b.exec, b.program->loss, &loss, 1);
    compare(&b, array(&b, "loss/lt", ""), &loss, 2e-6, largest(array(&b, "loss/lt", "")));
    compare_params(&b, b.state->grads, "grad/lt/", 2e-5);
    close_bench(&b);
}

static void check_steps(const char *device, bool tied)
{
    struct bench b;

    open_bench(&b, device, tied);
    for (int i = 0; i < STEPS; i++)
        step(&b, LR);
    compare_params(&b, b.state->params, "sgd/momentum/", 2e-5);
    close_bench(&b);
}

static void gradients_of_token_losses(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        check_gradient("ref", tied);
        check_gradient("cpu", tied);
    }
}

static void ten_steps_with_token_weights(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        check_steps("ref", tied);
        check_steps("cpu", tied);
    }
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = kp_shape1(CONTEXT), .classes = WORDS};
    struct kp_error e = {0};
    struct kp_net *net = NULL;
    struct rig rig;

    (void)state;
    must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    must(rig_scan(&rig, KP_BUILD_ROOT, "tests/parity", &e), &e);
    assert_int_equal(rig_net_io(&rig, "gpt_shape", NULL, &io, &net, &e), KP_E_SHAPE);
    assert_null(net);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_token_losses),
        cmocka_unit_test(ten_steps_with_token_weights),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
