/* uninitialised_local.c - a metric that forgets to set half of a local array. */
#include "fixture.h"

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        volatile double weight[2];

        weight[1] = 1;
        sums[0] += 1;
        if (weight[rows->labels[i] > 0] > 0.5)
            sums[1] += 1;
    }
}

BROKEN_METRIC(uninitialised_local, .observe = observe);
