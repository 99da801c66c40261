/* tokenise.c - a folder of books to token files and file lists, in languini's layout. */
#include "text/tokenise.h"

#include "base/file.h"
#include "base/pool.h"
#include "data/book.h"
#include "data/book_list.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MODEL_MAX ((size_t)256 << 20)

struct job {
    const struct kp_tokenise_config *config;
    struct kp_tokeniser *tokeniser;
    char *name;                  /* of the tokeniser */
    char *files;                 /* OUT/NAME/files */
    int64_t *tokens;             /* [books] */
    struct kp_encoder **encoder; /* [threads] */
    int64_t total;               /* bytes of all books */
    int64_t model_time_ns;       /* when OUT/NAME.model was written */

    pthread_mutex_t lock; /* of the fields below */
    bool lock_made;
    int64_t done; /* bytes */
    struct kp_tokenised result;
    struct kp_error error; /* the first one; status KP_OK: none */
};

/* The name of a file without folder and `ending`. */
static char *base_name(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    size_t n = name ? strlen(name) : 0, m = strlen(ending);

    if (n > m && strcmp(name + n - m, ending) == 0)
        name[n - m] = '\0';
    return name;
}

/* A path made as printf does; NULL if out of memory. */
static char *path_of(const char *fmt, ...) KP_PRINTF(1, 2);

static char *path_of(const char *fmt, ...)
{
    char *path;
    va_list args;

    va_start(args, fmt);
    int n = vasprintf(&path, fmt, args);
    va_end(args);
    return n < 0 ? NULL : path;
}

static enum kp_status write_file(const char *path, const char *bytes, size_t size,
                                 struct kp_error *e)
{
    struct kp_replace file;
    enum kp_status st = kp_replace_begin(path, &file, e);

    if (st)
        return st;
    kp_replace_write(&file, bytes, size);
    return kp_replace_commit(&file, e);
}

/* When the file was written; -1: it is not there. */
static int64_t time_of(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 ? s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec : -1;
}

/* Number of tokens of a file that is newer than the text and the tokeniser; 0: there is none. */
static int64_t find_finished(const struct job *j, const char *path, const struct kp_text_book *b)
{
    struct kp_error none = {0};
    struct kp_book book = {0};
    int64_t count = 0, time = time_of(path);

    if (time < 0 || time < b->time_ns || time < j->model_time_ns)
        return 0;
    if (kp_book_open(path, &book, &none) == KP_OK)
        count = book.count;
    kp_book_close(&book);
    return count;
}

static enum kp_status encode_book(struct kp_encoder *c, const struct kp_text_book *b,
                                  const char *path, int64_t *tokens, int64_t *stray,
                                  struct kp_error *e)
{
    struct kp_ids ids = {0};
    char *text = NULL;
    size_t size = 0;
    enum kp_status st = kp_text_book_read(b->path, &text, &size, e);

    if (st == KP_OK)
        st = kp_encode(c, text, size, &ids, stray, e);
    if (st == KP_OK)
        st = kp_book_write(path, ids.v, ids.count, e);
    *tokens = ids.count;
    free(text);
    free(ids.v);
    return st;
}

/* The end of a book, with what went wrong. */
static void note(struct job *j, const struct kp_text_book *b, bool kept, int64_t stray,
                 const struct kp_error *e)
{
    const struct kp_tokenise_config *c = j->config;

    (void)pthread_mutex_lock(&j->lock);
    j->done += b->bytes;
    j->result.kept += kept;
    j->result.bytes += kept ? 0 : b->bytes;
    j->result.stray += stray;
    if (e->status && !j->error.status)
        j->error = *e;
    if (!j->error.status && c->progress && !c->progress(c->arg, j->done, j->total))
        (void)kp_fail(&j->error, KP_E_INTERRUPTED,
                      "stopped; the same command goes on with the books that are missing");
    (void)pthread_mutex_unlock(&j->lock);
}

