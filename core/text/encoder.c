/* encoder.c - encodes a text word by word, and frequent words from memory.
 *
 * The library takes microseconds for each word, but most words of a text have been seen before. A
 * text is cut where no piece of the model can cross (kp_tokeniser_joins), so the tokens are those
 * of the whole text, and each different part goes to the library once. */
#include "base/utf8.h"
#include "text/tokeniser_state.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LOG  18
#define SLOTS      ((size_t)1 << SLOTS_LOG)
#define WORDS_MAX  (SLOTS / 2) /* then everything is forgotten */
#define LENGTH_MAX 64          /* bytes of a word that is kept */

/* A word that is kept. A slot is free where count is 0. */
struct word {
    uint64_t hash;
    uint32_t text, ids; /* where they begin in the encoder's `text` and `ids` */
    uint16_t length, count;
};

struct kp_encoder {
    const struct kp_tokeniser *tokeniser;
    struct word *word; /* [SLOTS], by hash, a collision goes to the next one */
    size_t words;
    struct kp_text text;
    struct kp_ids ids;
};

enum kp_status kp_encoder_create(const struct kp_tokeniser *t, struct kp_encoder **out,
                                 struct kp_error *e)
{
    struct kp_encoder *c = calloc(1, sizeof *c);

    if (c) {
        c->tokeniser = t;
        c->word = calloc(SLOTS, sizeof *c->word);
    }
    if (!c || !c->word) {
        kp_encoder_destroy(c);
        return kp_fail(e, KP_E_NOMEM, "no memory to encode text");
    }
    *out = c;
    return KP_OK;
}

void kp_encoder_destroy(struct kp_encoder *c)
{
    if (!c)
        return;
    free(c->word);
    kp_text_finish(&c->text);
    free(c->ids.v);
    free(c);
}

/* FNV-1a, and a last step that brings the high bits down. */
static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

static struct word *find(const struct kp_encoder *c, const char *s, size_t n, uint64_t hash)
{
    size_t at = hash & (SLOTS - 1);

    for (;; at = (at + 1) & (SLOTS - 1)) {
        struct word *w = &c->word[at];
        if (w->count == 0 ||
            (w->hash == hash && w->length == n && memcmp(c->text.s + w->text, s, n) == 0))
            return w;
    }
}

static void forget(struct kp_encoder *c)
{
    memset(c->word, 0, SLOTS * sizeof *c->word);
    c->words = 0;
    kp_text_clear(&c->text);
    c->ids.count = 0;
}

/* A part of the text that no piece leaves; all of it is UTF-8. */
static enum kp_status encode_word(struct kp_encoder *c, const char *s, size_t n, struct kp_ids *out,
                                  struct kp_error *e)
{
    if (n > LENGTH_MAX)
        return kp_tokeniser_encode_plain(c->tokeniser, s, n, out, e);

    uint64_t hash = hash_of(s, n);
    struct word *w = find(c, s, n, hash);
    if (w->count == 0) {
        if (c->words == WORDS_MAX) {
            forget(c);
            w = find(c, s, n, hash);
        }
        struct word made = {.hash = hash,
                            .text = (uint32_t)c->text.length,
                            .ids = (uint32_t)c->ids.count,
                            .length = (uint16_t)n};
        enum kp_status st = kp_tokeniser_encode_plain(c->tokeniser, s, n, &c->ids, e);
        if (st)
            return st;
        kp_text_add_bytes(&c->text, s, n);
        if (c->text.failed)
            return kp_fail(e, KP_E_NOMEM, "no memory to encode text");
        made.count = (uint16_t)(c->ids.count - made.ids);
        *w = made;
        c->words++;
    }
    kp_ids_add(out, c->ids.v + w->ids, w->count);
    return KP_OK;
}

/* Bytes from the beginning of s[0, n) up to the first place to cut it, before what is no character;
 * 0: it begins with that. */
static size_t part_of(const struct kp_tokeniser *t, const uint8_t *s, size_t n)
{
    size_t at = 0;

    while (at < n) {
        uint32_t code;
        if (at && !kp_tokeniser_joins(t, s[at - 1], s[at]))
            return at;
        size_t length = s[at] < 0x80 ? 1 : kp_utf8_get(s + at, n - at, &code);
        if (length == 0)
            return at;
        at += length;
    }
    return at;
}

enum kp_status kp_encode(struct kp_encoder *c, const char *text, size_t n, struct kp_ids *out,
                         int64_t *stray, struct kp_error *e)
{
    for (size_t at = 0; at < n;) {
        size_t part = part_of(c->tokeniser, (const uint8_t *)text + at, n - at);
        if (part == 0) {
            int32_t byte = KP_TOKEN_BYTE + (uint8_t)text[at++];
            kp_ids_add(out, &byte, 1);
            ++*stray;
            continue;
        }
        enum kp_status st = encode_word(c, text + at, part, out, e);
        if (st)
            return st;
        at += part;
    }
    return out->failed ? kp_fail(e, KP_E_NOMEM, "no memory for tokens") : KP_OK;
}
