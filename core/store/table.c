/* table.c - rows as columns aligned under a header. */
#include "store/layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct column {
    size_t width; /* in characters */
    bool number;  /* holds numbers only */
    bool some;    /* holds a value */
};

struct table {
    int columns;
    struct column *column;
    struct kp_text text; /* all cells, each terminated by a zero, row by row, the header first */
    int64_t rows;        /* with the header */
};

/* Characters, one column each on a terminal (double-width ones are off by one). */
static size_t count_characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Control characters would break the lines, or command the terminal. */
static void add_escaped(struct kp_text *t, const unsigned char *s, size_t n)
{
    while (n > 0) {
        size_t size = kp_layout_plain(s, n);
        kp_text_add_bytes(t, (const char *)s, size);
        s += size;
        n -= size;
        if (n == 0)
            return;
        size = kp_layout_utf8(s, n);
        if (*s == '\n')
            kp_text_add(t, "\\n");
        else if (*s == '\t')
            kp_text_add(t, "\\t");
        else if (size == 0 || *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
            kp_text_addf(t, "\\x%02x", (unsigned)*s);
        else
            kp_text_add_bytes(t, (const char *)s, size);
        size = size == 0 || (*s == 0xc2 && s[1] < 0xa0) ? 1 : size;
        s += size;
        n -= size;
    }
}

static void add_cell(struct table *t, sqlite3_stmt *s, int at)
{
    struct column *c = &t->column[at];
    size_t start = t->text.length;
    int type = sqlite3_column_type(s, at);

    if (type == SQLITE_NULL) {
        kp_text_add(&t->text, "-");
    } else if (type == SQLITE_INTEGER) {
        kp_text_addf(&t->text, "%lld", (long long)sqlite3_column_int64(s, at));
    } else if (type == SQLITE_FLOAT) {
        kp_text_addf(&t->text, "%.6g", sqlite3_column_double(s, at));
    } else if (type == SQLITE_BLOB) {
        kp_text_addf(&t->text, "<%d bytes>", sqlite3_column_bytes(s, at));
    } else {
        const unsigned char *text = sqlite3_column_text(s, at);
        if (text)
            add_escaped(&t->text, text, (size_t)sqlite3_column_bytes(s, at));
    }
    kp_text_add_bytes(&t->text, "", 1);
    if (t->text.failed)
        return;
    if (type != SQLITE_NULL) {
        bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
        c->number = number && (c->number || !c->some);
        c->some = true;
    }
    size_t width = count_characters(t->text.s + start);
    c->width = width > c->width ? width : c->width;
}

static enum kp_status read_rows(struct table *t, struct kp_database *d, sqlite3_stmt *s,
                                struct kp_error *e)
{
    bool row = true;

    for (int i = 0; i < t->columns; i++) {
        const char *name = sqlite3_column_name(s, i);
        size_t start = t->text.length;
        if (name)
            add_escaped(&t->text, (const unsigned char *)name, strlen(name));
        kp_text_add_bytes(&t->text, "", 1);
        if (!t->text.failed)
            t->column[i].width = count_characters(t->text.s + start);
    }
    for (t->rows = 1;; t->rows++) {
        enum kp_status st = kp_layout_check(&t->text, e);
        if (st == KP_OK)
            st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            return st;
        for (int i = 0; i < t->columns; i++)
            add_cell(t, s, i);
    }
}

static void add_repeated(struct kp_text *out, char c, size_t n)
{
    for (; n > 0; n--)
        kp_text_add_bytes(out, &c, 1);
}

static void print(const struct table *t, struct kp_text *out)
{
    const char *cell = t->text.s;

    for (int64_t row = 0; row < t->rows; row++) {
        for (int i = 0; i < t->columns; i++) {
            const struct column *c = &t->column[i];
            size_t pad = c->width - count_characters(cell);
            if (i > 0)
                kp_text_add(out, "  ");
            if (c->number)
                add_repeated(out, ' ', pad);
            kp_text_add(out, cell);
            if (!c->number && i < t->columns - 1)
                add_repeated(out, ' ', pad);
            cell += strlen(cell) + 1;
        }
        kp_text_add(out, "\n");
        for (int i = 0; row == 0 && i < t->columns; i++) {
            if (i > 0)
                kp_text_add(out, "  ");
            add_repeated(out, '-', t->column[i].width);
        }
        if (row == 0)
            kp_text_add(out, "\n");
    }
}

enum kp_status kp_layout_table(struct kp_database *d, sqlite3_stmt *s, struct kp_text *out,
                               struct kp_error *e)
{
    struct table t = {.columns = sqlite3_column_count(s)};
    enum kp_status st;

    t.column = calloc((size_t)t.columns, sizeof *t.column);
    if (!t.column)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    else
        st = read_rows(&t, d, s, e);
    if (st == KP_OK) {
        print(&t, out);
        st = kp_layout_check(out, e);
    }
    kp_text_finish(&t.text);
    free(t.column);
    return st;
}
