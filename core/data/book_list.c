/* book_list.c - the file list of a folder of tokenised books. */
#include "data/book_list.h"

#include "base/file.h"
#include "base/utf8.h"
#include "data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOKS_MAX  INT64_C(100000000)
#define TOKENS_MAX INT64_C(10000000000)

enum kp_status kp_book_list_add(struct kp_book_list *list, const char *path, int64_t tokens,
                                struct kp_error *e)
{
    size_t size = strlen(path) + 1;

    if (list->count == list->room) {
        int64_t room = list->room ? 2 * list->room : 256;
        struct kp_listed_book *grown = realloc(list->book, (size_t)room * sizeof *list->book);
        if (!grown)
            return kp_fail(e, KP_E_NOMEM, "no memory for a list of %lld books", (long long)room);
        list->book = grown;
        list->room = room;
    }
    char *copy = kp_arena_alloc(&list->memory, size, 1);
    if (!copy)
        return kp_fail(e, KP_E_NOMEM, "no memory for a list of books");
    memcpy(copy, path, size);
    list->book[list->count++] = (struct kp_listed_book){copy, tokens};
    return KP_OK;
}

/* Is one of the path's parts `..`, or does it begin at the root? */
static bool leaves_folder(const char *path)
{
    for (const char *part = path; *part; part += strcspn(part, "/"), part += *part == '/')
        if (*part == '/' || (strcspn(part, "/") == 2 && strncmp(part, "..", 2) == 0))
            return true;
    return false;
}

static bool parse_count(const char *text, int64_t *out)
{
    int64_t v = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || v > TOKENS_MAX)
            return false;
        v = 10 * v + (*p - '0');
    }
    *out = v;
    return *text && v >= 1 && v <= TOKENS_MAX;
}

/* Row i of the array. `cell` is the memory of the two strings. */
static enum kp_status parse_book(const struct kp_npy *a, const uint8_t *data, int64_t i,
                                 const char *name, struct kp_text cell[2], struct kp_book_list *out,
                                 struct kp_error *e)
{
    int64_t tokens;

    for (int k = 0; k < 2; k++) {
        kp_text_clear(&cell[k]);
        if (!kp_npy_string(a, data, 2 * i + k, &cell[k]))
            return kp_fail(e, KP_E_FORMAT, "%s: book %lld: its %s has what is no character", name,
                           (long long)i + 1, k == 0 ? "path" : "number of tokens");
        if (cell[k].failed)
            return kp_fail(e, KP_E_NOMEM, "no memory for a list of books");
    }
    const char *path = cell[0].s;
    if (!*path)
        return kp_fail(e, KP_E_FORMAT, "%s: book %lld: no path", name, (long long)i + 1);
    if (leaves_folder(path))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: book %lld: '%s' is outside of the list's folder; a path such as "
                       "files/NAME.npy would be right",
                       name, (long long)i + 1, path);
    if (!parse_count(cell[1].s, &tokens))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: book %lld: '%s' is no number of tokens; 1 to %lld would be right", name,
                       (long long)i + 1, cell[1].s, (long long)TOKENS_MAX);
    return kp_book_list_add(out, path, tokens, e);
}

enum kp_status kp_book_list_parse(const uint8_t *bytes, size_t size, const char *name,
                                  struct kp_book_list *out, struct kp_error *e)
{
    struct kp_text cell[2] = {{0}, {0}};
    struct kp_book_list list = {0};
    struct kp_npy a;
    enum kp_status st = kp_npy_parse_strings(bytes, size, name, &a, e);

    if (st)
        return st;
    if (a.dims != 2 || a.shape[1] != 2)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: no list of books; rows of two strings, path and number of tokens, "
                       "would be right",
                       name);
    if (a.shape[0] == 0 || a.shape[0] > BOOKS_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: %lld books; 1 to %lld would be right", name,
                       (long long)a.shape[0], (long long)BOOKS_MAX);
    if (a.data > size - a.header)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: the list ends at %llu", name,
                       size, (unsigned long long)(a.header + a.data));
    for (int64_t i = 0; i < a.shape[0] && !st; i++)
        st = parse_book(&a, bytes + a.header, i, name, cell, &list, e);
    for (int k = 0; k < 2; k++)
        kp_text_finish(&cell[k]);
    if (st)
        kp_book_list_finish(&list);
    else
        *out = list;
    return st;
}

enum kp_status kp_book_list_read(const char *path, struct kp_book_list *out, struct kp_error *e)
{
    struct kp_mapping file = {0};
    enum kp_status st = kp_file_map(path, &file, e);

    if (st == KP_OK)
        st = kp_book_list_parse(file.bytes, file.size, path, out, e);
    kp_file_unmap(&file);
    return st;
}

/* The characters of a UTF-8 string as 32-bit numbers, filled up with zeros to `width`; `out` may be
 * NULL. Returns how many they are, -1 if they are none. */
static int64_t widen(const char *s, int64_t width, uint8_t *out)
{
    size_t left = strlen(s);
    int64_t n = 0;

    if (out)
        memset(out, 0, 4 * (size_t)width);
    for (; left; n++) {
        uint32_t code;
        size_t length = kp_utf8_get((const uint8_t *)s, left, &code);
        if (length == 0)
            return -1;
        for (int b = 0; out && b < 4; b++)
            out[4 * n + b] = (uint8_t)(code >> 8 * b);
        s += length;
        left -= length;
    }
    return n;
}

enum kp_status kp_book_list_write(const char *path, const struct kp_book_list *list,
                                  struct kp_error *e)
{
    enum { DIGITS = 20 };
    int64_t width = DIGITS;
    char type[16], tokens[DIGITS + 1];
    uint8_t header[KP_NPY_WRITTEN];
    struct kp_replace file;

    for (int64_t i = 0; i < list->count; i++) {
        int64_t n = widen(list->book[i].path, 0, NULL);
        if (n < 0 || n > KP_NPY_CHARACTERS)
            return kp_fail(e, KP_E_INVALID,
                           "%s: a file list cannot hold the path '%s'; UTF-8 of at most %d "
                           "characters would be right",
                           path, list->book[i].path, KP_NPY_CHARACTERS);
        width = n > width ? n : width;
    }
    uint8_t *cell = malloc(4 * (size_t)width);
    if (!cell)
        return kp_fail(e, KP_E_NOMEM, "no memory for a list of books");
    enum kp_status st = kp_replace_begin(path, &file, e);
    if (st == KP_OK) {
        (void)snprintf(type, sizeof type, "<U%lld", (long long)width);
        kp_npy_header(type, 2, (const int64_t[]){list->count, 2}, header);
        kp_replace_write(&file, header, sizeof header);
        for (int64_t i = 0; i < list->count; i++) {
            (void)widen(list->book[i].path, width, cell);
            kp_replace_write(&file, cell, 4 * (size_t)width);
            (void)snprintf(tokens, sizeof tokens, "%lld", (long long)list->book[i].tokens);
            (void)widen(tokens, width, cell);
            kp_replace_write(&file, cell, 4 * (size_t)width);
        }
        st = kp_replace_commit(&file, e);
    }
    free(cell);
    return st;
}

void kp_book_list_finish(struct kp_book_list *list)
{
    free(list->book);
    kp_arena_finish(&list->memory);
    *list = (struct kp_book_list){0};
}
