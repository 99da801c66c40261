/* transfer.c - copies rows from one run database to another. */
#include "store/transfer.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* How a column of a run's row is read. */
static const struct {
    const char *column, *expression;
} run_columns[] = {
    {"config_hash", "config_hash || ?2"},
    {"pair_hash", "pair_hash || ?2"},
    {"group_hash", "group_hash || ?2"},
    {"status", "iif(status = 'running', 'lost', status)"},
};

static enum kp_status make_map(struct kp_transfer *t, const char *table,
                               struct kp_transfer_map *out, struct kp_error *e)
{
    struct kp_text sql = {0};
    int64_t most = 0;
    bool found = false;
    enum kp_status st;

    kp_text_addf(&sql, "SELECT coalesce(max(id), 0) FROM %s", table);
    st = sql.failed ? kp_fail(e, KP_E_NOMEM, "%s: out of memory", t->from->path)
                    : kp_database_integer(t->from, e, &most, &found, sql.s, "");
    kp_text_finish(&sql);
    if (st != KP_OK)
        return st;
    *out = (struct kp_transfer_map){table, calloc((size_t)most + 1, sizeof *out->to), most + 1};
    return out->to ? KP_OK : kp_fail(e, KP_E_NOMEM, "%s: out of memory", t->from->path);
}

enum kp_status kp_transfer_begin(struct kp_transfer *t, struct kp_error *e)
{
    enum kp_status st = make_map(t, "run", &t->runs, e);

    if (st == KP_OK)
        st = make_map(t, "metric_key", &t->keys, e);
    if (st == KP_OK)
        st = make_map(t, "sweep", &t->sweeps, e);
    return st;
}

void kp_transfer_finish(struct kp_transfer *t)
{
    for (int i = 0; i < t->table_count; i++) {
        (void)sqlite3_finalize(t->tables[i].select);
        (void)sqlite3_finalize(t->tables[i].insert);
    }
    free(t->runs.to);
    free(t->keys.to);
    free(t->sweeps.to);
    *t = (struct kp_transfer){0};
}

/* The map of what a column refers to; NULL: it refers to nothing. */
static enum kp_status find_reference(struct kp_transfer *t, const char *table, const char *column,
                                     const struct kp_transfer_map **out, struct kp_error *e)
{
    const struct kp_transfer_map *const maps[] = {&t->runs, &t->keys, &t->sweeps};
    sqlite3_stmt *s = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        t->to, "SELECT \"table\" FROM pragma_foreign_key_list(?) WHERE \"from\" = ?", &s, e);

    *out = NULL;
    if (st == KP_OK) {
        kp_database_bind(s, "tt", table, column);
        st = kp_database_next(t->to, s, &row, e);
    }
    for (size_t i = 0; st == KP_OK && row && i < sizeof maps / sizeof *maps; i++)
        if (strcmp(maps[i]->table, kp_database_text(s, 0)) == 0)
            *out = maps[i];
    (void)sqlite3_finalize(s);
    return st;
}

static const char *expression_of(const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof run_columns / sizeof *run_columns; i++)
        if (strcmp(table, "run") == 0 && strcmp(column, run_columns[i].column) == 0)
            return run_columns[i].expression;
    return column;
}

