/* query.c - read-only questions to a run database. */
#include "store/query.h"

#include "store/layout.h"
#include "store/schema.h"

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

static enum kp_status fail_sql(struct kp_database *d, struct kp_error *e)
{
    int code = sqlite3_errcode(d->handle);

    if (code == SQLITE_AUTH)
        return kp_fail(e, KP_E_INVALID, "SQL: only statements that read are allowed");
    if (code != SQLITE_ERROR)
        return kp_database_fail(d, e);
    int at = sqlite3_error_offset(d->handle);
    if (at >= 0)
        return kp_fail(e, KP_E_INVALID, "SQL: %s (at character %d)", sqlite3_errmsg(d->handle),
                       at + 1);
    return kp_fail(e, KP_E_INVALID, "SQL: %s", sqlite3_errmsg(d->handle));
}

/* One statement that reads and gives columns, nothing else. */
static enum kp_status prepare(struct kp_database *d, const char *sql, sqlite3_stmt **out,
                              struct kp_error *e)
{
    sqlite3_stmt *s = NULL, *second = NULL;
    const char *rest = NULL;
    enum kp_status st = KP_OK;

    if (sqlite3_prepare_v2(d->handle, sql, -1, &s, &rest) != SQLITE_OK)
        return fail_sql(d, e);
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

enum kp_status kp_query_run(const char *database, const char *sql, enum kp_query_format format,
                            struct kp_text *out, struct kp_error *e)
{
    struct kp_database d = {0};
    sqlite3_stmt *s = NULL;
    struct kp_text text = {0};
    enum kp_schema_kind kind = KP_SCHEMA_CURRENT;
    int version = 0;
    enum kp_status st = kp_database_open_read(database, &d, e);

    if (st == KP_OK)
        st = kp_schema_identify(&d, &kind, &version, e);
    if (st == KP_OK && kind != KP_SCHEMA_CURRENT)
        st = kp_fail(
            e, KP_E_STORE,
            kind == KP_SCHEMA_EMPTY
                ? "%s is empty: not a kappa run database"
                : "%s has an older schema than this kappa reads; `kappa run` updates it if it can",
            database);
    if (st == KP_OK) {
        (void)sqlite3_set_authorizer(d.handle, authorize, NULL);
        (void)sqlite3_db_config(d.handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        st = prepare(&d, sql, &s, e);
    }
    if (st == KP_OK) {
        switch (format) {
        case KP_QUERY_TABLE:
            st = kp_layout_table(&d, s, &text, e);
            break;
        case KP_QUERY_CSV:
            st = kp_layout_csv(&d, s, &text, e);
            break;
        case KP_QUERY_JSON:
            st = kp_layout_json(&d, s, &text, e);
            break;
        }
        /* Errors of evaluation (a malformed function argument) are the statement's. */
        if (st == KP_E_STORE && sqlite3_errcode(d.handle) == SQLITE_ERROR)
            st = fail_sql(&d, e);
    }
    if (st == KP_OK) {
        kp_text_add_bytes(out, text.s, text.length);
        st = kp_layout_check(out, e);
    }
    (void)sqlite3_finalize(s);
    kp_database_close(&d);
    kp_text_finish(&text);
    return st;
}

const char *kp_store_library_version(void)
{
    return sqlite3_libversion();
}
