/* test_clock.c - the wall clock as kappa has it: not moved by whoever sets the machine's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static double wall = 1.8e9, boot = 5000; /* what the machine's clocks say */

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
    const double now = clock == CLOCK_REALTIME ? wall : boot;

    out->tv_sec = (time_t)now;
    out->tv_nsec = (long)((now - floor(now)) * 1e9);
    return 0;
}

static void test_set_back(void **state)
{
    double before = kp_clock_wall();

    (void)state;
    assert_true(fabs(before - 1.8e9) < 1e-3);
    wall -= 3600;
    boot += 20;
    assert_true(fabs(kp_clock_wall() - before - 20) < 1e-3);
    wall += 7200;
    boot += 20;
    assert_true(fabs(kp_clock_wall() - before - 40) < 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_set_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
