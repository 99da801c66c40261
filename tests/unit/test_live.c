/* test_live.c - image files decoded when they are wanted: the pixels of the packed cache, and what
 * becomes of files that vanish or change. */
#include "data/pack.h"

#include <glob.h>
#include <time.h>

#include "image_set.h"
#include "loader_rig.h"

static const struct kp_dataset_config base = {.format = "folder",
                                              .root = "set",
                                              .decode = KP_DECODE_LIVE,
                                              .resize = 24,
                                              .crop = 20,
                                              .decoders = 2};

static int set_up(void **state)
{
    if (rig_setup(state))
        return -1;
    set_make();
    return 0;
}

static void put_image(const char *path, struct rig_bytes b)
{
    rig_save(path, b);
    free(b.v);
}

/* In the order of the catalogue, batches of 4, over all training examples. */
static struct kp_loader_config plain(const struct kp_dataset *d)
{
    return (struct kp_loader_config){.data = d,
                                     .count = d->split[KP_SPLIT_TRAIN].count,
                                     .batch = 4,
                                     .order = KP_ORDER_FIXED,
                                     .role = KP_ROLE_STUDENT,
                                     .seed_order = 3,
                                     .seed_augment = 4};
}

static struct kp_loader *started(struct kp_loader_config c)
{
    struct kp_loader *l = NULL;
    struct kp_error e = {0};

    if (kp_loader_create(&c, &l, &e) || kp_loader_start(l, 0, 0, &e))
        fail_msg("%s", e.text);
    return l;
}

/* Two epochs of both are the same; a, b: the data that the configuration is used with. */
static void expect_same_batches(struct kp_loader_config c, const struct kp_dataset *a,
                                const struct kp_dataset *b)
{
    const size_t each = (size_t)kp_shape_count(a->shape);

    assert_true(kp_shape_equal(a->shape, b->shape));
    assert_int_equal(a->split[c.split].count, b->split[c.split].count);
    c.count = a->split[c.split].count;
    c.data = a;
    struct kp_loader *la = started(c);
    c.data = b;
    struct kp_loader *lb = started(c);
    for (int64_t i = 0; i < 2 * kp_loader_batches(la); i++) {
        const struct kp_batch *x = next_batch(la), *y = next_batch(lb);
        const size_t n = (size_t)x->rows;
        assert_int_equal(x->rows, y->rows);
        assert_memory_equal(x->pixels, y->pixels, n * each);
        assert_memory_equal(x->labels, y->labels, n * sizeof *x->labels);
        assert_memory_equal(x->position, y->position, n * sizeof *x->position);
        assert_true(!x->draws == !y->draws);
        if (x->draws)
            assert_memory_equal(x->draws, y->draws, n * sizeof *x->draws);
    }
    kp_loader_destroy(la);
    kp_loader_destroy(lb);
}

static void batches_are_those_of_the_cache(void **state)
{
    static const struct {
        int64_t resize, crop, downsample;
        bool pieces;
        double rotate;
        enum kp_split split;
    } cases[] = {
        {24, 20, 0, false, 0, KP_SPLIT_TRAIN},  {0, 16, 0, false, 0, KP_SPLIT_TEST},
        {24, 20, 10, false, 15, KP_SPLIT_TEST}, {24, 20, 0, true, 15, KP_SPLIT_TRAIN},
        {0, 16, 4, true, 0, KP_SPLIT_TRAIN},    {9, 8, 0, true, 30, KP_SPLIT_TRAIN},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int threads = 1; threads <= 4; threads++) {
            struct kp_dataset_config c = base;
            c.resize = cases[i].resize;
            c.crop = cases[i].crop;
            c.downsample = cases[i].downsample;
            c.decoders = threads;
            struct kp_dataset *live = set_opened(c);
            c.decode = KP_DECODE_PACKED;
            struct kp_dataset *packed = set_opened(c);
            assert_null(live->split[cases[i].split].images);
            assert_non_null(packed->split[cases[i].split].images);
            struct kp_loader_config l = plain(packed);
            l.split = cases[i].split;
            l.order = KP_ORDER_EPOCH;
            l.random_resized_crop = cases[i].pieces;
            l.rotate = cases[i].rotate;
            l.flip = true;
            l.crop_pad = 2;
            expect_same_batches(l, packed, live);
            kp_dataset_close(live);
            kp_dataset_close(packed);
        }
}

