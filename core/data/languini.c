/* languini.c - tokenised books as a dataset: finds the files, reads windows for any thread. */
#include "data/languini.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/stream.h"
#include "data/vocabulary.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A reader that waits for the next call. */
struct waiting {
    struct waiting *next;
    struct kp_stream_reader *reader;
};

struct languini_open {
    struct kp_stream *stream[KP_DATASET_SPLITS];
    struct kp_vocabulary pieces;                /* of NAME.vocab; none: there is no such file */
    pthread_mutex_t lock;                       /* of the readers, as many as threads */
    struct waiting *waiting[KP_DATASET_SPLITS]; /* free ones */
};

struct languini {
    const char *tokens, *test;
    int64_t vocabulary, rows, window, test_rows, test_stride, test_last;
    struct languini_open *open;
};

static const struct kp_option languini_options[] = {
    KP_STRING(struct languini, tokens, "tokens", "",
              "the tokeniser's name, a folder in data.root; empty: the only one there"),
    KP_INT(struct languini, vocabulary, "vocabulary", "0", 0, KP_TOKENS_MAX,
           "different tokens, wanted where there is no .vocab of the tokeniser in data.root; 0: as "
           "many as that has lines"),
    KP_INT(struct languini, rows, "rows", "128", 1, 65536,
           "queues of books, examples of a batch that goes on where the one before ended"),
    KP_INT(struct languini, window, "window", "512", 1, 65536, "tokens of an example"),
    KP_STRING(struct languini, test, "test", "iid", "test books: file_list_test_NAME.npy"),
    KP_INT(struct languini, test_rows, "test_rows", "16", 1, 65536, "queues of test books"),
    KP_INT(struct languini, test_stride, "test_stride", "0", 0, 65536,
           "tokens from one test window to the next; 0: window"),
    KP_INT(struct languini, test_last, "test_last", "0", 0, 65536,
           "only so many tokens at the end of a test window count; 0: all"),
};

static enum kp_status no_memory(struct kp_data *d)
{
    return kp_data_fail(d, KP_E_NOMEM, "no memory for books");
}

static enum kp_status forward(struct kp_data *d, const struct kp_error *e)
{
    return kp_data_fail(d, e->status, "%s", e->text);
}

static bool is_folder(const char *root, const char *name, const char *inner)
{
    struct kp_text path = {0};
    struct stat s;

    kp_text_addf(&path, "%s/%s/%s", root, name, inner);
    bool is = !path.failed && stat(path.s, &s) == 0 && S_ISDIR(s.st_mode);
    kp_text_finish(&path);
    return is;
}

/* The one folder in the root that has token files. */
static enum kp_status find_tokens(struct kp_data *d, struct kp_text *name)
{
    DIR *folder = opendir(d->root);
    const struct dirent *entry;
    int found = 0;

    if (!folder)
        return kp_data_fail(d, KP_E_IO, "%s: cannot read this folder", d->root);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.' || !is_folder(d->root, entry->d_name, "files"))
            continue;
        kp_text_addf(name, "%s%s", found++ ? ", " : "", entry->d_name);
    }
    (void)closedir(folder);
    if (name->failed)
        return no_memory(d);
    if (found == 0)
        return kp_data_fail(
            d, KP_E_IO,
            "%s: no folder NAME with token files NAME/files/*.npy; `kappa tokenise` "
            "makes one from texts",
            d->root);
    if (found > 1)
        return kp_data_fail(d, KP_E_CONFIG,
                            "%s: tokens of several tokenisers (%s); data.languini.tokens names one",
                            d->root, name->s);
    return KP_OK;
}

/* Read NAME.vocab, if it is there, and tell how many tokens there are. */
static enum kp_status read_vocabulary(struct languini *m, struct kp_data *d, const char *name,
                                      int64_t *out)
{
    struct kp_vocabulary *pieces = &m->open->pieces;
    struct kp_text path = {0};
    struct kp_error e = {0};
    enum kp_status st = KP_OK;

    kp_text_addf(&path, "%s/%s.vocab", d->root, name);
    if (path.failed)
        st = no_memory(d);
    else if (kp_file_exists(path.s))
        st = kp_vocabulary_read(path.s, pieces, &e) ? forward(d, &e) : KP_OK;
    else if (m->vocabulary == 0)
        st = kp_data_fail(d, KP_E_IO,
                          "%s: not there; it has a line for each token, or "
                          "data.languini.vocabulary says how many there are",
                          path.s);
    if (st == KP_OK && pieces->count && m->vocabulary && m->vocabulary != pieces->count)
        st = kp_data_fail(d, KP_E_CONFIG,
                          "vocabulary = %lld, but %s has a line for each of %lld tokens; %lld, or "
                          "0, would be right",
                          (long long)m->vocabulary, path.s, (long long)pieces->count,
                          (long long)pieces->count);
    if (st == KP_OK)
        *out = pieces->count ? pieces->count : m->vocabulary;
    kp_text_finish(&path);
    return st;
}

/* Open one split and add its list to the hash. */
static enum kp_status open_split(struct languini *m, struct kp_data *d, const char *name,
                                 int64_t vocabulary, enum kp_dataset_split split,
                                 struct kp_hasher *hash)
{
    const bool train = split == KP_DATASET_TRAIN;
    struct kp_text list = {0}, folder = {0};
    struct kp_mapping file = {0};
    struct kp_error e = {0};
    enum kp_status st;

