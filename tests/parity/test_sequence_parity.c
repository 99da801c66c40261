/* test_sequence_parity.c - a model of tokens against what PyTorch computed
 * (make_model_fixtures.py, model_gpt*): labels (N, T) of which some are none, a weight for each
 * token, ten steps. Bounds as in test_model_parity.c. */
#include "net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CONTEXT 12
#define WORDS   19
#define STEPS   10
#define LR      0.05
#define DECAY   1e-3

static void start(struct net_fixture *f, const char *device, bool tied)
{
    const struct kp_model_io io = {.size = sizeof(io),
                                   .dtype = KP_I32,
                                   .input = kp_shape1(CONTEXT),
                                   .classes = WORDS,
                                   .labels = kp_shape1(CONTEXT)};
    const struct kp_program_spec spec = {.mode = KP_TRAIN,
                                         .optimizer = {.momentum = 0.9, .weight_decay = DECAY}};

    net_fixture_open(f, device, tied ? "model_gpt_tied" : "model_gpt", "tests/parity", "gpt_shape",
                     tied ? "tied=true" : NULL, &io);
    net_fixture_start(f, spec, "lt", NULL);
}

static void compare_params(struct net_fixture *f, const void *device, const char *prefix)
{
    net_fixture_compare_list(f, &f->net->params, device, prefix, 2e-5, 0.05);
}

/* With lr 0 momentum still fills, so the ten steps start from a state of their own. */
static void check_gradient(const char *device, bool tied)
{
    struct net_fixture f;
    float logits[NET_FIXTURE_ROWS * CONTEXT * WORDS], loss;

    start(&f, device, tied);
    const struct kp_stored *want = net_fixture_array(&f, "logits/train");
    net_fixture_step(&f, 0);
    kp_exec_read(f.exec, f.program->logits, logits, f.rows);
    net_fixture_compare(&f, want, logits, 2e-6, net_fixture_largest(want));
    want = net_fixture_array(&f, "loss/lt");
    kp_exec_read(f.exec, f.program->loss, &loss, 1);
    net_fixture_compare(&f, want, &loss, 2e-6, net_fixture_largest(want));
    compare_params(&f, f.state->grads, "grad/lt");
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void check_steps(const char *device, bool tied)
{
    struct net_fixture f;

    start(&f, device, tied);
    for (int i = 0; i < STEPS; i++)
        net_fixture_step(&f, LR);
    compare_params(&f, f.state->params, "sgd/momentum");
    net_fixture_stop(&f);
    net_fixture_close(&f);
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
    net_fixture_must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    net_fixture_must(rig_scan(&rig, KP_BUILD_ROOT, "tests/parity", &e), &e);
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
