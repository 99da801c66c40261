/* test_made.c - datasets of plugins: what open() may say, batches of bytes and of numbers, errors
 * while reading, pieces of endless data. */
#include "data/loader.h"
#include "data/subset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 3, COUNT = 1000, BATCH = 32, BAD = 13 };

/* What open() says, and which example cannot be read, or has a bad label if negative (-1: none). */
struct state {
    struct kp_dataset_info info;
    enum kp_status refuse;
    bool silent;
    int64_t bad;
    int opened, closed;
};

static enum kp_status open_set(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    struct state *s = self;

    s->opened++;
    *info = s->info;
    if (s->refuse == KP_OK || s->silent)
        return s->refuse;
    return kp_data_fail(d, s->refuse, "%s/a.npy: offset 3: no", d->root);
}

/* Numbers: number + k / 4; bytes: number + k; label: number % 5 - 1. */
static enum kp_status read_set(const void *self, struct kp_data *d, enum kp_dataset_split split,
                               const int64_t *number, int64_t count, void *example, int32_t *label)
{
    const struct state *s = self;
    const int64_t each = kp_shape_count(s->info.shape);

    for (int64_t i = 0; i < count; i++) {
        if (number[i] == s->bad && split == KP_DATASET_TRAIN)
            return kp_data_fail(d, KP_E_IO, "x.npy: gone");
        for (int64_t k = 0; k < each; k++) {
            if (s->info.dtype == KP_U8)
                ((uint8_t *)example)[i * each + k] = (uint8_t)(number[i] + k);
            else
                ((float *)example)[i * each + k] = (float)number[i] + (float)k / 4;
        }
        label[i] = s->bad < -1 && number[i] == -s->bad ? 4 : (int32_t)(number[i] % 5) - 1;
    }
    return KP_OK;
}

static void close_set(void *self)
{
    ((struct state *)self)->closed++;
}

static const struct kp_dataset_def def = {
    .size = sizeof(struct kp_dataset_def),
    .name = "counted",
    .doc = "Numbers.",
    .version = "1",
    .open = open_set,
    .read = read_set,
    .close = close_set,
};

static struct state numbers(void)
{
    return (struct state){.info = {.size = sizeof(struct kp_dataset_info),
                                   .dtype = KP_F32,
                                   .shape = {1, {WIDTH}},
                                   .classes = 4,
                                   .count = {COUNT, 20}},
                          .bad = -1};
}

static struct state bytes(void)
{
    struct state s = numbers();

    s.info.dtype = KP_U8;
    s.info.shape = (struct kp_shape){3, {2, 4, 4}};
    return s;
}

static enum kp_status open_data(struct state *s, struct kp_dataset **out, struct kp_error *e)
{
    const struct kp_dataset_config config = {.def = &def, .self = s, .root = "/data"};

    return kp_dataset_open(&config, out, e);
}

static struct kp_dataset *opened(struct state *s)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    if (open_data(s, &d, &e) != KP_OK)
        fail_msg("%s", e.text);
    return d;
}

static void test_open(void **state)
{
    struct state s = numbers();

    (void)state;
    (void)strcpy(s.info.identity, "v7");
    struct kp_dataset *d = opened(&s);
    assert_string_equal(d->name, "counted");
    assert_int_equal(d->dtype, KP_F32);
    assert_int_equal(d->classes, 4);
    assert_true(kp_shape_equal(d->shape, kp_shape1(WIDTH)));
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, COUNT);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 20);
    assert_string_equal(d->made.identity, "v7");
    assert_int_equal(kp_dataset_bytes(d), WIDTH * 4);
    kp_dataset_close(d);
    assert_int_equal(s.opened, 1);
    assert_int_equal(s.closed, 1);
}

