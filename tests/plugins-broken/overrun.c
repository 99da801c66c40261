/* overrun.c - a metric that writes behind memory of its own, which only a sanitizer sees. */
#include "fixture.h"

#include <stdlib.h>

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    double *copy = malloc((size_t)rows->classes * sizeof(*copy));

    (void)self;
    for (int64_t i = 0; copy && i < rows->count; i++) {
        for (int64_t k = 0; k <= rows->classes; k++)
            copy[k] = (double)k;
        sums[0] += 1;
        sums[1] += copy[0];
    }
    free(copy);
}

BROKEN_METRIC(overrun, .observe = observe);
