/* options.c - option tables at work: find, parse, canonical text, store. */
#include "host/options.h"

#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_MAX = 4096,
    TEXT_MAX = 65536,
    BLANKS_MAX = 64,
    SHOWN_MAX = 60, /* characters of the user's text that a message repeats */
};

const struct kp_option *kp_option_at(const struct kp_option_table *t, uint32_t i)
{
    return (const void *)((const char *)t->v + (size_t)i * t->size);
}

const struct kp_option *kp_option_find(const struct kp_option_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct kp_option *o = kp_option_at(t, i);
        if (strcmp(o->name, name) == 0)
            return o;
    }
    return NULL;
}

/* Near enough to be meant: two slips, three in a long word, but not most of a short one. */
static bool near_enough(size_t distance, const char *name)
{
    size_t n = strlen(name);
    return distance <= (n >= 9 ? 3 : n >= 4 ? 2 : 1) && distance < n;
}

const char *kp_option_nearest(const struct kp_option_table *t, const char *name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;

    for (uint32_t i = 0; i < t->count; i++) {
        const char *known = kp_option_at(t, i)->name;
        size_t d = kp_text_distance(known, name);
        if (d < least && near_enough(d, name)) {
            best = known;
            least = d;
        }
    }
    return best;
}

static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void c_locale_make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* A number as C writes it, whatever the locale; no hexadecimal, infinity or NaN. */
static bool parse_real(const char *s, double *out)
{
    char *end;
    double v;

    if (!*s || s[strspn(s, "0123456789+-.eE")] != '\0')
        return false;
    (void)pthread_once(&c_locale_once, c_locale_make);
    v = c_locale ? strtod_l(s, &end, c_locale) : strtod(s, &end);
    if (*end != '\0' || !isfinite(v))
        return false;
    *out = v == 0 ? 0 : v; /* -0 and 0 are one value */
    return true;
}

