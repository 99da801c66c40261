/* test_packed.c - image folders and their packed cache: made once, found again, made anew. */
#include "data/pack.h"

#include <fcntl.h>
#include <glob.h>

#include "image_set.h"
#include "loader_rig.h"

static const struct kp_dataset_config base = {
    .format = "folder", .root = "set", .decode = KP_DECODE_PACKED, .decoders = 1};

static int64_t told; /* calls of progress */
static bool stop;

static bool progress(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    assert_true(done >= 1 && done <= total);
    told++;
    return !stop;
}

static int set_up(void **state)
{
    if (rig_setup(state))
        return -1;
    told = 0;
    stop = false;
    set_make();
    return 0;
}

/* The one cache of the set. */
static void cache_path(char out[128], struct stat *info)
{
    glob_t found;

    assert_int_equal(glob("set/kappa-*.pack*", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    (void)snprintf(out, 128, "%s", found.gl_pathv[0]);
    globfree(&found);
    assert_int_equal(stat(out, info), 0);
}

/* All examples, one after another. */
static uint8_t *all_bytes(const struct kp_dataset *d, size_t *size)
{
    size_t each = (size_t)kp_shape_count(d->shape), n = 0;
    uint8_t *out = malloc(each * (size_t)(d->split[0].count + d->split[1].count));

    assert_non_null(out);
    for (int s = 0; s < KP_SPLITS; s++)
        for (int64_t i = 0; i < d->split[s].count; i++, n++)
            gathered(d, (enum kp_split)s, i, out + n * each);
    *size = n * each;
    return out;
}

static void a_folder_is_read(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.crop = 16;
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->classes, CLASSES);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, CLASSES * TRAIN);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, CLASSES * VAL);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 16, 16}}));
    for (int64_t i = 0; i < CLASSES * TRAIN; i++) {
        uint8_t out[3][16][16];
        int k = (int)(i / TRAIN), number = (int)(i % TRAIN);
        int top = (20 + 3 * number - 16) / 2, left = (20 + 5 * k - 16) / 2;
        assert_int_equal(d->split[KP_SPLIT_TRAIN].labels[i], k);
        /* (extent - 16) / 2, halves to the even number. */
        if ((20 + 3 * number) % 2)
            top += top % 2;
        if ((20 + 5 * k) % 2)
            left += left % 2;
        gathered(d, KP_SPLIT_TRAIN, i, &out[0][0][0]);
        /* The PNG file is exact, which shows where the middle is; JPEG loses little. */
        int bound = number == 3 ? 0 : 8;
        for (int ch = 0; ch < 3; ch++)
            for (int y = 0; y < 16; y++)
                for (int x = 0; x < 16; x++) {
                    int want = rig_pixel(k, number == 2 ? 0 : ch, top + y, left + x);
                    assert_in_range(out[ch][y][x] + bound, want, want + 2 * bound);
                }
    }
    kp_dataset_close(d);
}

static void the_cache_is_found_again(void **state)
{
    struct kp_dataset_config c = base;
    struct stat first, second;
    char path[128];
    size_t n, m;
    (void)state;

    c.crop = 16;
    c.progress = progress;
    struct kp_dataset *d = set_opened(c);
    uint8_t *bytes = all_bytes(d, &n);
    kp_dataset_close(d);
    cache_path(path, &first);
    told = 0;
    d = set_opened(c);
    uint8_t *again = all_bytes(d, &m);
    kp_dataset_close(d);
    cache_path(path, &second);
    assert_int_equal(first.st_ino, second.st_ino);
    assert_int_equal(told, 0);
    assert_int_equal(n, m);
    assert_memory_equal(bytes, again, n);
    free(bytes);
    free(again);
}

