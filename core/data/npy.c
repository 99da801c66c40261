/* npy.c - the header of a .npy file: magic, version, and a Python dictionary as text. */
#include "data/npy.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text being read. */
struct reader {
    const char *s;
    size_t size, at;
    size_t base;  /* offset of the text in the file */
    bool strings; /* what the elements must be, else integers */
    const char *name;
    struct kp_error *e;
};

static enum kp_status wrong(const struct reader *r, const char *what)
{
    return kp_fail(r->e, KP_E_FORMAT, "%s: offset %zu: %s", r->name, r->base + r->at, what);
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->size && (r->s[r->at] == ' ' || r->s[r->at] == '\n' || r->s[r->at] == '\t'))
        r->at++;
}

/* Pass the character if it comes next. */
static bool accept(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at >= r->size || r->s[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool accept_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(r);
    if (r->size - r->at < n || memcmp(r->s + r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

/* A quoted string without escapes, of at most `room` - 1 characters. */
static enum kp_status read_string(struct reader *r, char *out, size_t room)
{
    size_t n = 0;

    skip_blanks(r);
    if (r->at >= r->size || (r->s[r->at] != '\'' && r->s[r->at] != '"'))
        return wrong(r, "no string, where the header must have one");
    char quote = r->s[r->at++];
    while (r->at < r->size && r->s[r->at] != quote) {
        if (n + 1 >= room || r->s[r->at] == '\\')
            return wrong(r, "a string that no array of integers has here");
        out[n++] = r->s[r->at++];
    }
    if (r->at >= r->size)
        return wrong(r, "a string without an end");
    r->at++;
    out[n] = '\0';
    return KP_OK;
}

/* 'U40': strings of so many characters. False: it is something else. */
static bool parse_string_type(const char *type, struct kp_npy *a)
{
    char *end;

    if (type[0] != 'U' || type[1] < '1' || type[1] > '9')
        return false;
    long n = strtol(type + 1, &end, 10);
    if (*end || n > KP_NPY_CHARACTERS)
        return false;
    a->item = (int)(4 * n);
    return true;
}

/* 'u1', 'i8' and so on. */
static bool parse_integer_type(const char *type, struct kp_npy *a)
{
    if ((type[0] != 'u' && type[0] != 'i') || !type[1] || !strchr("1248", type[1]) || type[2])
        return false;
    a->is_signed = type[0] == 'i';
    a->item = type[1] - '0';
    return true;
}

/* '|u1', '<i8', ...: byte order, kind, size. */
static enum kp_status read_type(struct reader *r, struct kp_npy *a)
{
    char type[8];
    size_t start = r->at;

    skip_blanks(r);
    if (r->at < r->size && (r->s[r->at] == '[' || r->s[r->at] == '('))
        return wrong(r, "the elements are records; integers would be right");
    enum kp_status st = read_string(r, type, sizeof type);
    if (st)
        return st;
    r->at = start;
    const char *p = type;
    char order = *p == '<' || *p == '>' || *p == '|' || *p == '=' ? *p++ : '=';
    if (r->strings ? !parse_string_type(p, a) : !parse_integer_type(p, a))
        return kp_fail(r->e, KP_E_FORMAT, "%s: offset %zu: element type '%s'; %s", r->name,
                       r->base + r->at, type,
                       r->strings ? "strings would be right, such as '<U40'"
                                  : "integers of 1, 2, 4 or 8 bytes would be right, such as '|u1' "
                                    "and '<i8'");
    if (order == '>' && a->item > 1)
        return wrong(r, "the numbers are big-endian; little-endian ones would be right");
    return read_string(r, type, sizeof type);
}

static enum kp_status read_extent(struct reader *r, int64_t *out)
{
    int64_t v = 0;
    int digits = 0;

    skip_blanks(r);
    for (; r->at < r->size && r->s[r->at] >= '0' && r->s[r->at] <= '9'; r->at++, digits++) {
        if (digits == 18)
            return wrong(r, "an extent of the shape is too large");
        v = 10 * v + (r->s[r->at] - '0');
    }
    if (!digits)
        return wrong(r, "no number, where the shape must have one");
    *out = v;
    return KP_OK;
}

/* (), (5,), (5, 32, 32, 3) */
static enum kp_status read_shape(struct reader *r, struct kp_npy *a)
{
    if (!accept(r, '('))
        return wrong(r, "no '(', which must begin the shape");
    for (a->dims = 0; !accept(r, ')'); a->dims++) {
        if (a->dims == KP_NPY_DIMS)
            return wrong(r, "more dimensions than 4, which is the most that is read");
        enum kp_status st = read_extent(r, &a->shape[a->dims]);
        if (st)
            return st;
        if (!accept(r, ',')) {
            a->dims++;
            if (!accept(r, ')'))
                return wrong(r, "neither ',' nor ')' in the shape");
            break;
        }
    }
    for (int i = a->dims; i < KP_NPY_DIMS; i++)
        a->shape[i] = 1;
    return KP_OK;
}

static enum kp_status read_value(struct reader *r, const char *key, struct kp_npy *a,
                                 unsigned *seen)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    unsigned bit = strcmp(key, "descr") == 0           ? DESCR
                   : strcmp(key, "fortran_order") == 0 ? ORDER
                   : strcmp(key, "shape") == 0         ? SHAPE
                                                       : 0;

    if (!bit)
        return wrong(r, "an unknown key; descr, fortran_order and shape would be right");
    if (*seen & bit)
        return wrong(r, "a key for the second time");
    *seen |= bit;
    if (bit == DESCR)
        return read_type(r, a);
    if (bit == SHAPE)
        return read_shape(r, a);
    if (accept_word(r, "True"))
        return wrong(r, "the array is in Fortran order; save it as numpy.ascontiguousarray(a)");
    return accept_word(r, "False") ? KP_OK : wrong(r, "neither True nor False");
}

static enum kp_status read_dictionary(struct reader *r, struct kp_npy *a)
{
    unsigned seen = 0;
    char key[16];

    if (!accept(r, '{'))
        return wrong(r, "no '{', which must begin the header's dictionary");
    while (!accept(r, '}')) {
        enum kp_status st = read_string(r, key, sizeof key);
        if (st)
            return st;
        if (!accept(r, ':'))
            return wrong(r, "no ':' behind the key");
        skip_blanks(r);
        st = read_value(r, key, a, &seen);
        if (st)
            return st;
        if (!accept(r, ',')) {
            if (!accept(r, '}'))
                return wrong(r, "neither ',' nor '}' behind the value");
            break;
        }
    }
    if (seen != 7)
        return wrong(r, "the header lacks one of descr, fortran_order and shape");
    skip_blanks(r);
    return r->at == r->size ? KP_OK : wrong(r, "something behind the header's dictionary");
}

static enum kp_status parse(const uint8_t *bytes, size_t size, bool strings, const char *name,
                            struct kp_npy *out, struct kp_error *e)
{
    static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    struct kp_npy a = {0};

    if (size < 12)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: no header of a .npy file", name,
                       size);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return kp_fail(e, KP_E_FORMAT, "%s: offset 0: no .npy file; it begins with \\x93NUMPY",
                       name);
    if (bytes[6] < 1 || bytes[6] > 3)
        return kp_fail(e, KP_E_FORMAT, "%s: offset 6: version %d of .npy; 1 to 3 are read", name,
                       bytes[6]);
    size_t start = bytes[6] == 1 ? 10 : 12;
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > KP_NPY_HEADER - start)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: offset 8: a header of %zu bytes; at most %zu are accepted", name,
                       length, KP_NPY_HEADER - start);
    if (length > size - start)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: the header has %zu bytes", name,
                       size, start + length);

    struct reader r = {(const char *)bytes + start, length, 0, start, strings, name, e};
    enum kp_status st = read_dictionary(&r, &a);
    if (st)
        return st;
    a.header = start + length;
    a.data = (uint64_t)a.item;
    for (int i = 0; i < a.dims; i++) {
        uint64_t extent = (uint64_t)a.shape[i];
        if (extent && a.data > KP_NPY_DATA_MAX / extent)
            return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: the shape has more than %llu bytes",
                           name, start, (unsigned long long)KP_NPY_DATA_MAX);
        a.data *= extent;
    }
    *out = a;
    return KP_OK;
}