static bool parse_int(const char *s, int64_t *out)
{
    const char *digits = s + (*s == '-' || *s == '+');
    long long v;

    if (!*digits || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    v = strtoll(s, NULL, 10);
    if (errno == ERANGE)
        return false;
    *out = v;
    return true;
}

static bool parse_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
            *out = s[0] == yes[i][0] && strcmp(s, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static int word_index(const struct kp_option *o, const char *s)
{
    for (int i = 0; o->words[i]; i++)
        if (strcmp(o->words[i], s) == 0)
            return i;
    return -1;
}

static const char *nearest_word(const struct kp_option *o, const char *s)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;

    for (int i = 0; o->words[i]; i++) {
        size_t d = kp_text_distance(o->words[i], s);
        if (d < least && near_enough(d, s)) {
            best = o->words[i];
            least = d;
        }
    }
    return best;
}

static enum kp_status refuse(const struct kp_option *o, const char *text, const char *what,
                             struct kp_error *why)
{
    char right[512];

    kp_option_describe(o, right, sizeof(right));
    return kp_fail(why, KP_E_INVALID, "'%.*s%s' %s; %s", SHOWN_MAX, text,
                   strlen(text) > SHOWN_MAX ? "..." : "", what, right);
}

/* One number of type INT, INTS, REAL or REALS; `text` of the result is written to out. */
static enum kp_status check_number(const struct kp_option *o, const char *s,
                                   char out[KP_REAL_TEXT_SIZE], struct kp_error *why)
{
    double v;

    if (o->type == KP_OPT_INT || o->type == KP_OPT_INTS) {
        int64_t i;
        if (!parse_int(s, &i))
            return refuse(o, s, "is no integer that fits 64 bits", why);
        v = (double)i;
        (void)snprintf(out, KP_REAL_TEXT_SIZE, "%lld", (long long)i);
    } else {
        if (!parse_real(s, &v))
            return refuse(o, s, "is no finite number", why);
        (void)kp_real_text(v, out);
    }
    if (v < o->min || v > o->max)
        return refuse(o, s, "is out of range", why);
    return KP_OK;
}

static enum kp_status check_list(const struct kp_option *o, const char *text, struct kp_text *list,
                                 struct kp_error *why)
{
    char item[128];
    char number[KP_REAL_TEXT_SIZE];
    int64_t count = 0;

    for (;;) {
        text += strspn(text, " \t");
        size_t n = strcspn(text, " \t");
        if (n == 0)
            break;
        if (n >= sizeof(item))
            return refuse(o, text, "is no number", why);
        memcpy(item, text, n);
        item[n] = '\0';
        if (++count > LIST_MAX)
            return kp_fail(why, KP_E_INVALID, "the list is too long; at most %d numbers", LIST_MAX);
        enum kp_status st = check_number(o, item, number, why);
        if (st != KP_OK)
            return st;
        if (count > 1)
            kp_text_add(list, " ");
        kp_text_add(list, number);
        text += n;
    }
    if (count == 0 && !(o->fallback && o->fallback[strspn(o->fallback, " \t")] == '\0'))
        return refuse(o, "", "is an empty list", why);
    return KP_OK;
}

/* Text must survive a round trip through an INI file, where ';' after a blank begins a comment. */
static enum kp_status check_string(const char *s, struct kp_error *why)
{
    size_t blanks = 0;

    if (strlen(s) > TEXT_MAX)
        return kp_fail(why, KP_E_INVALID, "text of %zu characters; at most %d", strlen(s),
                       (int)TEXT_MAX);
    for (const char *c = s; *c; c++) {
        bool blank = *c == ' ' || *c == '\t';
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return kp_fail(why, KP_E_INVALID,
                           "control character 0x%02x at position %zu; printable text",
                           (unsigned)(unsigned char)*c, (size_t)(c - s));
        if (*c == ';' && (c == s || blanks > 0))
            return kp_fail(why, KP_E_INVALID,
                           "';' after a blank would begin a comment; text without it");
        blanks = blank ? blanks + 1 : 0;
        if (blanks > BLANKS_MAX)
            return kp_fail(why, KP_E_INVALID, "more than %d blanks in a row; fewer",
                           (int)BLANKS_MAX);
    }
    return KP_OK;
}

/* A copy without blanks at the ends; NULL if out of memory. */
static char *trimmed(const char *text)
{
    size_t n;

    text += strspn(text, " \t");
    n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    return strndup(text, n);
}

static enum kp_status check_scalar(const struct kp_option *o, const char *s, struct kp_text *out,
                                   struct kp_error *why)
{
    char number[KP_REAL_TEXT_SIZE];
    enum kp_status st = KP_OK;
    bool flag;

    switch (o->type) {
    case KP_OPT_INT:
    case KP_OPT_REAL:
        st = check_number(o, s, number, why);
        if (st == KP_OK)
            kp_text_add(out, number);
        return st;
    case KP_OPT_BOOL:
        if (!parse_bool(s, &flag))
            return refuse(o, s, "is neither true nor false", why);
        kp_text_add(out, flag ? "true" : "false");
        return KP_OK;
    case KP_OPT_ENUM:
        if (word_index(o, s) < 0) {
            const char *near = nearest_word(o, s);
            char what[128];
            (void)snprintf(what, sizeof(what), "is not known%s%.60s%s",
                           near ? ", did you mean '" : "", near ? near : "", near ? "'" : "");
            return refuse(o, s, what, why);
        }
        kp_text_add(out, s);
        return KP_OK;
    case KP_OPT_STRING:
        st = check_string(s, why);
        if (st == KP_OK)
            kp_text_add(out, s);
        return st;
    case KP_OPT_INTS:
    case KP_OPT_REALS:
        return check_list(o, s, out, why);
    }
    return kp_fail(why, KP_E_INVALID, "option type %d is not known", (int)o->type);
}

enum kp_status kp_option_check(const struct kp_option *o, const char *text, struct kp_arena *a,
                               const char **canonical, struct kp_error *why)
{
    enum kp_status st;
    struct kp_text out = {0};
    char *s = trimmed(text);
    char *copy = NULL;

    kp_text_add(&out, "");
    if (!s || out.failed) {
        st = kp_fail(why, KP_E_NOMEM, "out of memory");
        goto out;
    }
    st = check_scalar(o, s, &out, why);
    if (st != KP_OK)
        goto out;
    copy = out.failed ? NULL : kp_arena_strdup(a, out.s);
    if (!copy) {
        st = kp_fail(why, KP_E_NOMEM, "out of memory");
        goto out;
    }
    *canonical = copy;
out:
    kp_text_finish(&out);
    free(s);
    return st;
}

static int64_t list_count(const char *s)
{
    int64_t n = 0;

    while (*(s += strspn(s, " "))) {
        n++;
        s += strcspn(s, " ");
    }
    return n;
}

/* The next word of a list, copied to `word`. */
static const char *list_next(const char *s, char word[KP_REAL_TEXT_SIZE])
{
    s += strspn(s, " ");
    size_t n = strcspn(s, " ");
    size_t kept = n < KP_REAL_TEXT_SIZE ? n : KP_REAL_TEXT_SIZE - 1;

    memcpy(word, s, kept);
    word[kept] = '\0';
    return s + n;
}

static bool store_ints(const char *s, struct kp_arena *a, struct kp_ints *out)
{
    char word[KP_REAL_TEXT_SIZE];
    int64_t n = list_count(s);
    int64_t *v = n > 0 ? kp_arena_new(a, int64_t, n) : NULL;

    for (int64_t i = 0; v && i < n; i++) {
        s = list_next(s, word);
        (void)parse_int(word, &v[i]);
    }
    out->v = v;
    out->count = v ? n : 0;
    return out->count == n;
}

static bool store_reals(const char *s, struct kp_arena *a, struct kp_reals *out)
{
    char word[KP_REAL_TEXT_SIZE];
    int64_t n = list_count(s);
    double *v = n > 0 ? kp_arena_new(a, double, n) : NULL;

    for (int64_t i = 0; v && i < n; i++) {
        s = list_next(s, word);
        (void)parse_real(word, &v[i]);
    }
    out->v = v;
    out->count = v ? n : 0;
    return out->count == n;
}

bool kp_option_store(const struct kp_option *o, const char *canonical, struct kp_arena *a,
                     void *self)
{
    void *field = (char *)self + o->offset;
    const char *copy;

    switch (o->type) {
    case KP_OPT_INT:
        return parse_int(canonical, field);
    case KP_OPT_REAL:
        return parse_real(canonical, field);
    case KP_OPT_BOOL:
        return parse_bool(canonical, field);
    case KP_OPT_STRING:
        copy = kp_arena_strdup(a, canonical);
        *(const char **)field = copy ? copy : "";
        return copy != NULL;
    case KP_OPT_ENUM:
        *(int *)field = word_index(o, canonical);
        return true;
    case KP_OPT_INTS:
        return store_ints(canonical, a, field);
    case KP_OPT_REALS:
        return store_reals(canonical, a, field);
    }
    return false;
}

double kp_option_number(const struct kp_option *o, const char *canonical)
{
    bool flag = false;
    double v;

    if (o->type == KP_OPT_BOOL)
        return parse_bool(canonical, &flag) ? (double)flag : (double)NAN;
    if ((o->type == KP_OPT_INT || o->type == KP_OPT_REAL) && parse_real(canonical, &v))
        return v;
    return (double)NAN;
}

static void describe_range(const struct kp_option *o, const char *what, char *out, size_t size)
{
    char lo[KP_REAL_TEXT_SIZE], hi[KP_REAL_TEXT_SIZE];

    (void)snprintf(out, size, "%s, %s to %s", what, kp_real_text(o->min, lo),
                   kp_real_text(o->max, hi));
}

void kp_option_describe(const struct kp_option *o, char *out, size_t size)
{
    int used = 0;

    switch (o->type) {
    case KP_OPT_INT:
        describe_range(o, "integer", out, size);
        return;
    case KP_OPT_REAL:
        describe_range(o, "real", out, size);
        return;
    case KP_OPT_BOOL:
        (void)snprintf(out, size, "true or false");
        return;
    case KP_OPT_STRING:
        (void)snprintf(out, size, "text");
        return;
    case KP_OPT_ENUM:
        used = snprintf(out, size, "one of");
        for (int i = 0; o->words[i] && used >= 0 && (size_t)used < size; i++) {
            int n = snprintf(out + used, size - (size_t)used, " %s", o->words[i]);
            used = n < 0 ? n : used + n;
        }
        return;
    case KP_OPT_INTS:
        describe_range(o, "list of integers with spaces between, each", out, size);
        return;
    case KP_OPT_REALS:
        describe_range(o, "list of reals with spaces between, each", out, size);
        return;
    }
    (void)snprintf(out, size, "?");
}
