/* test_analysis_host.c - what the host gives an analysis: rows, features, gradients of single
 * examples, by an analysis plugin that lives in this test. */
#include "study_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXAMPLES = 5, CLASSES = 10, WIDTH_MAX = 64 };

static struct study_fixture fixture;

/* What the plugin saw. */
static struct {
    int64_t params, width, rows;
    int32_t labels[100], train_labels[500];
    float features[EXAMPLES * WIDTH_MAX], logits[EXAMPLES * CLASSES];
    float *grads; /* [EXAMPLES][params] for logit 3 */
    float *mixed; /* for 2 logit_3 - logit_4, parameters 7 .. */
    float head[CLASSES * WIDTH_MAX], bias[CLASSES];
    int64_t head_weight, head_bias;
} seen;

static enum kp_status look(const void *self, struct kp_analysis *a)
{
    const struct kp_net_facts *facts = kp_facts(a, 0);
    const struct kp_param_block *block;
    int64_t blocks = kp_param_blocks(a, 0, &block);
    int32_t some[EXAMPLES];
    struct kp_read all = {.size = sizeof(all), .labels = seen.labels};
    struct kp_read train = {
        .size = sizeof(train), .from = KP_ROWS_TRAIN, .labels = seen.train_labels};
    struct kp_read r = {.size = sizeof(r),
                        .first = 2,
                        .count = EXAMPLES,
                        .features = seen.features,
                        .logits = seen.logits,
                        .labels = some};
    float one[CLASSES] = {0}, two[CLASSES] = {0};

    (void)self;
    if (!facts)
        return kp_analysis_status(a);
    seen.params = facts->params;
    seen.width = facts->width;
    seen.rows = all.count = kp_row_count(a, KP_ROWS_TEST);
    train.count = kp_row_count(a, KP_ROWS_TRAIN);
    assert_true(seen.width <= WIDTH_MAX && seen.rows <= 100 && train.count <= 500);
    for (int64_t i = 0; i < blocks; i++) {
        if (strcmp(block[i].name, "head.weight") == 0)
            seen.head_weight = block[i].first;
        if (strcmp(block[i].name, "head.bias") == 0)
            seen.head_bias = block[i].first;
    }
    one[3] = 1;
    two[3] = 2;
    two[4] = -1;
    free(seen.grads);
    free(seen.mixed);
    seen.grads = calloc((size_t)(EXAMPLES * seen.params), sizeof(float));
    seen.mixed = calloc((size_t)(EXAMPLES * (seen.params - 7)), sizeof(float));
    if (kp_read_rows(a, 0, &all) == KP_OK && kp_read_rows(a, 0, &train) == KP_OK &&
        kp_read_rows(a, 0, &r) == KP_OK &&
        kp_example_grads(a, 0, &r, one, 0, seen.params, seen.grads) == KP_OK &&
        kp_example_grads(a, 0, &r, two, 7, seen.params - 7, seen.mixed) == KP_OK &&
        kp_read_params(a, 0, seen.head_weight, CLASSES * seen.width, seen.head) == KP_OK &&
        kp_read_params(a, 0, seen.head_bias, CLASSES, seen.bias) == KP_OK)
        kp_emit(a, 0, "looked", (double)facts->params);
    assert_memory_equal(some, seen.labels + 2, sizeof(some));
    return kp_analysis_status(a);
}

static enum kp_status misbehave(const void *self, struct kp_analysis *a)
{
    struct kp_read r = {.size = sizeof(r), .first = 99, .count = 2, .labels = seen.labels};

    (void)self;
    assert_int_equal(kp_read_rows(a, 0, &r), KP_E_INVALID);
    assert_null(kp_analysis_alloc(a, double, 4)); /* errors are sticky */
    kp_emit(a, 0, "looked", 1);
    return kp_analysis_status(a);
}

/* Past the end there is nothing to read. */
static enum kp_status overreach(const void *self, struct kp_analysis *a)
{
    const struct kp_net_facts *facts = kp_facts(a, 0);
    float some[2];

