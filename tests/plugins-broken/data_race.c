/* data_race.c - a metric that computes in static memory, which two runs share. */
#include "fixture.h"

#include "kappa/row.h"

static double softmax[4096];

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        double square = 0;

        kp_row_softmax(rows->logits + i * rows->classes, rows->classes, softmax);
        for (int64_t k = 0; k < rows->classes; k++)
            square += softmax[k] * softmax[k];
        sums[0] += 1;
        sums[1] += square;
    }
}

BROKEN_METRIC(data_race, .observe = observe);
