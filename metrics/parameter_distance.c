/* parameter_distance.c - how far apart the parameters of two nets of one architecture are. */
#include "kappa/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* From the initial weights (with = init) it says how far training moved: a net that stays near them
 * learns as its linearisation does. */

enum { CHUNK = 1 << 16 };

enum { TEXT = 96 };

/* "weight (60, 9)" */
static void describe(const struct kp_param_block *b, char out[TEXT])
{
    int at = snprintf(out, TEXT, "%.40s (", b->name);

    for (int32_t i = 0; i < b->shape.n && at < TEXT; i++)
        at += snprintf(out + at, (size_t)(TEXT - at), "%s%lld", i == 0 ? "" : ", ",
                       (long long)b->shape.dim[i]);
    if (at < TEXT)
        (void)snprintf(out + at, (size_t)(TEXT - at), ")");
}

static bool is_same(const struct kp_param_block *u, const struct kp_param_block *v)
{
    return strcmp(u->name, v->name) == 0 && kp_shape_equal(u->shape, v->shape);
}

/* Parameters of both, or 0, with the reason said, if their blocks differ. */
static int64_t count_params(struct kp_analysis *a, const struct kp_net_pair *pair)
{
    const struct kp_param_block *u, *v;
    int64_t ours = kp_param_blocks(a, pair->a, &u), theirs = kp_param_blocks(a, pair->b, &v);
    const struct kp_net_facts *facts = kp_facts(a, pair->a);

    if (kp_analysis_status(a) != KP_OK || !facts)
        return 0;
    for (int64_t i = 0; i < ours && i < theirs; i++)
        if (!is_same(&u[i], &v[i])) {
            char one[TEXT], other[TEXT];
            describe(&u[i], one);
            describe(&v[i], other);
            kp_analysis_absent(a, "the architectures differ: parameter %s beside %s", one, other);
            return 0;
        }
    if (ours == theirs)
        return facts->params;
    kp_analysis_absent(a, "the architectures differ: %lld and %lld parameter tensors",
                       (long long)ours, (long long)theirs);
    return 0;
}

static void compare(struct kp_analysis *a, int64_t number, const struct kp_net_pair *pair, float *u,
                    float *v)
{
    const int64_t n = count_params(a, pair);
    double apart = 0, length = 0;

    for (int64_t at = 0; at < n; at += CHUNK) {
        const int64_t count = n - at < CHUNK ? n - at : CHUNK;

        if (kp_read_params(a, pair->a, at, count, u) != KP_OK ||
            kp_read_params(a, pair->b, at, count, v) != KP_OK ||
            !kp_analysis_progress(a, (double)at, (double)n))
            return;
        for (int64_t i = 0; i < count; i++) {
            const double d = (double)u[i] - (double)v[i];
            apart += d * d;
            length += (double)v[i] * (double)v[i];
        }
    }
    if (n == 0)
        return;
    kp_emit_pair(a, number, "parameter_distance", "", n, sqrt(apart));
    if (length > 0)
        kp_emit_pair(a, number, "relative_parameter_distance", "", n, sqrt(apart / length));
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct kp_net_pair *pair;
    int64_t pairs = kp_net_pairs(a, &pair);
    float *u = kp_analysis_alloc(a, float, CHUNK), *v = kp_analysis_alloc(a, float, CHUNK);

    (void)self;
    for (int64_t i = 0; u && v && i < pairs && kp_analysis_status(a) == KP_OK; i++)
        compare(a, i, &pair[i], u, v);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"parameter_distance", "", false, "Euclidean distance of the two vectors of parameters"},
    {"relative_parameter_distance", "", false, "the same, over the length of the partner's vector"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_NEEDS_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def parameter_distance = {
    .size = sizeof(struct kp_metric_def),
    .name = "parameter_distance",
    .doc = "Distance of the parameters of two nets of one architecture.",
    .formula = "parameter_distance = |a - b|\n"
               "relative_parameter_distance = |a - b| / |b|\n"
               "a and b all trainable parameters, as they are: nets that differ in the order of\n"
               "their units are far apart and compute the same",
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "parameter_distance",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&parameter_distance, NULL},
};
