/* cka.c - centred kernel alignment of two nets' features. */
#include "kappa/plugin.h"
#include "kappa/row.h"

#include <stdio.h>

/* Kornblith, Norouzi, Lee, Hinton: Similarity of Neural Network Representations Revisited, 2019.
 * With K = X X^T, L = Y Y^T, H = I - 11^T/n:
 *  biased    CKA = <HKH, HLH> / (|HKH| |HLH|) = |X'^T Y'|^2 / (|X'^T X'| |Y'^T Y'|), Frobenius
 *            norms, X', Y' column-centred
 *  unbiased  HSIC_1 of Song et al. 2012 in place of each product:
 *            [tr(K0 L0) + 1K0 1 1L0 1/((n-1)(n-2)) - 2/(n-2) 1K0 L0 1] / (n (n-3)),
 *            K0, L0 with zero diagonals
 *
 * Weighted by inverse frequency, for tokens of which a few kinds are most of a text: row i of X and
 * of Y is multiplied by w_i = 1 / f(y_i), over the largest of these, f(y) the share of label y
 * among the n rows, each label counted once more. */
struct cka {
    int64_t n;
    int estimator, weight;
    bool normalise_rows;
};

enum { BIASED, UNBIASED };
enum { PLAIN, WEIGHTED, BOTH };

static const char *const estimator_words[] = {"biased", "unbiased", NULL};
static const char *const weight_words[] = {"none", "inverse_frequency", "both", NULL};

static const struct kp_option options[] = {
    KP_INT(struct cka, n, "n", "1280", 4, 10000000,
           "examples, of a text tokens; the biased estimator depends on how many"),
    KP_ENUM(struct cka, estimator, "estimator", "biased", estimator_words,
            "biased is above 0 also for unrelated features, the more the wider they are"),
    KP_BOOL(struct cka, normalise_rows, "normalise_rows", "true",
            "features of each example scaled to unit length first; false is the custom for text"),
    KP_ENUM(struct cka, weight, "weight", "none", weight_words,
            "features multiplied by the inverse frequency of the example's label, a text's next "
            "token: cka_weighted"),
};

/* The features of one net as they are compared. */
struct side {
    int64_t width;
    double *x;     /* [n][width], rows normalised, then weighted; biased: columns centred */
    double *sum;   /* [width] sums of columns */
    double *norm2; /* [n] squared row lengths: the kernel's diagonal */
    double self;   /* HSIC with itself */
};

static void add_up(struct side *s, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const double *row = s->x + i * s->width;
        for (int64_t k = 0; k < s->width; k++) {
            s->sum[k] += row[k];
            s->norm2[i] += row[k] * row[k];
        }
    }
}

static void centre(struct side *s, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < s->width; k++)
            s->x[i * s->width + k] -= s->sum[k] / (double)n;
}

/* |A|^2, summed row by row. */
static double square_sum(const double *v, int64_t rows, int64_t columns)
{
    double sum = 0;

    for (int64_t i = 0; i < rows; i++) {
        double row = 0;
        for (int64_t k = 0; k < columns; k++)
            row += v[i * columns + k] * v[i * columns + k];
        sum += row;
    }
    return sum;
}

/* HSIC of two sides up to a factor that cancels; `product` is X^T Y.
 * Unbiased, from the features alone, with p_i = |x_i|^2, q_i = |y_i|^2, s = X^T 1, t = Y^T 1:
 *  tr(K0 L0) = |X^T Y|^2 - sum p q        1K0 1 = |s|^2 - sum p
 *  1K0 L0 1 = sum_i (x_i s - p_i)(y_i t - q_i) */
