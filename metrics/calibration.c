/* calibration.c - how far confidence is from accuracy. */
#include "kappa/plugin.h"
#include "kappa/row.h"

/* ECE = sum_b n_b / N |accuracy_b - confidence_b| over ten bins of equal width, (b/10, (b+1)/10],
 * of the largest softmax output. NLL = mean of -log softmax[label]. */
enum { BINS = 10, COUNT = 0, RIGHT = BINS, CONFIDENCE = 2 * BINS, NLL = 3 * BINS, SUMS };

static void calibration_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        const float *z = rows->logits + i * rows->classes;

        if (rows->labels[i] < 0)
            continue;
        int64_t best = kp_row_argmax(z, rows->classes);
        double all = kp_row_log_sum_exp(z, rows->classes);
        double confidence = exp((double)z[best] - all);
        int bin = confidence > 0 ? (int)ceil(confidence * BINS) - 1 : 0; /* also a NaN's */
        sums[COUNT + bin] += 1;
        sums[RIGHT + bin] += best == rows->labels[i];
        sums[CONFIDENCE + bin] += confidence;
        sums[NLL] += all - (double)z[rows->labels[i]];
    }
}

static void calibration_result(const void *self, const double *sums, double *values)
{
    double count = 0, gap = 0;

    (void)self;
    for (int b = 0; b < BINS; b++) {
        count += sums[COUNT + b];
        gap += fabs(sums[RIGHT + b] - sums[CONFIDENCE + b]);
    }
    values[0] = count > 0 ? gap / count : (double)NAN;
    values[1] = count > 0 ? sums[NLL] / count : (double)NAN;
}

static const struct kp_metric_value calibration_values[] = {
    {"ece", "", false, "expected calibration error over ten bins of confidence"},
    {"nll", "nats", false, "negative log-likelihood of the labels"},
};

static const struct kp_metric_def calibration = {
    .size = sizeof(struct kp_metric_def),
    .name = "calibration",
    .doc = "Expected calibration error and negative log-likelihood.",
    .formula = "ece = sum_b n_b / n |accuracy_b - confidence_b|, bins b of max softmax(z)\n"
               "nll = mean -log softmax(z)_y",
    KP_VALUES(calibration_values),
    .sum_count = SUMS,
    .observe = calibration_observe,
    .result = calibration_result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "calibration",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&calibration, NULL},
};
