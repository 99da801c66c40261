/* good.c - a plugin with one definition of each kind; compiled with NAME it is another plugin with
 * the same model. */
#include "kappa/plugin.h"

#ifndef NAME
#define NAME "good"
#endif

struct state {
    int64_t width;
    double rate;
};

static const struct kp_option options[] = {
    KP_INT(struct state, width, "width", "8", 1, 64, "units"),
    KP_REAL(struct state, rate, "rate", "0.5", 0, 1, "share that is dropped"),
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    (void)self;
    (void)io;
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    (void)self;
    *logits = x;
    return kp_tape_status(t);
}

static const struct kp_model_def model = {
    .size = sizeof(struct kp_model_def),
    .name = "good_model",
    .doc = "Hands its input on.",
    .self_size = sizeof(struct state),
    .options = KP_OPTIONS(options),
    .build = build,
    .forward = forward,
};

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def objective = {
    .size = sizeof(struct kp_objective_def),
    .name = NAME "_objective",
    .doc = "Cross-entropy.",
    .formula = "CE(z, y)",
    .loss = loss,
};

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    sums[0] += (double)rows->count;
}

static void result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[0];
}

static const struct kp_metric_value values[] = {{"rows", "", true, "rows seen"}};

static const struct kp_metric_def metric = {
    .size = sizeof(struct kp_metric_def),
    .name = NAME "_metric",
    .doc = "Counts rows.",
    .values = values,
    .value_count = 1,
    .value_size = sizeof(struct kp_metric_value),
    .sum_count = 1,
    .observe = observe,
    .result = result,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = NAME,
    .version = "1",
    .models = (const struct kp_model_def *const[]){&model, NULL},
    .objectives = (const struct kp_objective_def *const[]){&objective, NULL},
    .metrics = (const struct kp_metric_def *const[]){&metric, NULL},
};
