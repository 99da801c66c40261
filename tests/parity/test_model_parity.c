/* test_model_parity.c - models, objectives and the optimizer against what PyTorch computed.
 *
 * The fixtures hold fp64 results rounded to fp32 (make_model_fixtures.py). The reference device
 * computes in fp64 too, so each of its numbers must be the same but for that rounding. On the cpu
 * device, fp32, an array is compared by its largest error relative to its largest number. */
#include "support/rig.h"
#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY  32 /* above the fixtures' 12 and 17 rows: the rest must not count */
#define ROWS_MAX  17
#define PIXELS    (3 * 32 * 32)
#define CLASSES   10
#define SGD_STEPS 10
#define SGD_LR    0.05
#define SGD_DECAY 1e-3

struct fixture {
    const char *file, *model, *options;
    struct kp_shape input;
    int64_t classes;
    bool brief; /* fewer objectives and optimizers */
};

static const struct fixture fixtures[] = {
    {"model_cnn_32", "cnn", "width=4", {3, {3, 32, 32}}, 10},
    {"model_cnn_28", "cnn", "width=4", {3, {1, 28, 28}}, 10},
    {"model_mlp", "mlp", "hidden=16 12", {3, {3, 8, 8}}, 7},
    {"model_resnet_basic", "resnet", "width=4;blocks=1 2", {3, {3, 8, 8}}, 10, true},
    {"model_resnet_bottleneck",
     "resnet",
     "width=2;blocks=1 2;block=bottleneck;stem=imagenet",
     {3, {3, 32, 32}},
     10,
     true},
    {"model_vit_omihub",
     "vit",
     "patch=2;width=16;depth=2;heads=4;mlp=24",
     {3, {3, 8, 8}},
     10,
     true},
    {"model_vit_standard",
     "vit",
     "variant=standard;patch=4;width=12;depth=1;heads=3;mlp=20",
     {3, {3, 8, 8}},
     7,
     true},
};

#define FIXTURES ((int)(sizeof(fixtures) / sizeof(fixtures[0])))

/* Bounds on the error of fp32. Rounding of a sum of n products is about sqrt(n) 2^-24 of its
 * largest terms; the longest ones here, batch statistics and weight gradients over 12 * 32 * 32
 * pixels, give 7e-6. A sum in lanes or slices does better: seen are 4e-7, 5e-6 and 1e-6 at any
 * processor level, and the bounds are four times that or more. What a step does to the next one is
 * bounded by the fixtures' choice: rounding alone changes their ten steps by at most 1e-5. */
struct bounds {
    double forward, gradient, steps;
};

static const struct bounds fp32 = {2e-6, 2e-5, 2e-5};

/* Gradients that are zero in exact arithmetic (a bias before a batch norm) are compared with this
 * share of the model's largest gradient. */
#define SMALL_GRADIENT 0.05

struct bench {
    const struct fixture *fixture;
    bool exact; /* device ref */
    struct rig rig;
    struct kp_device *device;
    struct kp_net *net;
    struct kp_safetensors file;
    int64_t rows;
    struct kp_state *state;
    struct kp_program *program;
    struct kp_exec *exec;
    float *host; /* room for any array of the net */
};

static void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

