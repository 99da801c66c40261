/* ntk.c - neural tangent kernels of two nets, compared. */
#include "kappa/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Theta(x, x') = sum_k <df_k(x)/dtheta, df_k(x')/dtheta> over all trainable parameters, in
 * evaluation mode; pseudo: <sum_k df_k(x)/dtheta, sum_k df_k(x')/dtheta>. What is compared is the
 * centred kernel alignment <HKH, HLH> / (|HKH| |HLH|) of two such kernels. The two modes are not
 * interchangeable.
 *
 * One slab holds the gradients of all examples for one logit and a range of parameters in single
 * precision; its Gram matrix is added up in double precision. */
struct ntk {
    int64_t n;
    int mode;
    int64_t memory; /* MiB */
};

enum { TRACE, PSEUDO };

static const char *const mode_words[] = {"trace", "pseudo", NULL};

static const struct kp_option options[] = {
    KP_INT(struct ntk, n, "n", "300", 4, 100000, "examples"),
    KP_ENUM(struct ntk, mode, "mode", "trace", mode_words,
            "trace: summed over logits; pseudo: of the sum of the logits"),
    KP_INT(
        struct ntk, memory, "memory", "1024", 1, 1048576,
        "MiB for the gradients of all examples; where they need more, they are computed in parts"),
};

/* Add the kernel of one logit (or of their sum, k = -1) to gram (n, n). */
static void add_logit(const struct ntk *o, struct kp_analysis *a, int64_t net, int64_t k,
                      float *slab, int64_t range, double *gram, double done, double total)
{
    const struct kp_net_facts *facts = kp_facts(a, net);
    struct kp_read r = {.size = sizeof(r), .count = o->n};
    int64_t classes = kp_class_count(a);
    float *cotangent = kp_analysis_alloc(a, float, classes);

    for (int64_t i = 0; cotangent && i < classes; i++)
        cotangent[i] = k < 0 || i == k ? 1.0F : 0.0F;
    for (int64_t at = 0; cotangent && facts && at < facts->params; at += range) {
        int64_t count = facts->params - at < range ? facts->params - at : range;

        if (kp_example_grads(a, net, &r, cotangent, at, count, slab) != KP_OK)
            return;
        kp_gram_rows_f32(a, o->n, count, slab, 1, gram);
        if (!kp_analysis_progress(a, done + (double)(at + count) / (double)facts->params, total))
            return;
    }
    kp_analysis_release(a, cotangent);
}

/* K := H K H */
static void centre(struct kp_analysis *a, double *gram, int64_t n)
{
    double *mean = kp_analysis_alloc(a, double, n);
    double all = 0;

    for (int64_t i = 0; mean && i < n; i++) {
        for (int64_t j = 0; j < n; j++)
            mean[i] += gram[i * n + j] / (double)n;
        all += mean[i] / (double)n;
    }
    for (int64_t i = 0; mean && i < n; i++)
        for (int64_t j = 0; j < n; j++)
            gram[i * n + j] += all - mean[i] - mean[j];
    kp_analysis_release(a, mean);
}

static double inner(const double *x, const double *y, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++) {
        double row = 0;
        for (int64_t j = 0; j < n; j++)
            row += x[i * n + j] * y[i * n + j];
        sum += row;
    }
    return sum;
}

/* The centred kernel of a net; NULL after an error. */
static double *kernel(const struct ntk *o, struct kp_analysis *a, int64_t net, double done,
                      double total)
{
    const struct kp_net_facts *facts = kp_facts(a, net);
    double *gram = kp_analysis_alloc(a, double, (o->n * o->n));
    int64_t passes = o->mode == TRACE ? kp_class_count(a) : 1;
    int64_t range;
    float *slab;

    if (!facts || !gram)
        return NULL;
    range = o->memory * 1048576 / (o->n * (int64_t)sizeof(float));
    range = range < 1 ? 1 : range > facts->params ? facts->params : range;
    slab = kp_analysis_alloc(a, float, (o->n * range));
    for (int64_t k = 0; slab && k < passes && kp_analysis_status(a) == KP_OK; k++)
        add_logit(o, a, net, o->mode == TRACE ? k : -1, slab, range, gram, done + (double)k, total);
    kp_analysis_release(a, slab);
    centre(a, gram, o->n);
    return kp_analysis_status(a) == KP_OK ? gram : NULL;
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    const struct ntk *o = self;
    const struct kp_net_pair *pair;
    int64_t pairs = kp_net_pairs(a, &pair), nets = kp_net_count(a);
    double per_net = o->mode == TRACE ? (double)kp_class_count(a) : 1;
    double **grams;

    if (kp_examples_wanted(a, KP_ROWS_SPLIT, o->n) == 0)
        return kp_analysis_status(a);
    grams = kp_analysis_alloc(a, double *, nets);
    for (int64_t i = 0; grams && i < nets; i++) {
        grams[i] = kernel(o, a, i, per_net * (double)i, per_net * (double)nets);
        if (!grams[i])
            return kp_analysis_status(a);
    }
    for (int64_t i = 0; grams && i < pairs; i++) {
        const double *x = grams[pair[i].a], *y = grams[pair[i].b];
        double both = inner(x, x, o->n) * inner(y, y, o->n);

        if (both > 0)
            kp_emit_pair(a, i, "ntk_cka", mode_words[o->mode], o->n,
                         inner(x, y, o->n) / sqrt(both));
        else
            kp_analysis_absent(a, "a kernel does not vary over the examples");
    }
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"ntk_cka", "", true, "centred kernel alignment of the neural tangent kernels"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_GRADS | KP_ANALYSIS_NEEDS_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def ntk = {
    .size = sizeof(struct kp_metric_def),
    .name = "ntk",
    .doc = "Alignment of two nets' neural tangent kernels.",
    .formula = "ntk_cka = tr(K H L H) / sqrt(tr(K H K H) tr(L H L H)), H = I - 1 1^T / n\n"
               "K_ij = ${mode?trace:sum_k <dz_k(x_i)/dw, dz_k(x_j)/dw>;"
               "pseudo:<sum_k dz_k(x_i)/dw, sum_k dz_k(x_j)/dw>}, w the parameters, "
               "n examples; L of the other net",
    .self_size = sizeof(struct ntk),
    .options = KP_OPTIONS(options),
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "ntk",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&ntk, NULL},
};
