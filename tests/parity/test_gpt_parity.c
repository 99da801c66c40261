/* test_gpt_parity.c - the language model against what PyTorch computed (make_model_fixtures.py,
 * model_gpt*): labels (N, T) of which some are none, a weight for each token, ten steps of Adam;
 * with logits and with the head and the loss in chunks.
 * Bounds as in test_model_parity.c. */
#include "net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS   19
#define TOKENS  12
#define OPTIONS "width=16;depth=2;heads=3;head_width=4;mlp=24;context=14"
#define STEPS   10
#define LR      0.01

static void start(struct net_fixture *f, const char *device, bool tied, bool chunks)
{
    const struct kp_model_io io = net_fixture_tokens(TOKENS, WORDS);
    const struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .chunk_head = chunks,
        .optimizer = {.kind = KP_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-4}};

    net_fixture_open(f, device, tied ? "model_gpt_tied" : "model_gpt", "gpt",
                     tied ? OPTIONS ";tied=true" : OPTIONS, &io);
    net_fixture_start(f, spec, "lt", NULL);
}

static void compare_params(struct net_fixture *f, const void *device, const char *prefix)
{
    net_fixture_compare_list(f, &f->net->params, device, prefix, 2e-5, 0.05);
}

/* With lr 0 the first step leaves the weights alone. */
static void check_gradient(const char *device, bool tied, bool chunks)
{
    struct net_fixture f;
    float logits[NET_FIXTURE_ROWS * TOKENS * WORDS], loss;

    start(&f, device, tied, chunks);
    const struct kp_stored *want = net_fixture_array(&f, "logits/train");
    net_fixture_step(&f, 0);
    assert_true((f.program->logits != NULL) == !chunks);
    if (!chunks) {
        kp_exec_read(f.exec, f.program->logits, logits, f.rows);
        net_fixture_compare(&f, want, logits, 2e-6, net_fixture_largest(want));
    }
    want = net_fixture_array(&f, "loss/lt");
    kp_exec_read(f.exec, f.program->loss, &loss, 1);
    net_fixture_compare(&f, want, &loss, 2e-6, net_fixture_largest(want));
    compare_params(&f, f.state->grads, "grad/lt");
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void check_steps(const char *device, bool tied, bool chunks)
{
    struct net_fixture f;

    start(&f, device, tied, chunks);
    for (int i = 0; i < STEPS; i++)
        net_fixture_step(&f, LR);
    compare_params(&f, f.state->params, "adam");
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void gradients_of_token_losses(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        check_gradient("ref", form & 1, form & 2);
        check_gradient("cpu", form & 1, form & 2);
    }
}

static void ten_steps_of_adam(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        check_steps("ref", form & 1, form & 2);
        check_steps("cpu", form & 1, form & 2);
    }
}

/* The study's own sizes, with 16 384 tokens and 512 positions. */
static void parameter_counts(void **state)
{
    static const struct {
        const char *options;
        int64_t count;
    } cases[] = {
        {NULL, 27549696},
        {"preset=mini2", 67680256},
        {"preset=small", 110615040},
        {"preset=medium", 336390144},
        {"preset=mini;tied=true", 27549696 - 16384 * 512},
        {"preset=small;width=512;depth=4;heads=8;head_width=32;mlp=2048", 27549696},
        {"preset=mini;context=1024", 27549696 + 512 * 512},
    };
    const struct kp_model_io io = net_fixture_tokens(512, 16384);
    struct rig rig;
    struct kp_error e = {0};

    (void)state;
    net_fixture_must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_net *net = NULL;

        net_fixture_must(rig_net_io(&rig, "gpt", cases[i].options, &io, &net, &e), &e);
        assert_int_equal(kp_net_param_count(net), cases[i].count);
        kp_net_destroy(net);
    }
    rig_close(&rig);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct kp_model_io images = net_fixture_images((struct kp_shape){3, {3, 32, 32}}, 10);
    struct kp_model_io one_label = net_fixture_tokens(TOKENS, WORDS);
    struct kp_model_io long_one = net_fixture_tokens(513, WORDS);
    const struct {
        const struct kp_model_io *io;
        const char *says;
    } cases[] = {{&images, "wants tokens"},
                 {&one_label, "a label for each"},
                 {&long_one, "examples of 513 tokens; gpt's context has 512 positions"}};
    struct rig rig;

    (void)state;
    one_label.labels = (struct kp_shape){0};
    struct kp_error e = {0};
    net_fixture_must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_net *net = NULL;

        assert_int_equal(rig_net_io(&rig, "gpt", NULL, cases[i].io, &net, &e), KP_E_SHAPE);
        assert_null(net);
        if (!strstr(e.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", e.text, cases[i].says);
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_token_losses),
        cmocka_unit_test(ten_steps_of_adam),
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