    (void)self;
    return facts ? kp_read_params(a, 0, facts->params - 1, 2, some) : kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {{"looked", "", true, "a test"}};
static const struct kp_analyser look_analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_READS_GRADS,
    .values = values,
    .value_count = 1,
    .value_size = sizeof(values[0]),
    .analyse = look,
};
static const struct kp_analyser bad_analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS,
    .values = values,
    .value_count = 1,
    .value_size = sizeof(values[0]),
    .analyse = misbehave,
};
static const struct kp_analyser over_analyser = {
    .size = sizeof(struct kp_analyser),
    .values = values,
    .value_count = 1,
    .value_size = sizeof(values[0]),
    .analyse = overreach,
};
static const struct kp_metric_def look_def = {.size = sizeof(struct kp_metric_def),
                                              .name = "look",
                                              .doc = "A test.",
                                              .analyser = &look_analyser};
static const struct kp_metric_def bad_def = {.size = sizeof(struct kp_metric_def),
                                             .name = "bad",
                                             .doc = "A test.",
                                             .analyser = &bad_analyser};
static const struct kp_metric_def over_def = {.size = sizeof(struct kp_metric_def),
                                              .name = "over",
                                              .doc = "A test.",
                                              .analyser = &over_analyser};
static const struct kp_metric_def *const defs[] = {&look_def, &bad_def, &over_def, NULL};
static const struct kp_plugin plugin = {
    .abi = KP_ABI, .name = "in_test", .version = "1", .metrics = defs};

static int open_fixture(void **state)
{
    struct kp_registry *r;

    (void)state;
    study_fixture_open(&fixture);
    r = &fixture.registry;
    r->loaded = (struct kp_loaded **)realloc((void *)r->loaded,
                                             (size_t)(r->count + 1) * sizeof(*r->loaded));
    assert_non_null(r->loaded);
    r->loaded[r->count] = calloc(1, sizeof(struct kp_loaded));
    assert_non_null(r->loaded[r->count]);
    *r->loaded[r->count] = (struct kp_loaded){.plugin = &plugin, .path = strdup("in_test")};
    r->room = ++r->count;
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    free(seen.grads);
    free(seen.mixed);
    study_fixture_close(&fixture);
    return 0;
}

static struct study_watch run(const char *const *overrides, struct kp_study_result *r)
{
    struct study_watch w = {.stop_at = -1};

    assert_int_equal(study_run(&fixture, "a.db", overrides, &w, r), KP_OK);
    return w;
}

/* Logits are linear in the head: d logit_3 / d W[k] = features for k = 3, else 0; its bias 1. */
static void test_gradients(void **state)
{
    const char *plain[] = {"analysis.look.of=cells", "objective.plugin=lt", "train.momentum=0",
                           NULL};
    struct kp_study_result r;
    struct study_watch w = run(plain, &r);

    (void)state;
    assert_string_equal(w.text, "");
    assert_true(seen.params > 1000 && seen.width > 0 && seen.head_bias > seen.head_weight);
    for (int64_t i = 0; i < EXAMPLES; i++) {
        const float *g = seen.grads + i * seen.params;
        for (int64_t k = 0; k < CLASSES; k++) {
            for (int64_t d = 0; d < seen.width; d++) {
                float want = k == 3 ? seen.features[i * seen.width + d] : 0;
                float got = g[seen.head_weight + k * seen.width + d];
                assert_true(fabsf(got - want) < 1e-4F * (1 + fabsf(want)));
            }
            assert_true(fabsf(g[seen.head_bias + k] - (k == 3 ? 1 : 0)) < 1e-6F);
        }
    }
    /* A range of another cotangent; its logit 4 leaves the head's row 3 twice as large. */
    for (int64_t i = 0; i < EXAMPLES; i++) {
        const float *g = seen.mixed + i * (seen.params - 7) - 7;
        for (int64_t d = 0; d < seen.width; d++) {
            float f = seen.features[i * seen.width + d];
            assert_true(fabsf(g[seen.head_weight + 3 * seen.width + d] - 2 * f) < 1e-4F * (1 + f));
            assert_true(fabsf(g[seen.head_weight + 4 * seen.width + d] + f) < 1e-4F * (1 + f));
        }
    }
}