static void no_cache_is_made(void **state)
{
    glob_t found;
    (void)state;

    struct kp_dataset *d = set_opened(base);
    struct kp_loader *l = started(plain(d));
    (void)next_batch(l);
    kp_loader_destroy(l);
    kp_dataset_close(d);
    assert_int_equal(glob("set/kappa-*", 0, NULL, &found), GLOB_NOMATCH);
}

/* The loader gives `good` batches of the epoch it is at, then this error, again and again. */
static void expect_failure(struct kp_loader *l, int good, enum kp_status want, const char *begin,
                           const char *words)
{
    const struct kp_batch *b = NULL;

    for (int i = 0; i < good; i++)
        (void)next_batch(l);
    for (int again = 0; again < 3; again++) {
        struct kp_error e = {0};
        b = NULL;
        assert_int_equal(kp_loader_next(l, &b, &e), want);
        assert_null(b);
        if (strncmp(e.text, begin, strlen(begin)) != 0 || !strstr(e.text, words))
            fail_msg("'%s' does not begin with '%s' and say '%s'", e.text, begin, words);
    }
}

/* Batch 2 holds files 3 and 4 of class 1, and 0 and 1 of class 2. */
static void a_file_that_vanishes_is_named_in_its_batch(void **state)
{
    (void)state;

    struct kp_dataset *d = set_opened(base);
    for (int threads = 1; threads <= 4; threads++) {
        d->decoders = threads;
        struct kp_loader *l = started(plain(d));
        struct kp_error e = {0};
        for (int i = 0; i < 4; i++)
            (void)next_batch(l);
        assert_int_equal(rename("set/train/c1/4.JPEG", "aside-1"), 0);
        assert_int_equal(rename("set/train/c2/1.JPEG", "aside-2"), 0);
        /* What was made ahead may still have them. */
        assert_int_equal(kp_loader_start(l, 1, 0, &e), KP_OK);
        expect_failure(l, 2, KP_E_IO, "set/train/c1/4.JPEG: ", "No such file or directory");
        /* Where they are there again, it can be started again. */
        assert_int_equal(rename("aside-1", "set/train/c1/4.JPEG"), 0);
        assert_int_equal(rename("aside-2", "set/train/c2/1.JPEG"), 0);
        assert_int_equal(kp_loader_start(l, 1, 0, &e), KP_OK);
        for (int i = 0; i < 8; i++)
            (void)next_batch(l);
        kp_loader_destroy(l);
    }
    kp_dataset_close(d);
}

/* Whichever thread meets which file first. */
static void the_first_bad_file_of_a_batch_is_told(void **state)
{
    (void)state;

    struct kp_dataset *d = set_opened(base);
    d->decoders = 4;
    assert_int_equal(rename("set/train/c1", "set/train/aside"), 0);
    assert_int_equal(rename("set/train/c2", "set/train/aside-2"), 0);
    struct kp_loader_config c = plain(d);
    c.batch = c.count;
    struct kp_loader *l = started(c);
    for (int round = 0; round < 200; round++) {
        struct kp_error e = {0};
        assert_int_equal(kp_loader_start(l, round, 0, &e), KP_OK);
        expect_failure(l, 0, KP_E_IO, "set/train/c1/0.JPEG: ", "No such file or directory");
    }
    kp_loader_destroy(l);
    kp_dataset_close(d);
}

