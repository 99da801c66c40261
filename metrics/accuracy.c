/* accuracy.c - the share of examples whose largest logit is the label's. */
#include "kappa/plugin.h"
#include "kappa/row.h"

enum { CORRECT, LABELLED, SUMS };

static void accuracy_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        if (rows->labels[i] < 0)
            continue;
        sums[LABELLED] += 1;
        if (kp_row_argmax(rows->logits + i * rows->classes, rows->classes) == rows->labels[i])
            sums[CORRECT] += 1;
    }
}

static void accuracy_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[LABELLED] > 0 ? 100.0 * sums[CORRECT] / sums[LABELLED] : (double)NAN;
}

static const struct kp_metric_value accuracy_values[] = {
    {"accuracy", "%", true, "top-1 accuracy"},
};

static const struct kp_metric_def accuracy = {
    .size = sizeof(struct kp_metric_def),
    .name = "accuracy",
    .doc = "Top-1 accuracy.",
    .formula = "accuracy = 100 mean 1[argmax z = y]",
    KP_VALUES(accuracy_values),
    .sum_count = SUMS,
    .observe = accuracy_observe,
    .result = accuracy_result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "accuracy",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&accuracy, NULL},
};
