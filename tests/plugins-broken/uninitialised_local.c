/* uninitialised_local.c - a metric that forgets to set a local variable for some rows. */
#include "fixture.h"

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        volatile double weight[1];

        if (rows->labels[i] > 0)
            weight[0] = 1;
        sums[0] += 1;
        sums[1] += weight[0];
    }
}

BROKEN_METRIC(uninitialised_local, .observe = observe);
