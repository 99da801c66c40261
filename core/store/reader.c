/* reader.c - a run database opened for the SQL of people. */
#include "store/reader.h"

#include "store/functions.h"
#include "store/layout.h"
#include "store/opening.h"

#include <stdlib.h>

/* Of one text or blob, in bytes. */
enum { VALUE_LIMIT = 16 << 20 };

struct kp_reader {
    struct kp_database database;
};

/* A statement that only reads could still create files this way. */
static int authorize(void *unused, int action, const char *a, const char *b, const char *c,
                     const char *d)
{
    (void)unused;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

enum kp_status kp_reader_open(const char *database, struct kp_reader **out, struct kp_error *e)
{
    struct kp_reader *r = calloc(1, sizeof *r);
    enum kp_status st;

    if (!r)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    st = kp_opening_read(database, &r->database, e);
    if (st == KP_OK)
        st = kp_functions_add(&r->database, e);
    if (st == KP_OK)
        st = kp_scope_begin(&r->database, e);
    if (st == KP_OK) {
        (void)sqlite3_set_authorizer(r->database.handle, authorize, NULL);
        (void)sqlite3_db_config(r->database.handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_limit(r->database.handle, SQLITE_LIMIT_LENGTH, VALUE_LIMIT);
        *out = r;
    } else {
        kp_reader_close(r);
    }
    return st;
}

void kp_reader_close(struct kp_reader *r)
{
    if (!r)
        return;
    kp_database_close(&r->database);
    free(r);
}

enum kp_status kp_reader_freeze(struct kp_reader *r, struct kp_error *e)
{
    enum kp_status st = kp_database_exec(&r->database, e, "BEGIN", "");

    /* A transaction sees the database as its first statement does. */
    if (st == KP_OK)
        st = kp_database_exec(&r->database, e, "SELECT count(*) FROM sqlite_schema", "");
    return st;
}

enum kp_status kp_reader_scope(struct kp_reader *r, const struct kp_scope *scope,
                               struct kp_error *e)
{
    return kp_scope_apply(&r->database, scope, e);
}

static enum kp_status fail_sql(struct kp_database *d, int *at, struct kp_error *e)
{
    int code = sqlite3_errcode(d->handle);

    if (code == SQLITE_AUTH)
        return kp_fail(e, KP_E_INVALID, "SQL: only statements that read are allowed");
    if (code == SQLITE_TOOBIG)
        return kp_fail(e, KP_E_INVALID, "SQL: a text or blob of more than %d MiB; ask for less",
                       VALUE_LIMIT >> 20);
    if (code != SQLITE_ERROR)
        return kp_database_fail(d, e);
    int offset = sqlite3_error_offset(d->handle);
    if (at)
        *at = offset;
    if (offset >= 0)
        return kp_fail(e, KP_E_INVALID, "SQL: %s (at character %d)", sqlite3_errmsg(d->handle),
                       offset + 1);
    return kp_fail(e, KP_E_INVALID, "SQL: %s", sqlite3_errmsg(d->handle));
}

/* Is an error of evaluation the statement's, such as a malformed function argument? */
static bool is_of_statement(struct kp_database *d)
{
    int code = sqlite3_errcode(d->handle);

    return code == SQLITE_ERROR || code == SQLITE_TOOBIG;
}

/* One statement that reads and gives columns, nothing else. */
static enum kp_status prepare(struct kp_database *d, const char *sql, sqlite3_stmt **out, int *at,
                              struct kp_error *e)
{
    sqlite3_stmt *s = NULL, *second = NULL;
    const char *rest = NULL;
    enum kp_status st = KP_OK;

    if (at)
        *at = -1;
    if (sqlite3_prepare_v2(d->handle, sql, -1, &s, &rest) != SQLITE_OK)
        return fail_sql(d, at, e);
    if (!s)
        return kp_fail(e, KP_E_INVALID, "SQL: there is no statement");
    if (sqlite3_prepare_v2(d->handle, rest, -1, &second, NULL) != SQLITE_OK || second)
        st = kp_fail(e, KP_E_INVALID, "SQL: more than one statement; give one at a time");
    else if (!sqlite3_stmt_readonly(s))
        st = kp_fail(e, KP_E_INVALID,
                     "SQL: the statement would change the database; only statements that read are "
                     "allowed");
    else if (sqlite3_column_count(s) == 0)
        st = kp_fail(e, KP_E_INVALID, "SQL: the statement gives no columns; use SELECT");
    (void)sqlite3_finalize(second);
    if (st == KP_OK)
        *out = s;
    else
        (void)sqlite3_finalize(s);
    return st;
}

enum kp_status kp_reader_layout(struct kp_reader *r, const char *sql, enum kp_query_format format,
                                struct kp_text *out, int *at, struct kp_error *e)
{
    struct kp_database *d = &r->database;
    sqlite3_stmt *s = NULL;
    struct kp_text text = {0};
    enum kp_status st = prepare(d, sql, &s, at, e);

    if (st == KP_OK) {
        switch (format) {
        case KP_QUERY_TABLE:
            st = kp_layout_table(d, s, &text, e);
            break;
        case KP_QUERY_CSV:
            st = kp_layout_csv(d, s, &text, e);
            break;
        case KP_QUERY_JSON:
            st = kp_layout_json(d, s, &text, e);
            break;
        }
        if (st == KP_E_STORE && is_of_statement(d))
            st = fail_sql(d, at, e);
    }
    if (st == KP_OK) {
        kp_text_add_bytes(out, text.s, text.length);
        st = kp_layout_check(out, e);
    }
    (void)sqlite3_finalize(s);
    kp_text_finish(&text);
    return st;
}

enum kp_status kp_reader_rows(struct kp_reader *r, const char *sql, struct kp_rowset *out, int *at,
                              struct kp_error *e)
{
    struct kp_database *d = &r->database;
    sqlite3_stmt *s = NULL;
    enum kp_status st = prepare(d, sql, &s, at, e);

    if (st == KP_OK)
        st = kp_rowset_read(d, s, out, e);
    if (st == KP_E_STORE && is_of_statement(d))
        st = fail_sql(d, at, e);
    (void)sqlite3_finalize(s);
    return st;
}
