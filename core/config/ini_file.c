/* ini_file.c - the text of one INI file as entries with line numbers; inih does the parsing.
 *
 * inih takes 200 bytes for a line and cuts what is longer, tells only the first bad line, ignores
 * text behind a section's name, cuts section names at 49 characters and does not tell of sections
 * without entries. The reader below sees each line first and refuses what inih would pass over. */
#include "config/ini_file.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_NAME_MAX = 49, PRINTED_LINE_MAX = 100 };

struct reader {
    const char *at, *end;
    const char *file;
    int order;
    int64_t limit;
    struct kp_arena *memory;
    struct kp_ini *out;
    struct kp_problems *problems;

    int line;
    bool pending;      /* the last line is an entry that the handler has not seen yet */
    bool continuation; /* it continues the value above */
    bool have_key;     /* an entry was seen in this section, so indented lines continue it */
    bool skipping;     /* the section's name was refused: its entries would be misplaced */
    bool stopped;
    int header;           /* line of the section's name while nothing stands below it; else 0 */
    struct kp_text value; /* of the open entry */
    bool open;
    struct kp_ini_entry entry;
};

static struct kp_place here(const struct reader *r)
{
    return (struct kp_place){r->file, r->line, r->order};
}

static void close_entry(struct reader *r)
{
    struct kp_ini *ini = r->out;

    if (!r->open)
        return;
    r->open = false;
    if (ini->count == ini->room) {
        int64_t room = ini->room ? 2 * ini->room : 64;
        struct kp_ini_entry *v = realloc(ini->v, (size_t)room * sizeof(*v));
        if (!v) {
            r->problems->failed = true;
            return;
        }
        ini->v = v;
        ini->room = room;
    }
    r->entry.value = r->value.failed ? NULL : kp_arena_strdup(r->memory, r->value.s);
    if (!r->entry.section || !r->entry.key || !r->entry.value) {
        r->problems->failed = true;
        return;
    }
    ini->v[ini->count++] = r->entry;
}

static int take_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;

    r->pending = false;
    if (r->continuation) {
        if (!r->open)
            return 1;
        if (value[0] == '\\') {
            kp_text_add(&r->value, value + 1);
        } else {
            kp_text_add(&r->value, " ");
            kp_text_add(&r->value, value);
        }
        return 1;
    }
    close_entry(r);
    r->have_key = *key != '\0';
    if (r->skipping)
        return 1;
    if (!*section) {
        kp_problem_add(r->problems, here(r), NULL,
                       "'%s' stands before any section; a line like [data] above it", key);
        return 1;
    }
    if (!*key) {
        kp_problem_add(r->problems, here(r), NULL, "no key before '='; key = value");
        return 1;
    }
    if (r->out->count >= r->limit) {
        kp_problem_add(r->problems, here(r), NULL, "too many entries; at most 10000 in all files");
        r->stopped = true;
        return 1;
    }
    r->open = true;
    r->entry = (struct kp_ini_entry){.section = kp_arena_strdup(r->memory, section),
                                     .key = kp_arena_strdup(r->memory, key),
                                     .line = r->line};
    kp_text_clear(&r->value);
    kp_text_add(&r->value, value);
    return 1;
}

static size_t blanks(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    return i;
}

/* Length of the line without an inline comment: ';' behind a blank begins one. */
static size_t without_comment(const char *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (s[i] == ';' && (s[i - 1] == ' ' || s[i - 1] == '\t'))
            return i;
    return n;
}

static bool good_header(const struct reader *r, const char *s, size_t n)
{
    const char *close = memchr(s, ']', n);

    if (!close) {
        kp_problem_add(r->problems, here(r), NULL, "a section without ']'; a line like [data]");
        return false;
    }
    if (close == s + 1 || close - s - 1 > SECTION_NAME_MAX) {
        kp_problem_add(r->problems, here(r), NULL, "a section's name of %d characters; 1 to %d",
                       (int)(close - s - 1), (int)SECTION_NAME_MAX);
        return false;
    }
    close++;
    if (blanks(close, (size_t)(s + n - close)) != (size_t)(s + n - close)) {
        kp_problem_add(r->problems, here(r), NULL,
                       "text behind ']'; keys begin on the line below the section");
        return false;
    }
    return true;
}

/* inih does not tell of a section without entries, and what is written must not be passed over. */
static void refuse_empty_section(struct reader *r, int header)
{
    if (header > 0)
        kp_problem_add(r->problems, (struct kp_place){r->file, header, r->order}, NULL,
                       "a section without a setting; a line like key = value below it, or none of "
                       "it (an analysis as it comes: of = cells)");
}

