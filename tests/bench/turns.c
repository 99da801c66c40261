/* turns.c - steps on request, timed. */
#include "turns.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum kp_status turns_serve(enum kp_status (*step)(void *arg, struct kp_error *e), void *arg,
                           struct kp_error *e)
{
    char line[64];

    while (fgets(line, sizeof(line), stdin)) {
        long n = strtol(line, NULL, 10);
        double from = kp_clock_monotonic();

        if (n < 1 || n > 1000000)
            return kp_fail(e, KP_E_INVALID, "'%s' is no number of steps from 1 to 1000000", line);
        for (long i = 0; i < n; i++) {
            enum kp_status st = step(arg, e);
            if (st != KP_OK)
                return st;
        }
        (void)printf("%.9f\n", (kp_clock_monotonic() - from) / (double)n);
        (void)fflush(stdout);
    }
    return KP_OK;
}
