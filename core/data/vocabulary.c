/* vocabulary.c - the tokens of a tokeniser by name, and how much text each of them stands for. */
#include "data/vocabulary.h"

#include "base/file.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX  ((size_t)1 << 28)
#define SHOWN_MAX 40 /* bytes of a line in a message */

/* A piece inside the file. */
struct piece {
    const char *s;
    size_t n;
};

static const char *const first_tokens[] = {"<pad>", "<unk>", "<D>"};
static const float first_lengths[] = {0, 3, 3};

#define FIRST ((int64_t)(sizeof(first_tokens) / sizeof(first_tokens[0])))

/* Lines; the last one may lack its end. */
static int64_t count_lines(const uint8_t *bytes, size_t size)
{
    int64_t lines = size > 0 && bytes[size - 1] != '\n';

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* The line at *at without its score; *at moves to the next one. */
static struct piece next_piece(const uint8_t *bytes, size_t size, size_t *at)
{
    const char *s = (const char *)bytes + *at;
    const char *end = memchr(s, '\n', size - *at);
    size_t n = end ? (size_t)(end - s) : size - *at;

    *at += n + 1;
    const char *tab = memrchr(s, '\t', n);
    return (struct piece){s, tab && tab > s ? (size_t)(tab - s) : n};
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that a piece such as <0xE2> stands for; -1: it is another one. */
static int byte_of(struct piece p)
{
    if (p.n != 6 || memcmp(p.s, "<0x", 3) != 0 || p.s[5] != '>')
        return -1;
    int high = digit(p.s[3]), low = digit(p.s[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

/* Its code points; -1: it is no UTF-8. */
static int64_t characters(struct piece p)
{
    int64_t count = 0;

    for (size_t i = 0; i < p.n; count++) {
        uint32_t code;
        size_t n = kp_utf8_get((const uint8_t *)p.s + i, p.n - i, &code);
        if (n == 0)
            return -1;
        i += n;
    }
    return count;
}

static bool is_first(struct piece p, int64_t id)
{
    return p.n == strlen(first_tokens[id]) && memcmp(p.s, first_tokens[id], p.n) == 0;
}

static enum kp_status measure(struct piece p, int64_t id, const char *name, float *out,
                              struct kp_error *e)
{
    int shown = p.n < SHOWN_MAX ? (int)p.n : SHOWN_MAX, byte = byte_of(p);
    int64_t count = characters(p);

    if (p.n == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: line %lld is empty; a token would be right", name,
                       (long long)id + 1);
    if (count < 0)
        return kp_fail(e, KP_E_FORMAT, "%s: line %lld is no UTF-8; a list of tokens would be right",
                       name, (long long)id + 1);
    if (id < FIRST && !is_first(p, id))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: of a tokeniser of another kind: line %lld is '%.*s' where %s would be "
                       "right; `kappa tokenise --train` makes one",
                       name, (long long)id + 1, shown, p.s, first_tokens[id]);
    if (id < FIRST)
        *out = first_lengths[id];
    else
        *out = byte < 0 ? (float)count : byte < 0x80 || byte > 0xBF ? 1 : 0;
    return KP_OK;
}

enum kp_status kp_vocabulary_parse(const uint8_t *bytes, size_t size, const char *name,
                                   struct kp_vocabulary *out, struct kp_error *e)
{
    struct kp_vocabulary v = {.count = count_lines(bytes, size)};
    enum kp_status st = KP_OK;
    size_t at = 0;

    if (v.count < FIRST || v.count > KP_TOKENS_MAX)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: %lld lines, one for each token; %lld to %d would be right", name,
                       (long long)v.count, (long long)FIRST, KP_TOKENS_MAX);
    v.length = malloc((size_t)v.count * sizeof(*v.length));
    if (!v.length)
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld tokens", (long long)v.count);
    for (int64_t id = 0; id < v.count && !st; id++)
        st = measure(next_piece(bytes, size, &at), id, name, &v.length[id], e);
    if (st == KP_OK)
        *out = v;
    else
        kp_vocabulary_finish(&v);
    return st;
}

enum kp_status kp_vocabulary_read(const char *path, struct kp_vocabulary *out, struct kp_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    enum kp_status st = kp_file_read(path, FILE_MAX, &bytes, &size, e);

    if (st == KP_OK)
        st = kp_vocabulary_parse(bytes, size, path, out, e);
    free(bytes);
    return st;
}

void kp_vocabulary_finish(struct kp_vocabulary *v)
{
    free(v->length);
    *v = (struct kp_vocabulary){0};
}
