/* unknown_value.c - an analysis that emits a value which its definition does not list. */
#include "fixture.h"

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    (void)self;
    kp_emit(a, 0, "median", 1);
    return kp_analysis_status(a);
}

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_REFUSES_PAIRS,
    .scope = KP_SCOPE_EACH,
    KP_VALUES(mean_value),
    .analyse = analyse,
};

static const struct kp_metric_def metric = {
    .size = sizeof(struct kp_metric_def),
    .name = "unknown_value",
    .doc = "A number.",
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "unknown_value",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&metric, NULL},
};
