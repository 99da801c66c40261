/* book_list.h - the file list of a folder of tokenised books, as languini has it.
 *
 * A .npy file of strings, (books, 2): the book's path and its number of tokens. Paths are seen from
 * the folder of the tokeniser's name beside the list: list.npy names "files/a.npy", which is
 * NAME/files/a.npy. A list is often somebody else's, so that a path that is absolute or has `..` in
 * it is refused; a symbolic link is its owner's, and is followed: books may lie on another disk. */
#ifndef KP_DATA_BOOK_LIST_H
#define KP_DATA_BOOK_LIST_H

#include "base/arena.h"
#include "base/error.h"

struct kp_listed_book {
    const char *path;
    int64_t tokens; /* by which books are dealt out; may be of another vocabulary than the file's */
};

/* Zero-initialise it. */
struct kp_book_list {
    struct kp_arena memory; /* of the paths */
    struct kp_listed_book *book;
    int64_t count, room;
};

/* Add a book; the path is copied. */
KP_NODISCARD enum kp_status kp_book_list_add(struct kp_book_list *list, const char *path,
                                             int64_t tokens, struct kp_error *e);

/* Parse a list's bytes. At least one book; a path that leaves its folder is refused. */
KP_NODISCARD enum kp_status kp_book_list_parse(const uint8_t *bytes, size_t size, const char *name,
                                               struct kp_book_list *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_book_list_read(const char *path, struct kp_book_list *out,
                                              struct kp_error *e);

/* Write one, whole or not at all. A path that is not UTF-8, or too long, is an error. */
KP_NODISCARD enum kp_status kp_book_list_write(const char *path, const struct kp_book_list *list,
                                               struct kp_error *e);
void kp_book_list_finish(struct kp_book_list *list);

#endif
