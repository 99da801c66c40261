/* layout.c - rows as CSV and JSON. */
#include "store/layout.h"

#include <math.h>
#include <string.h>

enum kp_status kp_layout_check(const struct kp_text *out, struct kp_error *e)
{
    if (out->failed)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (out->length > KP_LAYOUT_LIMIT)
        return kp_fail(e, KP_E_INVALID,
                       "the result is larger than %u MiB; ask for fewer columns or add LIMIT",
                       KP_LAYOUT_LIMIT >> 20);
    return KP_OK;
}

size_t kp_layout_plain(const unsigned char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

size_t kp_layout_utf8(const unsigned char *s, size_t n)
{
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (size > n || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return size;
}

static void add_hex(struct kp_text *out, sqlite3_stmt *s, int at)
{
    const unsigned char *bytes = sqlite3_column_blob(s, at);
    int n = sqlite3_column_bytes(s, at);

    for (int i = 0; bytes && i < n; i++)
        kp_text_addf(out, "%02x", (unsigned)bytes[i]);
}

static void add_csv_text(struct kp_text *out, const char *text, size_t n)
{
    bool quote = n == 0;

    for (size_t i = 0; i < n && !quote; i++)
        quote = strchr(",\"\r\n", text[i]) && text[i];
    if (!quote) {
        kp_text_add_bytes(out, text, n);
        return;
    }
    kp_text_add(out, "\"");
    while (n > 0) {
        const char *mark = memchr(text, '"', n);
        size_t size = mark ? (size_t)(mark - text) + 1 : n;
        kp_text_add_bytes(out, text, size);
        kp_text_add(out, mark ? "\"" : "");
        text += size;
        n -= size;
    }
    kp_text_add(out, "\"");
}

static void add_csv_cell(struct kp_text *out, sqlite3_stmt *s, int at)
{
    char real[KP_REAL_TEXT_SIZE];
    int type = sqlite3_column_type(s, at);

    if (type == SQLITE_INTEGER) {
        kp_text_addf(out, "%lld", (long long)sqlite3_column_int64(s, at));
    } else if (type == SQLITE_FLOAT) {
        kp_text_add(out, kp_real_text(sqlite3_column_double(s, at), real));
    } else if (type == SQLITE_BLOB) {
        add_hex(out, s, at);
    } else if (type == SQLITE_TEXT) {
        const char *text = kp_database_text(s, at);
        add_csv_text(out, text, (size_t)sqlite3_column_bytes(s, at));
    }
}

enum kp_status kp_layout_csv(struct kp_database *d, sqlite3_stmt *s, struct kp_text *out,
                             struct kp_error *e)
{
    int columns = sqlite3_column_count(s);
    bool row = true;

    for (int i = 0; i < columns; i++) {
        const char *name = sqlite3_column_name(s, i);
        kp_text_add(out, i > 0 ? "," : "");
        if (name)
            add_csv_text(out, name, strlen(name));
    }
    kp_text_add(out, "\r\n");
    for (;;) {
        enum kp_status st = kp_layout_check(out, e);
        if (st == KP_OK)
            st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            return st;
        for (int i = 0; i < columns; i++) {
            kp_text_add(out, i > 0 ? "," : "");
            add_csv_cell(out, s, i);
        }
        kp_text_add(out, "\r\n");
    }
}

static void add_json_text(struct kp_text *out, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;

    kp_text_add(out, "\"");
    while (n > 0) {
        size_t size = kp_layout_plain(s, n);
        kp_text_add_bytes(out, (const char *)s, size);
        s += size;
        n -= size;
        if (n == 0)
            break;
        size = kp_layout_utf8(s, n);
        if (size == 0)
            kp_text_add(out, "\xef\xbf\xbd"); /* U+FFFD in place of a malformed byte */
        else if (*s == '"' || *s == '\\')
            kp_text_addf(out, "\\%c", *s);
        else if (*s == '\n')
            kp_text_add(out, "\\n");
        else if (*s < 0x20)
            kp_text_addf(out, "\\u%04x", (unsigned)*s);
        else
            kp_text_add_bytes(out, (const char *)s, size);
        size = size == 0 ? 1 : size;
        s += size;
        n -= size;
    }
    kp_text_add(out, "\"");
}

static void add_json_cell(struct kp_text *out, sqlite3_stmt *s, int at)
{
    char real[KP_REAL_TEXT_SIZE];
    int type = sqlite3_column_type(s, at);

    if (type == SQLITE_INTEGER) {
        kp_text_addf(out, "%lld", (long long)sqlite3_column_int64(s, at));
    } else if (type == SQLITE_FLOAT && isfinite(sqlite3_column_double(s, at))) {
        kp_text_add(out, kp_real_text(sqlite3_column_double(s, at), real));
    } else if (type == SQLITE_BLOB) {
        kp_text_add(out, "\"");
        add_hex(out, s, at);
        kp_text_add(out, "\"");
    } else if (type == SQLITE_TEXT) {
        const char *text = kp_database_text(s, at);
        add_json_text(out, text, (size_t)sqlite3_column_bytes(s, at));
    } else {
        kp_text_add(out, "null");
    }
}

static enum kp_status check_names(sqlite3_stmt *s, int columns, struct kp_error *e)
{
    for (int i = 0; i < columns; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(sqlite3_column_name(s, i), sqlite3_column_name(s, j)) == 0)
                return kp_fail(e, KP_E_INVALID,
                               "two columns are named '%s', which JSON cannot tell apart; rename "
                               "one with AS",
                               sqlite3_column_name(s, i));
    return KP_OK;
}

enum kp_status kp_layout_json(struct kp_database *d, sqlite3_stmt *s, struct kp_text *out,
                              struct kp_error *e)
{
    int columns = sqlite3_column_count(s);
    bool row = true;
    enum kp_status st = check_names(s, columns, e);

    kp_text_add(out, "[");
    for (int64_t n = 0; st == KP_OK; n++) {
        st = kp_layout_check(out, e);
        if (st == KP_OK)
            st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            break;
        kp_text_add(out, n > 0 ? ",\n {" : "\n {");
        for (int i = 0; i < columns; i++) {
            const char *name = sqlite3_column_name(s, i);
            kp_text_add(out, i > 0 ? ", " : "");
            add_json_text(out, name, strlen(name));
            kp_text_add(out, ": ");
            add_json_cell(out, s, i);
        }
        kp_text_add(out, "}");
    }
    kp_text_add(out, "\n]\n");
    return st;
}
