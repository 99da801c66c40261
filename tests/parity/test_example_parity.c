/* test_example_parity.c - the models, operations and the objective of plugins/examples against what
 * PyTorch computed (make_example_fixtures.py). Bounds as in test_model_parity.c. */
#include "net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLASSES 10
#define STEPS   10
#define LR      0.05

static const struct example {
    const char *fixture, *model, *options;
    int64_t size, classes;
} examples[] = {
    {"example_mixer", "mixer", "patch=2;width=12;depth=2;token_mlp=10;channel_mlp=24", 8, 10},
    {"example_group_norm", "group_norm_cnn", "channels=6 12;groups=3", 9, 7},
};

static void open(struct net_fixture *f, const char *device, const struct example *x)
{
    const struct kp_model_io io =
        net_fixture_images((struct kp_shape){3, {3, x->size, x->size}}, x->classes);

    net_fixture_open(f, device, x->fixture, x->model, x->options, &io);
}

static void compare_logits(struct net_fixture *f, const char *name)
{
    const struct kp_stored *want = net_fixture_array(f, "%s", name);
    float logits[NET_FIXTURE_ROWS * CLASSES];

    kp_exec_read(f->exec, f->program->logits, logits, f->rows);
    net_fixture_compare(f, want, logits, 2e-6, net_fixture_largest(want));
}

static void check_evaluation(const char *device, const struct example *x)
{
    struct net_fixture f;

    open(&f, device, x);
    net_fixture_start(&f, (struct kp_program_spec){.mode = KP_EVAL}, NULL, NULL);
    net_fixture_step(&f, 0);
    compare_logits(&f, "logits/eval");
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

/* With lr 0 a step leaves the weights alone. */
static void check_gradients(const char *device, const struct example *x, const char *array,
                            const char *objective, const char *options)
{
    struct net_fixture f;
    char prefix[64];
    float loss;

    open(&f, device, x);
    const struct kp_stored *want = net_fixture_array(&f, "loss/%s", array);
    net_fixture_start(&f, (struct kp_program_spec){.mode = KP_TRAIN}, objective, options);
    net_fixture_step(&f, 0);
    compare_logits(&f, "logits/train");
    kp_exec_read(f.exec, f.program->loss, &loss, 1);
    net_fixture_compare(&f, want, &loss, 2e-6, net_fixture_largest(want));
    (void)snprintf(prefix, sizeof(prefix), "grad/%s", array);
    net_fixture_compare_list(&f, &f.net->params, f.state->grads, prefix, 2e-5, 0.05);
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void check_steps(const char *device, const struct example *x)
{
    const struct kp_optimizer momentum = {.momentum = 0.9, .weight_decay = 1e-3};
    struct net_fixture f;

    open(&f, device, x);
    net_fixture_start(&f, (struct kp_program_spec){.mode = KP_TRAIN, .optimizer = momentum}, "kd",
                      "tau=20");
    for (int i = 0; i < STEPS; i++)
        net_fixture_step(&f, LR);
    net_fixture_compare_list(&f, &f.net->params, f.state->params, "sgd/momentum", 2e-5, 0);
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void check(const char *device)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        check_evaluation(device, &examples[i]);
        check_gradients(device, &examples[i], "lt", "lt", NULL);
        check_gradients(device, &examples[i], "dkd", "dkd",
                        "alpha=2;beta=3;tau=4;label_weight=0.5");
        check_steps(device, &examples[i]);
    }
}

static void examples_on_ref(void **state)
{
    (void)state;
    check("ref");
}

static void examples_on_cpu(void **state)
{
    (void)state;
    check("cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_on_ref),
        cmocka_unit_test(examples_on_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
