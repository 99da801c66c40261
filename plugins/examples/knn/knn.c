/* knn.c - accuracy of a vote among the nearest training examples, by a net's features. */
#include <kappa/plugin.h>
#include <kappa/row.h>

#include <math.h>

/* Each test example takes the class that most of its k nearest neighbours have, in the space of
 * features; of classes with equal votes the first, of neighbours at equal distance those that come
 * first. */
enum { COSINE, EUCLIDEAN };

struct knn {
    int64_t k, examples;
    int distance;
};

static const char *const distances[] = {"cosine", "euclidean", NULL};

static const struct kp_option options[] = {
    KP_INT(struct knn, k, "k", "20", 1, 4096, "neighbours that vote"),
    KP_INT(struct knn, examples, "examples", "0", 0, 100000000,
           "training examples that they are looked for among, 0: all"),
    KP_ENUM(struct knn, distance, "distance", "cosine", distances, "which neighbours are near"),
};

enum { CHUNK = 512 };

struct neighbour {
    double distance;
    int32_t label;
};

/* Features of some examples, as the distance wants them. */
struct block {
    double *rows;    /* [CHUNK][width] */
    double *squares; /* [CHUNK] of the rows' lengths */
};

static bool make_block(struct kp_analysis *a, int64_t width, struct block *b)
{
    b->rows = kp_analysis_alloc(a, double, (CHUNK * width));
    b->squares = kp_analysis_alloc(a, double, CHUNK);
    return b->rows && b->squares;
}

static void fill(const struct knn *o, const float *features, int64_t count, int64_t width,
                 struct block *b)
{
    for (int64_t i = 0; i < count; i++) {
        double *row = b->rows + i * width;

        kp_row_widen(features + i * width, width, o->distance == COSINE, row);
        b->squares[i] = 0;
        for (int64_t k = 0; k < width; k++)
            b->squares[i] += row[k] * row[k];
    }
}

/* nearest [k] rises; later ones of equal distance stay behind. */
static void consider(struct neighbour *nearest, int64_t k, struct neighbour one)
{
    int64_t at = k;

    for (; at > 0 && one.distance < nearest[at - 1].distance; at--)
        if (at < k)
            nearest[at] = nearest[at - 1];
    if (at < k)
        nearest[at] = one;
}

static int64_t vote(const struct neighbour *nearest, int64_t k, int64_t *votes, int64_t classes)
{
    int64_t best = 0;

    for (int64_t c = 0; c < classes; c++)
        votes[c] = 0;
    for (int64_t i = 0; i < k; i++)
        votes[nearest[i].label]++;
    for (int64_t c = 1; c < classes; c++)
        if (votes[c] > votes[best])
            best = c;
    return best;
}

struct work {
    const struct knn *o;
    struct kp_analysis *a;
    int64_t width, bank_count;
    const float *bank;         /* [bank_count][width] */
    const int32_t *labels;     /* [bank_count] */
    struct block asked, known; /* a chunk of test examples, and of the bank */
    double *products;          /* [CHUNK][CHUNK] */
    struct neighbour *nearest; /* [CHUNK][k] */
    int64_t *votes;            /* [classes] */
};

/* Squared distances of `count` examples in `asked` to all of the bank; the nearest of each. */
static void search(struct work *w, int64_t count)
{
    const int64_t k = w->o->k;

    for (int64_t i = 0; i < count * k; i++)
        w->nearest[i] = (struct neighbour){HUGE_VAL, 0};
    for (int64_t at = 0; at < w->bank_count; at += CHUNK) {
        const int64_t n = w->bank_count - at < CHUNK ? w->bank_count - at : CHUNK;

        fill(w->o, w->bank + at * w->width, n, w->width, &w->known);
        kp_gemm64(w->a, false, true, count, n, w->width, w->asked.rows, w->known.rows, 0,
                  w->products);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < n; j++) {
                const double product = w->products[i * n + j];
                const double d = w->asked.squares[i] + w->known.squares[j] - 2 * product;
                consider(w->nearest + i * k, k, (struct neighbour){d, w->labels[at + j]});
            }
    }
}

/* Share of the test examples whose neighbours are right, in percent. */
static double accuracy(struct work *w, int64_t subject, float *features, int32_t *labels)
{
    const int64_t total = kp_row_count(w->a, KP_ROWS_TEST), classes = kp_class_count(w->a);
    int64_t right = 0;

    for (int64_t at = 0; at < total && kp_analysis_progress(w->a, (double)at, (double)total);
         at += CHUNK) {
        const int64_t n = total - at < CHUNK ? total - at : CHUNK;
        struct kp_read r = {sizeof(r), KP_ROWS_TEST, at, n, .features = features, .labels = labels};

        if (kp_read_rows(w->a, subject, &r) != KP_OK)
            return 0;
        fill(w->o, features, n, w->width, &w->asked);
        search(w, n);
        for (int64_t i = 0; i < n; i++)
            right += vote(w->nearest + i * w->o->k, w->o->k, w->votes, classes) == labels[i];
    }
    return 100.0 * (double)right / (double)total;
}

static void look(const struct knn *o, struct kp_analysis *a, int64_t subject, int64_t count)
{
    struct work w = {.o = o, .a = a, .width = kp_feature_width(a, subject), .bank_count = count};

    if (w.width == 0)
        return;
    float *bank = kp_analysis_alloc(a, float, (count * w.width));
    int32_t *bank_labels = kp_analysis_alloc(a, int32_t, count);
    float *features = kp_analysis_alloc(a, float, (CHUNK * w.width));
    int32_t *labels = kp_analysis_alloc(a, int32_t, CHUNK);
    struct kp_read r = {sizeof(r), KP_ROWS_TRAIN,    0,
                        count,     .features = bank, .labels = bank_labels};

    w.bank = bank;
    w.labels = bank_labels;
    w.products = kp_analysis_alloc(a, double, CHUNK *CHUNK);
    w.nearest = kp_analysis_alloc(a, struct neighbour, (CHUNK * o->k));
    w.votes = kp_analysis_alloc(a, int64_t, kp_class_count(a));
    if (!make_block(a, w.width, &w.asked) || !make_block(a, w.width, &w.known) ||
        kp_analysis_status(a) != KP_OK || kp_read_rows(a, subject, &r) != KP_OK)
        return;
    const double value = accuracy(&w, subject, features, labels);
    kp_emit(a, subject, "knn_accuracy", value);
    kp_analysis_release(a, bank);
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct knn *o = self;
    const int64_t count = kp_examples_wanted(a, KP_ROWS_TRAIN, o->examples);

    if (count > 0 && count < o->k) {
        kp_analysis_absent(a, "%lld examples are fewer than k = %lld", (long long)count,
                           (long long)o->k);
        return KP_OK;
    }
    for (int64_t i = 0; count > 0 && i < kp_subject_count(a); i++)
        look(o, a, i, count);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"knn_accuracy", "%", true, "accuracy of the nearest neighbours' vote on the test split"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_REFUSES_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def knn = {
    .size = sizeof(struct kp_metric_def),
    .name = "knn",
    .doc = "Accuracy of the nearest neighbours' vote, by a net's features.",
    .self_size = sizeof(struct knn),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "knn",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&knn, NULL},
};
