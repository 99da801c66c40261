/* test_cifar100.c - CIFAR-100 files, averaging of boxes, and a limit on the test split. */

#include <sys/stat.h>

#include "image_rig.h"
#include "loader_rig.h"

enum { RECORD = 3074, TRAIN = 7, TEST = 4 };

static uint8_t bytes_of[2][TRAIN][RECORD];

static uint8_t pixel(int64_t i, int64_t k)
{
    return (uint8_t)(i * 31 + k * 7 + k / 1024);
}

/* Fine labels i, coarse ones i / 5. */
static void write_set(const char *folder)
{
    for (int f = 0; f < 2; f++) {
        char path[64];
        for (int i = 0; i < TRAIN; i++) {
            bytes_of[f][i][0] = (uint8_t)(i / 5);
            bytes_of[f][i][1] = (uint8_t)(90 + i);
            for (int k = 0; k < RECORD - 2; k++)
                bytes_of[f][i][2 + k] = pixel(i, k);
        }
        (void)snprintf(path, sizeof path, "%s/%s.bin", folder, f ? "test" : "train");
        rig_save(path, (struct rig_bytes){bytes_of[f][0], RECORD * (f ? TEST : TRAIN)});
    }
}

static struct kp_dataset *opened(struct kp_dataset_config c)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    if (kp_dataset_open(&c, &d, &e))
        fail_msg("%s", e.text);
    return d;
}

static void refused(struct kp_dataset_config c, const char *words)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    assert_int_not_equal(kp_dataset_open(&c, &d, &e), KP_OK);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static const struct kp_dataset_config base = {.format = "cifar100", .root = "."};

static void fine_and_coarse_labels(void **state)
{
    static const char *const folders[] = {".", "cifar-100-binary"};
    uint8_t out[RECORD - 2];
    (void)state;

    for (int f = 1; f >= 0; f--) {
        write_set(folders[f]);
        struct kp_dataset_config c = base;
        struct kp_dataset *d = opened(c);
        assert_int_equal(d->classes, 100);
        assert_int_equal(d->split[KP_SPLIT_TRAIN].count, TRAIN);
        assert_int_equal(d->split[KP_SPLIT_TEST].count, TEST);
        for (int i = 0; i < TRAIN; i++) {
            assert_int_equal(d->split[KP_SPLIT_TRAIN].labels[i], 90 + i);
            gathered(d, KP_SPLIT_TRAIN, i, out);
            assert_memory_equal(out, bytes_of[0][i] + 2, sizeof out);
        }
        kp_dataset_close(d);
        c.coarse = true;
        d = opened(c);
        assert_int_equal(d->classes, 20);
        for (int i = 0; i < TRAIN; i++)
            assert_int_equal(d->split[KP_SPLIT_TRAIN].labels[i], i / 5);
        kp_dataset_close(d);
    }
}

static void damaged_files_are_refused(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    refused(c, "./train.bin: no such file; the binary version of CIFAR-100 has train.bin and");
    write_set(".");
    assert_int_equal(truncate("test.bin", 3 * RECORD + 5), 0);
    refused(c, "./test.bin: offset 9227: truncated record: 5 bytes after 3 whole records of 3074");
    write_set(".");
    bytes_of[0][2][1] = 100;
    rig_save("train.bin", (struct rig_bytes){bytes_of[0][0], RECORD * TRAIN});
    refused(c, "./train.bin: offset 6149: label 100, must be 0 to 99");
    bytes_of[0][2][0] = 20;
    rig_save("train.bin", (struct rig_bytes){bytes_of[0][0], RECORD * TRAIN});
    c.coarse = true;
    refused(c, "./train.bin: offset 6148: label 20, must be 0 to 19");
}

static void boxes_are_averaged(void **state)
{
    struct kp_dataset_config c = base;
    uint8_t out[3][8][8];
    (void)state;

    write_set(".");
    c.downsample = 8;
    struct kp_dataset *d = opened(c);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 8, 8}}));
    for (int i = 0; i < TRAIN; i++) {
        gathered(d, KP_SPLIT_TRAIN, i, &out[0][0][0]);
        for (int ch = 0; ch < 3; ch++)
            for (int y = 0; y < 8; y++)
                for (int x = 0; x < 8; x++) {
                    int sum = 0;
                    for (int k = 0; k < 16; k++)
                        sum += pixel(i, 1024 * ch + 32 * (4 * y + k / 4) + 4 * x + k % 4);
                    assert_int_equal(out[ch][y][x], (sum + 8) / 16);
                }
    }
    kp_dataset_close(d);
    /* After padding to 36 a box is 9 x 9. */
    c.pad_to = 36;
    c.downsample = 4;
    d = opened(c);
    gathered(d, KP_SPLIT_TEST, 1, &out[0][0][0]);
    int sum = 0;
    for (int y = 0; y < 7; y++)
        for (int x = 0; x < 7; x++)
            sum += pixel(1, 32 * y + x);
    assert_int_equal(out[0][0][0], (sum + 40) / 81);
    kp_dataset_close(d);

    c.pad_to = 0;
    c.downsample = 5;
    refused(c, "downsample = 5: the images are 32 x 32; a number that divides both");
    c.downsample = 64;
    refused(c, "downsample = 64");
}

static void the_test_split_can_be_limited(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    write_set(".");
    c.test_limit = 3;
    struct kp_dataset *d = opened(c);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 3);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, TRAIN);
    kp_dataset_close(d);
    c.test_limit = 1000;
    d = opened(c);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, TEST);
    kp_dataset_close(d);
}

/* Half of Tiny-ImageNet in this layout, where it is. */
static void a_real_set_is_read(void **state)
{
    const char *data = getenv("KAPPA_DATA");
    char root[512];
    int of_class[100] = {0};
    (void)state;

    (void)snprintf(root, sizeof root, "%s/tiny-imagenet-100a-32-binary", data ? data : "");
    if (!data || access(root, R_OK) != 0) {
        print_message("skipped: no tiny-imagenet-100a-32-binary in KAPPA_DATA\n");
        skip();
    }
    struct kp_dataset_config c = {.format = "cifar100", .root = root};
    struct kp_dataset *d = opened(c);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 50000);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 5000);
    for (int i = 0; i < 50000; i++)
        of_class[d->split[KP_SPLIT_TRAIN].labels[i]]++;
    for (int k = 0; k < 100; k++)
        assert_int_equal(of_class[k], 500);
    kp_dataset_close(d);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(fine_and_coarse_labels),    IN_FOLDER(damaged_files_are_refused),
        IN_FOLDER(boxes_are_averaged),        IN_FOLDER(the_test_split_can_be_limited),
        cmocka_unit_test(a_real_set_is_read),
    };
    return cmocka_run_group_tests_name("cifar100", tests, NULL, NULL);
}
