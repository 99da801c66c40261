/* book.c - one book as tokens: a .npy file of 16-bit numbers, mapped. */
#include "data/book.h"

#include "data/npy.h"

#include <string.h>

/* Tokens brought into the file's byte order at a time. */
#define CHUNK 8192

enum kp_status kp_book_parse(const uint8_t *bytes, size_t size, const char *name,
                             struct kp_book *out, struct kp_error *e)
{
    struct kp_npy a;
    enum kp_status st = kp_npy_parse(bytes, size, name, &a, e);

    if (st)
        return st;
    if (a.item != 2 || a.is_signed)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: tokens are %ssigned integers of %d bytes; unsigned ones of 2 ('<u2') "
                       "would be right",
                       name, a.is_signed ? "" : "un", a.item);
    if (a.dims != 1)
        return kp_fail(e, KP_E_FORMAT, "%s: %d dimensions; a book has one", name, a.dims);
    if (a.shape[0] == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: an empty book; leave it out of the file list", name);
    if (a.data != size - a.header)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: %s: %lld tokens end at %llu", name, size,
                       a.data > size - a.header ? "truncated" : "something behind the tokens",
                       (long long)a.shape[0], (unsigned long long)(a.header + a.data));
    *out = (struct kp_book){.ids = bytes + a.header, .count = a.shape[0]};
    return KP_OK;
}

enum kp_status kp_book_open(const char *path, struct kp_book *out, struct kp_error *e)
{
    struct kp_mapping file = {0};
    enum kp_status st = kp_file_map(path, &file, e);

    if (st == KP_OK)
        st = kp_book_parse(file.bytes, file.size, path, out, e);
    if (st == KP_OK)
        out->file = file;
    else
        kp_file_unmap(&file);
    return st;
}

void kp_book_close(struct kp_book *b)
{
    kp_file_unmap(&b->file);
    *b = (struct kp_book){0};
}

enum kp_status kp_book_write(const char *path, const int32_t *ids, int64_t count,
                             struct kp_error *e)
{
    uint8_t header[KP_NPY_WRITTEN], bytes[2 * CHUNK];
    struct kp_replace file;
    enum kp_status st = kp_replace_begin(path, &file, e);

    if (st)
        return st;
    kp_npy_header("<u2", 1, &count, header);
    kp_replace_write(&file, header, sizeof header);
    for (int64_t i = 0; i < count;) {
        size_t n = 0;
        for (; i < count && n < sizeof bytes; i++) {
            bytes[n++] = (uint8_t)ids[i];
            bytes[n++] = (uint8_t)(ids[i] >> 8);
        }
        kp_replace_write(&file, bytes, n);
    }
    return kp_replace_commit(&file, e);
}
