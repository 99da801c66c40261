/* fidelity.c - how far a student agrees with its teacher. */
#include "kappa/plugin.h"

#include <math.h>

enum { AGREE, KL, ROWS, SUMS };

static int64_t argmax(const float *v, int64_t n)
{
    int64_t best = 0;
    for (int64_t k = 1; k < n; k++)
        if (v[k] > v[best])
            best = k;
    return best;
}

static double log_sum_exp(const float *v, int64_t n)
{
    double max = (double)v[argmax(v, n)];
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += exp((double)v[k] - max);
    return max + log(sum);
}

/* KL(softmax(t) || softmax(z)), nats. */
static double kl_divergence(const float *z, const float *t, int64_t n)
{
    double lz = log_sum_exp(z, n);
    double lt = log_sum_exp(t, n);
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += exp((double)t[k] - lt) * (((double)t[k] - lt) - ((double)z[k] - lz));
    return sum;
}

static void fidelity_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        const float *z = rows->logits + i * rows->classes;
        const float *t = rows->teacher_logits + i * rows->classes;

        sums[ROWS] += 1;
        sums[AGREE] += argmax(z, rows->classes) == argmax(t, rows->classes);
        sums[KL] += kl_divergence(z, t, rows->classes);
    }
}

static void fidelity_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[ROWS] > 0 ? 100.0 * sums[AGREE] / sums[ROWS] : (double)NAN;
    values[1] = sums[ROWS] > 0 ? sums[KL] / sums[ROWS] : (double)NAN;
}

static const struct kp_metric_value fidelity_values[] = {
    {"agreement", "%", true, "top-1 agreement with the teacher"},
    {"kl", "nats", false, "KL(teacher || student) of the softmax outputs at temperature 1"},
};

static const struct kp_metric_def fidelity = {
    .size = sizeof(struct kp_metric_def),
    .name = "fidelity",
    .doc = "Top-1 agreement with the teacher and the KL divergence from it.",
    .needs = KP_METRIC_NEEDS_TEACHER,
    .values = fidelity_values,
    .value_count = 2,
    .value_size = sizeof(struct kp_metric_value),
    .sum_count = SUMS,
    .observe = fidelity_observe,
    .result = fidelity_result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "fidelity",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&fidelity, NULL},
};