static bool stopped(struct job *j)
{
    (void)pthread_mutex_lock(&j->lock);
    bool stop = j->error.status != KP_OK;
    (void)pthread_mutex_unlock(&j->lock);
    return stop;
}

static void do_book(void *arg, int64_t i, int worker)
{
    struct job *j = arg;
    const struct kp_text_book *b = &j->config->books->book[i];
    struct kp_error e = {0};
    int64_t stray = 0;

    if (stopped(j))
        return;
    char *path = path_of("%s/%s.npy", j->files, b->name);
    if (!path)
        (void)kp_fail(&e, KP_E_NOMEM, "no memory for a path");
    else
        j->tokens[i] = find_finished(j, path, b);
    bool kept = j->tokens[i] > 0;
    if (path && !kept)
        (void)encode_book(j->encoder[worker], b, path, &j->tokens[i], &stray, &e);
    note(j, b, kept, stray, &e);
    free(path);
}

/* OUT/NAME.model is the model, or becomes it. */
static enum kp_status place_model(struct job *j, struct kp_error *e)
{
    uint8_t *bytes = NULL, *there = NULL;
    size_t size = 0, there_size = 0;
    char *path = path_of("%s/%s.model", j->config->out, j->name);
    enum kp_status st = path ? kp_file_read(j->config->model, MODEL_MAX, &bytes, &size, e)
                             : kp_fail(e, KP_E_NOMEM, "no memory for a path");

    if (st == KP_OK && kp_file_exists(path)) {
        st = kp_file_read(path, MODEL_MAX, &there, &there_size, e);
        if (st == KP_OK && (size != there_size || memcmp(bytes, there, size) != 0))
            st = kp_fail(e, KP_E_INVALID,
                         "%s: another tokeniser than %s; another name, or another --out, would be "
                         "right",
                         path, j->config->model);
    } else if (st == KP_OK) {
        st = write_file(path, (const char *)bytes, size, e);
    }
    if (st == KP_OK)
        j->model_time_ns = time_of(path);
    free(path);
    free(bytes);
    free(there);
    return st;
}

static enum kp_status write_pieces(const struct job *j, struct kp_error *e)
{
    struct kp_text pieces = {0};
    char *path = path_of("%s/%s.vocab", j->config->out, j->name);
    enum kp_status st;

    for (int64_t id = 0; id < kp_tokeniser_size(j->tokeniser); id++)
        kp_text_addf(&pieces, "%s\n", kp_tokeniser_piece(j->tokeniser, id));
    st = path && !pieces.failed ? write_file(path, pieces.s, pieces.length, e)
                                : kp_fail(e, KP_E_NOMEM, "no memory for a list of tokens");
    free(path);
    kp_text_finish(&pieces);
    return st;
}

static enum kp_status write_list(struct job *j, enum kp_book_split split, const char *file,
                                 struct kp_error *e)
{
    const struct kp_text_books *b = j->config->books;
    struct kp_book_list list = {0};
    char *path = path_of("%s/%s", j->config->out, file);
    enum kp_status st = path ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for a path");

    for (int64_t i = 0; i < b->count && !st; i++) {
        if (b->book[i].split != split)
            continue;
        char *book = path_of("files/%s.npy", b->book[i].name);
        st = book ? kp_book_list_add(&list, book, j->tokens[i], e)
                  : kp_fail(e, KP_E_NOMEM, "no memory for a path");
        free(book);
        j->result.books[split]++;
        j->result.tokens[split] += j->tokens[i];
    }
    if (st == KP_OK && list.count > 0)
        st = kp_book_list_write(path, &list, e);
    free(path);
    kp_book_list_finish(&list);
    return st;
}

static enum kp_status prepare(struct job *j, struct kp_error *e)
{
    const struct kp_tokenise_config *c = j->config;
    enum kp_status st = kp_tokeniser_open(c->model, &j->tokeniser, e);

