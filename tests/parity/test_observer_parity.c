/* test_observer_parity.c - metrics that watch a pass, on made-up logits, against numpy in fp64
 * (make_analysis_fixtures.py). */
#include "base/text.h"
#include "host/registry.h"
#include "train/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROWS = 60, CLASSES = 4 };

static struct kp_registry registry;
static struct kp_safetensors fixture;

static const void *array(const char *name)
{
    const struct kp_stored *s = kp_safetensors_find(&fixture, name);

    if (!s)
        fail_msg("no array '%s' in the fixture", name);
    return s->data;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
        fail_msg("%.17g where %.17g is right", got, want);
}

/* Net 0 of the fixture is the student, net 1 its teacher. */
static void observe(const char *name, double *values)
{
    const struct kp_metric_def *def = kp_registry_metric(&registry, name, NULL);
    const float *logits = array("in.logits");
    const int64_t *y = array("in.y");
    int32_t labels[ROWS];
    double *sums;

    assert_non_null(def);
    sums = calloc(def->sum_count, sizeof(*sums));
    for (int i = 0; i < ROWS; i++)
        labels[i] = (int32_t)y[i];
    struct kp_rows rows = {sizeof(rows), ROWS, CLASSES, logits, logits + ROWS * CLASSES, labels};
    def->observe(NULL, &rows, sums);
    def->result(NULL, sums, values);
    free(sums);
}

static void test_observers(void **state)
{
    static const struct {
        const char *name, *array;
        int values;
    } cases[] = {{"accuracy", "out.accuracy", 1},
                 {"calibration", "out.calibration", 2},
                 {"fidelity", "out.fidelity", 3}};
    double values[8];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        observe(cases[i].name, values);
        for (int k = 0; k < cases[i].values; k++)
            assert_near(values[k], ((const double *)array(cases[i].array))[k], 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_observers)};
    struct kp_text report = {0};
    struct kp_error e = {0};
    int failed = 1;

    if (kp_registry_scan(&registry, KP_BUILD_ROOT "/metrics", &report, &e) == KP_OK &&
        kp_safetensors_open(KP_SOURCE_ROOT "/tests/parity/fixtures/analysis.safetensors", &fixture,
                            &e) == KP_OK)
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    else
        print_error("%s\n", e.text);
    kp_text_finish(&report);
    kp_safetensors_close(&fixture);
    kp_registry_finish(&registry);
    return failed;
}
