/* tokenise.h - a folder of books to token files and file lists, in languini's layout.
 *
 *   OUT/file_list_train.npy, OUT/file_list_test_iid.npy    see data/book_list.h
 *   OUT/NAME/files/BOOK.npy                                 tokens of BOOK.txt, see data/book.h
 *   OUT/NAME.model, OUT/NAME.vocab                          the tokeniser, and its pieces, one a
 * line
 *
 * Books hold their own tokens alone; who reads them puts <D> behind each (data/stream.h). */
#ifndef KP_TEXT_TOKENISE_H
#define KP_TEXT_TOKENISE_H

#include "text/books.h"
#include "text/tokeniser.h"

struct kp_tokenise_config {
    const struct kp_text_books *books;
    const char *model; /* the tokeniser's file; its name without folder and .model is NAME */
    const char *out;   /* a folder, made if need be */
    int threads;       /* >= 1 */

    /* With the bytes done and all; false: stop, KP_E_INTERRUPTED. May be NULL. Called by one thread
     * at a time, not always the same one. */
    bool (*progress)(void *arg, int64_t done, int64_t total);
    void *arg;
};

struct kp_tokenised {
    int64_t books[KP_BOOKS_SPLITS], tokens[KP_BOOKS_SPLITS];
    int64_t kept;  /* of the books: their files were there, newer than the text */
    int64_t bytes; /* of text that was tokenised now */
    int64_t stray; /* bytes of it that belong to no UTF-8 character */
};

/* Tokenise what is missing. Each file appears whole or not at all, the lists at the end, so the
 * same call goes on after an interruption. An OUT/NAME.model that is not the same model is an
 * error. */
KP_NODISCARD enum kp_status kp_tokenise(const struct kp_tokenise_config *config,
                                        struct kp_tokenised *out, struct kp_error *e);

/* Train a tokeniser on the books for training and write it to `model`. */
KP_NODISCARD enum kp_status kp_tokenise_train(const struct kp_text_books *books, int64_t vocabulary,
                                              int threads, const char *model, struct kp_error *e);

#endif
