/* fixture.h - a registry of plugins that are compiled in, for tests of configurations. */
#ifndef KP_TESTS_FIXTURE_H
#define KP_TESTS_FIXTURE_H

#include "host/registry.h"

#include <math.h>

struct fixture_net {
    int64_t width;
    double rate;
    bool bias;
    const char *note;
    int kind;
    struct kp_ints channels;
    struct kp_reals scales;
};

static const char *const fixture_kinds[] = {"plain", "wide", "deep", NULL};
static const char *const fixture_scales[] = {"none", "tau", "tau2", NULL};

static const struct kp_option fixture_net_options[] = {
    KP_INT(struct fixture_net, width, "width", "20", 1, 4096, "channels"),
    KP_REAL(struct fixture_net, rate, "rate", "0.5", 0, 1, "share dropped"),
    KP_BOOL(struct fixture_net, bias, "bias", "true", "add a bias"),
    KP_STRING(struct fixture_net, note, "note", "", "any text"),
    KP_ENUM(struct fixture_net, kind, "kind", "plain", fixture_kinds, "form"),
    KP_INTS(struct fixture_net, channels, "channels", "", 1, 65536, "channels of each block"),
    KP_REALS(struct fixture_net, scales, "scales", "1 2.5", -100, 100, "scales"),
};

static enum kp_status fixture_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    (void)self;
    (void)io;
    return kp_build_status(b);
}

static enum kp_status fixture_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                      struct kp_tensor **logits)
{
    (void)self;
    *logits = x;
    return kp_tape_status(t);
}

static const struct kp_model_def fixture_net = {
    .size = sizeof(struct kp_model_def),
    .name = "net",
    .doc = "An option of each type.",
    .self_size = sizeof(struct fixture_net),
    .options = KP_OPTIONS(fixture_net_options),
    .build = fixture_build,
    .forward = fixture_forward,
};

static const struct kp_model_def fixture_mlp = {
    .size = sizeof(struct kp_model_def),
    .name = "mlp",
    .doc = "No options.",
    .build = fixture_build,
    .forward = fixture_forward,
};

struct fixture_kd {
    double tau;
    double label_weight;
    int tau_scale;
};

static const struct kp_option fixture_kd_options[] = {
    KP_REAL(struct fixture_kd, tau, "tau", "20", 1e-3, 1e6, "temperature"),
    KP_REAL(struct fixture_kd, label_weight, "label_weight", "0", 0, 1e6, "weight of the labels"),
    KP_ENUM(struct fixture_kd, tau_scale, "tau_scale", "tau2", fixture_scales, "factor"),
};

struct fixture_ls {
    double a;
};

static const struct kp_option fixture_ls_options[] = {
    KP_REAL(struct fixture_ls, a, "a", "0.1", 0, 1, "smoothing"),
};

static enum kp_status fixture_loss(const void *self, struct kp_tape *t,
                                   const struct kp_objective_io *io, struct kp_tensor **out)
{
    (void)self;
    *out = io->logits;
    return kp_tape_status(t);
}

/* Only far smoothing has a temperature. */
static double fixture_ls_temperature(const void *self)
{
    const struct fixture_ls *o = self;
    return o->a > 0.5 ? 3 : (double)NAN;
}

static const struct kp_objective_def fixture_lt = {
    .size = sizeof(struct kp_objective_def),
    .name = "lt",
    .doc = "Labels.",
    .formula = "CE(z, y)",
    .loss = fixture_loss,
};

static const struct kp_objective_def fixture_kd = {
    .size = sizeof(struct kp_objective_def),
    .name = "kd",
    .doc = "Distillation.",
    .formula = "KL(t || z)",
    .needs = KP_NEED_TEACHER_LOGITS,
    .self_size = sizeof(struct fixture_kd),
    .options = KP_OPTIONS(fixture_kd_options),
    .loss = fixture_loss,
};

static const struct kp_objective_def fixture_ls = {
    .size = sizeof(struct kp_objective_def),
    .name = "ls",
    .doc = "Smoothed labels.",
    .formula = "CE(z, smoothed y)",
    .self_size = sizeof(struct fixture_ls),
    .options = KP_OPTIONS(fixture_ls_options),
    .loss = fixture_loss,
    .temperature = fixture_ls_temperature,
};

struct fixture_count {
    int64_t every;
};

static const struct kp_option fixture_count_options[] = {
    KP_INT(struct fixture_count, every, "every", "1", 1, 100, "rows between counts"),
};

static void fixture_observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    sums[0] += (double)rows->count;
}

static void fixture_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[0];
}

static const struct kp_metric_value fixture_values[] = {{"rows", "", true, "rows seen"}};

#define FIXTURE_METRIC(NAME, NEEDS, SELF, ...)                                                     \
    {                                                                                              \
        .size = sizeof(struct kp_metric_def), .name = NAME, .doc = "Counts rows.", .needs = NEEDS, \
        .self_size = SELF, .options = __VA_ARGS__, .values = fixture_values, .value_count = 1,     \
        .value_size = sizeof(struct kp_metric_value), .sum_count = 1, .observe = fixture_observe,  \
        .result = fixture_result,                                                                  \
    }

static const struct kp_metric_def fixture_accuracy = FIXTURE_METRIC("accuracy", 0, 0, {0});
static const struct kp_metric_def fixture_fidelity =
    FIXTURE_METRIC("fidelity", KP_METRIC_NEEDS_TEACHER, 0, {0});
static const struct kp_metric_def fixture_count =
    FIXTURE_METRIC("count", 0, sizeof(struct fixture_count), KP_OPTIONS(fixture_count_options));

static const struct kp_plugin fixture_plugin = {
    .abi = KP_ABI,
    .name = "fixture",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&fixture_net, &fixture_mlp, NULL},
    .objectives =
        (const struct kp_objective_def *const[]){&fixture_lt, &fixture_kd, &fixture_ls, NULL},
    .metrics = (const struct kp_metric_def *const[]){&fixture_accuracy, &fixture_fidelity,
                                                     &fixture_count, NULL},
};

static char fixture_path[] = "(compiled in)";
static struct kp_loaded fixture_loaded = {.plugin = &fixture_plugin, .path = fixture_path};

static struct kp_loaded *fixture_list[8] = {&fixture_loaded};

/* Never finished: nothing in it is allocated. A test may open a few more. */
static struct kp_registry fixture_registry __attribute__((unused)) = {
    .loaded = fixture_list, .count = 1, .room = sizeof(fixture_list) / sizeof(fixture_list[0])};

#endif