/* Any change of a file, a cut or a flipped bit in the cache's index: it is made anew. */
static void a_stale_or_damaged_cache_is_made_anew(void **state)
{
    struct kp_dataset_config c = base;
    struct stat before, after;
    char path[128];
    (void)state;

    c.crop = 16;
    kp_dataset_close(set_opened(c));
    for (int change = 0; change < 4; change++) {
        cache_path(path, &before);
        int fd = open(path, O_RDWR);
        if (change == 0) {
            assert_int_equal(ftruncate(fd, before.st_size - 1), 0);
        } else if (change == 1) {
            /* Another class for the last image: only the checksum tells. */
            uint8_t class = 1;
            assert_int_equal(pwrite(fd, &class, 1, before.st_size - 8), 1);
        } else if (change == 2) {
            struct timespec times[2] = {{1, 0}, {1, 0}};
            assert_int_equal(utimensat(AT_FDCWD, "set/val/c2/1.JPEG", times, 0), 0);
        } else {
            uint64_t size = UINT64_MAX;
            assert_int_equal(pwrite(fd, &size, 8, offsetof(struct kp_pack_header, index_offset)),
                             8);
        }
        (void)close(fd);
        struct kp_dataset *d = set_opened(c);
        cache_path(path, &after);
        if (before.st_ino == after.st_ino)
            fail_msg("change %d was not seen", change);
        assert_int_equal(d->split[KP_SPLIT_TRAIN].count, CLASSES * TRAIN);
        kp_dataset_close(d);
    }
}

static void threads_change_nothing(void **state)
{
    struct kp_dataset_config c = base;
    uint8_t *first = NULL;
    size_t n = 0, m;
    (void)state;

    c.resize = 24;
    c.crop = 20;
    for (int threads = 1; threads <= 4; threads++) {
        char cache[16];
        (void)snprintf(cache, sizeof cache, "cache-%d", threads);
        c.cache = cache;
        c.decoders = threads;
        struct kp_dataset *d = set_opened(c);
        uint8_t *bytes = all_bytes(d, threads == 1 ? &n : &m);
        if (first) {
            assert_int_equal(n, m);
            assert_memory_equal(first, bytes, n);
            free(bytes);
        } else {
            first = bytes;
        }
        kp_dataset_close(d);
    }
    free(first);
}

static void bad_files_are_listed_or_left_out(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.crop = 16;
    assert_int_equal(truncate("set/train/c1/0.JPEG", 300), 0);
    assert_int_equal(scratch_put("set/val/c0/1.JPEG", "no image"), 0);
    for (int i = 0; i < 2; i++) {
        set_refused(c, KP_E_FORMAT, "2 image files are bad (data.skip_bad = true leaves them out)");
        set_refused(c, KP_E_FORMAT, "set/train/c1/0.JPEG: offset 300: truncated");
        set_refused(c, KP_E_FORMAT, "set/val/c0/1.JPEG: offset 0: neither a JPEG nor a PNG");
    }
    c.skip_bad = true;
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->skipped, 2);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, CLASSES * TRAIN - 1);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, CLASSES * VAL - 1);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].labels[TRAIN], 1);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].images[TRAIN].file, TRAIN + 1);
    kp_dataset_close(d);

    for (int i = 1; i < TRAIN; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "set/train/c1/%d.%s", i, i == 3 ? "png" : "JPEG");
        assert_int_equal(truncate(path, 20), 0);
    }
    set_refused(c, KP_E_FORMAT, "no training image of class 1 can be read");
}

static void eleven_bad_files_list_ten(void **state)
{
    struct kp_dataset_config c = base;
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};
    int lines = 0;
    (void)state;

    for (int k = 0; k < CLASSES; k++)
        for (int i = 0; i < 4; i++) {
            char path[64];
            (void)snprintf(path, sizeof path, "set/train/c%d/%d.%s", k, i, i == 3 ? "png" : "JPEG");
            assert_int_equal(truncate(path, 0), 0);
        }
    assert_int_equal(kp_dataset_open(&c, &d, &e), KP_E_FORMAT);
    assert_non_null(strstr(e.text, "12 image files are bad"));
    for (const char *p = e.text; (p = strstr(p, "\nset/")) != NULL; p++)
        lines++;
    assert_int_equal(lines, 10);
}

