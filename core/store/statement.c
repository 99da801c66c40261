/* statement.c - preparing, binding and running SQL statements. */
#include "store/database.h"

#include <math.h>
#include <stdarg.h>

enum kp_status kp_database_prepare(struct kp_database *d, const char *sql, sqlite3_stmt **out,
                                   struct kp_error *e)
{
    if (sqlite3_prepare_v2(d->handle, sql, -1, out, NULL) != SQLITE_OK)
        return kp_database_fail(d, e);
    return KP_OK;
}

static void bind_value(sqlite3_stmt *s, int at, double v)
{
    const char *flag = isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";

    if (isfinite(v)) {
        (void)sqlite3_bind_double(s, at, v);
        (void)sqlite3_bind_null(s, at + 1);
    } else {
        (void)sqlite3_bind_null(s, at);
        (void)sqlite3_bind_text(s, at + 1, flag, -1, SQLITE_STATIC);
    }
}

/* Binding can fail only for a parameter that is not there, or for a text above 1 GB, which then is
 * NULL and refused by the table. */
static void bind_all(sqlite3_stmt *s, const char *types, va_list args)
{
    int at = 1;

    for (; *types; types++) {
        switch (*types) {
        case 't':
            (void)sqlite3_bind_text(s, at++, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 'i':
            (void)sqlite3_bind_int64(s, at++, va_arg(args, int64_t));
            break;
        case 'r':
            (void)sqlite3_bind_double(s, at++, va_arg(args, double));
            break;
        case 'v':
            bind_value(s, at, va_arg(args, double));
            at += 2;
            break;
        default:
            KP_ASSERT(*types == 't');
        }
    }
    KP_ASSERT(at == sqlite3_bind_parameter_count(s) + 1);
}

void kp_database_bind(sqlite3_stmt *s, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    bind_all(s, types, args);
    va_end(args);
}

enum kp_status kp_database_put(struct kp_database *d, sqlite3_stmt *s, struct kp_error *e)
{
    int code;
    enum kp_status st = KP_OK;

    do
        code = sqlite3_step(s);
    while (code == SQLITE_ROW);
    if (code != SQLITE_DONE)
        st = kp_database_fail(d, e);
    (void)sqlite3_reset(s);
    return st;
}

enum kp_status kp_database_next(struct kp_database *d, sqlite3_stmt *s, bool *row,
                                struct kp_error *e)
{
    int code = sqlite3_step(s);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return kp_database_fail(d, e);
    *row = code == SQLITE_ROW;
    return KP_OK;
}

enum kp_status kp_database_exec(struct kp_database *d, struct kp_error *e, const char *sql,
                                const char *types, ...)
{
    sqlite3_stmt *s = NULL;
    va_list args;
    enum kp_status st = kp_database_prepare(d, sql, &s, e);

    if (st == KP_OK) {
        va_start(args, types);
        bind_all(s, types, args);
        va_end(args);
        st = kp_database_put(d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

enum kp_status kp_database_integer(struct kp_database *d, struct kp_error *e, int64_t *value,
                                   bool *found, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = NULL;
    va_list args;
    bool row = false;
    enum kp_status st = kp_database_prepare(d, sql, &s, e);

    if (st == KP_OK) {
        va_start(args, types);
        bind_all(s, types, args);
        va_end(args);
        st = kp_database_next(d, s, &row, e);
    }
    if (st == KP_OK) {
        if (row)
            *value = sqlite3_column_int64(s, 0);
        *found = row;
    }
    (void)sqlite3_finalize(s);
    return st;
}

const char *kp_database_text(sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);

    return text ? (const char *)text : "";
}
