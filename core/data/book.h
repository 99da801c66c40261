/* book.h - one book as tokens: a .npy file of 16-bit numbers, mapped. */
#ifndef KP_DATA_BOOK_H
#define KP_DATA_BOOK_H

#include "base/file.h"

struct kp_book {
    struct kp_mapping file;
    const uint8_t *ids; /* [count] little-endian, inside the file */
    int64_t count;      /* >= 1 */
};

/* The token that is number i < count of the book. */
static inline int32_t kp_book_token(const struct kp_book *b, int64_t i)
{
    return b->ids[2 * i] | b->ids[2 * i + 1] << 8;
}

/* Parse a file's bytes: one dimension, '<u2', at least one token. Tokens are not looked at; on
 * success out->file is empty. */
KP_NODISCARD enum kp_status kp_book_parse(const uint8_t *bytes, size_t size, const char *name,
                                          struct kp_book *out, struct kp_error *e);

KP_NODISCARD enum kp_status kp_book_open(const char *path, struct kp_book *out, struct kp_error *e);
void kp_book_close(struct kp_book *b); /* also of a zeroed one */

/* Write one, whole or not at all; ids are 0 .. 65 535. */
KP_NODISCARD enum kp_status kp_book_write(const char *path, const int32_t *ids, int64_t count,
                                          struct kp_error *e);

#endif
