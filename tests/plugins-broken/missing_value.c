/* missing_value.c - a metric whose result() leaves its value as it was. */
#include "fixture.h"

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    sums[0] += (double)rows->count;
}

static void result(const void *self, const double *sums, double *values)
{
    (void)self;
    (void)sums;
    (void)values;
}

static const struct kp_metric_def metric = {
    .size = sizeof(struct kp_metric_def),
    .name = "missing_value",
    .doc = "Nothing.",
    KP_VALUES(mean_value),
    .sum_count = 1,
    .observe = observe,
    .result = result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "missing_value",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&metric, NULL},
};
