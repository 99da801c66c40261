/* test_progress.c - the progress line keeps its width and its facts. */
#include "app/format.h"
#include "app/progress_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct kp_progress_run run = {3, 31,
                                           "student fashion_mnist cnn kd tau 20 kappa 0.1 seed 11"};

static struct kp_progress half(void)
{
    return (struct kp_progress){.phase = KP_PHASE_TRAIN,
                                .epoch = 4,
                                .epochs = 10,
                                .step = 500,
                                .steps = 1000,
                                .samples_per_second = 12345.4,
                                .seconds_left = 83,
                                .loss = 0.43211};
}

static void test_bar_fits_every_width(void **unused)
{
    (void)unused;
    for (int width = 1; width < 250; width++) {
        struct kp_progress p = half();
        struct kp_text text = {0};

        kp_progress_bar(&run, &p, width, &text);
        assert_true(text.length < (size_t)width);
        if (width >= 80)
            assert_non_null(strstr(text.s, "1:23 left"));
        if (width >= 140)
            assert_non_null(strstr(text.s, run.label));
        kp_text_finish(&text);
    }
}

static void test_bar_says_it_all(void **unused)
{
    struct kp_progress p = half();
    struct kp_text text = {0};

    (void)unused;
    kp_progress_bar(&run, &p, 160, &text);
    assert_string_equal(text.s, "[ 3/31] student fashion_mnist cnn kd tau 20 kappa 0.1 seed 11"
                                "  [###############...............]   50%  epoch  5/10  loss 0.4321"
                                "  12345/s  1:23 left");
    kp_text_finish(&text);
}

static void test_line_says_it_all(void **unused)
{
    struct kp_progress p = half();
    struct kp_text text = {0};

    (void)unused;
    kp_progress_line(&run, &p, &text);
    assert_string_equal(text.s,
                        "[ 3/31] student fashion_mnist cnn kd tau 20 kappa 0.1 seed 11: 50 %, "
                        "epoch 5/10, loss 0.4321, 12345 examples/s, 1:23 left");
    kp_text_finish(&text);
}

static void test_what_is_unknown_is_left_out(void **unused)
{
    struct kp_progress p = {
        .phase = KP_PHASE_TRAIN, .epochs = 2, .loss = (double)NAN, .seconds_left = -1};
    struct kp_text text = {0};

    (void)unused;
    kp_progress_line(&run, &p, &text);
    assert_non_null(strstr(text.s, ": 0 %, epoch 1/2"));
    assert_null(strstr(text.s, "loss"));
    assert_null(strstr(text.s, "left"));
    assert_null(strstr(text.s, "examples"));
    kp_text_clear(&text);
    p.phase = KP_PHASE_EVALUATE;
    kp_progress_line(&run, &p, &text);
    assert_non_null(strstr(text.s, "evaluating"));
    kp_text_finish(&text);
}

static void test_hundred_percent_is_the_end(void **unused)
{
    struct kp_progress p = half();
    struct kp_text text = {0};

    (void)unused;
    p.steps = 1000000;
    p.step = 999999;
    kp_progress_line(&run, &p, &text);
    assert_non_null(strstr(text.s, ": 99 %"));
    kp_text_clear(&text);
    p.step = 2000000; /* more than there is still is all */
    kp_progress_line(&run, &p, &text);
    assert_non_null(strstr(text.s, ": 100 %"));
    kp_text_finish(&text);
}

static void test_durations(void **unused)
{
    char s[KP_FORMAT_SIZE];

    (void)unused;
    assert_string_equal(kp_format_duration(0, s), "0.0 s");
    assert_string_equal(kp_format_duration(9.94, s), "9.9 s");
    assert_string_equal(kp_format_duration(9.96, s), "0:10");
    assert_string_equal(kp_format_duration(59.6, s), "1:00");
    assert_string_equal(kp_format_duration(725, s), "12:05");
    assert_string_equal(kp_format_duration(3725, s), "1:02:05");
    assert_string_equal(kp_format_duration(-3, s), "0.0 s");
    assert_string_equal(kp_format_duration((double)NAN, s), "0.0 s");
    assert_true(strlen(kp_format_duration((double)INFINITY, s)) < KP_FORMAT_SIZE - 1);
}

static void test_large_numbers(void **unused)
{
    char s[KP_FORMAT_SIZE];

    (void)unused;
    assert_string_equal(kp_format_large(0, s), "0 ");
    assert_string_equal(kp_format_large(999, s), "999 ");
    assert_string_equal(kp_format_large(999.6, s), "1.00 k");
    assert_string_equal(kp_format_large(9996, s), "10.0 k");
    assert_string_equal(kp_format_large(999499, s), "999 k");
    assert_string_equal(kp_format_large(1.5e12, s), "1.50 T");
    assert_string_equal(kp_format_large(1e30, s), "1000000 Y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar_fits_every_width),
        cmocka_unit_test(test_bar_says_it_all),
        cmocka_unit_test(test_line_says_it_all),
        cmocka_unit_test(test_what_is_unknown_is_left_out),
        cmocka_unit_test(test_hundred_percent_is_the_end),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_large_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
