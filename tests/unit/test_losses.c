/* test_losses.c - losses that are read late: their sums, and which step a bad one is told of. */
#include "train/losses.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A program whose loss is the one number of its arena. */
struct rig {
    struct kp_device *device;
    float loss;
    struct kp_value value;
    struct kp_program program;
    struct kp_exec exec;
    struct kp_losses losses;
    struct kp_position at;
};

static void begin(struct rig *r)
{
    const struct kp_device_config config = {.threads = 1, .slice = 32};
    struct kp_error e = {0};

    *r = (struct rig){.value = {.dtype = KP_F32, .shape = kp_shape1(1)}};
    assert_int_equal(kp_device_open("cpu", &config, &r->device, &e), KP_OK);
    assert_int_equal(kp_losses_init(&r->losses, r->device, &e), KP_OK);
    r->program.loss = &r->value;
    r->exec.program = &r->program;
    r->exec.memory.arena = &r->loss;
}

static void end(struct rig *r)
{
    kp_losses_finish(&r->losses);
    kp_device_close(r->device);
}

static void add(struct rig *r, float loss, double weight)
{
    r->loss = loss;
    kp_losses_add(&r->losses, &r->exec, weight, &r->at);
    r->at.step++;
}

static void test_sums(void **state)
{
    struct rig r;
    struct kp_error e = {0};

    (void)state;
    begin(&r);
    assert_int_equal(kp_losses_read(&r.losses, &r.at, &e), KP_OK);
    assert_true(r.at.loss_weight == 0);
    add(&r, 1, 2);
    add(&r, 2, 2);
    add(&r, 4, 4);
    assert_true(r.at.loss_weight == 0);
    assert_int_equal(kp_losses_read(&r.losses, &r.at, &e), KP_OK);
    assert_true(r.at.loss_sum == 22 && r.at.loss_weight == 8);
    add(&r, 8, 1);
    assert_int_equal(kp_losses_read(&r.losses, &r.at, &e), KP_OK);
    assert_true(r.at.loss_sum == 30 && r.at.loss_weight == 9);
    end(&r);
}

static void test_full(void **state)
{
    struct rig r;
    struct kp_error e = {0};

    (void)state;
    begin(&r);
    for (int i = 0; i < KP_LOSSES_LATE; i++) {
        assert_false(kp_losses_full(&r.losses));
        add(&r, (float)i, 1);
    }
    assert_true(kp_losses_full(&r.losses));
    assert_int_equal(kp_losses_read(&r.losses, &r.at, &e), KP_OK);
    assert_false(kp_losses_full(&r.losses));
    assert_true(r.at.loss_sum == KP_LOSSES_LATE * (KP_LOSSES_LATE - 1) / 2);
    end(&r);
}

/* The first bad one is told of, not the last. */
static void test_not_finite(void **state)
{
    struct rig r;
    struct kp_error e = {0};

    (void)state;
    begin(&r);
    r.at = (struct kp_position){.epoch = 3, .step = 70};
    add(&r, 1, 1);
    add(&r, INFINITY, 1);
    add(&r, NAN, 1);
    assert_int_equal(kp_losses_read(&r.losses, &r.at, &e), KP_E_NUMERIC);
    assert_string_equal(e.text,
                        "the loss became inf in step 71 (epoch 3); a smaller train.lr may help");
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
