/* stream.c - tokenised books as windows of text, by number. */
#include "data/stream.h"

#include "data/book.h"
#include "data/book_list.h"

#include <stdlib.h>
#include <string.h>

#define VOCABULARY_MAX 65536
#define ROWS_MAX       65536
#define WINDOW_MAX     (INT64_C(1) << 20)

/* A book in its queue. */
struct place {
    int64_t book;   /* its number in the list */
    int64_t start;  /* of its first token in the queue's text */
    int64_t tokens; /* without the separator behind it */
};

struct queue {
    struct place *place; /* [count], inside of kp_stream.place */
    int64_t count;
    int64_t length;  /* of its text */
    int64_t windows; /* until its end */
};

struct kp_stream {
    struct kp_stream_config config; /* strings belong to the caller of open and are not kept */
    struct kp_book_list list;
    char *folder;
    struct place *place; /* [list.count], queue after queue */
    struct queue *queue; /* [rows] */
    int64_t windows, tokens;
};

/* The book of a queue that was read last. */
struct opened {
    int64_t place; /* -1: none */
    struct kp_book book;
};

struct kp_stream_reader {
    const struct kp_stream *stream;
    int32_t *unwanted;      /* [window] */
    struct opened opened[]; /* [rows] */
};

static enum kp_status check(const struct kp_stream_config *c, struct kp_error *e)
{
    if (c->vocabulary < 1 || c->vocabulary > VOCABULARY_MAX)
        return kp_fail(e, KP_E_CONFIG, "a vocabulary of %lld tokens; 1 to %d would be right",
                       (long long)c->vocabulary, VOCABULARY_MAX);
    if (c->separator < 0 || c->separator >= c->vocabulary)
        return kp_fail(e, KP_E_CONFIG, "%d separates books, but the vocabulary has %lld tokens",
                       c->separator, (long long)c->vocabulary);
    if (c->rows < 1 || c->rows > ROWS_MAX)
        return kp_fail(e, KP_E_CONFIG, "%lld rows; 1 to %d would be right", (long long)c->rows,
                       ROWS_MAX);
    if (c->window < 1 || c->window > WINDOW_MAX)
        return kp_fail(e, KP_E_CONFIG, "windows of %lld tokens; 1 to %lld would be right",
                       (long long)c->window, (long long)WINDOW_MAX);
    if (c->stride < 0 || c->stride > c->window || c->last < 0 || c->last > c->window)
        return kp_fail(e, KP_E_CONFIG,
                       "windows of %lld tokens with a stride of %lld, of which the last %lld "
                       "count; numbers of at most the window would be right",
                       (long long)c->window, (long long)c->stride, (long long)c->last);
    return KP_OK;
}

/* Deal the books out: fill counts, and in `at` each book's queue. */
static void deal(struct kp_stream *s, int64_t *load, int64_t *at)
{
    for (int64_t i = 0; i < s->list.count; i++) {
        int64_t shortest = 0;
        for (int64_t r = 1; r < s->config.rows; r++)
            if (load[r] < load[shortest])
                shortest = r;
        load[shortest] += s->list.book[i].tokens;
        s->queue[shortest].count++;
        at[i] = shortest;
    }
}

/* Lay the books of each queue one behind the other. */
static void line_up(struct kp_stream *s, const int64_t *at)
{
    struct place *next = s->place;

    for (int64_t r = 0; r < s->config.rows; r++) {
        s->queue[r].place = next;
        next += s->queue[r].count;
        s->queue[r].count = 0;
    }
    for (int64_t i = 0; i < s->list.count; i++) {
        struct queue *q = &s->queue[at[i]];
        q->place[q->count++] = (struct place){.book = i};
    }
}

static char *book_path(const struct kp_stream *s, int64_t book)
{
    return kp_path_join(s->folder, s->list.book[book].path);
}

static enum kp_status open_book(const struct kp_stream *s, int64_t number, struct kp_book *out,
                                struct kp_error *e)
{
    char *path = book_path(s, number);
    enum kp_status st =
        path ? kp_book_open(path, out, e) : kp_fail(e, KP_E_NOMEM, "no memory for a path");

