/* test_observers.c - sums over rows in parts: the same bits on any number of threads. */
#include "support/rig.h"
#include "train/observers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of so many classes 32 rows are a part; the last part is short, and 32 parts do not suffice. */
enum { CLASSES = 4096, ROWS = 32 * 32 + 32 + 7, METRICS = 3, VALUES = 7 };

static const char *const names[METRICS] = {"accuracy", "fidelity", "perplexity"};

static struct rig rig;
static struct kp_metric_use metrics[METRICS];
static struct kp_rows rows = {sizeof(rows), ROWS, CLASSES, NULL, NULL, NULL, NULL};

static void observe(int threads, int64_t count, bool teacher, double *values)
{
    const struct kp_device_config config = {.threads = threads, .slice = 16};
    struct kp_rows some = rows;
    struct kp_observers o;
    struct kp_device *d = NULL;
    struct kp_observed got[VALUES];
    struct kp_error e = {0};

    if (!teacher)
        some.teacher_logits = NULL;
    some.count = count;
    if (kp_device_open("cpu", &config, &d, &e) ||
        kp_observers_create(metrics, METRICS, teacher, &o, &e))
        fail_msg("%s", e.text);
    kp_observers_observe(&o, &some, d);
    assert_in_range(kp_observers_value_count(&o), 1, VALUES);
    kp_observers_results(&o, "test", got);
    for (int64_t i = 0; i < kp_observers_value_count(&o); i++)
        values[i] = got[i].value;
    kp_observers_finish(&o);
    kp_device_close(d);
}

/* All rows in one call of each metric. */
static void observe_whole(double *values)
{
    for (int i = 0; i < METRICS; i++) {
        const struct kp_metric_def *def = metrics[i].def;
        double *sums = calloc(def->sum_count, sizeof(*sums));

        assert_non_null(sums);
        def->observe(metrics[i].self, &rows, sums);
        def->result(metrics[i].self, sums, values);
        values += def->value_count;
        free(sums);
    }
}

static void threads_share_the_rows(void **state)
{
    double whole[VALUES] = {0}, one[VALUES] = {0}, three[VALUES] = {0};
    (void)state;

    observe_whole(whole);
    observe(1, ROWS, true, one);
    observe(3, ROWS, true, three);
    assert_memory_equal(one, three, sizeof(one));
    for (int i = 0; i < VALUES; i++)
        if (!(fabs(one[i] - whole[i]) <= 1e-12 * fabs(whole[i])))
            fail_msg("value %d: %.17g in parts, %.17g at once", i, one[i], whole[i]);
}

static void a_batch_may_be_small(void **state)
{
    static const int64_t counts[] = {1, 31, 32, 33, 1023, 1024, 1025};
    double one[VALUES] = {0}, three[VALUES] = {0};
    (void)state;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        observe(1, counts[i], true, one);
        observe(3, counts[i], true, three);
        assert_memory_equal(one, three, sizeof(one));
    }
}

/* Accuracy and perplexity are all there is without one. */
static void without_a_teacher(void **state)
{
    double with[VALUES] = {0}, without[VALUES] = {0};
    (void)state;

    observe(2, ROWS, true, with);
    observe(2, ROWS, false, without);
    assert_true(without[0] == with[0]);
    assert_true(without[1] == with[4]);
}

static int make(void **state)
{
    float *logits = malloc(sizeof(float) * ROWS * CLASSES), *teacher;
    int32_t *labels = malloc(sizeof(*labels) * ROWS);
    static float lengths[CLASSES];
    uint32_t x = 1;
    struct kp_error e = {0};

    (void)state;
    teacher = malloc(sizeof(float) * ROWS * CLASSES);
    if (!logits || !teacher || !labels)
        return -1;
    for (int64_t i = 0; i < (int64_t)ROWS * CLASSES; i++) {
        x = 1664525 * x + 1013904223;
        logits[i] = (float)(x >> 8) * 0x1p-22F;
        teacher[i] = (float)(x >> 16) * 0x1p-14F;
    }
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % 5 == 0 ? -1 : 3 * i;
    rows.logits = logits;
    rows.teacher_logits = teacher;
    for (int k = 0; k < CLASSES; k++)
        lengths[k] = (float)(k % 7);
    rows.labels = labels;
    rows.length = lengths;
    if (rig_scan(&rig, KP_BUILD_ROOT, "metrics", &e))
        fail_msg("%s", e.text);
    for (int i = 0; i < METRICS; i++) {
        metrics[i].def = kp_registry_metric(&rig.registry, names[i], NULL);
        assert_non_null(metrics[i].def);
        if (rig_fill(&rig, &metrics[i].def->options, NULL, metrics[i].def->self_size,
                     &metrics[i].self, &e))
            fail_msg("%s", e.text);
    }
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    free((void *)(uintptr_t)rows.logits);
    free((void *)(uintptr_t)rows.teacher_logits);
    free((void *)(uintptr_t)rows.labels);
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_the_rows),
        cmocka_unit_test(a_batch_may_be_small),
        cmocka_unit_test(without_a_teacher),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
