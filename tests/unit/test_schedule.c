/* test_schedule.c - learning rates by step: the tables of the recipes. */
#include "train/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above. */
#include <cmocka.h>
#include <math.h>

static const struct kp_schedule cifar10 = {.kind = KP_SCHEDULE_COSINE_EPOCH,
                                           .lr = 0.1,
                                           .epochs = 30,
                                           .warmup_epochs = 5,
                                           .warmup_factor = 0.01};

/* Learning rate of step i of an epoch of n. */
static double rate(const struct kp_schedule *s, int64_t epoch, int64_t i, int64_t n)
{
    return kp_schedule_lr(s, (struct kp_moment){epoch * n + i, epoch, n});
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-14 + 1e-12 * fabs(want)))
        fail_msg("%.17g, must be %.17g", got, want);
}

/* The warm-up of the paper's CIFAR-10 recipe and the last epoch's rate, counted against torch's
 * LinearLR(0.01, 5 epochs) then CosineAnnealingLR(25). */
static void test_cosine_epoch(void **state)
{
    static const double warmup[] = {.001, .0208, .0406, .0604, .0802, .1};
    struct kp_schedule s = cifar10;

    (void)state;
    for (int e = 0; e < 6; e++)
        for (int i = 0; i < 7; i += 3)
            near(rate(&s, e, i, 7), warmup[e]);
    assert_true(fabs(rate(&s, 29, 6, 7) - 0.000394) < 5e-7);
    for (int e = 5; e < 30; e++)
        near(rate(&s, e, 0, 7), .05 * (1 + cos(M_PI * (e - 5) / 25.0)));
    s.lr_final = 0.02;
    for (int e = 0; e < 5; e++)
        near(rate(&s, e, 1, 7), warmup[e]);
    for (int e = 5; e < 30; e++)
        near(rate(&s, e, 0, 7), .02 + .04 * (1 + cos(M_PI * (e - 5) / 25.0)));
}

/* CIFAR-100: 0.1, by 0.2 after 60, 120 and 160 epochs; the first epoch rises from 0 step by step.
 */
static void test_multistep(void **state)
{
    static const int64_t milestones[] = {60, 120, 160};
    struct kp_schedule s = {.kind = KP_SCHEDULE_MULTISTEP,
                            .lr = 0.1,
                            .epochs = 200,
                            .warmup_epochs = 1,
                            .milestones = {3, milestones},
                            .lr_factor = 0.2};

    (void)state;
    assert_true(rate(&s, 0, 0, 391) == 0);
    for (int64_t i = 0; i < 391; i++)
        near(rate(&s, 0, i, 391), 0.1 * (double)i / 391);
    near(rate(&s, 1, 0, 391), 0.1);
    near(rate(&s, 59, 390, 391), 0.1);
    near(rate(&s, 60, 0, 391), 0.02);
    near(rate(&s, 119, 390, 391), 0.02);
    near(rate(&s, 120, 0, 391), 0.004);
    near(rate(&s, 160, 0, 391), 0.0008);
    near(rate(&s, 199, 390, 391), 0.0008);

    /* ImageNet: no warm-up, a tenth every 30 epochs. */
    static const int64_t thirds[] = {30, 60};
    s = (struct kp_schedule){.kind = KP_SCHEDULE_MULTISTEP,
                             .lr = 0.1,
                             .epochs = 90,
                             .milestones = {2, thirds},
                             .lr_factor = 0.1};
    near(rate(&s, 0, 0, 100), 0.1);
    near(rate(&s, 29, 99, 100), 0.1);
    near(rate(&s, 30, 0, 100), 0.01);
    near(rate(&s, 89, 99, 100), 0.001);
}

static void test_cosine(void **state)
{
    struct kp_schedule s = {
        .kind = KP_SCHEDULE_COSINE, .lr = 1e-3, .lr_final = 1e-5, .epochs = 20, .warmup_epochs = 2};

    (void)state;
    assert_true(rate(&s, 0, 0, 50) == 0);
    near(rate(&s, 0, 25, 50), 0.25e-3);
    near(rate(&s, 1, 49, 50), 1e-3 * 99 / 100);
    near(rate(&s, 2, 0, 50), 1e-3);
    near(rate(&s, 11, 0, 50), (1e-3 + 1e-5) / 2);
    for (int64_t i = 100; i < 1000; i += 7)
        near(rate(&s, i / 50, i % 50, 50),
             1e-5 + 0.5 * (1 + cos(M_PI * (double)(i - 100) / 900)) * (1e-3 - 1e-5));
}

/* lr_t = min(t, 200) / 200 [6e-6 + .5 (1 + cos(pi min(t, T) / T)) (6e-4 - 6e-6)], t = 1, 2, ... */
static void test_languini(void **state)
{
    struct kp_schedule s = {.kind = KP_SCHEDULE_LANGUINI,
                            .lr = 6e-4,
                            .lr_final = 6e-6,
                            .epochs = 1,
                            .warmup_steps = 200,
                            .decay_steps = 500000};
    static const int64_t steps[] = {1, 2, 100, 199, 200, 201, 1000, 300000, 499999, 500000, 600000};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        double t = (double)steps[i];
        double want =
            fmin(t, 200) / 200 * (6e-6 + .5 * (1 + cos(M_PI * fmin(t, 5e5) / 5e5)) * (6e-4 - 6e-6));
        near(rate(&s, 0, steps[i] - 1, 1000000), want);
    }
    near(rate(&s, 0, 0, 1000000), 3e-6);
    near(rate(&s, 0, 899999, 1000000), 6e-6);
}

static void test_constant(void **state)
{
    struct kp_schedule s = cifar10;

    (void)state;
    s.kind = KP_SCHEDULE_CONSTANT;
    for (int e = 0; e < 30; e++)
        assert_true(rate(&s, e, 0, 7) == 0.1);
}

/* Nothing to anneal, nothing to warm up: no division by zero. */
static void test_edges(void **state)
{
    struct kp_schedule s = cifar10;

    (void)state;
    s.epochs = s.warmup_epochs = 5;
    near(rate(&s, 4, 0, 7), .0802);
    s.kind = KP_SCHEDULE_COSINE;
    near(rate(&s, 4, 6, 7), 0.1 * 34 / 35);
    s.warmup_epochs = 0;
    for (int kind = KP_SCHEDULE_CONSTANT; kind <= KP_SCHEDULE_MULTISTEP; kind++) {
        s.kind = (enum kp_schedule_kind)kind;
        assert_true(rate(&s, 0, 0, 1) == 0.1);
    }
    s.epochs = 1;
    s.warmup_epochs = 1;
    for (int kind = KP_SCHEDULE_CONSTANT; kind <= KP_SCHEDULE_MULTISTEP; kind++) {
        s.kind = (enum kp_schedule_kind)kind;
        assert_true(isfinite(rate(&s, 0, 0, 1)));
    }
    s.kind = KP_SCHEDULE_LANGUINI;
    s.warmup_steps = 0;
    s.decay_steps = 1;
    assert_true(rate(&s, 0, 0, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine_epoch), cmocka_unit_test(test_multistep),
        cmocka_unit_test(test_cosine),       cmocka_unit_test(test_languini),
        cmocka_unit_test(test_constant),     cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
