/* test_tokenise.c - folders of books to token files: lists, order, going on, and bad folders. */
#include "base/file.h"
#include "data/book.h"
#include "data/book_list.h"
#include "text/sentencepiece.h"
#include "text/tokenise.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "scratch.h"
#include "spm_model.h"

static char folder[SCRATCH_SIZE];

static void put(const char *path, const void *bytes, size_t n)
{
    struct kp_error e = {0};
    char *in = kp_path_beside(path, "");
    FILE *f;

    assert_int_equal(kp_folder_make(in, &e), KP_OK);
    free(in);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void put_text(const char *path, const char *text)
{
    put(path, text, strlen(text));
}

static void put_model(const char *path, int64_t pieces)
{
    struct spm_bytes b = spm_model_bytes((struct spm_model){.pieces = pieces, .third = "<D>"});

    put(path, b.v, b.n);
    free(b.v);
}

static int setup(void **state)
{
    (void)state;
    if (scratch_make(folder) != 0 || chdir(folder) != 0)
        return -1;
    put_model("tok.model", 300);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(folder) : -1;
}

static struct kp_text_books found(const char *path, double test)
{
    struct kp_text_books books = {0};
    struct kp_error e = {0};

    if (kp_text_books_find(path, test, &books, &e))
        fail_msg("%s", e.text);
    return books;
}

static enum kp_status tokenise(const struct kp_text_books *books, const char *model,
                               const char *out, bool (*progress)(void *, int64_t, int64_t),
                               void *arg, struct kp_tokenised *result, struct kp_error *e)
{
    const struct kp_tokenise_config c = {books, model, out, 2, progress, arg};

    return kp_tokenise(&c, result, e);
}

static void check_book(const char *path, const int32_t *want, int64_t count)
{
    struct kp_book b = {0};
    struct kp_error e = {0};

    if (kp_book_open(path, &b, &e))
        fail_msg("%s", e.text);
    assert_int_equal(b.count, count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(kp_book_token(&b, i), want[i]);
    kp_book_close(&b);
}

/* The list has these books, in any order, with their tokens. */
static void check_list(const char *path, int64_t count, const char *const *names,
                       const int64_t *tokens)
{
    struct kp_book_list list = {0};
    struct kp_error e = {0};

    if (kp_book_list_read(path, &list, &e))
        fail_msg("%s", e.text);
    assert_int_equal(list.count, count);
    for (int64_t k = 0; k < count; k++) {
        int64_t i = 0;
        while (i < count && strcmp(list.book[i].path, names[k]) != 0)
            i++;
        assert_true(i < count);
        assert_int_equal(list.book[i].tokens, tokens[k]);
    }
    kp_book_list_finish(&list);
}

static void needs_library(void)
{
    if (!kp_spm_built)
        skip();
}

static void a_folder_of_both_splits(void **state)
{
    static const int32_t a[] = {3 + 'x', 3 + '\n', SPM_QU, SPM_BLANK, 3 + '\n', 3 + '\n'};
    static const int32_t b[] = {3 + 'y', 3 + 0xFF, 3 + 0xC3, 3 + 0xA9};
    struct kp_tokenised r;
    struct kp_error e = {0};
    struct kp_text_books books;
    (void)state;

    needs_library();
    put_text("both/train/a.txt", "x\r\nqu \r\r");
    put_text("both/train/b.txt", "y\xFF\xC3\xA9");
    put_text("both/train/c.md", "no book");
    put_text("both/train/.d.txt", "no book");
    put_text("both/train/.txt", "no book");
    put_text("both/e.txt", "no book");
    assert_int_equal(mkdir("both/train/f.txt", 0777), 0);
    put_text("both/test/g.txt", "<D>");
    books = found("both", 0.5);
    assert_int_equal(books.count, 3);
    if (tokenise(&books, "tok.model", "out/deep", NULL, NULL, &r, &e))
        fail_msg("%s", e.text);
    assert_true(r.books[0] == 2 && r.books[1] == 1 && r.tokens[0] == 10 && r.tokens[1] == 1);
    assert_true(r.kept == 0 && r.stray == 1 && r.bytes == 8 + 4 + 3);
    check_book("out/deep/tok/files/a.npy", a, 6);
    check_book("out/deep/tok/files/b.npy", b, 4);
    check_book("out/deep/tok/files/g.npy", (const int32_t[]){2}, 1);
    check_list("out/deep/file_list_train.npy", 2,
               (const char *const[]){"files/a.npy", "files/b.npy"}, (const int64_t[]){6, 4});
    check_list("out/deep/file_list_test_iid.npy", 1, (const char *const[]){"files/g.npy"},
               (const int64_t[]){1});

    /* The model itself, and its pieces. */
    struct kp_tokeniser *t = NULL;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(kp_tokeniser_open("out/deep/tok.model", &t, &e), KP_OK);
    kp_tokeniser_close(t);
    assert_int_equal(kp_file_read("out/deep/tok.vocab", 100000, &bytes, &size, &e), KP_OK);
    assert_int_equal(strncmp((char *)bytes, "<pad>\n<unk>\n<D>\n<0x00>\n", 23), 0);
    assert_non_null(strstr((char *)bytes, "\nqu\n"));
    free(bytes);
    kp_text_books_finish(&books);
}

static bool stop_after(void *arg, int64_t done, int64_t total)
{
    int64_t *limit = arg;

    assert_true(done > 0 && done <= total);
    return done < *limit;
}

static void an_interrupted_one_goes_on(void **state)
{
    struct kp_tokenised r;
    struct kp_error e = {0};
    char path[64];
    int64_t limit = 20;
    (void)state;

    needs_library();
    for (int i = 0; i < 40; i++) {
        (void)snprintf(path, sizeof path, "many/%02d.txt", i);
        put_text(path, "ab");
    }
    struct kp_text_books books = found("many", 0.25);
    assert_int_equal(tokenise(&books, "tok.model", "o2", stop_after, &limit, &r, &e),
                     KP_E_INTERRUPTED);
    assert_false(kp_file_exists("o2/file_list_train.npy"));
    assert_int_equal(tokenise(&books, "tok.model", "o2", NULL, NULL, &r, &e), KP_OK);
    assert_true(r.kept >= 10 && r.kept < 40);
    assert_true(r.books[0] == 30 && r.books[1] == 10 && r.tokens[0] == 60);

    /* Nothing is left to do, until a text changes. */
    assert_int_equal(tokenise(&books, "tok.model", "o2", NULL, NULL, &r, &e), KP_OK);
    assert_int_equal(r.kept, 40);
    kp_text_books_finish(&books);
    put_text("many/07.txt", "abcd");
    const struct timespec later[2] = {{.tv_sec = time(NULL) + 5}, {.tv_sec = time(NULL) + 5}};
    assert_int_equal(utimensat(AT_FDCWD, "many/07.txt", later, 0), 0);
    /* What a crash left of a file is no finished one. */
    put("o2/tok/files/08.npy", "\x93NUMPY", 6);
    books = found("many", 0.25);
    assert_int_equal(tokenise(&books, "tok.model", "o2", NULL, NULL, &r, &e), KP_OK);
    assert_int_equal(r.kept, 38);
    check_book("o2/tok/files/07.npy", (const int32_t[]){3 + 'a', 3 + 'b', 3 + 'c', 3 + 'd'}, 4);
    kp_text_books_finish(&books);

    /* Without the model that made them, files may be another's. */
    assert_int_equal(unlink("o2/tok.model"), 0);
    assert_int_equal(utimensat(AT_FDCWD, "o2/tok/files/11.npy", later, 0), 0);
    books = found("many", 0.25);
    assert_int_equal(tokenise(&books, "tok.model", "o2", NULL, NULL, &r, &e), KP_OK);
    assert_int_equal(r.kept, 1);
    assert_int_equal(tokenise(&books, "tok.model", "o2", NULL, NULL, &r, &e), KP_OK);
    assert_true(r.kept >= 39); /* 07's text is of a later time */
    kp_text_books_finish(&books);

    put_model("sub/tok.model", 301);
    books = found("many", 0.25);
    assert_int_equal(tokenise(&books, "sub/tok.model", "o2", NULL, NULL, &r, &e), KP_E_INVALID);
    assert_string_equal(e.text, "o2/tok.model: another tokeniser than sub/tok.model; another name, "
                                "or another --out, would be right");
    kp_text_books_finish(&books);
}

static void the_order_of_books(void **state)
{
    char path[64];
    int test = 0, in_place = 0;
    (void)state;

    for (int i = 0; i < 30; i++) {
        (void)snprintf(path, sizeof path, "order/%02d.txt", i);
        put_text(path, "t");
    }
    struct kp_text_books books = found("order", 0.1), again = found("order", 0.1);
    assert_int_equal(books.count, 30);
    for (int i = 0; i < 30; i++) {
        assert_string_equal(books.book[i].name, again.book[i].name);
        bool is_test = books.book[i].split == KP_BOOKS_TEST;
        assert_int_equal(is_test, i >= 27);
        if (is_test)
            assert_int_equal(atoi(books.book[i].name) % 10, 9);
        else
            in_place += atoi(books.book[i].name) == i + i / 9;
        test += is_test;
    }
    assert_int_equal(test, 3);
    assert_true(in_place < 9);
    kp_text_books_finish(&again);
    kp_text_books_finish(&books);

    books = found("order", 0);
    assert_int_equal(books.book[29].split, KP_BOOKS_TRAIN);
    kp_text_books_finish(&books);
}

static void refused(const char *path, enum kp_status st, const char *says)
{
    struct kp_text_books books = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_text_books_find(path, 0.1, &books, &e), st);
    assert_int_equal(books.count, 0);
    if (!strstr(e.text, says))
        fail_msg("'%s' does not say '%s'", e.text, says);
}

static void folders_that_are_refused(void **state)
{
    struct kp_tokenised r;
    struct kp_error e = {0};
    (void)state;

    refused("nowhere", KP_E_IO, "nowhere: No such file");
    put_text("none/a.md", "x");
    refused("none", KP_E_FORMAT, "none: no book to train on; files named .txt");
    put_text("empty/a.txt", "x");
    put_text("empty/b.txt", "");
    refused("empty", KP_E_FORMAT, "empty/b.txt: an empty book");
    put_text("twice/train/a.txt", "x");
    put_text("twice/test/a.txt", "x");
    refused("twice", KP_E_FORMAT, "a.txt: two books of one name");
    put_text("tests/test/a.txt", "x");
    assert_int_equal(mkdir("tests/train", 0777), 0);
    refused("tests", KP_E_FORMAT, "no book to train on");

    needs_library();
    put_text("odd/a.txt", "x");
    put_text("odd/\xE9.txt", "x");
    struct kp_text_books books = found("odd", 0);
    assert_int_equal(tokenise(&books, "tok.model", "o3", NULL, NULL, &r, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "a file list cannot hold the path"));
    assert_int_equal(unlink("odd/a.txt"), 0);
    assert_int_equal(tokenise(&books, "tok.model", "o4", NULL, NULL, &r, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "odd/a.txt: "));
    kp_text_books_finish(&books);
}

static void a_tokeniser_of_the_books(void **state)
{
    struct kp_tokeniser *t = NULL;
    struct kp_tokenised r;
    struct kp_error e = {0};
    (void)state;

    needs_library();
    put_text("learn/train/a.txt", "the other\nthe mother\n\nthe brother");
    put_text("learn/train/b.txt", "the other the mother the brother the other");
    put_text("learn/test/c.txt", "zzz zzz zzz zzz zzz zzz zzz");
    struct kp_text_books books = found("learn", 0);
    if (kp_tokenise_train(&books, 280, 1, "learnt.model", &e) ||
        tokenise(&books, "learnt.model", "o5", NULL, NULL, &r, &e))
        fail_msg("%s", e.text);
    assert_int_equal(kp_tokeniser_open("learnt.model", &t, &e), KP_OK);
    assert_int_equal(kp_tokeniser_size(t), 280);
    /* Test books teach nothing: z has no piece. */
    for (int64_t id = 259; id < 280; id++)
        assert_null(strchr(kp_tokeniser_piece(t, id), 'z'));
    assert_int_equal(r.tokens[1], 27);
    assert_true(r.tokens[0] < 40);
    kp_tokeniser_close(t);

    assert_int_equal(unlink("learn/train/a.txt"), 0);
    assert_int_equal(kp_tokenise_train(&books, 280, 1, "half.model", &e), KP_E_IO);
    assert_non_null(strstr(e.text, "learn/train/a.txt"));
    assert_false(kp_file_exists("half.model"));
    kp_text_books_finish(&books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_both_splits),  cmocka_unit_test(an_interrupted_one_goes_on),
        cmocka_unit_test(the_order_of_books),       cmocka_unit_test(folders_that_are_refused),
        cmocka_unit_test(a_tokeniser_of_the_books),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