static double hsic(const struct cka *o, const struct side *a, const struct side *b, int64_t n,
                   const double *product)
{
    double trace = square_sum(product, a->width, b->width);
    double ones_a = square_sum(a->sum, 1, a->width), ones_b = square_sum(b->sum, 1, b->width);
    double cross = 0, m = (double)n;

    if (o->estimator == BIASED)
        return trace;
    for (int64_t i = 0; i < n; i++) {
        double x = -a->norm2[i], y = -b->norm2[i];
        for (int64_t k = 0; k < a->width; k++)
            x += a->x[i * a->width + k] * a->sum[k];
        for (int64_t k = 0; k < b->width; k++)
            y += b->x[i * b->width + k] * b->sum[k];
        cross += x * y;
        trace -= a->norm2[i] * b->norm2[i];
        ones_a -= a->norm2[i];
        ones_b -= b->norm2[i];
    }
    return (trace + ones_a * ones_b / ((m - 1) * (m - 2)) - 2 / (m - 2) * cross) / (m * (m - 3));
}

static void leave(struct kp_analysis *a, struct side *s)
{
    kp_analysis_release(a, s->x);
    kp_analysis_release(a, s->sum);
    kp_analysis_release(a, s->norm2);
    *s = (struct side){0};
}

/* weight [n], or NULL: each 1 */
static bool enter(const struct cka *o, struct kp_analysis *a, const float *features, int64_t width,
                  int64_t n, const double *weight, struct side *s)
{
    double *product;

    s->width = width;
    s->x = kp_analysis_alloc(a, double, (n * width));
    s->sum = kp_analysis_alloc(a, double, width);
    s->norm2 = kp_analysis_alloc(a, double, n);
    product = kp_analysis_alloc(a, double, (width * width));
    if (!s->x || !s->sum || !s->norm2 || !product)
        return false;
    for (int64_t i = 0; i < n; i++) {
        kp_row_widen(features + i * width, width, o->normalise_rows, s->x + i * width);
        for (int64_t k = 0; weight && k < width; k++)
            s->x[i * width + k] *= weight[i];
    }
    add_up(s, n);
    if (o->estimator == BIASED)
        centre(s, n);
    kp_gram(a, width, n, s->x, 0, product);
    s->self = hsic(o, s, s, n, product);
    kp_analysis_release(a, product);
    return kp_analysis_status(a) == KP_OK;
}

static double compare(const struct cka *o, struct kp_analysis *a, const struct side *x,
                      const struct side *y, int64_t n)
{
    double *product = kp_analysis_alloc(a, double, (x->width * y->width));
    double both;

    if (!product)
        return (double)NAN;
    kp_gemm64(a, true, false, x->width, y->width, n, x->x, y->x, 0, product);
    both = hsic(o, x, y, n, product);
    kp_analysis_release(a, product);
    return both / sqrt(x->self * y->self);
}

/* Features of all nets, as they were computed. */
struct features {
    float **of;
    int64_t *width;
};

static bool read_all(struct kp_analysis *a, int64_t n, struct features *f)
{
    int64_t nets = kp_net_count(a);

    f->of = kp_analysis_alloc(a, float *, nets);
    f->width = kp_analysis_alloc(a, int64_t, nets);
    for (int64_t i = 0; f->of && f->width && i < nets; i++) {
        struct kp_read r = {.size = sizeof(r), .count = n};

        f->width[i] = kp_feature_width(a, i);
        if (f->width[i] == 0)
            continue;
        r.features = f->of[i] = kp_analysis_alloc(a, float, (n * f->width[i]));
        if (!r.features || kp_read_rows(a, i, &r) != KP_OK ||
            !kp_analysis_progress(a, (double)(i + 1), (double)(nets + nets)))
            return false;
    }
    return kp_analysis_status(a) == KP_OK;
}