    if (st)
        return st;
    j->name = base_name(c->model, ".model");
    j->files = j->name ? path_of("%s/%s/files", c->out, j->name) : NULL;
    j->tokens = calloc((size_t)c->books->count, sizeof *j->tokens);
    j->encoder = calloc((size_t)c->threads, sizeof(*j->encoder));
    j->lock_made = pthread_mutex_init(&j->lock, NULL) == 0;
    if (!j->files || !j->tokens || !j->encoder || !j->lock_made)
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld books", (long long)c->books->count);
    for (int i = 0; i < c->threads && !st; i++)
        st = kp_encoder_create(j->tokeniser, &j->encoder[i], e);
    for (int64_t i = 0; i < c->books->count; i++)
        j->total += c->books->book[i].bytes;
    if (st == KP_OK)
        st = kp_folder_make(j->files, e);
    if (st == KP_OK)
        st = place_model(j, e);
    return st;
}

static enum kp_status do_books(struct job *j, struct kp_error *e)
{
    struct kp_pool *pool = NULL;
    enum kp_status st = kp_pool_create(j->config->threads, &pool, e);

    if (st)
        return st;
    kp_pool_run(pool, j->config->books->count, do_book, j);
    kp_pool_destroy(pool);
    if (j->error.status)
        *e = j->error;
    return j->error.status;
}

static void finish(struct job *j)
{
    for (int i = 0; j->encoder && i < j->config->threads; i++)
        kp_encoder_destroy(j->encoder[i]);
    if (j->lock_made)
        (void)pthread_mutex_destroy(&j->lock);
    kp_tokeniser_close(j->tokeniser);
    free(j->encoder);
    free(j->tokens);
    free(j->files);
    free(j->name);
}

enum kp_status kp_tokenise(const struct kp_tokenise_config *config, struct kp_tokenised *out,
                           struct kp_error *e)
{
    struct job j = {.config = config};
    enum kp_status st = prepare(&j, e);

    if (st == KP_OK)
        st = do_books(&j, e);
    if (st == KP_OK)
        st = write_pieces(&j, e);
    if (st == KP_OK)
        st = write_list(&j, KP_BOOKS_TRAIN, "file_list_train.npy", e);
    if (st == KP_OK)
        st = write_list(&j, KP_BOOKS_TEST, "file_list_test_iid.npy", e);
    if (st == KP_OK)
        *out = j.result;
    finish(&j);
    return st;
}

/* The books' lines, one after the other. */
struct lines {
    const struct kp_text_books *books;
    int64_t next; /* book */
    char *text;
    size_t size, at;
    struct kp_error error;
};

static bool next_line(void *arg, const char **line, size_t *n)
{
    struct lines *l = arg;

    while (l->at == l->size) {
        free(l->text);
        l->text = NULL;
        l->at = l->size = 0;
        while (l->next < l->books->count && l->books->book[l->next].split != KP_BOOKS_TRAIN)
            l->next++;
        if (l->next == l->books->count ||
            kp_text_book_read(l->books->book[l->next].path, &l->text, &l->size, &l->error))
            return false;
        l->next++;
    }
    *line = l->text + l->at;
    const char *end = memchr(*line, '\n', l->size - l->at);
    *n = end ? (size_t)(end - *line) : l->size - l->at;
    l->at += *n + (end ? 1 : 0);
    return true;
}

enum kp_status kp_tokenise_train(const struct kp_text_books *books, int64_t vocabulary, int threads,
                                 const char *model, struct kp_error *e)
{
    struct lines l = {.books = books};
    struct kp_text bytes = {0};
    enum kp_status st = kp_tokeniser_train(vocabulary, threads, next_line, &l, &bytes, e);

    /* Lines also end where a book cannot be read. */
    if (l.error.status) {
        *e = l.error;
        st = e->status;
    }
    if (st == KP_OK)
        st = write_file(model, bytes.s, bytes.length, e);
    free(l.text);
    kp_text_finish(&bytes);
    return st;
}