enum kp_status kp_npy_parse(const uint8_t *bytes, size_t size, const char *name, struct kp_npy *out,
                            struct kp_error *e)
{
    return parse(bytes, size, false, name, out, e);
}

enum kp_status kp_npy_parse_strings(const uint8_t *bytes, size_t size, const char *name,
                                    struct kp_npy *out, struct kp_error *e)
{
    return parse(bytes, size, true, name, out, e);
}

int64_t kp_npy_integer(const struct kp_npy *a, const uint8_t *data, int64_t i)
{
    const uint8_t *p = data + i * a->item;
    uint64_t v = 0;

    for (int b = 0; b < a->item; b++)
        v |= (uint64_t)p[b] << 8 * b;
    /* Bring the sign bit to the top and back. */
    int unused = 64 - 8 * a->item;
    return a->is_signed ? (int64_t)(v << unused) >> unused : (int64_t)v;
}

bool kp_npy_string(const struct kp_npy *a, const uint8_t *data, int64_t i, struct kp_text *out)
{
    static const struct kp_npy code = {.item = 4};
    const uint8_t *p = data + i * a->item;
    int64_t n = a->item / 4;

    /* A shorter string is filled up with zeros. */
    while (n > 0 && kp_npy_integer(&code, p, n - 1) == 0)
        n--;
    kp_text_add(out, "");
    for (int64_t k = 0; k < n; k++) {
        char bytes[4];
        uint32_t c = (uint32_t)kp_npy_integer(&code, p, k);
        size_t length = c ? kp_utf8_put(c, bytes) : 0;
        if (length == 0)
            return false;
        kp_text_add_bytes(out, bytes, length);
    }
    return true;
}

void kp_npy_header(const char *type, int dims, const int64_t *shape, uint8_t out[KP_NPY_WRITTEN])
{
    enum { START = 10, ROOM = KP_NPY_WRITTEN - START };
    char text[ROOM + 1], second[24] = "";

    KP_ASSERT(dims == 1 || dims == 2);
    if (dims == 2)
        (void)snprintf(second, sizeof second, " %lld", (long long)shape[1]);
    int n =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%lld,%s), }",
                 type, (long long)shape[0], second);
    KP_ASSERT(n > 0 && n < ROOM);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = ROOM;
    out[9] = 0;
    memset(out + START, ' ', ROOM);
    memcpy(out + START, text, (size_t)n);
    out[KP_NPY_WRITTEN - 1] = '\n';
}
