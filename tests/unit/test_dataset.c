/* test_dataset.c - IDX and CIFAR-10 files, whole and damaged. */
#include "data/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { RECORD = 3073 };

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kappa-data-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void write_gz(const char *name, const void *bytes, size_t size)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

static struct kp_dataset *opened(const char *format, int64_t pad_to)
{
    struct kp_dataset_config config = {.format = format, .root = folder, .pad_to = pad_to};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    if (kp_dataset_open(&config, &d, &e))
        fail_msg("%s", e.text);
    assert_string_equal(d->name, format);
    return d;
}

/* Opening fails with a message that holds all the words, which end with NULL. */
static void refused(const char *format, int64_t pad_to, const char *const *words)
{
    struct kp_dataset_config config = {.format = format, .root = folder, .pad_to = pad_to};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    assert_int_not_equal(kp_dataset_open(&config, &d, &e), KP_OK);
    assert_null(d);
    for (; *words; words++)
        if (!strstr(e.text, *words))
            fail_msg("'%s' does not say '%s'", e.text, *words);
}

#define REFUSED(format, pad_to, ...) \
    refused(format, pad_to, (const char *const[]){__VA_ARGS__, NULL})

static uint8_t pixel(int64_t i, int64_t y, int64_t x)
{
    return (uint8_t)(1 + (i * 50 + y * 10 + x) % 255);
}

/* An IDX file of `dims` extents and bytes that count up; returns its size. */
static size_t make_idx(uint8_t *to, const uint32_t *extent, size_t dims)
{
    size_t n = 4 + 4 * dims;

    memcpy(to, (uint8_t[]){0, 0, 8, (uint8_t)dims}, 4);
    for (size_t i = 0; i < dims; i++)
        for (size_t b = 0; b < 4; b++)
            to[4 + 4 * i + b] = (uint8_t)(extent[i] >> (24 - 8 * b));
    if (dims == 1) {
        for (uint32_t i = 0; i < extent[0]; i++)
            to[n++] = (uint8_t)(i % 10);
        return n;
    }
    for (uint32_t i = 0; i < extent[0]; i++)
        for (uint32_t y = 0; y < extent[1]; y++)
            for (uint32_t x = 0; x < extent[2]; x++)
                to[n++] = pixel(i, y, x);
    return n;
}

static uint8_t images[4096], labels[64];
static size_t images_size, labels_size;

/* 12 training and 5 test images of 3 x 4. */
static void write_idx_set(void)
{
    images_size = make_idx(images, (uint32_t[]){5, 3, 4}, 3);
    labels_size = make_idx(labels, (uint32_t[]){5}, 1);
    write_file("t10k-images-idx3-ubyte", images, images_size);
    write_file("t10k-labels-idx1-ubyte", labels, labels_size);
    images_size = make_idx(images, (uint32_t[]){12, 3, 4}, 3);
    labels_size = make_idx(labels, (uint32_t[]){12}, 1);
    write_file("train-images-idx3-ubyte", images, images_size);
    write_file("train-labels-idx1-ubyte", labels, labels_size);
}

static void expect_idx_content(const struct kp_dataset *d)
{
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 12);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 5);
    for (int s = 0; s < KP_SPLITS; s++) {
        for (int64_t i = 0; i < d->split[s].count; i++) {
            const uint8_t *p = kp_examples_pixels(&d->split[s], i);
            assert_int_equal(d->split[s].labels[i], i % 10);
            for (int64_t y = 0; y < 3; y++)
                for (int64_t x = 0; x < 4; x++)
                    assert_int_equal(p[4 * y + x], pixel(i, y, x));
        }
    }
}

static void idx_is_read_plain_and_packed(void **state)
{
    (void)state;
    write_idx_set();
    struct kp_dataset *d = opened("idx", 0);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {1, 3, 4}}));
    expect_idx_content(d);
    kp_dataset_close(d);

    char path[256];
    (void)snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    assert_int_equal(unlink(path), 0);
    write_gz("train-images-idx3-ubyte.gz", images, images_size);
    write_gz("train-labels-idx1-ubyte.gz", "the plain file is preferred", 20);
    d = opened("idx", 0);
    expect_idx_content(d);
    kp_dataset_close(d);
}

static void padding_is_centred_and_zero(void **state)
{
    (void)state;
    write_idx_set();
    struct kp_dataset *d = opened("idx", 7); /* 2 rows above and below, 1 column left and 2 right */
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {1, 7, 7}}));
    for (int s = 0; s < KP_SPLITS; s++) {
        for (int64_t i = 0; i < d->split[s].count; i++) {
            const uint8_t *p = kp_examples_pixels(&d->split[s], i);
            for (int64_t y = 0; y < 7; y++) {
                for (int64_t x = 0; x < 7; x++) {
                    bool inside = y >= 2 && y < 5 && x >= 1 && x < 5;
                    assert_int_equal(p[7 * y + x], inside ? pixel(i, y - 2, x - 1) : 0);
                }
            }
        }
    }
    kp_dataset_close(d);
    REFUSED("idx", 3, "pad_to = 3", "3 x 4", "4 to 1024");
    REFUSED("idx", -1, "pad_to = -1");
    REFUSED("idx", 5000, "pad_to = 5000");
}