static void folders_that_do_not_fit_are_refused(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.crop = 16;
    assert_int_equal(rename("set/val/c1", "set/val/d1"), 0);
    set_refused(c, KP_E_FORMAT, "only in train: c1; not in train: d1");
    assert_int_equal(rename("set/val/d1", "set/val/c1"), 0);
    assert_int_equal(mkdir("set/train/e", 0777), 0);
    set_refused(c, KP_E_FORMAT, "only in train: e;");
    assert_int_equal(mkdir("set/val/e", 0777), 0);
    set_refused(c, KP_E_FORMAT, "set/train/e: no image in this class");
    assert_int_equal(rmdir("set/val/e") + rmdir("set/train/e"), 0);

    c.crop = 0;
    set_refused(c, KP_E_CONFIG, "set data.resize and data.crop");
    c.crop = 21;
    set_refused(c, KP_E_CONFIG, "too few for data.crop = 21; data.resize = 21 or more");
    c.resize = 21;
    kp_dataset_close(set_opened(c));
    c.pad_to = 32;
    set_refused(c, KP_E_CONFIG, "data.pad_to = 32 is not for image files");
    c.root = "nowhere";
    set_refused(c, KP_E_IO, "nowhere/train: no such folder");
}

static void a_test_folder_serves_for_val(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    c.crop = 16;
    assert_int_equal(rename("set/val", "set/test"), 0);
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, CLASSES * VAL);
    kp_dataset_close(d);
    c.test_limit = 3;
    d = set_opened(c);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 3);
    kp_dataset_close(d);
}

static void counting_makes_no_cache(void **state)
{
    struct kp_dataset_config c = base;
    glob_t found;
    (void)state;

    c.count_only = true;
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, CLASSES * TRAIN);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 20, 20}}));
    kp_dataset_close(d);
    c.crop = 16;
    c.downsample = 8;
    d = set_opened(c);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 8, 8}}));
    kp_dataset_close(d);
    assert_int_equal(glob("set/kappa-*", 0, NULL, &found), GLOB_NOMATCH);
}

static void the_cache_has_a_place(void **state)
{
    struct kp_dataset_config c = base;
    glob_t found;
    (void)state;

    c.crop = 16;
    c.cache = "deep/in/here";
    kp_dataset_close(set_opened(c));
    assert_int_equal(glob("deep/in/here/kappa-folder-0-*.pack", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    globfree(&found);
    assert_int_equal(glob("set/kappa-*", 0, NULL, &found), GLOB_NOMATCH);
    c.cache = "set/train/c0/0.JPEG/below";
    set_refused(c, KP_E_IO, "set [data] cache to a folder that can be written");
}

static void making_can_be_stopped(void **state)
{
    struct kp_dataset_config c = base;
    glob_t found;
    (void)state;

    c.progress = progress;
    c.resize = 20;
    c.crop = 16;
    stop = true;
    set_refused(c, KP_E_INTERRUPTED, "stopped while the images were decoded");
    assert_int_equal(told, 1);
    assert_int_equal(glob("set/kappa-*", 0, NULL, &found), GLOB_NOMATCH);
}

/* Real photographs, where they are. */
static void tiny_imagenet_is_read(void **state)
{
    const char *data = getenv("KAPPA_DATA");
    char root[512];
    (void)state;

    (void)snprintf(root, sizeof root, "%s/tiny-imagenet-100a", data ? data : "");
    if (!data || access(root, R_OK) != 0) {
        print_message("skipped: no tiny-imagenet-100a in KAPPA_DATA\n");
        skip();
    }
    struct kp_dataset_config c = {
        .format = "folder", .root = root, .decode = KP_DECODE_PACKED, .cache = "cache"};
    struct kp_dataset *d = set_opened(c);
    assert_int_equal(d->classes, 100);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 50000);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 5000);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 64, 64}}));
    kp_dataset_close(d);
}

#define IN_SET(test) cmocka_unit_test_setup_teardown(test, set_up, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SET(a_folder_is_read),
        IN_SET(the_cache_is_found_again),
        IN_SET(a_stale_or_damaged_cache_is_made_anew),
        IN_SET(threads_change_nothing),
        IN_SET(bad_files_are_listed_or_left_out),
        IN_SET(eleven_bad_files_list_ten),
        IN_SET(folders_that_do_not_fit_are_refused),
        IN_SET(a_test_folder_serves_for_val),
        IN_SET(counting_makes_no_cache),
        IN_SET(the_cache_has_a_place),
        IN_SET(making_can_be_stopped),
        IN_SET(tiny_imagenet_is_read),
    };
    return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
