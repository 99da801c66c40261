/* test_example_data.c - the dataset plugins of plugins/examples: gaussians errs as often as its
 * formula says, npyfolder reads what NumPy writes and says what is wrong with a file. */
#include "base/arena.h"
#include "base/file.h"
#include "data/loader.h"
#include "host/options.h"
#include "host/registry.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct kp_registry registry;

/* A dataset with the options "name=value" up to NULL, and what it lives in. */
struct set {
    struct kp_arena memory;
    const struct kp_dataset_def *def;
    void *self;
    struct kp_dataset *data;
};

static enum kp_status open_set(struct set *s, const char *name, const char *root,
                               const char *const *options, struct kp_error *e)
{
    const struct kp_dataset_def *def = kp_registry_dataset(&registry, name, NULL);

    assert_non_null(def);
    *s = (struct set){.def = def};
    s->self = kp_arena_alloc(&s->memory, 1, def->self_size);
    for (uint32_t i = 0; i < def->options.count; i++) {
        const struct kp_option *o = kp_option_at(&def->options, i);
        const char *text = o->fallback, *canonical;
        const size_t n = strlen(o->name);

        for (int k = 0; options && options[k]; k++)
            if (strncmp(options[k], o->name, n) == 0 && options[k][n] == '=')
                text = options[k] + n + 1;
        assert_int_equal(kp_option_check(o, text, &s->memory, &canonical, e), KP_OK);
        assert_true(kp_option_store(o, canonical, &s->memory, s->self));
    }
    const struct kp_dataset_config config = {.def = def, .self = s->self, .root = root};
    return kp_dataset_open(&config, &s->data, e);
}

static void close_set(struct set *s)
{
    kp_dataset_close(s->data);
    kp_arena_finish(&s->memory);
}

static void opened(struct set *s, const char *name, const char *root, const char *const *options)
{
    struct kp_error e = {0};

    if (open_set(s, name, root, options, &e) != KP_OK)
        fail_msg("%s", e.text);
}

static void read_some(const struct set *s, enum kp_dataset_split split, int64_t first,
                      int64_t count, void *examples, int32_t *labels)
{
    int64_t *numbers = calloc((size_t)count, sizeof(*numbers));

    assert_non_null(numbers);
    for (int64_t i = 0; i < count; i++)
        numbers[i] = first + i;
    assert_int_equal(s->def->read(s->self, NULL, split, numbers, count, examples, labels), KP_OK);
    free(numbers);
}

/* Standard normal distribution. */
static double phi(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

/* 1 - integral phi'(z - d) phi(z)^(k - 1) dz, by the trapezoidal rule. */
static double bayes_error(double d, int k)
{
    const int steps = 20000;
    const double from = d - 12, width = 24.0 / steps;
    double sum = 0;

    for (int i = 0; i <= steps; i++) {
        const double z = from + i * width;
        sum += exp(-(z - d) * (z - d) / 2) * pow(phi(z), k - 1);
    }
    return 1 - sum * width / sqrt(2 * acos(-1.0));
}

enum { SAMPLES = 200000, DIMENSIONS = 6 };

/* The best rule's share of errors, within 4.5 standard deviations of what the formula says. */
static void gaussians_err_as_often_as_they_must(void **state)
{
    static const struct {
        int classes;
        double distance;
    } cases[] = {{2, 1}, {2, 3}, {4, 2}, {6, 1.5}};
    float *x = malloc((size_t)SAMPLES * DIMENSIONS * sizeof(*x));
    int32_t *labels = malloc(SAMPLES * sizeof(*labels));

    (void)state;
    assert_true(x && labels);
    assert_true(fabs(bayes_error(1, 2) - phi(-1 / sqrt(2))) < 1e-9);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int k = cases[i].classes;
        char classes[32], distance[32];
        int64_t wrong = 0, of_first = 0;
        struct set s;

        (void)snprintf(classes, sizeof(classes), "classes=%d", k);
        (void)snprintf(distance, sizeof(distance), "distance=%g", cases[i].distance);
        opened(&s, "gaussians", "",
               (const char *const[]){"dimensions=6", "mixed=false", classes, distance, NULL});
        read_some(&s, KP_DATASET_TRAIN, INT64_C(1) << 33, SAMPLES, x, labels);
        for (int64_t n = 0; n < SAMPLES; n++) {
            int best = 0;
            for (int c = 1; c < k; c++)
                if (x[n * DIMENSIONS + c] > x[n * DIMENSIONS + best])
                    best = c;
            wrong += best != labels[n];
            of_first += labels[n] == 0;
        }
        const double error = bayes_error(cases[i].distance, k);
        const double sd = sqrt(error * (1 - error) / SAMPLES);
        if (!(fabs((double)wrong / SAMPLES - error) < 4.5 * sd))
            fail_msg("%d classes at %g: error %g, the formula says %g", k, cases[i].distance,
                     (double)wrong / SAMPLES, error);
        assert_true(fabs((double)of_first / SAMPLES - 1.0 / k) < 4.5 * sqrt(1.0 / k / SAMPLES));
        close_set(&s);
    }
    free(x);
    free(labels);
}

