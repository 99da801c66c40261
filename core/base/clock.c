/* clock.c - time. */
#include "base/clock.h"

#include <pthread.h>
#include <time.h>

static pthread_once_t anchored = PTHREAD_ONCE_INIT;
static double booted; /* seconds since 1970, as the wall clock stood at the first call */

static double seconds(clockid_t clock)
{
    struct timespec t = {0};

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double kp_clock_monotonic(void)
{
    return seconds(CLOCK_MONOTONIC);
}

static void set_anchor(void)
{
    booted = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME);
}

double kp_clock_wall(void)
{
    (void)pthread_once(&anchored, set_anchor);
    return booted + seconds(CLOCK_BOOTTIME);
}
