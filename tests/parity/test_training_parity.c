/* test_training_parity.c - every objective, optimizer, schedule and frozen layer against what
 * PyTorch computed (make_training_fixtures.py).
 *
 * On the reference device, fp64, numbers are the same but for the fixture's rounding to fp32. On
 * the cpu device an array is compared by its largest error relative to its largest number; the
 * fixtures were chosen so that rounding alone changes ten steps by at most 1e-5 of that. */
#include "support/rig.h"
#include "train/schedule.h"
#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 32 /* above the fixtures' rows: the rest must not count */
#define ROWS_MAX 17
#define STEPS    10
#define FP32     2e-5

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
        fail_msg("the fixture has no '%s'", name);
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

/* `scale` is what errors of fp32 are relative to. */
static void compare(const struct bench *b, const struct kp_stored *want, const float *got,
                    double scale)
{
    const float *v = want->data;

    for (int64_t i = 0; i < kp_shape_count(want->shape); i++) {
        double allowed = b->exact ? 0x1p-22 * fabs((double)v[i]) + 1e-11 : FP32 * scale;
        if (!(fabs((double)got[i] - (double)v[i]) <= allowed))
            fail_msg("on %s: %s[%lld] = %.9g, PyTorch has %.9g, allowed %.3g", b->device->ops->name,
                     want->name, (long long)i, (double)got[i], (double)v[i], allowed);
    }
}

static void open_bench(struct bench *b, const char *device, const char *file, const char *model,
                       const char *options, struct kp_shape input, int64_t classes)
{
    struct kp_device_config config = {.threads = 2, .slice = 16};
    struct kp_error e = {0};
    char path[512];

    *b = (struct bench){.exact = strcmp(device, "ref") == 0};
    must(rig_open(&b->rig, KP_BUILD_ROOT, &e), &e);
    must(kp_device_open(device, &config, &b->device, &e), &e);
    must(rig_net(&b->rig, model, options, input, classes, &b->net, &e), &e);
    (void)snprintf(path, sizeof(path), KP_SOURCE_ROOT "/tests/parity/fixtures/%s.safetensors",
                   file);
    must(kp_safetensors_open(path, &b->file, &e), &e);
    b->rows = array(b, "x")->shape.dim[0];
    assert_in_range(b->rows, 1, ROWS_MAX);
    b->host = malloc(b->net->params.bytes + b->net->buffers.bytes);
    assert_non_null(b->host);
}

static void open_mlp(struct bench *b, const char *device)
{
    open_bench(b, device, "training_mlp", "mlp", "hidden=12 8", (struct kp_shape){3, {1, 4, 4}}, 5);
}

static void close_bench(struct bench *b)
{
    free(b->host);
    kp_safetensors_close(&b->file);
    kp_net_destroy(b->net);
    kp_device_close(b->device);
    rig_close(&b->rig);
}

/* A program with the fixture's weights and batch. */
static void start(struct bench *b, const char *objective, const char *options,
                  const struct kp_optimizer *optimizer, const char *freeze)
{
    struct kp_program_spec spec = {
        .net = b->net, .mode = KP_TRAIN, .capacity = CAPACITY, .freeze = freeze};
    struct kp_error e = {0};
    void *self = NULL;
    float weights[ROWS_MAX];
    int32_t labels[ROWS_MAX];

    if (optimizer)
        spec.optimizer = *optimizer;
    must(rig_objective(&b->rig, objective, options, &spec.objective, &self, &e), &e);
    spec.objective_self = self;
    must(kp_program_create(b->device, &spec, &b->program, &e), &e);
    must(kp_state_create(b->device, b->net, true, &b->state, &e), &e);
    must(kp_weights_load(b->state, &b->file, false, true, &e), &e);
    must(kp_exec_create(b->program, b->state, &b->exec, &e), &e);

    const int64_t *stored = array(b, "labels")->data;
    for (int64_t i = 0; i < b->rows; i++) {
        weights[i] = 1;
        labels[i] = (int32_t)stored[i];
    }
    kp_exec_write(b->exec, b->program->x, array(b, "x")->data, b->rows);
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

static void compare_list(struct bench *b, const struct kp_net_list *list, const void *device,
                         const char *prefix)
{
    if (list->count == 0)
        return;
    b->device->ops->download(b->device, b->host, device, list->bytes);
    for (int64_t i = 0; i < list->count; i++) {
        const struct kp_stored *want = array(b, "%s/%s", prefix, list->v[i]->name);
        compare(b, want, b->host + list->v[i]->offset / sizeof(float), largest(want));
    }
}

static void check_objectives(const char *device)
{
    static const struct {
        const char *array, *objective, *options;
    } cases[] = {
        {"ls_ded_1", "ls", "tau=1"},
        {"ls_ded_20", "ls", NULL},
        {"ls_ded_a", "ls", "a=0.7;tau=5"},
        {"ls_yuan", "ls", "variant=yuan_reg"},
        {"ls_yuan_100", "ls", "variant=yuan_reg;multiplier=100"},
        {"ls_plain", "ls", "variant=plain"},
        {"hardkd", "hardkd", NULL},
        {"l2", "l2", NULL},
        {"l2_sum", "l2", "reduction=sum"},
        {"l2_centred", "l2", "centred=true"},
        {"l2_centred_sum", "l2", "centred=true;reduction=sum"},
        {"kd_mean", "kd", "tau=4;reduction=mean"},
        {"kd_asymmetric", "kd", "tau=4;asymmetric=true"},
        {"kd_asymmetric_mean", "kd",
         "tau=4;asymmetric=true;reduction=mean;label_weight=0.5;kd_weight=0.5"},
    };
    struct bench b;

    open_mlp(&b, device);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kp_stored *want = array(&b, "loss/%s", cases[i].array);
        char prefix[64];
        float loss;

        start(&b, cases[i].objective, cases[i].options, NULL, NULL);
        step(&b, 0);
        kp_exec_read(b.exec, b.program->loss, &loss, 1);
        compare(&b, want, &loss, largest(want));
        (void)snprintf(prefix, sizeof(prefix), "grad/%s", cases[i].array);
        compare_list(&b, &b.net->params, b.state->grads, prefix);
        stop(&b);
    }
    close_bench(&b);
}

