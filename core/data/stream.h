/* stream.h - tokenised books as windows of text, by number: no state, any order.
 *
 * Books go one by one, in the list's order, to the queue with the fewest tokens so far (of equal
 * ones to the first). A queue's text is its books with a separator after each. Row r of window w
 * shows `window` tokens of queue r from w stride on; the label of a token is the one that follows
 * it. This is the order in which languini-kitchen reads its books (batch row r, batch w). */
#ifndef KP_DATA_STREAM_H
#define KP_DATA_STREAM_H

#include "base/error.h"

struct kp_stream_config {
    const char *list;   /* path of the file list, see book_list.h */
    const char *folder; /* where the list's paths begin */
    int64_t vocabulary; /* tokens are 0 .. vocabulary - 1, at most 65 536 */
    int32_t separator;  /* the token between books */
    int64_t rows;       /* queues, at most as many as books */
    int64_t window;     /* tokens of an example */
    int64_t stride;     /* from window to window, at most window; 0: window */
    int64_t last;       /* labels count for the last so many tokens of a window; 0: for all */
    bool repeat;        /* a queue begins again after its end; else tokens 0, labels -1 follow */
};

struct kp_stream; /* immutable, for several threads */

/* Opens each book once, for its length. A list with an unusable book is an error that names it. */
KP_NODISCARD enum kp_status kp_stream_open(const struct kp_stream_config *config,
                                           struct kp_stream **out, struct kp_error *e);
void kp_stream_close(struct kp_stream *s);

/* Windows until each queue has been read once: example = window x rows + row is below rows x this.
 * With `repeat` greater numbers are right, too. */
int64_t kp_stream_windows(const struct kp_stream *s);

/* Tokens of all queues, separators included. */
int64_t kp_stream_tokens(const struct kp_stream *s);

/* What one thread needs to read: it keeps a book of each queue mapped, so that windows in rising
 * order open each book once. The stream outlives it. */
struct kp_stream_reader;

KP_NODISCARD enum kp_status kp_stream_reader_create(const struct kp_stream *s,
                                                    struct kp_stream_reader **out,
                                                    struct kp_error *e);
void kp_stream_reader_destroy(struct kp_stream_reader *r);

/* x, labels [window]; NULL: not wanted; label -1: none. A token beyond the vocabulary, or a book
 * that changed since the stream was opened, is KP_E_FORMAT with a text that begins with the book's
 * path. */
KP_NODISCARD enum kp_status kp_stream_read(struct kp_stream_reader *r, int64_t example, int32_t *x,
                                           int32_t *labels, struct kp_error *e);

#endif
