/* test_text_metrics.c - metrics on rows of which some have no label, against numbers by hand. */
#include "support/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CLASSES = 4, ROWS = 5, NONE = -1 };

static struct rig rig;

/* softmax: (1/2, 1/4, 1/8, 1/8), (1/4, ...), and so on: logits are logarithms. */
static const double odds[ROWS][CLASSES] = {
    {4, 2, 1, 1}, {1, 1, 1, 1}, {8, 4, 2, 2}, {1, 1, 4, 2}, {1, 2, 2, 3}};

static void observe(const char *name, const char *options, const int32_t *labels,
                    const float *length, double *values)
{
    const struct kp_metric_def *def = kp_registry_metric(&rig.registry, name, NULL);
    float logits[ROWS][CLASSES], teacher[ROWS][CLASSES] = {{0}};
    double sums[8] = {0};
    struct kp_error e = {0};
    void *self = NULL;

    assert_non_null(def);
    assert_in_range(def->sum_count, 1, 8);
    if (rig_fill(&rig, &def->options, options, def->self_size, &self, &e))
        fail_msg("%s", e.text);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < CLASSES; k++)
            logits[i][k] = (float)(log(odds[i][k]) + i);
        teacher[i][i % CLASSES] = 1;
    }
    const struct kp_rows rows = {sizeof(rows),   ROWS,   CLASSES, &logits[0][0],
                                 &teacher[0][0], labels, length};
    def->observe(self, &rows, sums);
    def->result(self, sums, values);
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fabs(want)))
        fail_msg("%.9g where %.9g is right", got, want);
}

static const int32_t mixed[ROWS] = {0, NONE, 3, 2, NONE},
                     none[ROWS] = {NONE, NONE, NONE, NONE, NONE};

/* p = 1/2, 1/8, 1/2 of the three labels: their product is 2^-5. */
static void perplexity_of_tokens_and_characters(void **state)
{
    static const float length[CLASSES] = {3, 100, 0, 2};
    double v[3];
    (void)state;

    observe("perplexity", NULL, mixed, length, v);
    near(v[0], exp2(5.0 / 3));
    near(v[1], exp2(5.0 / 5));
    near(v[2], 100);
    observe("perplexity", NULL, mixed, NULL, v);
    near(v[0], exp2(5.0 / 3));
    assert_true(isnan(v[1]));
    observe("perplexity", NULL, none, length, v);
    assert_true(isnan(v[0]) && isnan(v[1]) && isnan(v[2]));
}

/* Of equal logits the first comes first: row 1 ranks 0 1 2 3, row 4 ranks 3 1 2 0. */
static void the_k_likeliest(void **state)
{
    static const int32_t labels[ROWS] = {1, 2, 3, 2, 2};
    static const int ranks[ROWS] = {1, 2, 3, 0, 2};
    double v[3];
    (void)state;

    for (int k = 1; k <= CLASSES + 1; k++) {
        char options[8] = {'k', '=', (char)('0' + k)};
        int among = 0;
        for (int i = 0; i < ROWS; i++)
            among += ranks[i] < k;
        observe("perplexity", options, labels, NULL, v);
        near(v[2], 100.0 * among / ROWS);
    }
}

static void accuracy_of_labelled_rows(void **state)
{
    double v[1];
    (void)state;

    observe("accuracy", NULL, mixed, NULL, v);
    near(v[0], 200.0 / 3);
    observe("accuracy", NULL, none, NULL, v);
    assert_true(isnan(v[0]));
}

/* The teacher's largest logits are 0 1 2 3 0, the student's 0 0 0 2 3. */
static void fidelity_of_labelled_rows(void **state)
{
    static const int32_t first[ROWS] = {1, NONE, NONE, NONE, NONE};
    double v[3];
    (void)state;

    observe("fidelity", NULL, mixed, NULL, v);
    near(v[0], 100.0 / 3);
    observe("fidelity", NULL, first, NULL, v);
    near(v[0], 100);
}

static int open_rig(void **state)
{
    struct kp_error e = {0};

    (void)state;
    if (rig_scan(&rig, KP_BUILD_ROOT, "metrics", &e))
        fail_msg("%s", e.text);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perplexity_of_tokens_and_characters),
        cmocka_unit_test(the_k_likeliest),
        cmocka_unit_test(accuracy_of_labelled_rows),
        cmocka_unit_test(fidelity_of_labelled_rows),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
