/* spectrum.c - eigenvalues of the covariance of a net's features. */
#include "kappa/plugin.h"
#include "kappa/row.h"

/* Of C = X'^T X' / n, X' the column-centred features (n, d), largest first; once as they are and
 * once with each example's features scaled to unit length. With K classes a trained net is expected
 * to drop after about K of them. */
struct spectrum {
    int64_t n;
};

static const struct kp_option options[] = {
    KP_INT(struct spectrum, n, "n", "0", 0, 10000000, "examples, 0: the whole split"),
};

/* x = the centred features, of unit length before that if asked for.   features, x (n, d) */
static void fill(const float *features, int64_t n, int64_t d, bool unit, double *x)
{
    for (int64_t i = 0; i < n; i++)
        kp_row_widen(features + i * d, d, unit, x + i * d);
    for (int64_t k = 0; k < d; k++) {
        double mean = 0;

        for (int64_t i = 0; i < n; i++)
            mean += x[i * d + k] / (double)n;
        for (int64_t i = 0; i < n; i++)
            x[i * d + k] -= mean;
    }
}

/* The number i, from 1, after which lambda_i / lambda_(i + 1) is largest among those that are not
 * rounding errors. */
static int64_t largest_drop(const double *lambda, int64_t d)
{
    int64_t best = 0;
    double most = 0;

    for (int64_t i = 1; i < d && lambda[i] > 1e-10 * lambda[0]; i++)
        if (lambda[i - 1] / lambda[i] > most) {
            most = lambda[i - 1] / lambda[i];
            best = i;
        }
    return best;
}

struct names {
    const char *eigenvalues, *ratio, *drop;
};

static void decompose(struct kp_analysis *a, int64_t subject, const float *features, int64_t n,
                      int64_t d, bool unit, const struct names *names)
{
    double *x = kp_analysis_alloc(a, double, (n * d));
    double *c = kp_analysis_alloc(a, double, (d * d));
    double *rising = kp_analysis_alloc(a, double, d);
    double *lambda = kp_analysis_alloc(a, double, d);
    int64_t classes = kp_class_count(a);

    if (!x || !c || !rising || !lambda)
        return;
    fill(features, n, d, unit, x);
    kp_gram(a, d, n, x, 0, c);
    if (kp_eigenvalues(a, d, c, rising) != KP_OK)
        return;
    for (int64_t i = 0; i < d; i++)
        lambda[i] = rising[d - 1 - i] / (double)n;
    kp_emit_array(a, names->eigenvalues, kp_shape1(d), lambda);
    if (classes < d && lambda[classes] > 0)
        kp_emit(a, subject, names->ratio, lambda[classes - 1] / lambda[classes]);
    else
        kp_analysis_absent(a, "%lld features, fewer than %lld + 1 eigenvalues above 0",
                           (long long)d, (long long)classes);
    if (lambda[0] > 0 && d > 1)
        kp_emit(a, subject, names->drop, (double)largest_drop(lambda, d));
    kp_analysis_release(a, x);
    kp_analysis_release(a, c);
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    static const struct names raw = {"eigenvalues", "eigenvalue_ratio", "eigenvalue_drop"};
    static const struct names unit = {"eigenvalues_unit", "eigenvalue_ratio_unit",
                                      "eigenvalue_drop_unit"};
    const struct spectrum *o = self;
    int64_t n = kp_examples_wanted(a, KP_ROWS_SPLIT, o->n), width = kp_feature_width(a, 0);
    struct kp_read r = {.size = sizeof(r), .count = n};

    if (n == 0 || width == 0)
        return kp_analysis_status(a);
    r.features = kp_analysis_alloc(a, float, (n * width));
    if (!r.features || kp_read_rows(a, 0, &r) != KP_OK)
        return kp_analysis_status(a);
    decompose(a, 0, r.features, n, width, false, &raw);
    decompose(a, 0, r.features, n, width, true, &unit);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"eigenvalues", "", true, "of the centred features' covariance, largest first"},
    {"eigenvalue_ratio", "", true, "the K-th over the next, K classes"},
    {"eigenvalue_drop", "", true, "the number after which they drop most"},
    {"eigenvalues_unit", "", true, "as eigenvalues, of features of unit length"},
    {"eigenvalue_ratio_unit", "", true, "as eigenvalue_ratio, of features of unit length"},
    {"eigenvalue_drop_unit", "", true, "as eigenvalue_drop, of features of unit length"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_REFUSES_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def spectrum = {
    .size = sizeof(struct kp_metric_def),
    .name = "spectrum",
    .doc = "Eigenvalues of the covariance of a net's features.",
    .formula = "eigenvalues lambda of X^T X / n, X the features less their mean\n"
               "eigenvalue_ratio = lambda_K / lambda_(K+1), K classes\n"
               "eigenvalue_drop = the i of the largest lambda_i / lambda_(i+1)",
    .self_size = sizeof(struct spectrum),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "spectrum",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&spectrum, NULL},
};