/* Nobody starts the loader again here: it meets the file at a later epoch by itself. */
static void a_file_may_vanish_while_batches_are_made(void **state)
{
    const struct kp_batch *b = NULL;
    struct kp_error e = {0};
    enum kp_status st = KP_OK;
    (void)state;

    struct kp_dataset *d = set_opened(base);
    struct kp_loader *l = started(plain(d));
    (void)next_batch(l);
    assert_int_equal(remove("set/train/c0/0.JPEG"), 0);
    for (int i = 0; i < 12 && st == KP_OK; i++)
        st = kp_loader_next(l, &b, &e);
    assert_int_equal(st, KP_E_IO);
    assert_non_null(strstr(e.text, "set/train/c0/0.JPEG: No such file"));
    kp_loader_destroy(l);
    /* Nobody asks for the batch that failed. */
    l = started(plain(d));
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    kp_loader_destroy(l);
    kp_dataset_close(d);
}

static void a_file_that_turns_bad_is_named(void **state)
{
    (void)state;

    struct kp_dataset *d = set_opened(base);
    assert_int_equal(truncate("set/train/c2/0.JPEG", 300), 0);
    struct kp_loader *l = started(plain(d));
    expect_failure(l, 2, KP_E_FORMAT, "set/train/c2/0.JPEG: offset 300: truncated",
                   "data.skip_bad = true");
    kp_loader_destroy(l);
    kp_dataset_close(d);

    /* One of another size, where the sizes matter. */
    struct kp_dataset_config c = base;
    c.resize = 0;
    d = set_opened(c);
    put_image("set/train/c1/0.JPEG", rig_jpeg(1, 3, 30, 18));
    l = started(plain(d));
    expect_failure(l, 1, KP_E_CONFIG, "set/train/c1/0.JPEG: 30 x 18 pixels, too few",
                   "data.crop = 20; data.resize = 20 or more");
    kp_loader_destroy(l);
    kp_dataset_close(d);
    c.crop = 0;
    d = set_opened(c);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 20, 20}}));
    l = started(plain(d));
    expect_failure(l, 0, KP_E_CONFIG, "set/train/c0/1.JPEG: 23 x 20 pixels, others 20 x 20",
                   "set data.resize and data.crop");
    kp_loader_destroy(l);
    kp_dataset_close(d);
}

static int64_t told; /* calls of progress */

static bool progress(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    assert_true(done >= 1 && done <= total);
    told++;
    return true;
}

/* The subset that a run draws must not depend on what is found later: so all are looked at first,
 * once, and the same files are left as by the cache. */
static void bad_files_are_left_out_before_anything_is_drawn(void **state)
{
    struct kp_dataset_config c = base;
    struct stat info;
    glob_t found;
    (void)state;

    assert_int_equal(truncate("set/train/c1/0.JPEG", 300), 0);
    assert_int_equal(scratch_put("set/val/c0/1.JPEG", "no image"), 0);
    c.skip_bad = true;
    c.progress = progress;
    c.decoders = 1; /* only the first tells */
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->skipped, 2);
    assert_true(told > 0);
    const int64_t first = told;
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, CLASSES * TRAIN - 1);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, CLASSES * VAL - 1);
    assert_int_equal(glob("set/kappa-*", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_non_null(strstr(found.gl_pathv[0], "kappa-folder-24-index-"));
    assert_int_equal(stat(found.gl_pathv[0], &info), 0);
    assert_true(info.st_size < (off_t)KP_PACK_DATA + 2048);
    globfree(&found);
    kp_dataset_close(d);
    d = set_opened(c);
    assert_int_equal(told, first);
    assert_int_equal(d->skipped, 2);

    c.decode = KP_DECODE_PACKED;
    struct kp_dataset *packed = set_opened(c);
    struct kp_loader_config l = plain(d);
    l.order = KP_ORDER_EPOCH;
    expect_same_batches(l, packed, d);
    l.split = KP_SPLIT_TEST;
    expect_same_batches(l, packed, d);
    kp_dataset_close(packed);

    /* What turns bad after that is an error like any other. */
    const struct kp_batch *b = NULL;
    struct kp_error e = {0};
    assert_int_equal(truncate("set/train/c0/0.JPEG", 300), 0);
    struct kp_loader *loader = started(plain(d));
    assert_int_equal(kp_loader_next(loader, &b, &e), KP_E_FORMAT);
    assert_string_equal(
        e.text, "set/train/c0/0.JPEG: offset 300: truncated: the file ends before the image does");
    kp_loader_destroy(loader);
    kp_dataset_close(d);

    c.decode = KP_DECODE_LIVE;
    for (int i = 1; i < TRAIN; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "set/train/c1/%d.%s", i, i == 3 ? "png" : "JPEG");
        assert_int_equal(truncate(path, 20), 0);
    }
    set_refused(c, KP_E_FORMAT, "no training image of class 1 can be read");
}

