/* test_stream.c - windows of books by number against make_stream_fixture.py, and bad streams. */
#include "base/file.h"
#include "data/book.h"
#include "data/book_list.h"
#include "data/npy.h"
#include "data/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

#define FIXTURE KP_SOURCE_ROOT "/tests/unit/languini/"

enum { ROWS = 3, WINDOW = 16 };

static char folder[SCRATCH_SIZE];

static int setup(void **state)
{
    (void)state;
    return scratch_make(folder) == 0 ? chdir(folder) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(folder) : -1;
}

static const struct kp_stream_config tiny = {
    .list = FIXTURE "file_list_test_iid.npy",
    .folder = FIXTURE "tiny",
    .vocabulary = 40,
    .separator = 2,
    .rows = ROWS,
    .window = WINDOW,
};

static struct kp_stream *opened(struct kp_stream_config c)
{
    struct kp_stream *s = NULL;
    struct kp_error e = {0};

    if (kp_stream_open(&c, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

/* What example i must be. */
static void compare(struct kp_stream_reader *r, const struct kp_npy *a, const uint8_t *data,
                    int64_t i, int64_t last)
{
    int32_t x[WINDOW], labels[WINDOW];
    struct kp_error e = {0};

    if (kp_stream_read(r, i, x, labels, &e))
        fail_msg("%s", e.text);
    for (int64_t t = 0; t < WINDOW; t++) {
        int64_t token = kp_npy_integer(a, data, i * (WINDOW + 1) + t);
        int64_t label = kp_npy_integer(a, data, i * (WINDOW + 1) + t + 1);

        assert_int_equal(x[t], token < 0 ? 0 : token);
        assert_int_equal(labels[t], last && t < WINDOW - last ? -1 : label);
    }
}

/* Every example of a fixture, in order and in any order, with a new reader for each way. */
static void check(struct kp_stream_config c, const char *name, int64_t rounds)
{
    char path[512];
    struct kp_mapping file;
    struct kp_npy a;
    struct kp_error e = {0};
    struct kp_stream *s = opened(c);

    (void)snprintf(path, sizeof path, FIXTURE "batches_%s.npy", name);
    assert_int_equal(kp_file_map(path, &file, &e), KP_OK);
    assert_int_equal(kp_npy_parse(file.bytes, file.size, path, &a, &e), KP_OK);
    assert_int_equal(a.shape[0], rounds * kp_stream_windows(s));
    int64_t count = a.shape[0] * ROWS;
    for (int64_t step = 1; step < count; step += 10) {
        struct kp_stream_reader *r = NULL;
        assert_int_equal(kp_stream_reader_create(s, &r, &e), KP_OK);
        for (int64_t i = 0; i < count; i++)
            compare(r, &a, file.bytes + a.header, i * step % count, c.last);
        kp_stream_reader_destroy(r);
    }
    kp_file_unmap(&file);
    kp_stream_close(s);
}

static void training_goes_round(void **state)
{
    struct kp_stream_config c = tiny;
    (void)state;

    c.list = FIXTURE "file_list_train.npy";
    c.repeat = true;
    check(c, "train", 2);
}

static void test_books_end(void **state)
{
    struct kp_stream_config c = tiny;
    struct kp_stream *s = opened(c);
    struct kp_stream_reader *r = NULL;
    struct kp_error e = {0};
    int32_t x[WINDOW], labels[WINDOW];
    (void)state;

    check(c, "test", 1);
    /* Behind the end there is nothing more. */
    assert_int_equal(kp_stream_reader_create(s, &r, &e), KP_OK);
    int64_t beyond = (kp_stream_windows(s) + 5) * ROWS;
    assert_int_equal(kp_stream_read(r, beyond, x, labels, &e), KP_OK);
    for (int t = 0; t < WINDOW; t++)
        assert_true(x[t] == 0 && labels[t] == -1);
    kp_stream_reader_destroy(r);
    kp_stream_close(s);
}

static void a_stride_shorter_than_the_window(void **state)
{
    struct kp_stream_config c = tiny;
    (void)state;

    c.stride = 4;
    check(c, "stride", 1);
    c.last = 4;
    check(c, "stride", 1);
}

/* Two books of these lengths for one row. */
static int64_t windows_of(int64_t first, int64_t second, int64_t window)
{
    struct kp_book_list list = {0};
    struct kp_error e = {0};
    int32_t ids[64] = {0};
    struct kp_stream_config c = {"list.npy", "n", 40, 2, 1, window, 0, 0, false};

    assert_int_equal(kp_folder_make("n", &e), KP_OK);
    assert_int_equal(kp_book_write("n/a.npy", ids, first, &e), KP_OK);
    assert_int_equal(kp_book_write("n/b.npy", ids, second, &e), KP_OK);
    assert_int_equal(kp_book_list_add(&list, "a.npy", first, &e), KP_OK);
    assert_int_equal(kp_book_list_add(&list, "b.npy", second, &e), KP_OK);
    assert_int_equal(kp_book_list_write("list.npy", &list, &e), KP_OK);
    kp_book_list_finish(&list);
    struct kp_stream *s = opened(c);
    int64_t windows = kp_stream_windows(s);
    assert_int_equal(kp_stream_tokens(s), first + second + 2);
    kp_stream_close(s);
    return windows;
}

static void the_number_of_windows(void **state)
{
    (void)state;

    assert_int_equal(windows_of(1, 1, 16), 1);
    assert_int_equal(windows_of(7, 7, 16), 1);
    assert_int_equal(windows_of(8, 7, 16), 1); /* 17 tokens: one window and its last label */
    assert_int_equal(windows_of(8, 8, 16), 2);
    assert_int_equal(windows_of(16, 15, 16), 2);
    assert_int_equal(windows_of(16, 16, 16), 3);
    assert_int_equal(windows_of(5, 5, 1), 11);
}

static void a_book_behind_a_link(void **state)
{
    struct kp_stream_config c = {"list.npy", "n", 40, 2, 1, 16, 0, 0, false};
    (void)state;

    (void)windows_of(40, 40, 16);
    assert_int_equal(rename("n", "elsewhere"), 0);
    assert_int_equal(symlink("elsewhere", "n"), 0);
    struct kp_stream *s = opened(c);
    assert_int_equal(kp_stream_tokens(s), 82);
    kp_stream_close(s);
    assert_int_equal(unlink("n"), 0);
    assert_int_equal(rename("elsewhere", "n"), 0);
}

static void refused(struct kp_stream_config c, const char *says)
{
    struct kp_stream *s = NULL;
    struct kp_error e = {0};

    assert_int_not_equal(kp_stream_open(&c, &s, &e), KP_OK);
    assert_null(s);
    if (!strstr(e.text, says))
        fail_msg("'%s' does not say '%s'", e.text, says);
}

#define REFUSED(field, value, says)         \
    do {                                    \
        struct kp_stream_config bad = tiny; \
        bad.field = value;                  \
        refused(bad, says);                 \
    } while (0)

static void streams_that_are_refused(void **state)
{
    (void)state;

    REFUSED(rows, 6, "5 books for 6 rows, each of which reads books of its own; at most 5 rows");
    REFUSED(rows, 0, "0 rows; 1 to 65536");
    REFUSED(window, 0, "windows of 0 tokens");
    REFUSED(stride, 17, "windows of 16 tokens with a stride of 17");
    REFUSED(last, 17, "the last 17 count");
    REFUSED(vocabulary, 65537, "a vocabulary of 65537 tokens; 1 to 65536");
    REFUSED(separator, 40, "40 separates books, but the vocabulary has 40 tokens");
    REFUSED(list, "none.npy", "none.npy");
    REFUSED(folder, FIXTURE, "languini/files/test_iid_0.npy");
    REFUSED(list, FIXTURE "batches_test.npy", "element type '<i4'; strings would be right");
}

static void a_token_beyond_the_vocabulary(void **state)
{
    struct kp_stream_config c = tiny;
    struct kp_stream_reader *r = NULL;
    struct kp_error e = {0};
    int32_t x[WINDOW], labels[WINDOW];
    enum kp_status st = KP_OK;
    (void)state;

    c.vocabulary = 39;
    struct kp_stream *s = opened(c);
    assert_int_equal(kp_stream_reader_create(s, &r, &e), KP_OK);
    for (int64_t i = 0; i < kp_stream_windows(s) * ROWS && st == KP_OK; i++)
        st = kp_stream_read(r, i, x, labels, &e);
    assert_int_equal(st, KP_E_FORMAT);
    if (strncmp(e.text, FIXTURE "tiny/files/test_iid_", strlen(FIXTURE "tiny/files/test_iid_")) ||
        !strstr(e.text, " is 39; the vocabulary has 0 to 38"))
        fail_msg("%s", e.text);
    kp_stream_reader_destroy(r);
    kp_stream_close(s);
}

static void a_book_that_changes(void **state)
{
    struct kp_stream_config c = {"list.npy", "n", 40, 2, 1, 16, 0, 0, true};
    struct kp_stream_reader *r = NULL;
    struct kp_error e = {0};
    int32_t ids[64] = {0};
    int32_t x[WINDOW], labels[WINDOW];
    (void)state;

    (void)windows_of(40, 40, 16);
    struct kp_stream *s = opened(c);
    assert_int_equal(kp_stream_reader_create(s, &r, &e), KP_OK);
    assert_int_equal(kp_stream_read(r, 0, x, labels, &e), KP_OK);
    assert_int_equal(kp_book_write("n/b.npy", ids, 41, &e), KP_OK);
    assert_int_equal(kp_stream_read(r, 3, x, labels, &e), KP_E_FORMAT);
    assert_string_equal(e.text, "n/b.npy: has 41 tokens, 40 when it was opened first");
    assert_int_equal(unlink("n/b.npy"), 0);
    assert_int_equal(kp_stream_read(r, 3, x, labels, &e), KP_E_IO);
    assert_int_equal(kp_stream_read(r, 0, x, labels, &e), KP_OK);
    kp_stream_reader_destroy(r);
    kp_stream_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_goes_round),
        cmocka_unit_test(test_books_end),
        cmocka_unit_test(a_stride_shorter_than_the_window),
        cmocka_unit_test(the_number_of_windows),
        cmocka_unit_test(a_book_behind_a_link),
        cmocka_unit_test(streams_that_are_refused),
        cmocka_unit_test(a_token_beyond_the_vocabulary),
        cmocka_unit_test(a_book_that_changes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