#define ADAMS .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8

static void check_optimizers(const char *device)
{
    static const int64_t milestone = 2;
    static const struct {
        const char *array;
        struct kp_optimizer optimizer;
        bool scheduled;
    } cases[] = {
        {"sgd", {.kind = KP_OPTIMIZER_SGD}},
        {"sgd_clip", {.clip_norm = 0.2}},
        {"sgd_momentum_clip", {.momentum = 0.9, .clip_norm = 0.2}},
        {"sgd_all", {.momentum = 0.9, .nesterov = true, .weight_decay = 1e-2, .clip_norm = 0.2}},
        {"adam", {.kind = KP_OPTIMIZER_ADAM, ADAMS}},
        {"adam_decay", {.kind = KP_OPTIMIZER_ADAM, ADAMS, .weight_decay = 5e-2}},
        {"adam_decay_clip",
         {.kind = KP_OPTIMIZER_ADAM, ADAMS, .weight_decay = 5e-2, .clip_norm = 0.2}},
        {"adamw", {.kind = KP_OPTIMIZER_ADAMW, ADAMS}},
        {"adamw_decay", {.kind = KP_OPTIMIZER_ADAMW, ADAMS, .weight_decay = 0.5}},
        {"adamw_decay_clip",
         {.kind = KP_OPTIMIZER_ADAMW, ADAMS, .weight_decay = 0.5, .clip_norm = 0.2}},
        {"sgd_all_scheduled",
         {.momentum = 0.9, .nesterov = true, .weight_decay = 1e-2, .clip_norm = 0.2},
         true},
        {"adamw_decay_clip_scheduled",
         {.kind = KP_OPTIMIZER_ADAMW, ADAMS, .weight_decay = 0.5, .clip_norm = 0.2},
         true},
    };
    struct bench b;

    open_mlp(&b, device);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kp_schedule s = {
            .kind = cases[i].scheduled ? KP_SCHEDULE_MULTISTEP : KP_SCHEDULE_CONSTANT,
            .lr = cases[i].optimizer.kind == KP_OPTIMIZER_SGD ? 0.1 : 0.01,
            .epochs = 3,
            .warmup_epochs = 1,
            .milestones = {1, &milestone},
            .lr_factor = 0.2};
        char prefix[64];

        start(&b, "lt", NULL, &cases[i].optimizer, NULL);
        for (int n = 0; n < STEPS; n++)
            step(&b, kp_schedule_lr(&s, (struct kp_moment){n, n / 4, 4}));
        assert_int_equal(b.state->updates, STEPS);
        (void)snprintf(prefix, sizeof(prefix), "steps/%s", cases[i].array);
        compare_list(&b, &b.net->params, b.state->params, prefix);
        stop(&b);
    }
    close_bench(&b);
}