/* The columns but for a row number of its own, which the target gives. */
static enum kp_status list_columns(struct kp_transfer *t, struct kp_transfer_table *to,
                                   struct kp_text *names, struct kp_text *values,
                                   struct kp_text *marks, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        t->to, "SELECT name FROM pragma_table_info(?) WHERE name <> 'id'", &s, e);

    if (st == KP_OK)
        kp_database_bind(s, "t", to->table);
    while (st == KP_OK) {
        st = kp_database_next(t->to, s, &row, e);
        if (st != KP_OK || !row)
            break;
        const char *name = kp_database_text(s, 0);
        const char *comma = to->columns > 0 ? ", " : "";
        KP_ASSERT(to->columns < KP_TRANSFER_COLUMNS);
        kp_text_addf(names, "%s%s", comma, name);
        kp_text_addf(values, "%s%s", comma, expression_of(to->table, name));
        kp_text_addf(marks, "%s?", comma);
        st = find_reference(t, to->table, name, &to->refers[to->columns++], e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status prepare(struct kp_transfer *t, struct kp_transfer_table *to,
                              struct kp_error *e)
{
    struct kp_text names = {0}, values = {0}, marks = {0}, select = {0}, insert = {0};
    enum kp_status st = list_columns(t, to, &names, &values, &marks, e);

    if (st == KP_OK) {
        kp_text_addf(&select, "SELECT %s FROM %s WHERE %s", values.s, to->table, to->where);
        kp_text_addf(&insert, "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING", to->table,
                     names.s, marks.s);
        if (select.failed || insert.failed)
            st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", t->to->path);
    }
    if (st == KP_OK)
        st = kp_database_prepare(t->from, select.s, &to->select, e);
    if (st == KP_OK)
        st = kp_database_prepare(t->to, insert.s, &to->insert, e);
    kp_text_finish(&names);
    kp_text_finish(&values);
    kp_text_finish(&marks);
    kp_text_finish(&select);
    kp_text_finish(&insert);
    return st;
}

static enum kp_status find_table(struct kp_transfer *t, const char *table, const char *where,
                                 struct kp_transfer_table **out, struct kp_error *e)
{
    for (int i = 0; i < t->table_count; i++)
        if (t->tables[i].table == table && t->tables[i].where == where) {
            *out = &t->tables[i];
            return KP_OK;
        }
    KP_ASSERT(t->table_count < KP_TRANSFER_TABLES);
    struct kp_transfer_table *to = &t->tables[t->table_count++];
    *to = (struct kp_transfer_table){.table = table, .where = where};
    *out = to;
    return prepare(t, to, e);
}

/* A value of the source for the target; false: it refers to a row without a counterpart. */
static bool bind_value(const struct kp_transfer_table *table, int column)
{
    const struct kp_transfer_map *map = table->refers[column];
    sqlite3_stmt *to = table->insert;

    if (!map || sqlite3_column_type(table->select, column) == SQLITE_NULL) {
        (void)sqlite3_bind_value(to, column + 1, sqlite3_column_value(table->select, column));
        return true;
    }
    int64_t number = sqlite3_column_int64(table->select, column);
    if (number <= 0 || number >= map->size || map->to[number] == 0)
        return false;
    (void)sqlite3_bind_int64(to, column + 1, map->to[number]);
    return true;
}

static enum kp_status copy_rows(struct kp_transfer *t, struct kp_transfer_table *table,
                                struct kp_error *e)
{
    bool row = false;
    enum kp_status st;

    for (;;) {
        bool whole = true;
        st = kp_database_next(t->from, table->select, &row, e);
        if (st != KP_OK || !row)
            break;
        for (int i = 0; i < table->columns; i++)
            whole = whole && bind_value(table, i);
        if (whole)
            st = kp_database_put(t->to, table->insert, e);
        if (st != KP_OK)
            break;
    }
    (void)sqlite3_reset(table->select);
    return st;
}

enum kp_status kp_transfer_rows(struct kp_transfer *t, const char *table, const char *where,
                                int64_t parameter, struct kp_error *e)
{
    struct kp_transfer_table *to = NULL;
    enum kp_status st = find_table(t, table, where, &to, e);

    if (st != KP_OK)
        return st;
    kp_database_bind(to->select, "i", parameter);
    return copy_rows(t, to, e);
}

enum kp_status kp_transfer_run(struct kp_transfer *t, int64_t run, const char *mark,
                               struct kp_error *e)
{
    static const char where[] = "id = ?1";
    struct kp_transfer_table *to = NULL;
    enum kp_status st = find_table(t, "run", where, &to, e);
    int64_t before = sqlite3_total_changes64(t->to->handle);

    if (st != KP_OK)
        return st;
    kp_database_bind(to->select, "it", run, mark);
    st = copy_rows(t, to, e);
    if (st == KP_OK && sqlite3_total_changes64(t->to->handle) > before)
        t->runs.to[run] = sqlite3_last_insert_rowid(t->to->handle);
    return st;
}
