/* tokeniser.c - opens a model, checks that it is of the right kind, decodes, trains. */
#include "base/file.h"
#include "base/utf8.h"
#include "text/tokeniser_state.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_MAX ((size_t)256 << 20)

/* What models write for a blank, U+2581, and for what they do not know. */
#define BLANK      "\xE2\x96\x81"
#define BLANK_SIZE 3
#define UNKNOWN    " \xE2\x81\x87 "

static enum kp_status not_built(struct kp_error *e)
{
    return kp_fail(e, KP_E_UNSUPPORTED,
                   "this kappa was built without SentencePiece; install it (Debian: "
                   "libsentencepiece-dev) and build again");
}

void kp_ids_add(struct kp_ids *ids, const int32_t *v, int64_t count)
{
    if (ids->failed)
        return;
    if (count > ids->room - ids->count) {
        int64_t room = 2 * ids->room + count + 64;
        int32_t *grown = realloc(ids->v, (size_t)room * sizeof *grown);
        if (!grown) {
            ids->failed = true;
            return;
        }
        ids->v = grown;
        ids->room = room;
    }
    memcpy(ids->v + ids->count, v, (size_t)count * sizeof *v);
    ids->count += count;
}

_Static_assert(sizeof(int) == sizeof(int32_t), "the library's tokens are int");

static void take_ids(void *arg, const int *ids, size_t count)
{
    if (count)
        kp_ids_add(arg, ids, (int64_t)count);
}

enum kp_status kp_tokeniser_encode_plain(const struct kp_tokeniser *t, const char *text, size_t n,
                                         struct kp_ids *out, struct kp_error *e)
{
    char why[KP_SPM_WHY];

    if (!kp_spm_encode(t->model, text, n, take_ids, out, why))
        return kp_fail(e, KP_E_NOMEM, "SentencePiece: %s", why);
    return out->failed ? kp_fail(e, KP_E_NOMEM, "no memory for tokens") : KP_OK;
}

/* What the token stands for. */
static bool fill_piece(struct kp_tokeniser *t, int64_t id)
{
    size_t length, n = 0;
    const char *spelled = kp_spm_piece(t->model, id, &length);
    enum kp_spm_kind kind = kp_spm_kind(t->model, id);
    char *bytes = kp_arena_alloc(&t->memory, length + sizeof UNKNOWN, 1);

    if (!bytes)
        return false;
    if (kind == KP_SPM_UNKNOWN) {
        n = strlen(UNKNOWN);
        memcpy(bytes, UNKNOWN, n);
    } else if (kind == KP_SPM_BYTE) {
        bytes[n++] = (char)(id - KP_TOKEN_BYTE);
    } else if (kind == KP_SPM_TEXT) {
        for (size_t i = 0; i < length;) {
            bool blank = length - i >= BLANK_SIZE && memcmp(spelled + i, BLANK, BLANK_SIZE) == 0;
            bytes[n++] = blank ? ' ' : spelled[i];
            i += blank ? BLANK_SIZE : 1;
        }
    }
    t->piece[id] = (struct kp_piece){bytes, n};
    return true;
}

static void join(struct kp_tokeniser *t, uint8_t a, uint8_t b)
{
    unsigned pair = (unsigned)a << 8 | b;

    t->joined[pair / 8] |= (uint8_t)(1U << pair % 8);
}

/* Note which characters the piece joins. A blank may be one in the text, or U+2581 itself. */
static void note_joins(struct kp_tokeniser *t, int64_t id)
{
    size_t length, before = 0;
    const char *spelled = kp_spm_piece(t->model, id, &length);

    if (kp_spm_kind(t->model, id) != KP_SPM_TEXT)
        return;
    for (size_t i = 0; i < length;) {
        uint32_t code;
        size_t n = kp_utf8_get((const uint8_t *)spelled + i, length - i, &code);
        bool blank = n == BLANK_SIZE && memcmp(spelled + i, BLANK, BLANK_SIZE) == 0;
        bool blank_before =
            before == BLANK_SIZE && memcmp(spelled + i - before, BLANK, BLANK_SIZE) == 0;
        uint8_t first = (uint8_t)spelled[i], last = i ? (uint8_t)spelled[i - 1] : 0;

        if (i) {
            join(t, last, first);
            if (blank)
                join(t, last, ' ');
            if (blank_before)
                join(t, ' ', first);
            if (blank && blank_before)
                join(t, ' ', ' ');
        }
        before = n ? n : 1;
        i += before;
    }
}

static enum kp_status other_kind(const char *path, struct kp_error *e, int64_t id, const char *is,
                                 const char *wanted)
{
    return kp_fail(e, KP_E_FORMAT,
                   "%s: a tokeniser of another kind: token %lld is '%s' where %s would be right; "
                   "`kappa tokenise --train` makes one",
                   path, (long long)id, is, wanted);
}

/* The first tokens are what the whole of kappa takes them for. */
static enum kp_status check_first_tokens(const struct kp_tokeniser *t, const char *path,
                                         struct kp_error *e)
{
    static const struct {
        const char *spelled;
        enum kp_spm_kind kind;
    } first[] = {
        {"<pad>", KP_SPM_CONTROL},
        {"<unk>", KP_SPM_UNKNOWN},
        {"<D>", KP_SPM_TEXT},
    };
    size_t length;