/* The same weights on the slow device in fp64, whose gradients finite differences check. */
static void test_devices_agree(void **state)
{
    const char *ref[] = {"analysis.look.again.of=cells", "device.kind=ref", "objective.plugin=lt",
                         "train.momentum=0", NULL};
    size_t bytes = (size_t)(EXAMPLES * seen.params) * sizeof(float);
    float *cpu = malloc(bytes);
    double most = 0, off = 0;
    struct kp_study_result r;

    (void)state;
    assert_non_null(cpu);
    memcpy(cpu, seen.grads, bytes);
    struct study_watch w = run(ref, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1); /* no training again: the device is no part of the configuration */
    for (int64_t i = 0; i < EXAMPLES * seen.params; i++) {
        most = fmax(most, fabs((double)seen.grads[i]));
        off = fmax(off, fabs((double)seen.grads[i] - (double)cpu[i]));
    }
    /* Relative to the largest: single precision through four layers. */
    assert_true(most > 0.01 && off < 2e-5 * most);
    free(cpu);
}

/* Each example once, and the same order for every net. */
static void test_rows(void **state)
{
    int64_t count[CLASSES] = {0};

    (void)state;
    assert_int_equal(seen.rows, 100);
    for (int64_t i = 0; i < seen.rows; i++) {
        assert_true(seen.labels[i] >= 0 && seen.labels[i] < CLASSES);
        count[seen.labels[i]]++;
    }
    for (int k = 0; k < CLASSES; k++)
        assert_true(count[k] > 0);
    int32_t before[100];
    memcpy(before, seen.labels, sizeof(before));
    const char *teacher[] = {"analysis.look.of=teacher", "objective.plugin=lt", "train.momentum=0",
                             NULL};
    struct kp_study_result r;
    struct study_watch w = run(teacher, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1);
    assert_memory_equal(before, seen.labels, sizeof(before));
}

/* logits = features W^T + b */
static void test_params(void **state)
{
    (void)state;
    for (int64_t i = 0; i < EXAMPLES; i++)
        for (int64_t k = 0; k < CLASSES; k++) {
            double want = (double)seen.bias[k], size = fabs(want);
            for (int64_t j = 0; j < seen.width; j++) {
                const double term = (double)seen.features[i * seen.width + j] *
                                    (double)seen.head[k * seen.width + j];
                want += term;
                size += fabs(term);
            }
            /* a sum of 33 terms in fp32 */
            assert_true(fabs(want - (double)seen.logits[i * CLASSES + k]) <= 33 * 0x1p-24 * size);
        }
}

static void expect_failure(const char *const *with, const char *want)
{
    struct kp_study_result r;
    struct study_watch w = run(with, &r);

    assert_int_equal(r.failed, 1);
    if (!strstr(w.text, want))
        fail_msg("\"%s\" lacks \"%s\"", w.text, want);
}

static void test_errors(void **state)
{
    const char *bad[] = {"analysis.bad.of=cells", NULL}, *over[] = {"analysis.over.of=cells", NULL};
    char want[96];

    (void)state;
    expect_failure(bad, "analysis 'bad': asks for examples 99 to 100 of 100");
    char *got = study_query(&fixture, "a.db", "SELECT status FROM v_analysis WHERE name = 'bad'");
    assert_non_null(strstr(got, "failed"));
    free(got);
    (void)snprintf(want, sizeof(want),
                   "analysis 'over': asks for 2 parameters from number %lld on of %lld",
                   (long long)seen.params - 1, (long long)seen.params);
    expect_failure(over, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_devices_agree),
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_params),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
