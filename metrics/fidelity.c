/* fidelity.c - how far a student agrees with its teacher. */
#include "kappa/plugin.h"
#include "kappa/row.h"

enum { AGREE, KL, HELLINGER, ROWS, SUMS };

/* With p = softmax(t), q = softmax(z): KL(p || q), nats, and the Hellinger distance
 * sqrt(1 - sum_k sqrt(p_k q_k)). */
static void compare(const float *z, const float *t, int64_t n, double *kl, double *hellinger)
{
    double lz = kp_row_log_sum_exp(z, n), lt = kp_row_log_sum_exp(t, n);
    double sum = 0, overlap = 0;

    for (int64_t k = 0; k < n; k++) {
        double log_p = (double)t[k] - lt, log_q = (double)z[k] - lz;
        sum += exp(log_p) * (log_p - log_q);
        overlap += exp((log_p + log_q) / 2);
    }
    *kl = sum;
    *hellinger = sqrt(fmax(1 - overlap, 0));
}

static void fidelity_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    for (int64_t i = 0; i < rows->count; i++) {
        const float *z = rows->logits + i * rows->classes;
        const float *t = rows->teacher_logits + i * rows->classes;
        double kl, hellinger;

        if (rows->labels[i] < 0)
            continue;
        compare(z, t, rows->classes, &kl, &hellinger);
        sums[ROWS] += 1;
        sums[AGREE] += kp_row_argmax(z, rows->classes) == kp_row_argmax(t, rows->classes);
        sums[KL] += kl;
        sums[HELLINGER] += hellinger;
    }
}

static void fidelity_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[ROWS] > 0 ? 100.0 * sums[AGREE] / sums[ROWS] : (double)NAN;
    values[1] = sums[ROWS] > 0 ? sums[KL] / sums[ROWS] : (double)NAN;
    values[2] = sums[ROWS] > 0 ? sums[HELLINGER] / sums[ROWS] : (double)NAN;
}

static const struct kp_metric_value fidelity_values[] = {
    {"agreement", "%", true, "top-1 agreement with the teacher"},
    {"kl", "nats", false, "KL(teacher || student) of the softmax outputs at temperature 1"},
    {"hellinger", "", false, "mean Hellinger distance of the softmax outputs"},
};

static const struct kp_metric_def fidelity = {
    .size = sizeof(struct kp_metric_def),
    .name = "fidelity",
    .doc = "Top-1 agreement with the teacher, KL divergence and Hellinger distance from it.",
    .formula = "agreement = 100 mean 1[argmax z = argmax t]\n"
               "kl = mean sum_k p_k log(p_k / q_k), p = softmax(t), q = softmax(z)\n"
               "hellinger = mean sqrt(1 - sum_k sqrt(p_k q_k))",
    .needs = KP_METRIC_NEEDS_TEACHER,
    KP_VALUES(fidelity_values),
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
