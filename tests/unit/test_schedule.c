/* test_schedule.c - learning rates by epoch. */
#include "train/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above. */
#include <cmocka.h>
#include <math.h>

static const struct kp_schedule cifar10 = {KP_SCHEDULE_COSINE_EPOCH, 0.1, 30, 5, 0.01};

/* The warm-up of the paper's CIFAR-10 recipe and the last epoch's rate, counted against torch's
 * LinearLR(0.01, 5 epochs) then CosineAnnealingLR(25). */
static void test_table(void **state)
{
    static const double warmup[] = {.001, .0208, .0406, .0604, .0802, .1};

    (void)state;
    for (int e = 0; e < 6; e++)
        assert_true(fabs(kp_schedule_lr(&cifar10, e) - warmup[e]) < 1e-12);
    assert_true(fabs(kp_schedule_lr(&cifar10, 29) - 0.000394) < 5e-7);
    for (int e = 5; e < 30; e++)
        assert_true(fabs(kp_schedule_lr(&cifar10, e) - .05 * (1 + cos(M_PI * (e - 5) / 25.0))) <
                    1e-15);
}

static void test_constant(void **state)
{
    struct kp_schedule s = cifar10;

    (void)state;
    s.kind = KP_SCHEDULE_CONSTANT;
    for (int e = 0; e < 30; e++)
        assert_true(kp_schedule_lr(&s, e) == 0.1);
}

/* Nothing to anneal, nothing to warm up: no division by zero. */
static void test_edges(void **state)
{
    struct kp_schedule s = cifar10;

    (void)state;
    s.epochs = s.warmup_epochs = 5;
    assert_true(fabs(kp_schedule_lr(&s, 4) - .0802) < 1e-12);
    s.warmup_epochs = 0;
    assert_true(kp_schedule_lr(&s, 0) == 0.1);
    s.epochs = 1;
    assert_true(isfinite(kp_schedule_lr(&s, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
