/* linear_probe.c - a linear classifier trained on a net's features. */
#include "kappa/plugin.h"

#include <math.h>

/* Multinomial logistic regression on raw features x (n, d) and true labels y:
 *   F(W, b) = |W|^2 / 2 + c sum_i -log softmax(W x_i + b)[y_i],   W (K, d), b (K) not penalised
 * minimised by L-BFGS from 0 until the largest element of grad F / (c n) is below the tolerance or
 * the iterations are spent: the rule of scikit-learn's LogisticRegression, whose solver divides the
 * objective by c n. The number of iterations usually decides, so that too is stored. */
struct linear_probe {
    int64_t examples;
    double c, tolerance;
    int64_t iterations;
};

static const struct kp_option options[] = {
    KP_INT(struct linear_probe, examples, "examples", "0", 0, 100000000,
           "training examples of the probe, from all of the dataset's; 0: all"),
    KP_REAL(struct linear_probe, c, "c", "1", 1e-12, 1e12, "weight of the loss over the penalty"),
    KP_REAL(struct linear_probe, tolerance, "tolerance", "1e-4", 0, 1,
            "largest gradient element at which the probe is trained"),
    KP_INT(struct linear_probe, iterations, "iterations", "100", 1, 1000000, "at most"),
};

enum { CHUNK = 1024 };

struct problem {
    struct kp_analysis *a;
    double c;
    int64_t n, d, k;
    const float *x;   /* [n][d] */
    const int32_t *y; /* [n] */
    double *rows;     /* [CHUNK][d] */
    double *scores;   /* [CHUNK][k] */
};

/* Scores of a chunk become softmax - onehot; its loss is returned. */
static double residuals(const struct problem *p, int64_t at, int64_t count, const double *bias)
{
    double loss = 0;

    for (int64_t i = 0; i < count; i++) {
        double *z = p->scores + i * p->k;
        int32_t y = p->y[at + i];
        double most = -HUGE_VAL, sum = 0;

        for (int64_t k = 0; k < p->k; k++) {
            z[k] += bias[k];
            most = fmax(most, z[k]);
        }
        for (int64_t k = 0; k < p->k; k++)
            sum += exp(z[k] - most);
        loss += most + log(sum) - z[y];
        for (int64_t k = 0; k < p->k; k++)
            z[k] = exp(z[k] - most) / sum;
        z[y] -= 1;
    }
    return loss;
}

static int64_t chunk_at(const struct problem *p, int64_t at)
{
    int64_t count = p->n - at < CHUNK ? p->n - at : CHUNK;

    for (int64_t i = 0; i < count * p->d; i++)
        p->rows[i] = (double)p->x[at * p->d + i];
    return count;
}

/* F / (c n); v = (W, b). */
static double evaluate(void *arg, const double *v, double *g, int64_t size)
{
    const struct problem *p = arg;
    int64_t weights = p->k * p->d;
    double loss = 0, penalty = 0, scale = 1 / (p->c * (double)p->n);

    for (int64_t i = 0; i < size; i++)
        g[i] = 0;
    for (int64_t at = 0; at < p->n; at += CHUNK) {
        int64_t count = chunk_at(p, at);

        kp_gemm64(p->a, false, true, count, p->k, p->d, p->rows, v, 0, p->scores);
        loss += residuals(p, at, count, v + weights);
        kp_gemm64(p->a, true, false, p->k, p->d, count, p->scores, p->rows, 1, g);
        for (int64_t i = 0; i < count; i++)
            for (int64_t k = 0; k < p->k; k++)
                g[weights + k] += p->scores[i * p->k + k];
    }
    for (int64_t i = 0; i < weights; i++) {
        penalty += v[i] * v[i] / 2;
        g[i] = (g[i] * p->c + v[i]) * scale;
    }
    for (int64_t i = weights; i < size; i++)
        g[i] *= p->c * scale;
    return (p->c * loss + penalty) * scale;
}

