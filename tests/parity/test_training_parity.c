/* test_training_parity.c - every objective, optimizer, schedule and frozen layer against what
 * PyTorch computed (make_training_fixtures.py). The fixtures were chosen so that rounding to fp32
 * alone changes ten steps by at most 1e-5 of an array's largest number. */
#include "net_fixture.h"
#include "train/schedule.h"
#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 10
#define FP32  2e-5

static void open_mlp(struct net_fixture *f, const char *device, const char *hidden, int64_t classes)
{
    const struct kp_model_io io = net_fixture_images((struct kp_shape){3, {1, 4, 4}}, classes);

    net_fixture_open(f, device, "training_mlp", "mlp", hidden, &io);
}

static void compare_list(struct net_fixture *f, const struct kp_net_list *list, const void *device,
                         const char *prefix)
{
    net_fixture_compare_list(f, list, device, prefix, FP32, 0);
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
    struct net_fixture f;

    open_mlp(&f, device, "hidden=12 8", 5);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kp_stored *want = net_fixture_array(&f, "loss/%s", cases[i].array);
        char prefix[64];
        float loss;

        net_fixture_start(&f, (struct kp_program_spec){.mode = KP_TRAIN}, cases[i].objective,
                          cases[i].options);
        net_fixture_step(&f, 0);
        kp_exec_read(f.exec, f.program->loss, &loss, 1);
        net_fixture_compare(&f, want, &loss, FP32, net_fixture_largest(want));
        (void)snprintf(prefix, sizeof(prefix), "grad/%s", cases[i].array);
        compare_list(&f, &f.net->params, f.state->grads, prefix);
        net_fixture_stop(&f);
    }
    net_fixture_close(&f);
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
    struct net_fixture f;

    open_mlp(&f, device, "hidden=12 8", 5);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kp_schedule s = {
            .kind = cases[i].scheduled ? KP_SCHEDULE_MULTISTEP : KP_SCHEDULE_CONSTANT,
            .lr = cases[i].optimizer.kind == KP_OPTIMIZER_SGD ? 0.1 : 0.01,
            .epochs = 3,
            .warmup_epochs = 1,
            .milestones = {1, &milestone},
            .lr_factor = 0.2};
        char prefix[64];

        net_fixture_start(
            &f, (struct kp_program_spec){.mode = KP_TRAIN, .optimizer = cases[i].optimizer}, "lt",
            NULL);
        for (int n = 0; n < STEPS; n++)
            net_fixture_step(&f, kp_schedule_lr(&s, (struct kp_moment){n, n / 4, 4}));
        assert_int_equal(f.state->updates, STEPS);
        (void)snprintf(prefix, sizeof(prefix), "steps/%s", cases[i].array);
        compare_list(&f, &f.net->params, f.state->params, prefix);
        net_fixture_stop(&f);
    }
    net_fixture_close(&f);
}

/* Frozen layers keep their bits; their batch norms use and keep the running statistics. */
static void check_frozen(const char *device)
{
    static const struct {
        const char *array, *freeze;
    } cases[] = {{"head", "conv bn"}, {"tail", "conv0 bn0 conv1 bn1"}};
    const struct kp_model_io io = net_fixture_images((struct kp_shape){3, {1, 28, 28}}, 10);
    struct net_fixture f;

    net_fixture_open(&f, device, "training_cnn", "cnn", "width=3", &io);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *still[] = {"conv0.weight", "conv1.bias", "bn0.weight", "bn1.running_var"};
        struct kp_snapshot snapshot = {0};
        struct kp_error e = {0};
        char prefix[64];

        net_fixture_start(
            &f,
            (struct kp_program_spec){.mode = KP_TRAIN,
                                     .optimizer = {.momentum = 0.9, .weight_decay = 1e-2},
                                     .freeze = cases[i].freeze},
            "lt", NULL);
        for (int n = 0; n < STEPS; n++)
            net_fixture_step(&f, 0.05);
        (void)snprintf(prefix, sizeof(prefix), "steps/%s", cases[i].array);
        compare_list(&f, &f.net->params, f.state->params, prefix);
        compare_list(&f, &f.net->buffers, f.state->buffers, prefix);
        net_fixture_must(kp_snapshot_take(f.state, false, &snapshot, &e), &e);
        for (size_t k = 0; k < sizeof(still) / sizeof(still[0]); k++)
            for (int64_t j = 0; j < snapshot.count; j++)
                if (strcmp(snapshot.arrays[j].name, still[k]) == 0)
                    assert_memory_equal(snapshot.arrays[j].data,
                                        net_fixture_array(&f, "%s", still[k])->data,
                                        kp_stored_bytes(&snapshot.arrays[j]));
        kp_snapshot_finish(&snapshot);
        net_fixture_stop(&f);
    }
    net_fixture_close(&f);
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
        struct net_fixture f;

        open_mlp(&f, device, "hidden=1", cases[i].classes);
        const float x[16] = {0}, weight = 1;
        const int32_t label = 3;
        net_fixture_build(&f, (struct kp_program_spec){.mode = KP_TRAIN}, "ls", cases[i].options);
        kp_exec_write(f.exec, f.program->x, x, 1);
        kp_exec_write(f.exec, f.program->labels, &label, 1);
        kp_exec_write(f.exec, f.program->weights, &weight, 1);
        f.rows = 1;
        net_fixture_step(&f, 0);
        f.device->ops->download(f.device, f.host, f.state->grads, f.net->params.bytes);
        const float *bias = f.host + f.net->params.v[3]->offset / sizeof(float);
        for (int64_t c = 0; c < cases[i].classes; c++) {
            double target = 1 / k - (double)bias[c] / cases[i].tau;
            double want = c == label ? cases[i].label : cases[i].other;
            if (!(fabs(target - want) <= 0.5001e-4))
                fail_msg("K = %g, %s: target %lld is %.6f, must be %.4f", k, cases[i].options,
                         (long long)c, target, want);
        }
        net_fixture_stop(&f);
        net_fixture_close(&f);
    }
}

static double loss_of(struct net_fixture *f, const char *objective, const char *options)
{
    float loss;

    net_fixture_start(f, (struct kp_program_spec){.mode = KP_TRAIN}, objective, options);
    net_fixture_step(f, 0);
    kp_exec_read(f->exec, f->program->loss, &loss, 1);
    net_fixture_stop(f);
    return (double)loss;
}

/* tau^2 KL goes to (1 / 2K) sum_k ((z_k - mean z) - (t_k - mean t))^2 as tau grows. */
static void high_temperature_is_regression(void **s)
{
    struct net_fixture f;

    (void)s;
    open_mlp(&f, "ref", "hidden=12 8", 5);
    double limit = loss_of(&f, "l2", "centred=true") / 2;
    assert_true(fabs(loss_of(&f, "kd", "tau=10000") - limit) < 1e-3 * limit);
    assert_true(fabs(loss_of(&f, "kd", "tau=1") - limit) > 1e-2 * limit);
    net_fixture_close(&f);
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
        cmocka_unit_test(high_temperature_is_regression),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