static const struct kp_stored *array(const struct bench *b, const char *fmt, ...) KP_PRINTF(2, 3);
static const struct kp_stored *array(const struct bench *b, const char *fmt, ...)
{
    char name[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    const struct kp_stored *a = kp_safetensors_find(&b->file, name);
    if (!a)
        fail_msg("%s has no '%s'", b->fixture->file, name);
    return a;
}

static double largest(const struct kp_stored *a)
{
    const float *v = a->data;
    double max = 0;

    for (int64_t i = 0; i < kp_shape_count(a->shape); i++)
        max = fmax(max, fabs((double)v[i]));
    return max;
}

/* got (as many as `want`) against want; `scale` is what errors of fp32 are relative to. */
static void compare(const struct bench *b, const struct kp_stored *want, const float *got,
                    double bound, double scale)
{
    const float *v = want->data;
    double worst = 0;
    int64_t at = 0;

    for (int64_t i = 0; i < kp_shape_count(want->shape); i++) {
        double error = fabs((double)got[i] - (double)v[i]);
        error /= b->exact ? 0x1p-22 * fabs((double)v[i]) + 1e-11 : bound * scale;
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
    }
    if (getenv("KAPPA_TEST_VERBOSE"))
        print_message("%-14s %-34s %.3g of the bound\n", b->fixture->file, want->name, worst);
    if (!(worst <= 1))
        fail_msg("%s on %s: %s[%lld] = %.9g, PyTorch has %.9g: %.3g times the bound",
                 b->fixture->file, b->device->ops->name, want->name, (long long)at, (double)got[at],
                 (double)v[at], worst);
}

static void open_bench(struct bench *b, const struct fixture *f, const char *device)
{
    struct kp_device_config config = {.threads = 2, .slice = 16};
    struct kp_error e = {0};
    char path[512];

    *b = (struct bench){.fixture = f, .exact = strcmp(device, "ref") == 0};
    must(rig_open(&b->rig, KP_BUILD_ROOT, &e), &e);
    must(kp_device_open(device, &config, &b->device, &e), &e);
    must(rig_net(&b->rig, f->model, f->options, f->input, f->classes, &b->net, &e), &e);
    (void)snprintf(path, sizeof(path), KP_SOURCE_ROOT "/tests/parity/fixtures/%s.safetensors",
                   f->file);
    must(kp_safetensors_open(path, &b->file, &e), &e);
    b->rows = array(b, "x")->shape.dim[0];
    assert_in_range(b->rows, 1, ROWS_MAX);
    b->host = malloc(b->net->params.bytes + b->net->buffers.bytes);
    assert_non_null(b->host);
}

static void close_bench(struct bench *b)
{
    free(b->host);
    kp_safetensors_close(&b->file);
    kp_net_destroy(b->net);
    kp_device_close(b->device);
    rig_close(&b->rig);
}

/* A program with the fixture's weights and its batch loaded. objective NULL: no training. */
static void start(struct bench *b, enum kp_mode mode, const char *objective, const char *options,
                  struct kp_optimizer optimizer)
{
    struct kp_program_spec spec = {
        .net = b->net, .mode = mode, .capacity = CAPACITY, .optimizer = optimizer};
    struct kp_error e = {0};
    void *self = NULL;
    float weights[ROWS_MAX];
    int32_t labels[ROWS_MAX];

    if (objective)
        must(rig_objective(&b->rig, objective, options, &spec.objective, &self, &e), &e);
    spec.objective_self = self;
    must(kp_program_create(b->device, &spec, &b->program, &e), &e);
    must(kp_state_create(b->device, b->net, objective != NULL, &b->state, &e), &e);
    must(kp_weights_load(b->state, &b->file, false, true, &e), &e);
    must(kp_exec_create(b->program, b->state, &b->exec, &e), &e);

    kp_exec_write(b->exec, b->program->x, array(b, "x")->data, b->rows);
    if (!objective)
        return;
    const int64_t *stored = array(b, "labels")->data;
    for (int64_t i = 0; i < b->rows; i++) {
        weights[i] = 1;
        labels[i] = (int32_t)stored[i];
    }
    kp_exec_write(b->exec, b->program->labels, labels, b->rows);
    kp_exec_write(b->exec, b->program->weights, weights, b->rows);
    if (b->program->teacher_logits)
        kp_exec_write(b->exec, b->program->teacher_logits, array(b, "teacher_logits")->data,
                      b->rows);
}

static void step(struct bench *b, double lr)
{
    struct kp_error e = {0};

    b->exec->memory.scalars[KP_SCALAR_LR] = lr;
    must(kp_exec_run(b->exec, b->rows, &e), &e);
}

static void stop(struct bench *b)
{
    kp_exec_destroy(b->exec);
    kp_state_destroy(b->state);
    kp_program_destroy(b->program);
}

static void compare_logits(struct bench *b, const char *name)
{
    const struct kp_stored *want = array(b, "%s", name);
    float logits[ROWS_MAX * CLASSES];

    kp_exec_read(b->exec, b->program->logits, logits, b->rows);
    compare(b, want, logits, fp32.forward, largest(want));
}

static void compare_gradients(struct bench *b, const char *objective)
{
    const struct kp_net_list *params = &b->net->params;
    double top = 0;

    for (int64_t i = 0; i < params->count; i++)
        top = fmax(top, largest(array(b, "grad/%s/%s", objective, params->v[i]->name)));
    b->device->ops->download(b->device, b->host, b->state->grads, params->bytes);
    for (int64_t i = 0; i < params->count; i++) {
        const struct kp_stored *want = array(b, "grad/%s/%s", objective, params->v[i]->name);
        compare(b, want, b->host + params->v[i]->offset / sizeof(float), fp32.gradient,
                fmax(largest(want), SMALL_GRADIENT * top));
    }
}

static void compare_list(struct bench *b, const struct kp_net_list *list, const void *device,
                         const char *optimizer)
{
    if (list->count == 0)
        return;
    b->device->ops->download(b->device, b->host, device, list->bytes);
    for (int64_t i = 0; i < list->count; i++) {
        const struct kp_stored *want = array(b, "sgd/%s/%s", optimizer, list->v[i]->name);
        compare(b, want, b->host + list->v[i]->offset / sizeof(float), fp32.steps, largest(want));
    }
}

static void check_evaluation(struct bench *b)
{
    start(b, KP_EVAL, NULL, NULL, (struct kp_optimizer){0});
    step(b, 0);
    compare_logits(b, "logits/eval");
    stop(b);
    start(b, KP_EVAL_GRAD, NULL, NULL, (struct kp_optimizer){0});
    step(b, 0);
    compare_logits(b, "logits/eval");
    stop(b);
}

static void check_objectives(struct bench *b)
{
    static const struct {
        const char *array, *objective, *options;
        bool brief;
    } cases[] = {
        {"lt", "lt", NULL, true},
        {"kd_none", "kd", "tau=20;tau_scale=none"},
        {"kd_tau", "kd", "tau=20;tau_scale=tau"},
        {"kd_tau2", "kd", "tau=20", true},
        {"kd_mixed", "kd", "tau=20;label_weight=0.3;kd_weight=0.7"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (b->fixture->brief && !cases[i].brief)
            continue;
        const struct kp_stored *want = array(b, "loss/%s", cases[i].array);
        float loss;

        start(b, KP_TRAIN, cases[i].objective, cases[i].options, (struct kp_optimizer){0});
        step(b, 0);
        compare_logits(b, "logits/train");
        kp_exec_read(b->exec, b->program->loss, &loss, 1);
        compare(b, want, &loss, fp32.forward, largest(want));
        compare_gradients(b, cases[i].array);
        stop(b);
    }
}

static void check_optimizers(struct bench *b)
{
    static const struct {
        const char *array;
        struct kp_optimizer optimizer;
        bool brief;
    } cases[] = {
        {"plain", {.weight_decay = SGD_DECAY}},
        {"momentum", {.momentum = 0.9, .weight_decay = SGD_DECAY}, true},
        {"nesterov", {.momentum = 0.9, .weight_decay = SGD_DECAY, .nesterov = true}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (b->fixture->brief && !cases[i].brief)
            continue;
        start(b, KP_TRAIN, "kd", "tau=20", cases[i].optimizer);
        int64_t before = b->state->steps;
        for (int n = 0; n < SGD_STEPS; n++)
            step(b, SGD_LR);
        assert_int_equal(b->state->steps, before + SGD_STEPS);
        if (b->net->counter_count > 0) {
            const int64_t *counter =
                array(b, "sgd/%s/%s", cases[i].array, b->net->counters[0])->data;
            assert_int_equal(b->state->steps, *counter);
        }
        compare_list(b, &b->net->params, b->state->params, cases[i].array);
        compare_list(b, &b->net->buffers, b->state->buffers, cases[i].array);
        stop(b);
    }
}

static void check(const char *device, int fixture, void (*what)(struct bench *b))
{
    struct bench b;

    open_bench(&b, &fixtures[fixture], device);
    what(&b);
    close_bench(&b);
}

#define TESTS(device)                                          \
    static void evaluation_on_##device(void **state)           \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_evaluation);               \
    }                                                          \
    static void losses_and_gradients_on_##device(void **state) \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_objectives);               \
    }                                                          \
    static void ten_steps_of_sgd_on_##device(void **state)     \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_optimizers);               \
    }