/* With skip_bad the sizes are known when the data are opened. */
static void sizes_are_checked_with_the_index(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.skip_bad = true;
    c.resize = 0;
    c.crop = 21;
    set_refused(c, KP_E_CONFIG, "too few for data.crop = 21; data.resize = 21 or more");
    c.crop = 0;
    set_refused(c, KP_E_CONFIG, "set data.resize and data.crop");
}

static void expect_decoding(const struct kp_dataset *d, const char *begin, const char *words)
{
    if (strncmp(d->decoding, begin, strlen(begin)) != 0 || !strstr(d->decoding, words))
        fail_msg("'%s' does not begin with '%s' and say '%s'", d->decoding, begin, words);
}

static void auto_packs_what_fits(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.decode = KP_DECODE_AUTO;
    struct kp_dataset *d = set_opened(c);
    assert_non_null(d->split[KP_SPLIT_TRAIN].images);
    expect_decoding(d, "packed (auto: about 0.0 GB packed, where", "GB of memory may be used");
    kp_dataset_close(d);
    d = set_opened(c);
    expect_decoding(d, "packed (auto: ", "the cache is there");
    kp_dataset_close(d);

    /* Another size, and no place for it. */
    c.resize = 22;
    c.cache = "set/train/c0/0.JPEG/below";
    d = set_opened(c);
    assert_non_null(d->split[KP_SPLIT_TRAIN].live.file);
    expect_decoding(d, "live (auto: ", "no folder for packed images can be written");
    kp_dataset_close(d);
    c.decode = KP_DECODE_LIVE;
    d = set_opened(c);
    assert_string_equal(d->decoding, "");
    kp_dataset_close(d);
}

/* A terabyte of pixels by one file of four megabytes of them, named again and again. */
static void auto_does_not_pack_what_does_not_fit(void **state)
{
    enum { SIDE = 1200, NAMES = 250000 };
    struct kp_dataset_config c = {.format = "list", .root = "set", .crop = 8, .decoders = 2};
    uint8_t *black = calloc(SIDE, SIDE);
    (void)state;

    assert_non_null(black);
    put_image("set/black.png", rig_png(black, SIDE, PNG_COLOR_TYPE_GRAY, 8, SIDE, SIDE, false));
    free(black);
    FILE *f = fopen("set/list.txt", "w");
    assert_non_null(f);
    for (int i = 0; i < NAMES; i++)
        (void)fprintf(f, "black.png %d %s\n", i % 2, i % 8 ? "train" : "test");
    assert_int_equal(fclose(f), 0);
    struct kp_dataset *d = set_opened(c);
    expect_decoding(d, "live (auto: about 1080.0 GB packed, where", "GB of memory may be used");
    struct kp_loader *l = started(plain(d));
    const struct kp_batch *b = next_batch(l);
    for (size_t i = 0; i < (size_t)(b->rows * kp_shape_count(d->shape)); i++)
        assert_int_equal(b->pixels[i], 0);
    kp_loader_destroy(l);
    kp_dataset_close(d);
}

#define IN_SET(test) cmocka_unit_test_setup_teardown(test, set_up, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SET(batches_are_those_of_the_cache),
        IN_SET(no_cache_is_made),
        IN_SET(a_file_that_vanishes_is_named_in_its_batch),
        IN_SET(the_first_bad_file_of_a_batch_is_told),
        IN_SET(a_file_may_vanish_while_batches_are_made),
        IN_SET(a_file_that_turns_bad_is_named),
        IN_SET(bad_files_are_left_out_before_anything_is_drawn),
        IN_SET(sizes_are_checked_with_the_index),
        IN_SET(auto_packs_what_fits),
        IN_SET(auto_does_not_pack_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