/* w [n] as above; NULL, and why, if there are none. */
static double *weigh(struct kp_analysis *a, int64_t n)
{
    int32_t *labels = kp_analysis_alloc(a, int32_t, n);
    int64_t *count = kp_analysis_alloc(a, int64_t, kp_class_count(a));
    double *w = kp_analysis_alloc(a, double, n);
    struct kp_read r = {.size = sizeof(r), .count = n, .labels = labels};
    int64_t least = n + 1, unlabelled = 0;

    if (!labels || !count || !w || kp_read_rows(a, 0, &r) != KP_OK)
        return NULL;
    for (int64_t i = 0; i < n; i++)
        if (labels[i] >= 0)
            count[labels[i]]++;
        else
            unlabelled++;
    if (unlabelled > 0) {
        kp_analysis_absent(a, "%lld of %lld examples have no label, which has no frequency",
                           (long long)unlabelled, (long long)n);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        least = count[labels[i]] < least ? count[labels[i]] : least;
    for (int64_t i = 0; i < n; i++)
        w[i] = (double)(least + 1) / (double)(count[labels[i]] + 1);
    return w;
}

/* All pairs, with weights or, with NULL, without. `done` counts pairs of `total`. */
static void compare_all(const struct cka *o, struct kp_analysis *a, const struct features *f,
                        int64_t n, const double *weight, int64_t done, int64_t total)
{
    const struct kp_net_pair *pair;
    const int64_t pairs = kp_net_pairs(a, &pair);
    struct side x = {0}, y = {0};
    int64_t x_is = -1;
    char how[64];

    (void)snprintf(how, sizeof(how), "%s%s%s", estimator_words[o->estimator], weight ? " freq" : "",
                   o->normalise_rows ? ", unit rows" : "");
    for (int64_t i = 0; i < pairs; i++) {
        if (!f->of[pair[i].a] || !f->of[pair[i].b])
            continue;
        if (x_is != pair[i].a) {
            leave(a, &x);
            x_is = pair[i].a;
            if (!enter(o, a, f->of[pair[i].a], f->width[pair[i].a], n, weight, &x))
                break;
        }
        if (!enter(o, a, f->of[pair[i].b], f->width[pair[i].b], n, weight, &y))
            break;
        double value = compare(o, a, &x, &y, n);
        if (x.self > 0 && y.self > 0)
            kp_emit_pair(a, i, weight ? "cka_weighted" : "cka", how, n, value);
        else
            kp_analysis_absent(a, "the features of net %lld or %lld do not vary%s",
                               (long long)pair[i].a, (long long)pair[i].b,
                               o->estimator == UNBIASED ? " enough for this estimator" : "");
        leave(a, &y);
        if (!kp_analysis_progress(a, (double)(done + i + 1), (double)total))
            break;
    }
    leave(a, &x);
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct cka *o = self;
    const struct kp_net_pair *pair;
    const int64_t pairs = kp_net_pairs(a, &pair), n = kp_examples_wanted(a, KP_ROWS_SPLIT, o->n);
    const int64_t total =
        (o->weight == BOTH ? 3 : 2) * pairs; /* reading counts as the first part */
    struct features f = {0};

    if (n == 0 || !read_all(a, n, &f))
        return kp_analysis_status(a);
    if (o->weight != WEIGHTED)
        compare_all(o, a, &f, n, NULL, pairs, total);
    if (o->weight != PLAIN) {
        const double *w = weigh(a, n);
        if (w)
            compare_all(o, a, &f, n, w, total - pairs, total);
    }
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"cka", "", true,
     "centred kernel alignment of the features, 1: alike up to rotation and scale"},
    {"cka_weighted", "", true, "as cka, rows weighted by the inverse frequency of their labels"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_NEEDS_PAIRS,
    .scope = KP_SCOPE_EACH,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def cka = {
    .size = sizeof(struct kp_metric_def),
    .name = "cka",
    .doc = "Centred kernel alignment of two nets' features.",
    .formula =
        "${estimator?biased:cka = tr(K H L H) / sqrt(tr(K H K H) tr(L H L H)), "
        "H = I - 1 1^T / n;unbiased:"
        "cka = HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L))\n"
        "HSIC_1 = [tr(K0 L0) + 1 K0 1 1 L0 1 / ((n - 1) (n - 2)) - 2 1 K0 L0 1 / (n - 2)] "
        "/ (n (n - 3)), K0 and L0 with zero diagonals}\n"
        "K = X X^T, L = Y Y^T, X and Y the features of n examples"
        "${normalise_rows?true:, rows of length 1}"
        "${weight?none:;*:\ncka_weighted: rows times w_i = (1 / f(y_i)) / max, f(y) the share of "
        "label y among them, each counted once more}",
    .self_size = sizeof(struct cka),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "cka",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&cka, NULL},
};