/* Hidden axes: other numbers, the same lengths and labels. */
static void gaussians_are_mixed_without_a_change(void **state)
{
    enum { N = 500 };
    static float plain[N * DIMENSIONS], mixed[N * DIMENSIONS];
    int32_t labels[N], again[N];
    struct set s, t;
    double most = 0;

    (void)state;
    opened(&s, "gaussians", "",
           (const char *const[]){"dimensions=6", "classes=3", "mixed=false", NULL});
    opened(&t, "gaussians", "", (const char *const[]){"dimensions=6", "classes=3", NULL});
    read_some(&s, KP_DATASET_TEST, 0, N, plain, labels);
    read_some(&t, KP_DATASET_TEST, 0, N, mixed, again);
    assert_memory_equal(labels, again, sizeof(labels));
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k += 7) {
            double before = 0, after = 0;
            for (int j = 0; j < DIMENSIONS; j++) {
                before += (double)plain[i * DIMENSIONS + j] * (double)plain[k * DIMENSIONS + j];
                after += (double)mixed[i * DIMENSIONS + j] * (double)mixed[k * DIMENSIONS + j];
                most = fmax(most, fabs((double)plain[i * DIMENSIONS + j] -
                                       (double)mixed[i * DIMENSIONS + j]));
            }
            assert_true(fabs(before - after) < 1e-4);
        }
    assert_true(most > 1);
    close_set(&s);
    close_set(&t);
}

static void gaussians_depend_on_seed_split_and_number(void **state)
{
    float a[DIMENSIONS], b[DIMENSIONS];
    int32_t label;
    struct set s, t;
    struct kp_error e = {0};

    (void)state;
    opened(&s, "gaussians", "", (const char *const[]){"dimensions=6", "classes=2", NULL});
    opened(&t, "gaussians", "", (const char *const[]){"dimensions=6", "classes=2", "seed=2", NULL});
    read_some(&s, KP_DATASET_TRAIN, 5, 1, a, &label);
    read_some(&s, KP_DATASET_TRAIN, 5, 1, b, &label);
    assert_memory_equal(a, b, sizeof(a));
    read_some(&s, KP_DATASET_TRAIN, 6, 1, b, &label);
    assert_memory_not_equal(a, b, sizeof(a));
    read_some(&s, KP_DATASET_TEST, 5, 1, b, &label);
    assert_memory_not_equal(a, b, sizeof(a));
    read_some(&t, KP_DATASET_TRAIN, 5, 1, b, &label);
    assert_memory_not_equal(a, b, sizeof(a));
    close_set(&s);
    close_set(&t);
    assert_int_equal(open_set(&s, "gaussians", "", (const char *const[]){"dimensions=4", NULL}, &e),
                     KP_E_INVALID);
    assert_non_null(strstr(e.text, "10 classes in 4 dimensions; at most as many"));
    close_set(&s);
}

static char folder[SCRATCH_SIZE];