    for (int64_t id = 0; id < KP_TOKEN_BYTE + 256; id++) {
        const char *spelled = id < t->size ? kp_spm_piece(t->model, id, &length) : "(none)";
        bool is_first = id < KP_TOKEN_BYTE;
        if (id < t->size &&
            kp_spm_kind(t->model, id) == (is_first ? first[id].kind : KP_SPM_BYTE) &&
            (!is_first || strcmp(spelled, first[id].spelled) == 0))
            continue;
        return other_kind(path, e, id, spelled, is_first ? first[id].spelled : "a byte");
    }
    return KP_OK;
}

/* Text comes back as it was: no normalisation, no blank before it, none left out. */
static enum kp_status check_text_stays(const struct kp_tokeniser *t, const char *path,
                                       struct kp_error *e)
{
    static const char probe[] = "a  B\xEF\xAC\x81 <D>\t\n 12 ";
    struct kp_ids ids = {0};
    struct kp_text back = {0};
    enum kp_status st = kp_tokeniser_encode_plain(t, probe, strlen(probe), &ids, e);

    if (st == KP_OK &&
        (!kp_tokeniser_decode(t, ids.v, ids.count, &back) || !back.s || strcmp(back.s, probe) != 0))
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: a tokeniser of another kind: it changes text, such as blanks at the "
                     "beginning; `kappa tokenise --train` makes one that does not",
                     path);
    free(ids.v);
    kp_text_finish(&back);
    return st;
}

static enum kp_status prepare(struct kp_tokeniser *t, const char *path, struct kp_error *e)
{
    t->size = kp_spm_size(t->model);
    if (t->size > KP_VOCABULARY_MAX)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: %lld tokens; files of 16-bit tokens hold at most %d different ones",
                       path, (long long)t->size, KP_VOCABULARY_MAX);
    enum kp_status st = check_first_tokens(t, path, e);
    if (st)
        return st;
    t->piece = kp_arena_new(&t->memory, struct kp_piece, t->size);
    for (int64_t id = 0; id < t->size; id++) {
        if (!t->piece || !fill_piece(t, id))
            return kp_fail(e, KP_E_NOMEM, "no memory for %lld tokens", (long long)t->size);
        note_joins(t, id);
    }
    return check_text_stays(t, path, e);
}

enum kp_status kp_tokeniser_open(const char *path, struct kp_tokeniser **out, struct kp_error *e)
{
    struct kp_tokeniser *t = NULL;
    uint8_t *bytes = NULL;
    size_t size;
    char why[KP_SPM_WHY];
    enum kp_status st;

    if (!kp_spm_built)
        return not_built(e);
    st = kp_file_read(path, MODEL_MAX, &bytes, &size, e);
    if (st)
        return st;
    t = calloc(1, sizeof *t);
    if (!t)
        st = kp_fail(e, KP_E_NOMEM, "no memory for a tokeniser");
    else if (!kp_spm_load(bytes, size, &t->model, why))
        st = kp_fail(e, KP_E_FORMAT, "%s: no model of SentencePiece (%s)", path, why);
    else
        st = prepare(t, path, e);
    free(bytes);
    if (st == KP_OK)
        *out = t;
    else
        kp_tokeniser_close(t);
    return st;
}

void kp_tokeniser_close(struct kp_tokeniser *t)
{
    if (!t)
        return;
    kp_spm_free(t->model);
    kp_arena_finish(&t->memory);
    free(t);
}

int64_t kp_tokeniser_size(const struct kp_tokeniser *t)
{
    return t->size;
}

const char *kp_tokeniser_piece(const struct kp_tokeniser *t, int64_t id)
{
    size_t length;

    KP_ASSERT(id >= 0 && id < t->size);
    return kp_spm_piece(t->model, id, &length);
}

bool kp_tokeniser_decode(const struct kp_tokeniser *t, const int32_t *ids, int64_t count,
                         struct kp_text *out)
{
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= t->size)
            return false;
        kp_text_add_bytes(out, t->piece[ids[i]].bytes, t->piece[ids[i]].length);
    }
    return true;
}

/* The lines to train on, and the model that comes out. */
struct lesson {
    bool (*next)(void *arg, const char **line, size_t *n);
    void *arg;
    struct kp_text *model;
};

static bool next_line(void *arg, const char **line, size_t *n)
{
    struct lesson *l = arg;

    return l->next(l->arg, line, n);
}

static void take_model(void *arg, const char *bytes, size_t n)
{
    struct lesson *l = arg;

    kp_text_add_bytes(l->model, bytes, n);
}

enum kp_status kp_tokeniser_train(int64_t vocabulary, int threads,
                                  bool (*next)(void *arg, const char **line, size_t *n), void *arg,
                                  struct kp_text *model, struct kp_error *e)
{
    struct lesson l = {next, arg, model};
    char why[KP_SPM_WHY];

    if (!kp_spm_built)
        return not_built(e);
    if (vocabulary <= KP_TOKEN_BYTE + 256 || vocabulary > KP_VOCABULARY_MAX)
        return kp_fail(e, KP_E_INVALID, "a vocabulary of %lld tokens; %d to %d would be right",
                       (long long)vocabulary, KP_TOKEN_BYTE + 257, KP_VOCABULARY_MAX);
    if (!kp_spm_train(vocabulary, threads, next_line, take_model, &l, why)) {
        /* The library puts a place in its own source before what is wrong. */
        const char *place = strstr(why, ")] ");
        return kp_fail(e, KP_E_INVALID, "no tokeniser of %lld tokens from these books: %s",
                       (long long)vocabulary, place ? place + strlen(")] ") : why);
    }
    return model->failed ? kp_fail(e, KP_E_NOMEM, "no memory for a tokeniser") : KP_OK;
}
