/* bias_variance.c - how much the outputs of a configuration vary with its training examples. */
#include "kappa/plugin.h"
#include "kappa/row.h"

/* Over S runs that differ in their seed, p_s = softmax output, q = mean of the p_s:
 *   Var = mean_x 1/S sum_s |p_s - q|^2     Bias^2 = mean_x |q - onehot(y)|^2
 * without the bias that few runs have: Var S/(S-1), and Bias^2 less that over S. What is unsure in
 * the labels themselves is in Bias^2. */

enum { CHUNK = 4096 };

/* sum[x][k] += p_s, square[x] += |p_s|^2 */
static bool add_net(struct kp_analysis *a, int64_t net, int64_t n, float *logits, double *p,
                    double *sum, double *square, int32_t *labels)
{
    int64_t classes = kp_class_count(a);

    for (int64_t at = 0; at < n; at += CHUNK) {
        struct kp_read r = {.size = sizeof(r),
                            .first = at,
                            .count = n - at < CHUNK ? n - at : CHUNK,
                            .logits = logits,
                            .labels = labels + at};

        if (kp_read_rows(a, net, &r) != KP_OK)
            return false;
        for (int64_t i = 0; i < r.count; i++) {
            kp_row_softmax(logits + i * classes, classes, p);
            for (int64_t k = 0; k < classes; k++) {
                sum[(at + i) * classes + k] += p[k];
                square[at + i] += p[k] * p[k];
            }
        }
    }
    return true;
}

/* Did the runs draw different examples? If not, say why there is nothing to measure. */
static bool varies(struct kp_analysis *a, int64_t runs)
{
    const struct kp_net_facts *first = kp_facts(a, 0);
    bool whole = true, other_seed = false;

    if (runs < 2) {
        kp_analysis_absent(a, "one run only; a variance needs two seeds or more");
        return false;
    }
    for (int64_t i = 0; first && i < runs; i++) {
        const struct kp_net_facts *f = kp_facts(a, i);
        if (!f)
            return false;
        whole = whole && f->trained_on >= f->pool;
        other_seed = other_seed || f->subset_seed != first->subset_seed;
    }
    if (!first)
        return false;
    if (whole)
        kp_analysis_absent(a,
                           "every run drew the whole pool of %lld examples, so that they share "
                           "their training data",
                           (long long)first->pool);
    else if (!other_seed)
        kp_analysis_absent(a, "the runs share seed.subset, so that they share their training data");
    return !whole && other_seed;
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    int64_t runs = kp_subject_count(a), n = kp_row_count(a, KP_ROWS_SPLIT);
    int64_t classes = kp_class_count(a);
    double s = (double)runs, variance = 0, bias = 0;

    (void)self;
    if (!varies(a, runs))
        return kp_analysis_status(a);
    double *sum = kp_analysis_alloc(a, double, (n * classes));
    double *square = kp_analysis_alloc(a, double, n);
    double *p = kp_analysis_alloc(a, double, classes);
    float *logits = kp_analysis_alloc(a, float, (CHUNK * classes));
    int32_t *labels = kp_analysis_alloc(a, int32_t, n);
    if (!sum || !square || !p || !logits || !labels)
        return kp_analysis_status(a);
    for (int64_t i = 0; i < runs; i++)
        if (!add_net(a, i, n, logits, p, sum, square, labels) ||
            !kp_analysis_progress(a, (double)(i + 1), s))
            return kp_analysis_status(a);
    for (int64_t i = 0; i < n; i++) {
        double q2 = 0, off = 0;

        for (int64_t k = 0; k < classes; k++) {
            double q = sum[i * classes + k] / s;
            double d = q - (k == labels[i]);
            q2 += q * q;
            off += d * d;
        }
        variance += (square[i] / s - q2) / (double)n;
        bias += off / (double)n;
    }
    variance *= s / (s - 1);
    kp_emit_whole(a, "variance", variance);
    kp_emit_whole(a, "bias2", bias - variance / s);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"variance", "", false, "variance of the softmax outputs over runs, unbiased"},
    {"bias2", "", false, "squared bias of the mean output, unbiased; holds the labels' noise"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_REFUSES_PAIRS,
    .scope = KP_SCOPE_GROUP,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def bias_variance = {
    .size = sizeof(struct kp_metric_def),
    .name = "bias_variance",
    .doc = "Bias and variance of the outputs over the seeds of a configuration.",
    .formula = "variance = 1 / (S - 1) sum_s mean_x |p_s - q|^2, p_s = softmax(z) of run s of S, "
               "q their mean\n"
               "bias2 = mean_x |q - onehot(y)|^2 - variance / S",
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "bias_variance",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&bias_variance, NULL},
};