    kp_text_addf(&list, "%s/file_list_%s%s.npy", d->root, train ? "train" : "test_",
                 train ? "" : m->test);
    kp_text_addf(&folder, "%s/%s", d->root, name);
    const struct kp_stream_config config = {
        .list = list.s,
        .folder = folder.s,
        .vocabulary = vocabulary,
        .separator = KP_TOKEN_SEPARATOR,
        .rows = train ? m->rows : m->test_rows,
        .window = m->window,
        .stride = train ? 0 : m->test_stride,
        .last = train ? 0 : m->test_last,
        .repeat = train,
    };
    if (list.failed || folder.failed)
        st = no_memory(d);
    else if (kp_stream_open(&config, &m->open->stream[split], &e) || kp_file_map(list.s, &file, &e))
        st = forward(d, &e);
    else {
        kp_hasher_add(hash, file.bytes, file.size);
        st = KP_OK;
    }
    kp_file_unmap(&file);
    kp_text_finish(&list);
    kp_text_finish(&folder);
    return st;
}

static enum kp_status open_splits(struct languini *m, struct kp_data *d, const char *name,
                                  struct kp_dataset_info *info)
{
    struct kp_hasher hash;
    char sha256[KP_HASH_SIZE];
    int64_t vocabulary = 0;
    enum kp_status st = read_vocabulary(m, d, name, &vocabulary);

    kp_hasher_begin(&hash);
    kp_hasher_add(&hash, name, strlen(name) + 1);
    for (int split = 0; split < KP_DATASET_SPLITS && !st; split++)
        st = open_split(m, d, name, vocabulary, (enum kp_dataset_split)split, &hash);
    kp_hasher_end(&hash, sha256);
    if (st)
        return st;
    info->dtype = KP_I32;
    info->shape = info->labels = kp_shape1(m->window);
    info->classes = vocabulary;
    info->count[KP_DATASET_TRAIN] = kp_stream_windows(m->open->stream[KP_DATASET_TRAIN]) * m->rows;
    info->count[KP_DATASET_TEST] =
        kp_stream_windows(m->open->stream[KP_DATASET_TEST]) * m->test_rows;
    info->length = m->open->pieces.length;
    memcpy(info->identity, sha256, sizeof sha256);
    return KP_OK;
}

static enum kp_status languini_open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    struct languini *m = self;
    struct kp_text name = {0};
    enum kp_status st = KP_OK;

    if (!d->root[0])
        return kp_data_fail(d, KP_E_CONFIG,
                            "no folder of books is given; set [data] root or KAPPA_DATA");
    m->open = calloc(1, sizeof *m->open);
    if (!m->open || pthread_mutex_init(&m->open->lock, NULL) != 0) {
        free(m->open);
        m->open = NULL;
        return no_memory(d);
    }
    if (m->tokens[0])
        kp_text_add(&name, m->tokens);
    else
        st = find_tokens(d, &name);
    if (st == KP_OK)
        st = name.failed ? no_memory(d) : open_splits(m, d, name.s, info);
    kp_text_finish(&name);
    return st;
}

/* A reader of the split for this call alone. */
static enum kp_status take_reader(struct languini_open *o, enum kp_dataset_split split,
                                  struct waiting **out, struct kp_error *e)
{
    (void)pthread_mutex_lock(&o->lock);
    struct waiting *w = o->waiting[split];
    if (w)
        o->waiting[split] = w->next;
    (void)pthread_mutex_unlock(&o->lock);
    if (!w) {
        w = calloc(1, sizeof *w);
        enum kp_status st = w ? kp_stream_reader_create(o->stream[split], &w->reader, e)
                              : kp_fail(e, KP_E_NOMEM, "no memory for books");
        if (st) {
            free(w);
            return st;
        }
    }
    *out = w;
    return KP_OK;
}

static void give_reader(struct languini_open *o, enum kp_dataset_split split, struct waiting *w)
{
    (void)pthread_mutex_lock(&o->lock);
    w->next = o->waiting[split];
    o->waiting[split] = w;
    (void)pthread_mutex_unlock(&o->lock);
}

static enum kp_status languini_read(const void *self, struct kp_data *d,
                                    enum kp_dataset_split split, const int64_t *number,
                                    int64_t count, void *example, int32_t *label)
{
    const struct languini *m = self;
    struct waiting *w = NULL;
    struct kp_error e = {0};
    enum kp_status st = take_reader(m->open, split, &w, &e);

    for (int64_t i = 0; i < count && !st; i++)
        st = kp_stream_read(w->reader, number[i],
                            example ? (int32_t *)example + i * m->window : NULL,
                            label ? label + i * m->window : NULL, &e);
    if (w)
        give_reader(m->open, split, w);
    return st ? forward(d, &e) : KP_OK;
}

static void languini_close(void *self)
{
    struct languini *m = self;

    if (!m->open)
        return;
    for (int split = 0; split < KP_DATASET_SPLITS; split++) {
        for (struct waiting *w = m->open->waiting[split], *next; w; w = next) {
            next = w->next;
            kp_stream_reader_destroy(w->reader);
            free(w);
        }
        kp_stream_close(m->open->stream[split]);
    }
    kp_vocabulary_finish(&m->open->pieces);
    (void)pthread_mutex_destroy(&m->open->lock);
    free(m->open);
    m->open = NULL;
}

static const struct kp_dataset_def languini = {
    .size = sizeof(struct kp_dataset_def),
    .name = "languini",
    .doc =
        "Tokenised books in the layout and order of languini-kitchen; `kappa tokenise` makes it.",
    .version = "1",
    .self_size = sizeof(struct languini),
    .options = KP_OPTIONS(languini_options),
    .open = languini_open,
    .read = languini_read,
    .close = languini_close,
};

const struct kp_plugin kp_languini_plugin = {
    .abi = KP_ABI,
    .name = "languini",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&languini, NULL},
};