/* Frozen layers keep their bits; their batch norms use and keep the running statistics. */
static void check_frozen(const char *device)
{
    static const struct {
        const char *array, *freeze;
    } cases[] = {{"head", "conv bn"}, {"tail", "conv0 bn0 conv1 bn1"}};
    const struct kp_optimizer sgd = {.momentum = 0.9, .weight_decay = 1e-2};
    struct bench b;

    open_bench(&b, device, "training_cnn", "cnn", "width=3", (struct kp_shape){3, {1, 28, 28}}, 10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *still[] = {"conv0.weight", "conv1.bias", "bn0.weight", "bn1.running_var"};
        struct kp_snapshot snapshot = {0};
        struct kp_error e = {0};
        char prefix[64];

        start(&b, "lt", NULL, &sgd, cases[i].freeze);
        for (int n = 0; n < STEPS; n++)
            step(&b, 0.05);
        (void)snprintf(prefix, sizeof(prefix), "steps/%s", cases[i].array);
        compare_list(&b, &b.net->params, b.state->params, prefix);
        compare_list(&b, &b.net->buffers, b.state->buffers, prefix);
        must(kp_snapshot_take(b.state, false, &snapshot, &e), &e);
        for (size_t k = 0; k < sizeof(still) / sizeof(still[0]); k++)
            for (int64_t j = 0; j < snapshot.count; j++)
                if (strcmp(snapshot.arrays[j].name, still[k]) == 0)
                    assert_memory_equal(snapshot.arrays[j].data, array(&b, "%s", still[k])->data,
                                        kp_stored_bytes(&snapshot.arrays[j]));
        kp_snapshot_finish(&snapshot);
        stop(&b);
    }
    close_bench(&b);
}

/* The gradient of tau^2 KL(q || softmax(z / tau)) at z = 0 is tau (1 / K - q), and that is the
 * gradient of a bias where all weights are 0. */
static void check_targets(const char *device)
{
    static const struct {
        int64_t classes;
        const char *options;
        double tau, label, other;
    } cases[] = {
        {10, "tau=1;label_weight=0;kd_weight=1", 1, .2304, .0855},
        {10, "tau=20;label_weight=0;kd_weight=1", 20, .1045, .0995},
        {10, "tau=100;label_weight=0;kd_weight=1", 100, .1009, .0999},
        {100, "tau=1;label_weight=0;kd_weight=1", 1, .0265, .0098},
        {100, "tau=20;label_weight=0;kd_weight=1", 20, .0105, .0100},
        {100, "tau=100;label_weight=0;kd_weight=1", 100, .0101, .0100},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const double k = (double)cases[i].classes;
        struct bench b;

        open_bench(&b, device, "training_mlp", "mlp", "hidden=1", (struct kp_shape){3, {1, 4, 4}},
                   cases[i].classes);
        struct kp_program_spec spec = {.net = b.net, .mode = KP_TRAIN, .capacity = 1};
        struct kp_error e = {0};
        void *self = NULL;
        const float x[16] = {0}, weight = 1;
        const int32_t label = 3;
        must(rig_objective(&b.rig, "ls", cases[i].options, &spec.objective, &self, &e), &e);
        spec.objective_self = self;
        must(kp_program_create(b.device, &spec, &b.program, &e), &e);
        must(kp_state_create(b.device, b.net, true, &b.state, &e), &e);
        must(kp_exec_create(b.program, b.state, &b.exec, &e), &e);
        kp_exec_write(b.exec, b.program->x, x, 1);
        kp_exec_write(b.exec, b.program->labels, &label, 1);
        kp_exec_write(b.exec, b.program->weights, &weight, 1);
        b.rows = 1;
        step(&b, 0);
        b.device->ops->download(b.device, b.host, b.state->grads, b.net->params.bytes);
        const float *bias = b.host + b.net->params.v[3]->offset / sizeof(float);
        for (int64_t c = 0; c < cases[i].classes; c++) {
            double target = 1 / k - (double)bias[c] / cases[i].tau;
            double want = c == label ? cases[i].label : cases[i].other;
            if (!(fabs(target - want) <= 0.5001e-4))
                fail_msg("K = %g, %s: target %lld is %.6f, must be %.4f", k, cases[i].options,
                         (long long)c, target, want);
        }
        stop(&b);
        close_bench(&b);
    }
}

#define ON_BOTH(name, what)          \
    static void name##_ref(void **s) \
    {                                \
        (void)s;                     \
        what("ref");                 \
    }                                \
    static void name##_cpu(void **s) \
    {                                \
        (void)s;                     \
        what("cpu");                 \
    }

ON_BOTH(objectives, check_objectives)
ON_BOTH(optimizers, check_optimizers)
ON_BOTH(frozen, check_frozen)
ON_BOTH(smoothing_targets, check_targets)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives_ref),
        cmocka_unit_test(objectives_cpu),
        cmocka_unit_test(optimizers_ref),
        cmocka_unit_test(optimizers_cpu),
        cmocka_unit_test(frozen_ref),
        cmocka_unit_test(frozen_cpu),
        cmocka_unit_test(smoothing_targets_ref),
        cmocka_unit_test(smoothing_targets_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