/* An array as numpy.save() writes it; `header` replaces the usual one. */
static void save(const char *name, const char *header, const void *data, size_t size)
{
    unsigned char head[128] = "\x93NUMPY\x01";
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    head[8] = 118;
    memset(head + 10, ' ', 118);
    memcpy(head + 10, header, strlen(header));
    head[127] = '\n';
    assert_int_equal(fwrite(head, 1, sizeof(head), f), sizeof(head));
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

#define HEADER(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

static void save_images(void)
{
    uint8_t x[6 * 4], y[6] = {0, 1, 2, 0, 1, 2};
    int64_t wide[3] = {2, 1, 0};

    for (int i = 0; i < 24; i++)
        x[i] = (uint8_t)i;
    save("train_x.npy", HEADER("|u1", "(6, 2, 2)"), x, 24);
    save("train_y.npy", HEADER("|u1", "(6,)"), y, 6);
    save("test_x.npy", HEADER("|u1", "(3, 2, 2)"), x, 12);
    save("test_y.npy", HEADER("<i8", "(3,)"), wide, sizeof(wide));
}

static void npyfolder_reads_images(void **state)
{
    uint8_t x[2 * 4];
    int32_t y[2];
    struct set s;

    (void)state;
    save_images();
    opened(&s, "npyfolder", folder, NULL);
    assert_int_equal(s.data->dtype, KP_U8);
    assert_true(kp_shape_equal(s.data->shape, (struct kp_shape){3, {1, 2, 2}}));
    assert_int_equal(s.data->classes, 3);
    assert_int_equal(s.data->split[KP_SPLIT_TRAIN].count, 6);
    assert_int_equal(s.data->split[KP_SPLIT_TEST].count, 3);
    read_some(&s, KP_DATASET_TRAIN, 4, 2, x, y);
    for (int i = 0; i < 8; i++)
        assert_int_equal(x[i], 16 + i);
    assert_int_equal(y[0], 1);
    read_some(&s, KP_DATASET_TEST, 0, 2, x, y);
    assert_int_equal(y[0], 2);

    char identity[128], expect[160];
    struct kp_error e = {0};
    (void)snprintf(identity, sizeof(identity), "%s", s.data->made.identity);
    assert_int_equal(strncmp(identity, "fnv64 ", 6), 0);
    close_set(&s);
    (void)snprintf(expect, sizeof(expect), "expect=%s", identity);
    opened(&s, "npyfolder", folder, (const char *const[]){expect, NULL});
    close_set(&s);
    save("test_y.npy", HEADER("<i8", "(3,)"), (const int64_t[]){2, 1, 1}, 24);
    assert_int_equal(open_set(&s, "npyfolder", folder, (const char *const[]){expect, NULL}, &e),
                     KP_E_CONFIG);
    assert_non_null(strstr(e.text, "the files are 'fnv64 "));
    close_set(&s);
}

static void npyfolder_reads_numbers(void **state)
{
    const float x[4] = {1, -2, 3, 0.5F};
    float got[2];
    int32_t label;
    struct set s;

    (void)state;
    save("train_x.npy", HEADER("<f4", "(2, 2)"), x, sizeof(x));
    save("train_y.npy", HEADER("<i4", "(2,)"), (const int32_t[]){1, 0}, 8);
    save("test_x.npy", HEADER("<f4", "(1, 2)"), x, 8);
    save("test_y.npy", HEADER("<i4", "(1,)"), (const int32_t[]){1}, 4);
    opened(&s, "npyfolder", folder, NULL);
    assert_int_equal(s.data->dtype, KP_F32);
    assert_true(kp_shape_equal(s.data->shape, kp_shape1(2)));
    read_some(&s, KP_DATASET_TRAIN, 1, 1, got, &label);
    assert_memory_equal(got, x + 2, sizeof(got));
    assert_int_equal(label, 0);
    close_set(&s);
}

static void npyfolder_says_what_is_wrong(void **state)
{
    const uint8_t bytes[32] = {0, 1, 2, 9};
    static const struct {
        const char *file, *header;
        size_t size;
        const char *words;
    } cases[] = {
        {"train_x.npy", HEADER("|u1", "(6, 2, 2)"), 23, "train_x.npy: offset 128: 23 bytes"},
        {"train_x.npy", HEADER("|u1", "(6, 2, 3)"), 24, "train_x.npy: offset 128: 24 bytes"},
        {"train_x.npy", HEADER("<f8", "(3,)"), 24, "train_x.npy: elements of type <f8"},
        {"train_x.npy", HEADER("|u1", "(24,)"), 24, "train_x.npy: 1 dims; (N, H, W)"},
        {"train_x.npy", HEADER("|u1", "(2, 3, 2, 2, 1)"), 24, "5 dims; (N, H, W)"},
        {"train_x.npy", HEADER("|u1", "(1, 1, 1, 2, 2, 6)"), 24, "a shape of 1 to 5 dims"},
        {"train_x.npy", HEADER("|u1", "()"), 1, "a shape of 1 to 5 dims"},
        {"train_x.npy", HEADER("|u1", "(99999999999999999999,)"), 24, "a shape of 1 to 5 dims"},
        {"train_x.npy", "{'descr': '|u1'}", 24, "no header with descr"},
        {"train_x.npy", "{'descr': '|u1', 'fortran_order': True, 'shape': (6, 2, 2), }", 24,
         "in Fortran order"},
        {"test_x.npy", HEADER("|u1", "(3, 4, 1)"), 12, "test_x.npy: other examples than those of"},
        {"train_y.npy", HEADER("|u1", "(5,)"), 5, "train_y.npy: must be (6) of uint8"},
        {"train_y.npy", HEADER("<u2", "(6,)"), 12, "train_y.npy: must be (6) of uint8"},
        {"test_y.npy", HEADER("|u1", "(3,)"), 3, NULL},
        {"test_y.npy", HEADER("|u1", "(2,)"), 2, "test_y.npy: must be (3) of uint8"},
    };
    struct kp_error e = {0};
    char path[128];
    struct set s;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        save_images();
        save(cases[i].file, cases[i].header, bytes, cases[i].size);
        const enum kp_status st = open_set(&s, "npyfolder", folder, NULL, &e);
        if (!cases[i].words)
            assert_int_equal(st, KP_OK);
        else if (st == KP_OK || !strstr(e.text, cases[i].words))
            fail_msg("'%s' does not say '%s'", e.text, cases[i].words);
        close_set(&s);
    }
    save_images();
    save("test_y.npy", HEADER("|u1", "(3,)"), bytes + 1, 3);
    assert_int_equal(open_set(&s, "npyfolder", folder, NULL, &e), KP_E_FORMAT);
    assert_non_null(strstr(e.text, "test_y.npy: offset 130: no class; 0 to 2"));
    close_set(&s);
    (void)snprintf(path, sizeof(path), "%s/train_x.npy", folder);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(open_set(&s, "npyfolder", folder, NULL, &e), KP_E_FORMAT);
    assert_non_null(strstr(e.text, "train_x.npy: offset 0: no .npy file"));
    close_set(&s);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(open_set(&s, "npyfolder", folder, NULL, &e), KP_E_IO);
    close_set(&s);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_set(&s, "npyfolder", folder, NULL, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "train_x.npy: No such file"));
    close_set(&s);
    assert_int_equal(open_set(&s, "npyfolder", "", NULL, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "no folder is given; set [data] root"));
    close_set(&s);
}

static int open_all(void **state)
{
    struct kp_text report = {0};
    struct kp_error e = {0};

    (void)state;
    if (scratch_make(folder) != 0 ||
        kp_registry_scan(&registry, KP_BUILD_ROOT "/plugins/examples", &report, &e) != KP_OK ||
        report.length > 0)
        fail_msg("%s%s", e.text, report.s ? report.s : "");
    kp_text_finish(&report);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    kp_registry_finish(&registry);
    return scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussians_err_as_often_as_they_must),
        cmocka_unit_test(gaussians_are_mixed_without_a_change),
        cmocka_unit_test(gaussians_depend_on_seed_split_and_number),
        cmocka_unit_test(npyfolder_reads_images),
        cmocka_unit_test(npyfolder_reads_numbers),
        cmocka_unit_test(npyfolder_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