static void damaged_idx_is_refused_with_its_offset(void **state)
{
    static uint8_t bad[4096];
    (void)state;
    write_idx_set();

    for (size_t cut = 0; cut < images_size; cut++) {
        char offset[64];
        write_file("train-images-idx3-ubyte", images, cut);
        (void)snprintf(offset, sizeof offset, "ubyte: offset %zu: truncated", cut);
        REFUSED("idx", 0, "train-images-idx3-ubyte", offset);
    }
    memcpy(bad, images, images_size);
    write_file("train-images-idx3-ubyte", bad, images_size + 2);
    REFUSED("idx", 0, "train-images-idx3-ubyte: offset 160: 2 bytes too many");
    bad[3] = 1;
    write_file("train-images-idx3-ubyte", bad, images_size);
    REFUSED("idx", 0, "offset 0: magic number 0x00000801, must be 0x00000803");
    memcpy(bad, images, images_size);
    memset(bad + 4, 0xff, 12);
    write_file("train-images-idx3-ubyte", bad, images_size);
    REFUSED("idx", 0, "offset 4: examples 4294967295, must be 1 to");
    memcpy(bad, images, images_size);
    memset(bad + 8, 0xff, 4);
    write_file("train-images-idx3-ubyte", bad, images_size);
    REFUSED("idx", 0, "offset 8: height 4294967295, must be 1 to 1024");
    memcpy(bad, images, images_size);
    bad[15] = 0;
    write_file("train-images-idx3-ubyte", bad, images_size);
    REFUSED("idx", 0, "offset 12: width 0, must be 1 to 1024");
    write_idx_set();

    labels[8 + 7] = 10;
    write_file("train-labels-idx1-ubyte", labels, labels_size);
    REFUSED("idx", 0, "train-labels-idx1-ubyte: offset 15: label 10, must be 0 to 9");
    size_t fewer = make_idx(labels, (uint32_t[]){11}, 1);
    write_file("train-labels-idx1-ubyte", labels, fewer);
    REFUSED("idx", 0, "train-labels-idx1-ubyte: offset 4: 11 labels", "12 images");
    write_idx_set();

    size_t other = make_idx(bad, (uint32_t[]){5, 4, 4}, 3);
    write_file("t10k-images-idx3-ubyte", bad, other);
    REFUSED("idx", 0, "3 x 4", "4 x 4");
    write_idx_set();

    write_gz("x.gz", images, images_size);
    char command[256];
    (void)snprintf(command, sizeof command,
                   "cd %s && rm train-images-idx3-ubyte && head -c 50 x.gz > "
                   "train-images-idx3-ubyte.gz",
                   folder);
    assert_int_equal(system(command), 0);
    REFUSED("idx", 0, "train-images-idx3-ubyte.gz: offset 50: truncated");
}

static void missing_idx_names_the_package(void **state)
{
    (void)state;
    REFUSED("idx", 0, "train-images-idx3-ubyte", "dataset-fashion-mnist",
            "/usr/share/datasets/fashion-mnist", folder);
}

static void fashion_mnist_is_read(void **state)
{
    struct kp_dataset_config config = {.format = "idx",
                                       .name = "fashion_mnist",
                                       .root = "/usr/share/datasets/fashion-mnist",
                                       .pad_to = 32};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};
    int64_t of_class[10] = {0};
    (void)state;

    if (access(config.root, R_OK)) {
        print_message("skipped: the package dataset-fashion-mnist is not installed\n");
        skip();
    }
    if (kp_dataset_open(&config, &d, &e))
        fail_msg("%s", e.text);
    assert_string_equal(d->name, "fashion_mnist");
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {1, 32, 32}}));
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 60000);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 10000);
    for (int64_t i = 0; i < 60000; i++)
        of_class[d->split[KP_SPLIT_TRAIN].labels[i]]++;
    for (int c = 0; c < 10; c++)
        assert_int_equal(of_class[c], 6000);
    kp_dataset_close(d);
}

/* Records per file, different so that parts cannot be mixed up. */
static const int64_t records[] = {3, 1, 4, 2, 5, 2};
static uint8_t cifar[6][5 * RECORD];

static const char *cifar_name(int file)
{
    static char name[4][32];
    static int turn;

    turn = (turn + 1) % 4;
    if (file == 5)
        return "test_batch.bin";
    (void)snprintf(name[turn], sizeof name[turn], "data_batch_%d.bin", file + 1);
    return name[turn];
}

