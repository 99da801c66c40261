/* feature_alignment.c - how alike the features of two nets point, example by example. */
#include "kappa/plugin.h"

#include <math.h>

/* FA = sum_i <a_i, b_i> / sqrt(sum_i |a_i|^2 sum_i |b_i|^2); for rows of unit length the mean
 * cosine. Only for features of equal width. Independent features that are rectified Gaussians give
 * 1 / pi. */
struct feature_alignment {
    int64_t n;
    bool normalise_rows;
};

static const struct kp_option options[] = {
    KP_INT(struct feature_alignment, n, "n", "0", 0, 10000000, "examples, 0: the whole split"),
    KP_BOOL(struct feature_alignment, normalise_rows, "normalise_rows", "true",
            "features of each example scaled to unit length first"),
};

enum { CHUNK = 1024 };

struct sums {
    double ab, aa, bb;
};

static void add_rows(const struct feature_alignment *o, const float *x, const float *y, int64_t n,
                     int64_t d, struct sums *s)
{
    for (int64_t i = 0; i < n; i++) {
        double ab = 0, aa = 0, bb = 0;

        for (int64_t k = i * d; k < (i + 1) * d; k++) {
            ab += (double)x[k] * (double)y[k];
            aa += (double)x[k] * (double)x[k];
            bb += (double)y[k] * (double)y[k];
        }
        if (o->normalise_rows) {
            s->ab += aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
            s->aa += aa > 0;
            s->bb += bb > 0;
        } else {
            s->ab += ab;
            s->aa += aa;
            s->bb += bb;
        }
    }
}

static void compare(const struct feature_alignment *o, struct kp_analysis *a, int64_t number,
                    const struct kp_net_pair *pair, int64_t n)
{
    int64_t width = kp_feature_width(a, pair->a), other = kp_feature_width(a, pair->b);
    struct sums s = {0, 0, 0};

    if (width == 0 || other == 0)
        return;
    if (width != other) {
        kp_analysis_absent(a, "the features have different widths: %lld and %lld", (long long)width,
                           (long long)other);
        return;
    }
    float *u = kp_analysis_alloc(a, float, (CHUNK * width));
    float *v = kp_analysis_alloc(a, float, (CHUNK * width));
    for (int64_t at = 0; u && v && at < n; at += CHUNK) {
        struct kp_read r = {
            .size = sizeof(r), .first = at, .count = n - at < CHUNK ? n - at : CHUNK};

        r.features = u;
        if (kp_read_rows(a, pair->a, &r) != KP_OK)
            return;
        r.features = v;
        if (kp_read_rows(a, pair->b, &r) != KP_OK)
            return;
        add_rows(o, u, v, r.count, width, &s);
        if (!kp_analysis_progress(a, (double)(at + r.count), (double)n))
            return;
    }
    kp_analysis_release(a, u);
    kp_analysis_release(a, v);
    if (!(s.aa > 0 && s.bb > 0))
        kp_analysis_absent(a, "the features are all zero");
    else
        kp_emit_pair(a, number, "feature_alignment", o->normalise_rows ? "unit rows" : "raw rows",
                     n, s.ab / sqrt(s.aa * s.bb));
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct feature_alignment *o = self;
    const struct kp_net_pair *pair;
    int64_t pairs = kp_net_pairs(a, &pair), n = kp_examples_wanted(a, KP_ROWS_SPLIT, o->n);

    for (int64_t i = 0; n > 0 && i < pairs && kp_analysis_status(a) == KP_OK; i++)
        compare(o, a, i, &pair[i], n);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"feature_alignment", "", true, "feature alignment, 1: the same directions"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_NEEDS_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def feature_alignment = {
    .size = sizeof(struct kp_metric_def),
    .name = "feature_alignment",
    .doc = "Alignment of two nets' features of equal width, example by example.",
    .formula = "feature_alignment = sum_i <a_i, b_i> / sqrt(sum_i |a_i|^2 sum_i |b_i|^2)\n"
               "a_i and b_i the features of example i${normalise_rows?true:, of length 1}",
    .self_size = sizeof(struct feature_alignment),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "feature_alignment",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&feature_alignment, NULL},
};
