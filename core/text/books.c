/* books.c - the books of a folder: its .txt files, for training or for the test. */
#include "text/books.h"

#include "base/file.h"
#include "base/rng.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BOOK_MAX  ((size_t)1 << 30) /* bytes */
#define BOOKS_MAX INT64_C(10000000)

/* The books found so far. */
struct finding {
    struct kp_text_books books;
    int64_t room;
};

static bool is_folder(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static enum kp_status add_book(struct finding *f, const char *path, const char *file,
                               enum kp_book_split split, struct kp_error *e)
{
    struct kp_text_books *b = &f->books;
    struct stat s;

    if (stat(path, &s) != 0)
        return kp_fail(e, KP_E_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return KP_OK;
    if (s.st_size == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: an empty book; a text, or no file, would be right",
                       path);
    if ((size_t)s.st_size > BOOK_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: %lld bytes; a book has at most %zu", path,
                       (long long)s.st_size, BOOK_MAX);
    if (b->count == BOOKS_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: one book more than %lld, the limit", path,
                       (long long)BOOKS_MAX);
    if (b->count == f->room) {
        int64_t room = f->room ? 2 * f->room : 256;
        struct kp_text_book *grown = realloc(b->book, (size_t)room * sizeof *grown);
        if (!grown)
            return kp_fail(e, KP_E_NOMEM, "no memory for the names of %lld books", (long long)room);
        b->book = grown;
        f->room = room;
    }
    char *name = kp_arena_strdup(&b->memory, file);
    const char *copy = kp_arena_strdup(&b->memory, path);
    if (!name || !copy)
        return kp_fail(e, KP_E_NOMEM, "no memory for the names of books");
    name[strlen(name) - strlen(".txt")] = '\0';
    b->book[b->count++] = (struct kp_text_book){
        copy, name, split, s.st_size, s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec};
    return KP_OK;
}

/* Names that begin with a dot do not count. */
static bool is_text(const char *file)
{
    size_t n = strlen(file);

    return file[0] != '.' && n > strlen(".txt") && strcmp(file + n - strlen(".txt"), ".txt") == 0;
}

static enum kp_status add_folder(struct finding *f, const char *folder, enum kp_book_split split,
                                 struct kp_error *e)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    enum kp_status st = KP_OK;

    if (!d)
        return kp_fail(e, KP_E_IO, "%s: %s", folder, strerror(errno));
    while (st == KP_OK && (errno = 0, entry = readdir(d)) != NULL) {
        if (!is_text(entry->d_name))
            continue;
        char *path = kp_path_join(folder, entry->d_name);
        st = path ? add_book(f, path, entry->d_name, split, e)
                  : kp_fail(e, KP_E_NOMEM, "no memory for the names of books");
        free(path);
    }
    if (st == KP_OK && errno)
        st = kp_fail(e, KP_E_IO, "%s: %s", folder, strerror(errno));
    (void)closedir(d);
    return st;
}

static int by_name(const void *a, const void *b)
{
    const struct kp_text_book *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int by_split(const void *a, const void *b)
{
    const struct kp_text_book *x = a, *y = b;

    return x->split != y->split ? (int)x->split - (int)y->split : strcmp(x->name, y->name);
}

/* Every (1 / share)-th of the sorted books is for the test. */
static void split_evenly(struct kp_text_books *b, double share)
{
    for (int64_t i = 0; i < b->count; i++)
        if ((int64_t)((double)(i + 1) * share) > (int64_t)((double)i * share))
            b->book[i].split = KP_BOOKS_TEST;
}

static enum kp_status shuffle(struct kp_text_book *book, int64_t count, enum kp_book_split split,
                              struct kp_error *e)
{
    const struct kp_rng_key key = {
        .role = KP_ROLE_POOL, .stream = KP_STREAM_ORDER, .epoch = (uint32_t)split};
    int64_t *order = malloc((size_t)count * sizeof *order);
    struct kp_text_book *sorted = malloc((size_t)count * sizeof *sorted);

    if (!order || !sorted) {
        free(order);
        free(sorted);
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld books", (long long)count);
    }
    memcpy(sorted, book, (size_t)count * sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    kp_rng_shuffle(key, order, count);
    for (int64_t i = 0; i < count; i++)
        book[i] = sorted[order[i]];
    free(order);
    free(sorted);
    return KP_OK;
}

static enum kp_status no_books(const char *folder, struct kp_error *e)
{
    return kp_fail(e, KP_E_FORMAT, "%s: no book to train on; files named .txt would be right",
                   folder);
}

/* Check the names and bring the books into their order. */
static enum kp_status arrange(struct kp_text_books *b, const char *folder, bool splits,
                              double share, struct kp_error *e)
{
    int64_t train = 0;

    if (b->count == 0)
        return no_books(folder, e);
    qsort(b->book, (size_t)b->count, sizeof *b->book, by_name);
    for (int64_t i = 1; i < b->count; i++)
        if (strcmp(b->book[i - 1].name, b->book[i].name) == 0)
            return kp_fail(e, KP_E_FORMAT,
                           "%s and %s: two books of one name; others would be right",
                           b->book[i - 1].path, b->book[i].path);
    if (!splits)
        split_evenly(b, share);
    qsort(b->book, (size_t)b->count, sizeof *b->book, by_split);
    while (train < b->count && b->book[train].split == KP_BOOKS_TRAIN)
        train++;
    if (train == 0)
        return no_books(folder, e);
    enum kp_status st = shuffle(b->book, train, KP_BOOKS_TRAIN, e);
    if (st == KP_OK && train < b->count)
        st = shuffle(b->book + train, b->count - train, KP_BOOKS_TEST, e);
    return st;
}

enum kp_status kp_text_books_find(const char *folder, double test, struct kp_text_books *out,
                                  struct kp_error *e)
{
    struct finding f = {0};
    char *train = kp_path_join(folder, "train"), *tested = kp_path_join(folder, "test");
    bool splits = train && is_folder(train);
    enum kp_status st = KP_OK;

    if (!train || !tested)
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK)
        st = add_folder(&f, splits ? train : folder, KP_BOOKS_TRAIN, e);
    if (st == KP_OK && splits && is_folder(tested))
        st = add_folder(&f, tested, KP_BOOKS_TEST, e);
    if (st == KP_OK)
        st = arrange(&f.books, folder, splits, test, e);
    free(train);
    free(tested);
    if (st == KP_OK)
        *out = f.books;
    else
        kp_text_books_finish(&f.books);
    return st;
}

void kp_text_books_finish(struct kp_text_books *b)
{
    free(b->book);
    kp_arena_finish(&b->memory);
    *b = (struct kp_text_books){0};
}

enum kp_status kp_text_book_read(const char *path, char **text, size_t *size, struct kp_error *e)
{
    uint8_t *bytes;
    size_t read, n = 0;
    enum kp_status st = kp_file_read(path, BOOK_MAX, &bytes, &read, e);

    if (st)
        return st;
    for (size_t i = 0; i < read; i++) {
        if (bytes[i] != '\r')
            bytes[n++] = bytes[i];
        else if (i + 1 == read || bytes[i + 1] != '\n')
            bytes[n++] = '\n';
    }
    *text = (char *)bytes;
    *size = n;
    return KP_OK;
}