    free(path);
    return st;
}

/* Windows of a text: all that are full, and one more for what is left, if a token in it has one
 * that follows. */
static int64_t count_windows(int64_t length, int64_t window, int64_t stride)
{
    int64_t full = length > window ? (length - window - 1) / stride + 1 : 0;

    return full + (full * stride < length - 1);
}

static enum kp_status measure(struct kp_stream *s, struct queue *q, struct kp_error *e)
{
    for (int64_t i = 0; i < q->count; i++) {
        struct kp_book book = {0};
        enum kp_status st = open_book(s, q->place[i].book, &book, e);
        if (st)
            return st;
        q->place[i].start = q->length;
        q->place[i].tokens = book.count;
        q->length += book.count + 1;
        kp_book_close(&book);
    }
    q->windows = count_windows(q->length, s->config.window, s->config.stride);
    s->windows = q->windows > s->windows ? q->windows : s->windows;
    s->tokens += q->length;
    return KP_OK;
}

/* Everything after the list was read. */
static enum kp_status arrange(struct kp_stream *s, const char *name, struct kp_error *e)
{
    int64_t rows = s->config.rows, books = s->list.count;
    enum kp_status st = KP_OK;

    if (books < rows)
        return kp_fail(e, KP_E_CONFIG,
                       "%s: %lld books for %lld rows, each of which reads books of its own; at "
                       "most %lld rows would be right",
                       name, (long long)books, (long long)rows, (long long)books);
    int64_t *load = calloc((size_t)rows, sizeof *load);
    int64_t *at = malloc((size_t)books * sizeof *at);
    s->place = calloc((size_t)books, sizeof *s->place);
    s->queue = calloc((size_t)rows, sizeof *s->queue);
    if (!load || !at || !s->place || !s->queue) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for %lld books", (long long)books);
    } else {
        deal(s, load, at);
        line_up(s, at);
    }
    free(load);
    free(at);
    for (int64_t r = 0; r < rows && !st; r++)
        st = measure(s, &s->queue[r], e);
    return st;
}

enum kp_status kp_stream_open(const struct kp_stream_config *config, struct kp_stream **out,
                              struct kp_error *e)
{
    enum kp_status st = check(config, e);
    struct kp_stream *s = NULL;

    if (st)
        return st;
    s = calloc(1, sizeof *s);
    if (!s)
        return kp_fail(e, KP_E_NOMEM, "no memory for a stream of books");
    s->config = *config;
    s->config.list = s->config.folder = NULL;
    if (s->config.stride == 0)
        s->config.stride = s->config.window;
    s->folder = strdup(config->folder);
    st = s->folder ? kp_book_list_read(config->list, &s->list, e)
                   : kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK)
        st = arrange(s, config->list, e);
    if (st == KP_OK)
        *out = s;
    else
        kp_stream_close(s);
    return st;
}

void kp_stream_close(struct kp_stream *s)
{
    if (!s)
        return;
    kp_book_list_finish(&s->list);
    free(s->folder);
    free(s->place);
    free(s->queue);
    free(s);
}

int64_t kp_stream_windows(const struct kp_stream *s)
{
    return s->windows;
}

int64_t kp_stream_tokens(const struct kp_stream *s)
{
    return s->tokens;
}

enum kp_status kp_stream_reader_create(const struct kp_stream *s, struct kp_stream_reader **out,
                                       struct kp_error *e)
{
    size_t rows = (size_t)s->config.rows;
    struct kp_stream_reader *r = calloc(1, sizeof *r + rows * sizeof r->opened[0]);

    if (r) {
        r->stream = s;
        r->unwanted = malloc((size_t)s->config.window * sizeof *r->unwanted);
    }
    if (!r || !r->unwanted) {
        kp_stream_reader_destroy(r);
        return kp_fail(e, KP_E_NOMEM, "no memory to read %zu queues of books", rows);
    }
    for (size_t i = 0; i < rows; i++)
        r->opened[i].place = -1;
    *out = r;
    return KP_OK;
}