static void refused(struct state s, enum kp_status st, const char *words)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    assert_int_equal(open_data(&s, &d, &e), st);
    assert_null(d);
    assert_int_equal(s.closed, 1); /* also after an open that failed */
    assert_non_null(strstr(e.text, "dataset 'counted': "));
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void test_open_is_checked(void **state)
{
    struct state s = numbers();

    (void)state;
    s.refuse = KP_E_FORMAT;
    refused(s, KP_E_FORMAT, "/data/a.npy: offset 3: no");
    s.silent = true;
    refused(s, KP_E_FORMAT, "open failed without saying why");
    s = numbers(), s.info.dtype = (enum kp_dtype)5;
    refused(s, KP_E_INVALID, "its dtype");
    s = numbers(), s.info.shape.n = 0;
    refused(s, KP_E_INVALID, "1 to 4 dims");
    s = numbers(), s.info.shape.dim[0] = 0;
    refused(s, KP_E_INVALID, "an extent below 1");
    s = numbers(), s.info.shape = kp_shape2(1 << 14, 1 << 14);
    refused(s, KP_E_INVALID, "more than 2^26 numbers");
    s = bytes(), s.info.shape.n = 2;
    refused(s, KP_E_INVALID, "bytes must be images");
    s = numbers(), s.info.labels = kp_shape1(2);
    refused(s, KP_E_INVALID, "one label");
    s = numbers(), s.info.classes = 1;
    refused(s, KP_E_INVALID, "2 to 1000000 classes");
    s = numbers(), s.info.count[KP_DATASET_TEST] = 0;
    refused(s, KP_E_INVALID, "1 to 2^48 examples");
    s = numbers(), s.info.count[KP_DATASET_TRAIN] = INT64_C(1) << 40;
    refused(s, KP_E_INVALID, "is not endless");
    s = numbers(), s.info.endless = true, s.info.count[KP_DATASET_TEST] = INT64_C(1) << 40;
    refused(s, KP_E_INVALID, "the test split has more");
    s = numbers(), memset(s.info.identity, 'x', sizeof(s.info.identity));
    refused(s, KP_E_INVALID, "its identity does not end");

    static const float length[2][4] = {{1, 0, -1, 2}, {1, 0, NAN, 2}};
    s = numbers(), s.info.length = length[0];
    refused(s, KP_E_INVALID, "lengths are for text");
    for (int i = 0; i < 2; i++) {
        s = numbers(), s.info.dtype = KP_I32, s.info.labels = s.info.shape;
        s.info.length = length[i];
        refused(s, KP_E_INVALID, "the length of a token must be a number of characters");
    }
}

/* Every example of one epoch, in order of arrival, into out; its draws decide nothing here. */
static enum kp_status read_epoch(struct kp_dataset *d, int decoders, uint8_t *out, int32_t *labels,
                                 struct kp_error *e)
{
    const struct kp_loader_config config = {.data = d, .count = COUNT, .batch = BATCH};
    struct kp_loader *l = NULL;

    d->decoders = decoders;
    enum kp_status st = kp_loader_create(&config, &l, e);
    if (st == KP_OK)
        st = kp_loader_start(l, 0, 0, e);
    for (int64_t at = 0; st == KP_OK && at < COUNT;) {
        const struct kp_batch *b = NULL;
        st = kp_loader_next(l, &b, e);
        if (st != KP_OK)
            break;
        memcpy(out + (size_t)at * kp_dataset_bytes(d), b->pixels,
               (size_t)b->rows * kp_dataset_bytes(d));
        memcpy(labels + at, b->labels, (size_t)b->rows * sizeof(*labels));
        at += b->rows;
    }
    kp_loader_destroy(l);
    return st;
}

static void test_batches(void **state)
{
    struct state kinds[] = {numbers(), bytes()};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kp_dataset *d = opened(&kinds[i]);
        const size_t each = kp_dataset_bytes(d);
        uint8_t *one = malloc(COUNT * each), *four = malloc(COUNT * each), *want = malloc(each);
        int32_t labels[COUNT], again[COUNT];
        bool seen[COUNT] = {false};
        struct kp_error e = {0};

        assert_true(one && four && want);
        assert_int_equal(read_epoch(d, 1, one, labels, &e), KP_OK);
        assert_int_equal(read_epoch(d, 4, four, again, &e), KP_OK);
        assert_memory_equal(one, four, COUNT * each);
        assert_memory_equal(labels, again, sizeof(labels));
        for (int64_t r = 0; r < COUNT && i == 0; r++) {
            float first;
            memcpy(&first, one + (size_t)r * each, sizeof(first));
            const int64_t number = (int64_t)first;
            assert_true(number >= 0 && number < COUNT && !seen[number]);
            seen[number] = true;
            assert_int_equal(labels[r], number % 5 - 1);
            assert_int_equal(read_set(&kinds[i], NULL, KP_DATASET_TRAIN, &number, 1, want, again),
                             KP_OK);
            assert_memory_equal(one + (size_t)r * each, want, each);
        }
        free(one);
        free(four);
        free(want);
        kp_dataset_close(d);
    }
}

static void test_read_errors(void **state)
{
    static const struct {
        int64_t bad;
        const char *words;
    } cases[] = {
        {BAD, "dataset 'counted': example 13: x.npy: gone"},
        {-BAD, "dataset 'counted': example 13: label 4, must be 0 to 3, or -1 for none"},
    };

    (void)state;
    for (int i = 0; i < 2; i++)
        for (int decoders = 1; decoders <= 3; decoders += 2) {
            struct state s = numbers();
            static uint8_t out[COUNT * WIDTH * 4];
            int32_t labels[COUNT];
            struct kp_error e = {0};

            s.bad = cases[i].bad;
            struct kp_dataset *d = opened(&s);
            assert_int_not_equal(read_epoch(d, decoders, out, labels, &e), KP_OK);
            assert_string_equal(e.text, cases[i].words);
            kp_dataset_close(d);
        }
}

