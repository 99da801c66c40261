/* test_precision_parity.c - a language model that multiplies bf16, against what PyTorch computed
 * (make_precision_fixture.py): ten steps of Adam, with logits and with the head in chunks.
 *
 * "rounded" is fp64 with the operands rounded as precision.h says. The reference device has its
 * numbers to the last digit of fp32. Elsewhere a sum in fp32 that lies next to the middle between
 * two bf16 is rounded to the other one, 2^-7 away; the bounds leave room for that, most after steps
 * of Adam, which makes the gradient of a key's bias, rounding and nothing else, as large as others.
 * They are below what a program in fp32 is off. "autocast" is torch.autocast, which rounds results
 * too: its bounds are twice what autocast and "rounded" are apart in PyTorch. */
#include "net_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define WORDS   19
#define TOKENS  12
#define OPTIONS "width=16;depth=2;heads=3;head_width=4;mlp=24;context=14"
#define STEPS   10
#define LR      0.01

/* Relative to the largest of an array, or to this share of the largest of all. */
#define SHARE 0.05

struct bounds {
    const char *kind;
    double logits, loss, grads, adam;
};

static const struct bounds to_rounded = {"rounded", 5e-4, 1e-5, 2e-3, 5e-3};
static const struct bounds to_autocast = {"autocast", 8e-3, 2e-4, 5e-2, 5e-2};

static void start(struct net_fixture *f, const char *device, enum kp_precision precision,
                  bool chunks)
{
    const struct kp_model_io io = net_fixture_tokens(TOKENS, WORDS);
    const struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .precision = precision,
        .chunk_head = chunks,
        .optimizer = {.kind = KP_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-4}};

    net_fixture_open(f, device, "model_gpt_bf16", "gpt", OPTIONS, &io);
    net_fixture_start(f, spec, "lt", NULL);
}

static void compare_list(struct net_fixture *f, const struct bounds *b, const void *device,
                         const char *what, double bound)
{
    char prefix[64];

    (void)snprintf(prefix, sizeof(prefix), "%s/%s", b->kind, what);
    net_fixture_compare_list(f, &f->net->params, device, prefix, bound, SHARE);
}

static void check(const char *device, bool chunks, const struct bounds *b)
{
    struct net_fixture f;
    float logits[NET_FIXTURE_ROWS * TOKENS * WORDS], loss;

    start(&f, device, KP_PRECISION_BF16, chunks);
    net_fixture_step(&f, 0);
    if (f.program->logits) {
        const struct kp_stored *want = net_fixture_array(&f, "%s/logits", b->kind);
        kp_exec_read(f.exec, f.program->logits, logits, f.rows);
        net_fixture_compare(&f, want, logits, b->logits, net_fixture_largest(want));
    }
    const struct kp_stored *want = net_fixture_array(&f, "%s/loss", b->kind);
    kp_exec_read(f.exec, f.program->loss, &loss, 1);
    net_fixture_compare(&f, want, &loss, b->loss, net_fixture_largest(want));
    compare_list(&f, b, f.state->grads, "grad", b->grads);
    net_fixture_stop(&f);
    net_fixture_close(&f);

    start(&f, device, KP_PRECISION_BF16, chunks);
    for (int i = 0; i < STEPS; i++)
        net_fixture_step(&f, LR);
    compare_list(&f, b, f.state->params, "adam", b->adam);
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

static void operands_are_rounded_as_said(void **state)
{
    (void)state;
    for (int chunks = 0; chunks < 2; chunks++) {
        check("ref", chunks, &to_rounded);
        check("cpu", chunks, &to_rounded);
    }
}

static void like_autocast(void **state)
{
    (void)state;
    check("cpu", false, &to_autocast);
    check("cpu", true, &to_autocast);
}

/* What makes the bounds above mean something: in fp32 the logits are further off. */
static void fp32_is_told_apart(void **state)
{
    struct net_fixture f;
    float logits[NET_FIXTURE_ROWS * TOKENS * WORDS];
    double worst = 0;

    (void)state;
    start(&f, "cpu", KP_PRECISION_FP32, false);
    net_fixture_step(&f, 0);
    kp_exec_read(f.exec, f.program->logits, logits, f.rows);
    const struct kp_stored *exact = net_fixture_array(&f, "fp32/logits");
    const struct kp_stored *rounded = net_fixture_array(&f, "rounded/logits");
    net_fixture_compare(&f, exact, logits, 2e-6, net_fixture_largest(exact));
    for (int64_t i = 0; i < kp_shape_count(rounded->shape); i++)
        worst = fmax(worst, fabs((double)logits[i] - (double)((const float *)rounded->data)[i]));
    assert_true(worst > 4 * to_rounded.logits * net_fixture_largest(rounded));
    net_fixture_stop(&f);
    net_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_are_rounded_as_said),
        cmocka_unit_test(like_autocast),
        cmocka_unit_test(fp32_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
