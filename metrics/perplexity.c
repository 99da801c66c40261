/* perplexity.c - how well a language model predicts text: for each token and for each character. */
#include "kappa/plugin.h"
#include "kappa/row.h"

enum { CROSS_ENTROPY, LABELLED, AMONG, CHARACTERS, SUMS };

struct perplexity {
    int64_t k;
};

static const struct kp_option perplexity_options[] = {
    KP_INT(struct perplexity, k, "k", "10", 1, 1e6,
           "top_k counts a token that is among so many of the likeliest"),
};

/* Are fewer than k logits above the label's? Of equal ones the first counts as the larger; one that
 * is no number is above all others. */
static bool is_among(const float *z, int64_t n, int32_t label, int64_t k)
{
    int64_t above = 0;

    for (int64_t i = 0; i < n; i++)
        above += i < label ? !(z[i] < z[label]) : i > label && !(z[i] <= z[label]);
    return above < k && !isnan(z[label]);
}

static void perplexity_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    const struct perplexity *p = self;

    for (int64_t i = 0; i < rows->count; i++) {
        const float *z = rows->logits + i * rows->classes;
        int32_t label = rows->labels[i];

        if (label < 0)
            continue;
        sums[LABELLED] += 1;
        sums[CROSS_ENTROPY] += kp_row_log_sum_exp(z, rows->classes) - (double)z[label];
        sums[AMONG] += is_among(z, rows->classes, label, p->k);
        if (rows->length)
            sums[CHARACTERS] += (double)rows->length[label];
    }
}

static void perplexity_result(const void *self, const double *sums, double *values)
{
    const bool any = sums[LABELLED] > 0, text = sums[CHARACTERS] > 0;

    (void)self;
    values[0] = any ? exp(sums[CROSS_ENTROPY] / sums[LABELLED]) : (double)NAN;
    values[1] = text ? exp(sums[CROSS_ENTROPY] / sums[CHARACTERS]) : (double)NAN;
    values[2] = any ? 100.0 * sums[AMONG] / sums[LABELLED] : (double)NAN;
}

static const struct kp_metric_value perplexity_values[] = {
    {"perplexity", "", false, "of a token"},
    {"normalised_perplexity", "", false,
     "of a character, comparable between tokenisers; none where the dataset gives no lengths"},
    {"top_k", "%", true, "tokens that are among the k likeliest"},
};

static const struct kp_metric_def perplexity = {
    .size = sizeof(struct kp_metric_def),
    .name = "perplexity",
    .doc = "Perplexity of each token and of each character, and top-k accuracy.",
    .formula = "perplexity = exp(sum -log softmax(z)_y / tokens that have a label y)\n"
               "normalised_perplexity = exp(the same sum / characters of these tokens' text)\n"
               "top_k = 100 mean 1[y is among the ${k} largest z]",
    .self_size = sizeof(struct perplexity),
    .options = KP_OPTIONS(perplexity_options),
    KP_VALUES(perplexity_values),
    .sum_count = SUMS,
    .observe = perplexity_observe,
    .result = perplexity_result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "perplexity",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&perplexity, NULL},
};
