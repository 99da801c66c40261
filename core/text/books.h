/* books.h - the books of a folder: its .txt files, for training or for the test. */
#ifndef KP_TEXT_BOOKS_H
#define KP_TEXT_BOOKS_H

#include "base/arena.h"
#include "base/error.h"

enum kp_book_split {
    KP_BOOKS_TRAIN = 0,
    KP_BOOKS_TEST = 1,
    KP_BOOKS_SPLITS = 2,
};

struct kp_text_book {
    const char *path; /* of the text */
    const char *name; /* the file's, without .txt */
    enum kp_book_split split;
    int64_t bytes, time_ns; /* size and time of last change */
};

struct kp_text_books {
    struct kp_arena memory;
    struct kp_text_book *book; /* [count], those for training first */
    int64_t count;
};

/* FOLDER/train/NAME.txt and FOLDER/test/NAME.txt; or, where there is no such folder,
 * FOLDER/NAME.txt, of which the share `test` (0 <= test < 1) is for the test, spread evenly over
 * the sorted names. Within a split the order is random, always the same one for the same names:
 * sorted, one author's books would follow each other. An empty book, two of one name and a folder
 * without books are errors. */
KP_NODISCARD enum kp_status kp_text_books_find(const char *folder, double test,
                                               struct kp_text_books *out, struct kp_error *e);
void kp_text_books_finish(struct kp_text_books *b);

/* A book's text as Python reads it: "\r\n" and "\r" become "\n". free() it. */
KP_NODISCARD enum kp_status kp_text_book_read(const char *path, char **text, size_t *size,
                                              struct kp_error *e);

#endif
