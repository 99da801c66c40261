/* rowset.c - the answer to a query, held in memory. */
#include "store/rowset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_cell(sqlite3_stmt *s, int at, struct kp_arena *memory, struct kp_field *out)
{
    struct kp_field c = {.number = (double)NAN, .text = ""};
    char short_text[32];
    const char *text = NULL;

    switch (sqlite3_column_type(s, at)) {
    case SQLITE_NULL:
        *out = c;
        return true;
    case SQLITE_INTEGER:
        c.kind = KP_FIELD_INTEGER;
        c.number = sqlite3_column_double(s, at);
        text = kp_database_text(s, at);
        break;
    case SQLITE_FLOAT:
        c.kind = KP_FIELD_REAL;
        c.number = sqlite3_column_double(s, at);
        (void)snprintf(short_text, sizeof short_text, "%.6g", c.number);
        text = short_text;
        break;
    default:
        c.kind = KP_FIELD_TEXT;
        text = kp_database_text(s, at);
        char *end;
        double v = strtod(text, &end);
        if (*text && !*end)
            c.number = v;
        break;
    }
    c.text = kp_arena_strdup(memory, text);
    *out = c;
    return c.text != NULL;
}

static enum kp_status read_all(struct kp_database *d, sqlite3_stmt *s, struct kp_rowset *r,
                               struct kp_error *e)
{
    int64_t room = 0;
    bool row = true;

    r->names = kp_arena_new(&r->memory, const char *, r->columns);
    for (int i = 0; r->names && i < r->columns; i++) {
        const char *name = sqlite3_column_name(s, i);
        r->names[i] = kp_arena_strdup(&r->memory, name ? name : "");
        if (!r->names[i])
            r->names = NULL;
    }
    if (!r->names)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (;; r->count++) {
        enum kp_status st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            return st;
        if ((r->count + 1) * r->columns > KP_ROWSET_LIMIT)
            return kp_fail(e, KP_E_INVALID,
                           "the result has more than %d values; ask for fewer columns or add LIMIT",
                           KP_ROWSET_LIMIT);
        if (r->count == room) {
            room = room > 0 ? 2 * room : 64;
            struct kp_field *more =
                realloc(r->cells, (size_t)(room * r->columns) * sizeof *r->cells);
            if (!more)
                return kp_fail(e, KP_E_NOMEM, "out of memory");
            r->cells = more;
        }
        for (int i = 0; i < r->columns; i++)
            if (!read_cell(s, i, &r->memory, &r->cells[r->count * r->columns + i]))
                return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
}

enum kp_status kp_rowset_read(struct kp_database *d, sqlite3_stmt *s, struct kp_rowset *out,
                              struct kp_error *e)
{
    struct kp_rowset r = {.columns = sqlite3_column_count(s)};
    enum kp_status st = read_all(d, s, &r, e);

    if (st == KP_OK)
        *out = r;
    else
        kp_rowset_finish(&r);
    return st;
}

void kp_rowset_finish(struct kp_rowset *r)
{
    free(r->cells);
    kp_arena_finish(&r->memory);
    *r = (struct kp_rowset){0};
}

int kp_rowset_column(const struct kp_rowset *r, const char *name)
{
    for (int i = 0; i < r->columns; i++)
        if (strcmp(r->names[i], name) == 0)
            return i;
    return -1;
}

const struct kp_field *kp_rowset_field(const struct kp_rowset *r, int64_t row, int column)
{
    return &r->cells[row * r->columns + column];
}
