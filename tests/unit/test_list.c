/* test_list.c - text files that name images: lines, mistakes in them, and the images themselves. */
#include "data/catalogue.h"

#include "image_rig.h"
#include "loader_rig.h"

static void parsed(const char *text, struct kp_catalogue *c)
{
    struct kp_error e = {0};

    memset(c, 0, sizeof *c);
    if (kp_catalogue_parse(text, strlen(text), "list", c, &e))
        fail_msg("%s", e.text);
}

static void refused_bytes(const char *text, size_t size, const char *words)
{
    struct kp_catalogue c = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_catalogue_parse(text, size, "list", &c, &e), KP_E_FORMAT);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
    kp_catalogue_finish(&c);
}

static void refused(const char *text, const char *words)
{
    refused_bytes(text, strlen(text), words);
}

static void lines_become_files(void **state)
{
    struct kp_catalogue c;
    (void)state;

    parsed("# a comment\n"
           "a/1.jpg 1 train\n"
           "\n"
           "  with two blanks.jpg\t 0  train \r\n"
           "/absolute/2.png 1 test",
           &c);
    assert_int_equal(c.classes, 2);
    assert_int_equal(c.count[KP_SPLIT_TRAIN], 2);
    assert_int_equal(c.count[KP_SPLIT_TEST], 1);
    assert_string_equal(c.file[KP_SPLIT_TRAIN][0].path, "a/1.jpg");
    assert_string_equal(c.file[KP_SPLIT_TRAIN][1].path, "with two blanks.jpg");
    assert_int_equal(c.file[KP_SPLIT_TRAIN][0].label, 1);
    assert_int_equal(c.file[KP_SPLIT_TRAIN][1].label, 0);
    assert_string_equal(c.file[KP_SPLIT_TEST][0].path, "/absolute/2.png");
    kp_catalogue_finish(&c);
}

static void many_lines_are_kept_in_order(void **state)
{
    struct kp_catalogue c;
    char *text = malloc(5000 * 32), *at = text;
    (void)state;

    assert_non_null(text);
    for (int i = 0; i < 5000; i++)
        at += snprintf(at, 32, "%d.jpg %d %s\n", i, i / 5 % 10, i % 5 ? "train" : "test");
    parsed(text, &c);
    for (int i = 0, n = 0; i < 5000; i++)
        if (i % 5) {
            assert_int_equal(c.file[KP_SPLIT_TRAIN][n].label, i / 5 % 10);
            assert_int_equal(strtol(c.file[KP_SPLIT_TRAIN][n++].path, NULL, 10), i);
        }
    kp_catalogue_finish(&c);
    free(text);
}

static void mistakes_are_named_with_their_line(void **state)
{
    char longer[5000];
    (void)state;

    refused("", "list: no training images");
    refused("a 0 train\n", "list: no test images");
    refused("a 0 train\nb train\n", "list:2: fewer than three words");
    refused("a 0 train\nb 1 validation\n", "list:2: split 'validation' is neither train nor test");
    refused("a x train\n", "list:1: label 'x', must be 0 to 999999");
    refused("a -1 train\n", "list:1: label '-1'");
    refused("a 1000000 train\n", "list:1: label '1000000'");
    refused("a 99999999999999999999 train\n", "list:1: label '9999");
    refused("a 0 train\nb 2 train\nc 0 test\n", "class 1 of 0 to 2 has no training image");
    refused("a 0 train\nb 1 test\n", "class 1 of 0 to 1 has no training image");
    refused_bytes("a\0b 0 train\n", 12, "list:1: a zero byte");
    memset(longer, 'a', sizeof longer);
    refused_bytes(longer, sizeof longer, "list:1: 5000 bytes in a line");
}

static void a_list_is_read(void **state)
{
    struct kp_dataset_config c = {.format = "list", .root = "set"};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};
    uint8_t out[3][12][12];
    (void)state;

    assert_int_equal(kp_dataset_open(&c, &d, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "set/list.txt: no such file"));
    for (int i = 0; i < 3; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "set/images/%d 0.jpg", i);
        struct rig_bytes b = rig_jpeg(i, 3, 12, 12);
        rig_save(path, b);
        free(b.v);
    }
    assert_int_equal(scratch_put("set/list.txt", "images/2 0.jpg 1 train\nimages/1 0.jpg 0 train\n"
                                                 "images/0 0.jpg 1 test\n"),
                     0);
    if (kp_dataset_open(&c, &d, &e))
        fail_msg("%s", e.text);
    assert_int_equal(d->classes, 2);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].labels[0], 1);
    gathered(d, KP_SPLIT_TRAIN, 0, &out[0][0][0]);
    assert_in_range(out[1][5][5] + 6, rig_pixel(2, 1, 5, 5), rig_pixel(2, 1, 5, 5) + 12);
    kp_dataset_close(d);

    /* Another list of the same folder has a cache of its own; a missing file is named. */
    c.list = "other.txt";
    assert_int_equal(scratch_put("set/other.txt", "images/0 0.jpg 0 train\nimages/7 0.jpg 0 "
                                                  "test\n"),
                     0);
    assert_int_equal(kp_dataset_open(&c, &d, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "set/other.txt: names images/7 0.jpg: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_files),
        cmocka_unit_test(many_lines_are_kept_in_order),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test_setup_teardown(a_list_is_read, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
