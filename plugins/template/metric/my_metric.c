/* my_metric.c - the share of examples whose label is among the k largest logits.
 *
 * A metric adds up sums over the rows of a pass, observe(), and makes its values of them, result().
 * Then the batches in which the rows come make no difference. kappa/metric.h has the rules,
 * kappa/row.h arithmetic on a row; kappa/analysis.h is for metrics that look at finished runs. */
#include <kappa/plugin.h>

#include <math.h>

/* The state: the options of [metric.my_metric]. */
struct my_metric_state {
    int64_t k;
};

static const struct kp_option my_metric_options[] = {
    KP_INT(struct my_metric_state, k, "k", "5", 1, 1000000, "how many classes may be named"),
};

enum { MY_METRIC_HITS, MY_METRIC_LABELLED, MY_METRIC_SUMS };

static void my_metric_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    const struct my_metric_state *m = self;

    for (int64_t i = 0; i < rows->count; i++) {
        const float *z = rows->logits + i * rows->classes;
        int32_t label = rows->labels[i];
        int64_t better = 0;

        if (label < 0) /* an example without one */
            continue;
        for (int64_t c = 0; c < rows->classes; c++)
            better += z[c] > z[label];
        sums[MY_METRIC_HITS] += better < m->k;
        sums[MY_METRIC_LABELLED] += 1;
    }
}

/* NaN stands for a value that there is not. */
static void my_metric_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[MY_METRIC_LABELLED] > 0 ? 100 * sums[MY_METRIC_HITS] / sums[MY_METRIC_LABELLED]
                                             : (double)NAN;
}

/* Stored as train/my_metric, test/my_metric: name, unit, higher is better, what it means. */
static const struct kp_metric_value my_metric_values[] = {
    {"my_metric", "%", true, "examples whose label is among the k largest logits"},
};

static const struct kp_metric_def my_metric_def = {
    .size = sizeof(struct kp_metric_def),
    .name = "my_metric",
    .doc = "Top-k accuracy.",
    .self_size = sizeof(struct my_metric_state),
    .options = KP_OPTIONS(my_metric_options),
    KP_VALUES(my_metric_values),
    .sum_count = MY_METRIC_SUMS,
    .observe = my_metric_observe,
    .result = my_metric_result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "my_metric",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&my_metric_def, NULL},
};