static void write_cifar_set(const char *prefix)
{
    char name[128];

    for (int f = 0; f < 6; f++) {
        for (int64_t r = 0; r < records[f]; r++) {
            uint8_t *p = cifar[f] + r * RECORD;
            p[0] = (uint8_t)((f * 3 + r) % 10);
            for (int k = 0; k < RECORD - 1; k++)
                p[1 + k] = (uint8_t)(f * 40 + r * 9 + k);
        }
        (void)snprintf(name, sizeof name, "%s%s", prefix, cifar_name(f));
        write_file(name, cifar[f], (size_t)records[f] * RECORD);
    }
}

static void expect_cifar_content(const struct kp_dataset *d)
{
    int64_t i = 0;

    assert_int_equal(d->classes, 10);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 32, 32}}));
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 15);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 2);
    for (int f = 0; f < 6; f++) {
        const struct kp_examples *x = &d->split[f < 5 ? KP_SPLIT_TRAIN : KP_SPLIT_TEST];
        i = f == 5 ? 0 : i;
        for (int64_t r = 0; r < records[f]; r++, i++) {
            assert_int_equal(x->labels[i], cifar[f][r * RECORD]);
            assert_memory_equal(kp_examples_pixels(x, i), cifar[f] + r * RECORD + 1, RECORD - 1);
        }
    }
}

static void cifar_is_mapped_from_either_folder(void **state)
{
    char inner[128];
    (void)state;

    (void)snprintf(inner, sizeof inner, "%s/cifar-10-batches-bin", folder);
    assert_int_equal(mkdir(inner, 0777), 0);
    write_cifar_set("cifar-10-batches-bin/");
    struct kp_dataset *d = opened("cifar10", 0);
    expect_cifar_content(d);
    kp_dataset_close(d);

    write_cifar_set("");
    d = opened("cifar10", 32);
    expect_cifar_content(d);
    kp_dataset_close(d);

    d = opened("cifar10", 36);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 36, 36}}));
    const uint8_t *p = kp_examples_pixels(&d->split[KP_SPLIT_TRAIN], 14);
    assert_int_equal(p[0], 0);
    assert_int_equal(p[(2 * 36 + 35 - 2) * 36 + 2], cifar[4][4 * RECORD + 1 + 2 * 1024 + 31 * 32]);
    kp_dataset_close(d);
}

static void damaged_cifar_is_refused_with_its_offset(void **state)
{
    (void)state;
    write_cifar_set("");

    write_file("data_batch_3.bin", cifar[2], 2 * RECORD + 100);
    REFUSED("cifar10", 0, "data_batch_3.bin: offset 6246: truncated record", "100 bytes", "3073");
    write_file("data_batch_3.bin", cifar[2], 0);
    REFUSED("cifar10", 0, "data_batch_3.bin: offset 0: empty");
    cifar[2][2 * RECORD] = 17;
    write_file("data_batch_3.bin", cifar[2], 4 * RECORD);
    REFUSED("cifar10", 0, "data_batch_3.bin: offset 6146: label 17, must be 0 to 9");
    write_cifar_set("");
    cifar[5][RECORD] = 255;
    write_file("test_batch.bin", cifar[5], 2 * RECORD);
    REFUSED("cifar10", 0, "test_batch.bin: offset 3073: label 255");
}

static void missing_cifar_says_what_to_set(void **state)
{
    char path[128];
    (void)state;

    REFUSED("cifar10", 0, "data_batch_1.bin", "test_batch.bin", "[data] root", "KAPPA_DATA",
            "cifar-10-batches-bin", folder);
    write_cifar_set("");
    (void)snprintf(path, sizeof path, "%s/data_batch_4.bin", folder);
    assert_int_equal(unlink(path), 0);
    REFUSED("cifar10", 0, "/data_batch_4.bin: no such file");
}

static void unknown_formats_get_a_hint(void **state)
{
    struct kp_dataset_config config = {.format = "cifar10", .root = ""};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};
    (void)state;

    REFUSED("cifar1O", 0, "'cifar1O' is no dataset format", "did you mean 'cifar10'?");
    REFUSED("imagenet", 0, "'imagenet' is no dataset format",
            "there is: cifar10, cifar100, cifar5m, folder, idx, list");
    assert_int_equal(kp_dataset_open(&config, &d, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "KAPPA_DATA"));
    config.root = NULL;
    assert_int_equal(kp_dataset_open(&config, &d, &e), KP_E_CONFIG);
    kp_dataset_close(NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(idx_is_read_plain_and_packed),
        IN_FOLDER(padding_is_centred_and_zero),
        IN_FOLDER(damaged_idx_is_refused_with_its_offset),
        IN_FOLDER(missing_idx_names_the_package),
        IN_FOLDER(cifar_is_mapped_from_either_folder),
        IN_FOLDER(damaged_cifar_is_refused_with_its_offset),
        IN_FOLDER(missing_cifar_says_what_to_set),
        IN_FOLDER(unknown_formats_get_a_hint),
        cmocka_unit_test(fashion_mnist_is_read),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