static void test_augmentation_is_for_images(void **state)
{
    struct state s = numbers(), images = bytes();
    struct kp_dataset *d = opened(&s), *i = opened(&images);
    struct kp_loader_config config = {.data = d, .count = COUNT, .batch = BATCH, .flip = true};
    struct kp_loader *l = NULL;
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_loader_create(&config, &l, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "data.flip, crop_pad and rotate are for images of bytes"));
    config.data = i;
    assert_int_equal(kp_loader_create(&config, &l, &e), KP_OK);
    kp_loader_destroy(l);
    kp_dataset_close(d);
    kp_dataset_close(i);
}

static struct kp_subset drawn(struct kp_subset_config c)
{
    struct kp_subset s;
    struct kp_error e = {0};

    if (kp_subset_draw(&c, &s, &e) != KP_OK)
        fail_msg("%s", e.text);
    return s;
}

/* Members of the first list that are in the second; both are pieces. */
static int64_t common(const int64_t *a, int64_t n, const int64_t *b, int64_t m)
{
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            count += a[i] == b[k];
    return count;
}

static void test_endless_pieces(void **state)
{
    /* A small "endless" set, so that pieces would often meet by chance. */
    struct kp_subset_config c = {.role = KP_ROLE_TEACHER,
                                 .total = 1000,
                                 .endless = true,
                                 .dev = 0.5,
                                 .n_teacher = 100,
                                 .m = 100,
                                 .seed_pool = 0,
                                 .seed_subset = 1};

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        c.seed_pool = seed;
        c.seed_subset = seed + 1;
        c.role = KP_ROLE_TEACHER;
        struct kp_subset t = drawn(c);
        assert_string_equal(t.algorithm, "philox4x32-10/piece/1");
        assert_int_equal(t.count, 100);
        assert_int_equal(t.dev_count, 50);
        assert_int_equal(t.overlap, 100);
        assert_int_equal(common(t.index, t.count, t.dev_index, t.dev_count), 0);
        c.role = KP_ROLE_STUDENT;
        for (int pool = KP_POOL_FRESH; pool <= KP_POOL_DISJOINT; pool++) {
            c.pool = (enum kp_student_pool)pool;
            struct kp_subset s = drawn(c);
            const int64_t shared = common(s.index, s.count, t.index, t.count);
            assert_int_equal(s.count, 100);
            assert_int_equal(s.overlap, shared);
            assert_int_equal(common(s.index, s.count, s.dev_index, s.dev_count), 0);
            assert_memory_equal(s.dev_index, t.dev_index, 50 * sizeof(int64_t));
            assert_true(pool != KP_POOL_DISJOINT || shared == 0);
            assert_true(pool != KP_POOL_SUBSET || shared == 100);
            for (int64_t i = 0; i < s.count; i++)
                assert_true(s.index[i] >= 0 && s.index[i] < c.total);
            kp_subset_finish(&s);
        }
        kp_subset_finish(&t);
    }
}

static void test_endless_nested(void **state)
{
    struct kp_subset_config c = {.role = KP_ROLE_STUDENT,
                                 .total = INT64_C(1) << 40,
                                 .endless = true,
                                 .n_teacher = 10,
                                 .m = 5000,
                                 .nested = true};

    (void)state;
    struct kp_subset large = drawn(c);
    c.m = 70;
    struct kp_subset small = drawn(c);
    assert_memory_equal(small.index, large.index, 70 * sizeof(int64_t));
    c.nested = false;
    struct kp_subset other = drawn(c);
    assert_int_not_equal(other.index[0], small.index[0]);
    kp_subset_finish(&large);
    kp_subset_finish(&small);
    kp_subset_finish(&other);
}

static void test_endless_limits(void **state)
{
    struct kp_subset_config c = {
        .role = KP_ROLE_STUDENT, .total = 1000, .endless = true, .n_teacher = 200, .m = 51};
    struct kp_subset s;
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_subset_draw(&c, &s, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "N = 200, M = 51 and dev = 0: together at most a quarter"));
    c.n_teacher = 40, c.pool = KP_POOL_SUBSET;
    assert_int_equal(kp_subset_draw(&c, &s, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "M = 51 student examples, but the teacher's pool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_is_checked),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_read_errors),
        cmocka_unit_test(test_augmentation_is_for_images),
        cmocka_unit_test(test_endless_pieces),
        cmocka_unit_test(test_endless_nested),
        cmocka_unit_test(test_endless_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