TESTS(ref)
TESTS(cpu)

static void parameter_counts(void **state)
{
    static const struct {
        const char *model, *options;
        int64_t size, classes, count;
    } cases[] = {
        {"cnn", NULL, 32, 10, 154250},
        {"cnn", NULL, 32, 100, 168740},
        {"cnn", "width=8", 32, 10, 25418},
        {"cnn", "width=6", 32, 10, 14530},
        {"cnn", "width=4", 32, 10, 6666},
        {"cnn", "channels=20 40 60 160", 32, 10, 118190},
        {"cnn", "channels=20 40 60 160", 32, 100, 132680},
        {"resnet", NULL, 32, 10, 11173962},
        {"resnet", NULL, 32, 100, 11220132},
        {"resnet", "depth=18;stem=imagenet", 224, 1000, 11689512},
        {"resnet", "depth=34;stem=imagenet", 224, 1000, 21797672},
        {"resnet", "depth=50;stem=imagenet", 224, 1000, 25557032},
        {"vit", NULL, 32, 10, 6268810},
        {"vit", NULL, 32, 100, 6303460},
    };
    struct rig rig;
    struct kp_error e = {0};

    (void)state;
    must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_shape rgb = {3, {3, cases[i].size, cases[i].size}};
        struct kp_net *net = NULL;

        must(rig_net(&rig, cases[i].model, cases[i].options, rgb, cases[i].classes, &net, &e), &e);
        assert_int_equal(kp_net_param_count(net), cases[i].count);
        kp_net_destroy(net);
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(evaluation_on_ref),
        cmocka_unit_test(losses_and_gradients_on_ref),
        cmocka_unit_test(ten_steps_of_sgd_on_ref),
        cmocka_unit_test(evaluation_on_cpu),
        cmocka_unit_test(losses_and_gradients_on_cpu),
        cmocka_unit_test(ten_steps_of_sgd_on_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
