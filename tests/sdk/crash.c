/* crash.c - a plugin of each kind that crashes in the function that $CRASH_AT names, such as
 * "objective row", by the signal $CRASH_BY; else it works. For test_crash.sh. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Its own frame on a stack that grows until it is full. */
static int overflow(volatile const char *above)
{
    volatile char here[4096];

    here[0] = *above;
    return above ? overflow(here) + here[0] : 0;
}

static void maybe(const char *where)
{
    const char *at = getenv("CRASH_AT"), *by = getenv("CRASH_BY");
    char bottom = 0;

    if (!at || !by || strcmp(at, where) != 0)
        return;
    if (strcmp(by, "SIGSEGV") == 0)
        *(volatile int *)(uintptr_t)getenv("CRASH_AT")[0] = 1; /* no page is mapped there */
    else if (strcmp(by, "stack") == 0)
        exit(overflow(&bottom));
    else if (strcmp(by, "SIGABRT") == 0)
        abort();
    else
        (void)raise(strcmp(by, "SIGFPE") == 0 ? SIGFPE : SIGBUS);
}

struct net {
    const struct kp_operation *op;
    struct kp_linear_layer head;
};

static enum kp_status net_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct net *m = self;

    maybe("model build");
    m->op = kp_build_operation(b, "crash_op");
    m->head = kp_linear_declare(b, "head", kp_shape_count(io->input), io->classes, true);
    return kp_build_status(b);
}

static enum kp_status net_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                  struct kp_tensor **logits)
{
    const struct net *m = self;

    maybe("model forward");
    x = kp_linear_apply(t, &m->head, kp_flatten(t, x));
    *logits = kp_apply(t, m->op, &x, 1);
    return kp_tape_status(t);
}

static const struct kp_model_def net = {
    .size = sizeof(struct kp_model_def),
    .name = "crash_model",
    .doc = "A linear layer, then crash_op.",
    .self_size = sizeof(struct net),
    .build = net_build,
    .forward = net_forward,
};

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    maybe("objective loss");
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static double temperature(const void *self)
{
    (void)self;
    maybe("objective temperature");
    return 1;
}

static const struct kp_objective_def recorded = {
    .size = sizeof(struct kp_objective_def),
    .name = "crash_loss",
    .doc = "Cross-entropy, recorded.",
    .formula = "CE(z, y)",
    .loss = loss,
    .temperature = temperature,
};

KP_ROW_LOSS(row, void, {
    maybe("objective row");
    kp_row_add_cross_entropy(row, 1, row->label);
})

static const struct kp_objective_def by_row = {
    .size = sizeof(struct kp_objective_def),
    .name = "crash_row",
    .doc = "Cross-entropy, of a row.",
    .formula = "CE(z, y)",
    .row = &row,
};

static void observe(const void *self, const struct kp_rows *rows, double *sums)
{
    (void)self;
    maybe("metric observe");
    sums[0] += (double)rows->count;
}

static void result(const void *self, const double *sums, double *values)
{
    (void)self;
    maybe("metric result");
    values[0] = sums[0];
}

static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    (void)self;
    maybe("analysis analyse");
    kp_emit(a, 0, "crash_metric", 1);
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {{"crash_metric", "", true, "rows"}};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_REFUSES_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def metric = {
    .size = sizeof(struct kp_metric_def),
    .name = "crash_metric",
    .doc = "The number of rows.",
    KP_VALUES(values),
    .sum_count = 1,
    .observe = observe,
    .result = result,
    .analyser = &analyser,
};

static enum kp_status data_open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    (void)self;
    (void)d;
    maybe("dataset open");
    info->dtype = KP_F32;
    info->shape = kp_shape1(2);
    info->classes = 2;
    info->count[KP_DATASET_TRAIN] = info->count[KP_DATASET_TEST] = 200;
    return KP_OK;
}

static enum kp_status data_read(const void *self, struct kp_data *d, enum kp_dataset_split split,
                                const int64_t *number, int64_t count, void *example, int32_t *label)
{
    float *x = example;

    (void)self;
    (void)d;
    (void)split;
    maybe("dataset read");
    for (int64_t i = 0; i < count; i++) {
        if (x)
            x[2 * i] = x[2 * i + 1] = (float)(number[i] % 2);
        if (label)
            label[i] = (int32_t)(number[i] % 2);
    }
    return KP_OK;
}

static const struct kp_dataset_def data = {
    .size = sizeof(struct kp_dataset_def),
    .name = "crash_data",
    .doc = "Two points.",
    .version = "1",
    .open = data_open,
    .read = data_read,
};

KP_OP_TEXT(op_forward, void, {
    maybe("op forward");
    for (int64_t i = 0; i < call->y.width; i++)
        call->y.v[i] = call->in[0].v[i];
})

KP_OP_TEXT(op_backward, void, {
    maybe("op backward");
    for (int64_t i = 0; call->grad[0].v && i < call->dy.width; i++)
        call->grad[0].v[i] = call->dy.v[i];
})

static const struct kp_operand operands[] = {{"x", KP_FLAT, false}};

static const struct kp_op_def op = {
    .size = sizeof(struct kp_op_def),
    .name = "crash_op",
    .doc = "The operand.",
    .formula = "x",
    .operands = operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_FLAT,
    .forward_float = op_forward_float,
    .forward_double = op_forward_double,
    .backward_float = op_backward_float,
    .backward_double = op_backward_double,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "crash",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&net, NULL},
    .objectives = (const struct kp_objective_def *const[]){&recorded, &by_row, NULL},
    .metrics = (const struct kp_metric_def *const[]){&metric, NULL},
    .ops = (const struct kp_op_def *const[]){&op, NULL},
    .datasets = (const struct kp_dataset_def *const[]){&data, NULL},
};
