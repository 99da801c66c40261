/* fixture.h - what the broken plugins have in common, which is all that is right about them. */
#ifndef KP_TESTS_BROKEN_FIXTURE_H
#define KP_TESTS_BROKEN_FIXTURE_H

#include "kappa/layers.h"
#include "kappa/plugin.h"

/* A model: one linear layer. */
struct linear {
    struct kp_linear_layer layer;
};

static inline enum kp_status linear_build(void *self, struct kp_build *b,
                                          const struct kp_model_io *io)
{
    struct linear *m = self;

    m->layer = kp_linear_declare(b, "fc", kp_shape_count(io->input), io->classes, true);
    return kp_build_status(b);
}

static inline enum kp_status linear_forward(const void *self, struct kp_tape *t,
                                            struct kp_tensor *x, struct kp_tensor **logits)
{
    const struct linear *m = self;

    *logits = kp_linear_apply(t, &m->layer, kp_flatten(t, x));
    return kp_tape_status(t);
}

/* A plugin that is one model. */
#define BROKEN_MODEL(NAME, ...)                                                    \
    static const struct kp_model_def model = {.size = sizeof(struct kp_model_def), \
                                              .name = #NAME,                       \
                                              .doc = "A linear layer.",            \
                                              __VA_ARGS__};                        \
    const struct kp_plugin KP_PLUGIN = {.abi = KP_ABI,                             \
                                        .name = #NAME,                             \
                                        .version = "1",                            \
                                        .models =                                  \
                                            (const struct kp_model_def *const[]){&model, NULL}}

/* A plugin that is one metric of one sum and one value, the mean of what observe() adds. */
static const struct kp_metric_value mean_value[] = {{"mean", "", true, "mean over rows"}};

static inline void mean_result(const void *self, const double *sums, double *values)
{
    (void)self;
    values[0] = sums[0] > 0 ? sums[1] / sums[0] : (double)NAN;
}

#define BROKEN_METRIC(NAME, ...)                                                      \
    static const struct kp_metric_def metric = {.size = sizeof(struct kp_metric_def), \
                                                .name = #NAME,                        \
                                                .doc = "A mean over rows.",           \
                                                KP_VALUES(mean_value),                \
                                                .sum_count = 2,                       \
                                                .result = mean_result,                \
                                                __VA_ARGS__};                         \
    const struct kp_plugin KP_PLUGIN = {.abi = KP_ABI,                                \
                                        .name = #NAME,                                \
                                        .version = "1",                               \
                                        .metrics =                                    \
                                            (const struct kp_metric_def *const[]){&metric, NULL}}

/* A plugin that is one operation. */
#define BROKEN_OP(NAME, ...)                                                       \
    static const struct kp_op_def op = {.size = sizeof(struct kp_op_def),          \
                                        .name = #NAME,                             \
                                        .doc = "An operation.",                    \
                                        .operand_size = sizeof(struct kp_operand), \
                                        .forward_float = forward_float,            \
                                        .forward_double = forward_double,          \
                                        .backward_float = backward_float,          \
                                        .backward_double = backward_double,        \
                                        __VA_ARGS__};                              \
    const struct kp_plugin KP_PLUGIN = {.abi = KP_ABI,                             \
                                        .name = #NAME,                             \
                                        .version = "1",                            \
                                        .ops = (const struct kp_op_def *const[]){&op, NULL}}

#endif