void kp_stream_reader_destroy(struct kp_stream_reader *r)
{
    if (!r)
        return;
    for (int64_t i = 0; i < r->stream->config.rows; i++)
        kp_book_close(&r->opened[i].book);
    free(r->unwanted);
    free(r);
}

/* The place that holds token `at` of the queue's text, or the separator behind it. */
static int64_t find_place(const struct queue *q, int64_t at)
{
    int64_t low = 0, high = q->count - 1;

    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (q->place[middle].start <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Have that place's book in `o`. */
static enum kp_status turn_to(const struct kp_stream *s, const struct queue *q, int64_t place,
                              struct opened *o, struct kp_error *e)
{
    const struct place *p = &q->place[place];

    if (o->place == place)
        return KP_OK;
    kp_book_close(&o->book);
    o->place = -1;
    enum kp_status st = open_book(s, p->book, &o->book, e);
    if (st)
        return st;
    if (o->book.count != p->tokens) {
        char *path = book_path(s, p->book);
        st = kp_fail(e, KP_E_FORMAT, "%s: has %lld tokens, %lld when it was opened first",
                     path ? path : "a book", (long long)o->book.count, (long long)p->tokens);
        free(path);
        kp_book_close(&o->book);
        return st;
    }
    o->place = place;
    return KP_OK;
}

static enum kp_status bad_token(const struct kp_stream *s, const struct queue *q,
                                const struct opened *o, int64_t i, struct kp_error *e)
{
    char *path = book_path(s, q->place[o->place].book);
    enum kp_status st =
        kp_fail(e, KP_E_FORMAT, "%s: token %lld is %d; the vocabulary has 0 to %lld",
                path ? path : "a book", (long long)i, kp_book_token(&o->book, i),
                (long long)s->config.vocabulary - 1);

    free(path);
    return st;
}

/* Tokens of the queue's text from `at` on; *got of them, fewer than n at an end that does not
 * repeat. */
static enum kp_status read_text(const struct kp_stream *s, const struct queue *q, struct opened *o,
                                int64_t at, int64_t n, int32_t *out, int64_t *got,
                                struct kp_error *e)
{
    int64_t done = 0;

    while (done < n && (s->config.repeat || at < q->length)) {
        int64_t in_text = at % q->length;
        int64_t place = find_place(q, in_text);
        const struct place *p = &q->place[place];
        enum kp_status st = turn_to(s, q, place, o, e);
        if (st)
            return st;
        int64_t i = in_text - p->start, first = done;
        for (; i < p->tokens && done < n; i++, done++) {
            out[done] = kp_book_token(&o->book, i);
            if (out[done] >= s->config.vocabulary)
                return bad_token(s, q, o, i, e);
        }
        if (done < n)
            out[done++] = s->config.separator;
        at += done - first;
    }
    *got = done;
    return KP_OK;
}

enum kp_status kp_stream_read(struct kp_stream_reader *r, int64_t example, int32_t *x,
                              int32_t *labels, struct kp_error *e)
{
    const struct kp_stream *s = r->stream;
    int64_t window = s->config.window, row = example % s->config.rows;
    int64_t number = example / s->config.rows;
    const struct queue *q = &s->queue[row];
    int64_t got = 0, next = 0;

    KP_ASSERT(example >= 0);
    x = x ? x : r->unwanted;
    if (s->config.repeat || number < q->windows) {
        int64_t at = number * s->config.stride;
        enum kp_status st = read_text(s, q, &r->opened[row], at, window, x, &got, e);
        if (st == KP_OK && labels)
            st = read_text(s, q, &r->opened[row], at + window, 1, labels + window - 1, &next, e);
        if (st)
            return st;
    }
    for (int64_t i = got; i < window; i++)
        x[i] = 0;
    if (!labels)
        return KP_OK;
    for (int64_t i = 0; i + 1 < window; i++)
        labels[i] = i + 1 < got ? x[i + 1] : -1;
    if (next == 0)
        labels[window - 1] = -1;
    for (int64_t i = 0; s->config.last && i < window - s->config.last; i++)
        labels[i] = -1;
    return KP_OK;
}