static double accuracy(struct problem *p, const double *v)
{
    int64_t right = 0;

    for (int64_t at = 0; at < p->n; at += CHUNK) {
        int64_t count = chunk_at(p, at);

        kp_gemm64(p->a, false, true, count, p->k, p->d, p->rows, v, 0, p->scores);
        for (int64_t i = 0; i < count; i++) {
            const double *z = p->scores + i * p->k, *b = v + p->k * p->d;
            int64_t best = 0;
            for (int64_t k = 1; k < p->k; k++)
                if (z[k] + b[k] > z[best] + b[best])
                    best = k;
            right += best == p->y[at + i];
        }
    }
    return 100.0 * (double)right / (double)p->n;
}

/* Features and labels; the problem without its scratch. */
static bool read(struct kp_analysis *a, int64_t net, enum kp_rows_from from, int64_t n, int64_t d,
                 struct problem *p)
{
    struct kp_read r = {.size = sizeof(r), .from = from, .count = n};

    r.features = kp_analysis_alloc(a, float, (n * d));
    r.labels = kp_analysis_alloc(a, int32_t, n);
    p->x = r.features;
    p->y = r.labels;
    p->n = n;
    p->d = d;
    return r.features && r.labels && kp_read_rows(a, net, &r) == KP_OK;
}

static void probe(const struct linear_probe *o, struct kp_analysis *a, int64_t subject, int64_t n)
{
    int64_t width = kp_feature_width(a, subject);
    struct problem train = {.a = a, .c = o->c, .k = kp_class_count(a)}, test = train;
    struct kp_minimise how = {
        .size = sizeof(how), .tolerance = o->tolerance, .max_iterations = o->iterations};
    double *v;

    if (width == 0 || !read(a, subject, KP_ROWS_TRAIN, n, width, &train) ||
        !read(a, subject, KP_ROWS_TEST, kp_row_count(a, KP_ROWS_TEST), width, &test))
        return;
    train.rows = test.rows = kp_analysis_alloc(a, double, (CHUNK * width));
    train.scores = test.scores = kp_analysis_alloc(a, double, (CHUNK * train.k));
    v = kp_analysis_alloc(a, double, (train.k * (width + 1)));
    if (!train.rows || !train.scores || !v)
        return;
    if (kp_minimise_lbfgs(a, &how, evaluate, &train, train.k * (width + 1), v) != KP_OK)
        return;
    kp_emit(a, subject, "probe_accuracy", accuracy(&test, v));
    kp_emit(a, subject, "probe_fit", accuracy(&train, v));
    kp_emit(a, subject, "probe_loss", how.value);
    kp_emit(a, subject, "probe_converged", how.converged);
    kp_emit(a, subject, "probe_iterations", (double)how.iterations);
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct linear_probe *o = self;
    int64_t n = kp_examples_wanted(a, KP_ROWS_TRAIN, o->examples);

    for (int64_t i = 0; n > 0 && i < kp_subject_count(a) && kp_analysis_status(a) == KP_OK; i++)
        probe(o, a, i, n);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"probe_accuracy", "%", true, "accuracy of the probe on the test split"},
    {"probe_fit", "%", true, "accuracy of the probe on the examples that it was trained on"},
    {"probe_loss", "nats", false, "F / (c n) where it stopped"},
    {"probe_converged", "", true, "1: by its tolerance; 0: by the number of iterations"},
    {"probe_iterations", "", false, "iterations of L-BFGS"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_REFUSES_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def linear_probe = {
    .size = sizeof(struct kp_metric_def),
    .name = "linear_probe",
    .doc = "Accuracy of logistic regression on a net's features.",
    .formula = "F = |W|^2 / 2 + c sum_i -log softmax(W x_i + b)_y, x the features of n examples, "
               "minimised over W and b\n"
               "probe_loss = F / (c n)\n"
               "probe_accuracy, probe_fit = 100 mean 1[argmax (W x + b) = y]",
    .self_size = sizeof(struct linear_probe),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "linear_probe",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&linear_probe, NULL},
};