/* Length of the part of the line that inih shall see; 0 for nothing. */
static size_t judge_line(struct reader *r, const char *s, size_t n)
{
    size_t indent;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            r->header = 0;
            kp_problem_add(r->problems, here(r), NULL,
                           "control character 0x%02x at column %zu; a text file", (unsigned)c,
                           i + 1);
            return 0;
        }
    }
    indent = blanks(s, n);
    if (indent == n || s[indent] == ';' || s[indent] == '#')
        return 0;
    const int header = r->header;
    r->header = 0;
    n = without_comment(s, n);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    if (n > KP_INI_LINE_MAX) {
        kp_problem_add(r->problems, here(r), NULL,
                       "longer than %d characters; continue on an indented line (one that begins "
                       "with '\\' is joined without a space)",
                       KP_INI_LINE_MAX);
        return 0;
    }
    r->continuation = indent > 0 && r->have_key;
    if (s[indent] == '[' && !r->continuation) {
        refuse_empty_section(r, header);
        r->skipping = !good_header(r, s + indent, n - indent);
        r->header = r->skipping ? 0 : r->line;
        r->have_key = r->have_key && r->skipping; /* inih does not see a refused line */
        return r->skipping ? 0 : n;
    }
    r->pending = true;
    return n;
}

static void refuse_pending(struct reader *r)
{
    if (r->pending)
        kp_problem_add(r->problems, here(r), NULL,
                       "neither a section nor a setting; [section] or key = value");
    r->pending = false;
}

/* As fgets(): the next line, without its end. */
static char *next_line(char *buffer, int size, void *user)
{
    struct reader *r = user;
    const char *newline;
    size_t n;

    refuse_pending(r);
    if (r->at == r->end || r->stopped)
        return NULL;
    newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    n = newline ? (size_t)(newline - r->at) : (size_t)(r->end - r->at);
    r->line++;
    const char *s = r->at;
    r->at = newline ? newline + 1 : r->end;
    if (n > 0 && s[n - 1] == '\r')
        n--;
    n = judge_line(r, s, n);
    if (n > (size_t)size - 1)
        n = (size_t)size - 1;
    memcpy(buffer, s, n);
    buffer[n] = '\0';
    return buffer;
}

void kp_ini_parse(const char *bytes, size_t size, const char *file, int order, int64_t limit,
                  struct kp_arena *memory, struct kp_ini *out, struct kp_problems *problems)
{
    struct reader r = {.at = bytes,
                       .end = bytes + size,
                       .file = file,
                       .order = order,
                       .limit = limit,
                       .memory = memory,
                       .out = out,
                       .problems = problems};
    int64_t before = problems->count + problems->more;
    int bad;

    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    bad = ini_parse_stream(next_line, &r, take_entry, &r);
    close_entry(&r);
    refuse_empty_section(&r, r.header);
    if (bad != 0 && before == problems->count + problems->more)
        kp_problem_add(problems, (struct kp_place){file, bad > 0 ? bad : 0, order}, NULL,
                       "cannot be parsed; [section] or key = value");
    kp_text_finish(&r.value);
}

void kp_ini_finish(struct kp_ini *ini)
{
    free(ini->v);
    *ini = (struct kp_ini){0};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How many characters of `s` to put on a line of at most `room`; *joined: the rest begins with '\'.
 */
static size_t break_at(const char *s, size_t room, bool *joined)
{
    for (size_t i = room; i > 1; i--) {
        if (s[i] == ' ' && !is_blank(s[i - 1]) && !is_blank(s[i + 1]) &&
            !strchr(";#\\", s[i + 1])) {
            *joined = false;
            return i;
        }
    }
    *joined = true;
    while (room > 1 && is_blank(s[room - 1]))
        room--; /* the parser drops blanks at the end of a line */
    return room;
}

void kp_ini_print(struct kp_text *out, const char *key, const char *value, const char *comment)
{
    size_t used = strlen(key) + 3;
    bool joined = false;

    if (comment && used + strlen(value) + strlen(comment) + 3 > KP_INI_LINE_MAX) {
        kp_text_addf(out, "; %s\n", comment);
        comment = NULL;
    }
    kp_text_addf(out, "%s =%s", key, *value ? " " : "");
    while (used + strlen(value) > PRINTED_LINE_MAX) {
        size_t n = break_at(value, PRINTED_LINE_MAX - used, &joined);
        kp_text_add_bytes(out, value, n);
        kp_text_add(out, joined ? "\n    \\" : "\n    ");
        value += joined ? n : n + 1;
        used = 5;
    }
    kp_text_add(out, value);
    if (comment)
        kp_text_addf(out, " ; %s", comment);
    kp_text_add(out, "\n");
}
