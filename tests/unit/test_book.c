/* test_book.c - token files and file lists: NumPy's own, ours, and everything wrong. */
#include "base/file.h"
#include "data/book.h"
#include "data/book_list.h"
#include "data/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

#define FIXTURE KP_SOURCE_ROOT "/tests/unit/languini/"

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

/* A file of version 1 with this dictionary and data. */
static size_t file_of(uint8_t *out, const char *dictionary, const void *data, size_t size)
{
    size_t length = strlen(dictionary);

    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (uint8_t)length;
    out[9] = 0;
    memcpy(out + 10, dictionary, length);
    memcpy(out + 10 + length, data, size);
    return 10 + length + size;
}

static void a_book_is_written_and_read(void **state)
{
    enum { COUNT = 20000 };
    int32_t *ids = malloc(COUNT * sizeof *ids);
    struct kp_book b = {0};
    struct kp_error e = {0};
    (void)state;

    assert_non_null(ids);
    for (int i = 0; i < COUNT; i++)
        ids[i] = i * 7919 % 65536;
    assert_int_equal(kp_book_write("a.npy", ids, COUNT, &e), KP_OK);
    assert_int_equal(kp_book_open("a.npy", &b, &e), KP_OK);
    assert_int_equal(b.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(kp_book_token(&b, i), ids[i]);
    kp_book_close(&b);
    free(ids);

    assert_int_equal(kp_book_open(FIXTURE "tiny/files/train_4.npy", &b, &e), KP_OK);
    assert_int_equal(b.count, 1);
    kp_book_close(&b);
    assert_int_equal(kp_book_open("none.npy", &b, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "none.npy"));
}

static void books_that_are_none(void **state)
{
#define NPY(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }\n"
    static const struct {
        const char *dictionary;
        size_t size;
        const char *says;
    } cases[] = {
        {NPY("<i2", "(3,)"), 6,
         "tokens are signed integers of 2 bytes; unsigned ones of 2 ('<u2')"},
        {NPY("<u4", "(3,)"), 12, "tokens are unsigned integers of 4 bytes"},
        {NPY("<f4", "(3,)"), 12, "element type '<f4'; integers"},
        {NPY(">u2", "(3,)"), 6, "big-endian"},
        {"{'descr': '<u2', 'fortran_order': True, 'shape': (3, 1), }", 6, "Fortran order"},
        {NPY("<u2", "(3, 1)"), 6, "2 dimensions; a book has one"},
        {NPY("<u2", "(0,)"), 0, "an empty book"},
        {NPY("<u2", "(3,)"), 5, "truncated: 3 tokens end at"},
        {NPY("<u2", "(3,)"), 7, "something behind the tokens"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[256], data[16] = {0};
        struct kp_book b;
        struct kp_error e = {0};
        size_t size = file_of(bytes, cases[i].dictionary, data, cases[i].size);

        assert_int_equal(kp_book_parse(bytes, size, "a.npy", &b, &e), KP_E_FORMAT);
        if (!strstr(e.text, cases[i].says) || strncmp(e.text, "a.npy: ", 7) != 0)
            fail_msg("'%s' does not say '%s'", e.text, cases[i].says);
    }
}

static void numpys_list_is_read(void **state)
{
    struct kp_book_list list = {0};
    struct kp_error e = {0};
    (void)state;

    if (kp_book_list_read(FIXTURE "file_list_test_iid.npy", &list, &e))
        fail_msg("%s", e.text);
    assert_int_equal(list.count, 5);
    assert_string_equal(list.book[0].path, "files/test_iid_0.npy");
    assert_string_equal(list.book[4].path, "files/test_iid_4.npy");
    kp_book_list_finish(&list);
}

static void a_list_is_written_and_read(void **state)
{
    static const struct kp_listed_book books[] = {
        {"files/a.npy", 1},
        {"files/L\xC3\xA9on \xE4\xB9\xA6 \xF0\x9F\x98\x80, the 2..nd..npy", INT64_C(10000000000)},
        {"..x/y", 77},
    };
    struct kp_book_list list = {0}, back = {0};
    struct kp_error e = {0};
    (void)state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(kp_book_list_add(&list, books[i].path, books[i].tokens, &e), KP_OK);
    assert_int_equal(kp_book_list_write("list.npy", &list, &e), KP_OK);
    if (kp_book_list_read("list.npy", &back, &e))
        fail_msg("%s", e.text);
    assert_int_equal(back.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(back.book[i].path, books[i].path);
        assert_true(back.book[i].tokens == books[i].tokens);
    }
    assert_int_equal(kp_book_list_add(&list, "files/\xE9.npy", 5, &e), KP_OK);
    assert_int_equal(kp_book_list_write("list.npy", &list, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "cannot hold the path"));
    kp_book_list_finish(&list);
    kp_book_list_finish(&back);
}

static void list_refused(const char *path, const char *tokens, const char *says)
{
    struct kp_book_list list = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_book_list_add(&list, "files/first.npy", 9, &e), KP_OK);
    assert_int_equal(kp_book_list_add(&list, path, 5, &e), KP_OK);
    assert_int_equal(kp_book_list_write("list.npy", &list, &e), KP_OK);
    kp_book_list_finish(&list);
    if (tokens) {
        struct kp_mapping m;
        assert_int_equal(kp_file_map("list.npy", &m, &e), KP_OK);
        uint8_t *copy = malloc(m.size);
        assert_non_null(copy);
        memcpy(copy, m.bytes, m.size);
        uint8_t *cell = copy + m.size - (m.size - KP_NPY_WRITTEN) / 4;
        for (size_t i = 0; i <= strlen(tokens); i++)
            cell[4 * i] = (uint8_t)tokens[i];
        assert_int_equal(kp_book_list_parse(copy, m.size, "list.npy", &list, &e), KP_E_FORMAT);
        kp_file_unmap(&m);
        free(copy);
    } else {
        assert_int_equal(kp_book_list_read("list.npy", &list, &e), KP_E_FORMAT);
    }
    assert_int_equal(list.count, 0);
    if (!strstr(e.text, says) || strncmp(e.text, "list.npy: book 2: ", 18) != 0)
        fail_msg("'%s' does not say '%s'", e.text, says);
}

static void entries_that_are_refused(void **state)
{
    (void)state;

    list_refused("/etc/passwd", NULL, "'/etc/passwd' is outside of the list's folder");
    list_refused("../other/a.npy", NULL, "is outside of the list's folder");
    list_refused("files/../../a.npy", NULL, "is outside of the list's folder");
    list_refused("files/..", NULL, "is outside of the list's folder");
    list_refused("", NULL, "no path");
    list_refused("a.npy", "0", "'0' is no number of tokens");
    list_refused("a.npy", "-5", "'-5' is no number of tokens");
    list_refused("a.npy", "12a", "'12a' is no number of tokens");
    list_refused("a.npy", "99999999999", "is no number of tokens; 1 to 10000000000");
    list_refused("a.npy", "", "'' is no number of tokens");
    list_refused("a.npy", "\xD8", "'\xC3\x98' is no number of tokens");
}

static void lists_that_are_none(void **state)
{
    static const uint8_t zeros[64];
    static const struct {
        const char *dictionary;
        size_t size;
        const char *says;
    } cases[] = {
        {NPY("<i8", "(2, 2)"), 32, "element type '<i8'; strings would be right, such as '<U40'"},
        {NPY("|S4", "(2, 2)"), 16, "element type '|S4'"},
        {NPY("<U5000", "(2, 2)"), 0, "element type '<U5000'"},
        {NPY("<U0", "(2, 2)"), 0, "element type '<U0'"},
        {NPY(">U4", "(2, 2)"), 64, "big-endian"},
        {NPY("<U4", "(4,)"), 64, "no list of books; rows of two strings"},
        {NPY("<U4", "(2, 3)"), 64, "no list of books"},
        {NPY("<U4", "(0, 2)"), 0, "0 books; 1 to"},
        {NPY("<U4", "(2, 2)"), 63, "truncated: the list ends at"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[256];
        struct kp_book_list list = {0};
        struct kp_error e = {0};
        size_t size = file_of(bytes, cases[i].dictionary, zeros, cases[i].size);

        assert_int_equal(kp_book_list_parse(bytes, size, "l.npy", &list, &e), KP_E_FORMAT);
        if (!strstr(e.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", e.text, cases[i].says);
    }

    /* A code above U+10FFFF, and a zero between characters. */
    static const uint8_t bad[2][4] = {{0, 0, 0x11, 0}, {0, 0, 0, 0}};
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[256], data[32] = {'a', 0, 0, 0, 0, 0, 0, 0, 'b'};
        struct kp_book_list list = {0};
        struct kp_error e = {0};

        memcpy(data + 4, bad[i], 4);
        size_t size = file_of(bytes, NPY("<U4", "(1, 2)"), data, sizeof data);
        assert_int_equal(kp_book_list_parse(bytes, size, "l.npy", &list, &e), KP_E_FORMAT);
        assert_string_equal(e.text, "l.npy: book 1: its path has what is no character");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_book_is_written_and_read), cmocka_unit_test(books_that_are_none),
        cmocka_unit_test(numpys_list_is_read),        cmocka_unit_test(a_list_is_written_and_read),
        cmocka_unit_test(entries_that_are_refused),   cmocka_unit_test(lists_that_are_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
