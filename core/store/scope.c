/* scope.c - the part of a run database that an experiment stands for. */
#include "store/scope.h"

#include "base/text.h"

#include <string.h>

static const char create_cells[] =
    "CREATE TEMP TABLE scope_cell (config_hash TEXT PRIMARY KEY, kind TEXT, role TEXT, name TEXT, "
    "dataset TEXT, "
    "model TEXT, objective TEXT, teacher TEXT, kappa REAL, tau REAL, seed INTEGER) WITHOUT ROWID";

static const char create_planned[] =
    "CREATE TEMP VIEW planned AS SELECT * FROM temp.scope_cell WHERE kind = 'train'";

static const char copy_runs[] =
    "INSERT INTO temp.scope_cell SELECT config_hash, kind, (SELECT text FROM main.param WHERE run "
    "= "
    "id "
    "AND key = 'run.role'), name, dataset, model, objective, teacher, kappa, tau, seed "
    "FROM main.run WHERE kind = 'train'";

static const char narrow_run[] =
    "CREATE TEMP VIEW run AS SELECT * FROM main.run WHERE config_hash IN "
    "(SELECT config_hash FROM temp.scope_cell)";

/* The names in it mean what they mean where it is used: narrowed views where there are some. */
static const char add_study[] =
    "CREATE TEMP VIEW student AS SELECT r.*, coalesce(r.name, '') AS study FROM run r "
    "WHERE r.kind = 'train' AND NOT EXISTS (SELECT 1 FROM param WHERE run = r.id "
    "AND key = 'run.role' AND text = 'teacher');"
    "CREATE TEMP VIEW v_study AS SELECT p.*, coalesce(r.name, '') AS study, r.id AS run, "
    "r.teacher_run, r.teacher_run IS NOT NULL AND NOT EXISTS (SELECT key, text FROM param "
    "WHERE run = r.id AND key LIKE 'model.%' EXCEPT SELECT key, text FROM param "
    "WHERE run = r.teacher_run AND key LIKE 'model.%') AS self "
    "FROM v_pair p JOIN run r ON r.uid = p.uid";

enum kp_status kp_scope_begin(struct kp_database *d, struct kp_error *e)
{
    return sqlite3_exec(d->handle, add_study, NULL, NULL, NULL) == SQLITE_OK
               ? KP_OK
               : kp_database_fail(d, e);
}

static enum kp_status insert_cells(struct kp_database *d, const struct kp_scope *scope,
                                   struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    enum kp_status st = kp_database_prepare(
        d, "INSERT OR IGNORE INTO temp.scope_cell VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &s, e);

    for (int64_t i = 0; i < scope->count && st == KP_OK; i++) {
        const struct kp_scope_cell *c = &scope->cells[i];
        kp_database_bind(s, "ttttttttrri", c->config_hash, c->kind, c->role, c->name, c->dataset,
                         c->model, c->objective, c->teacher, c->kappa, c->tau, c->seed);
        st = kp_database_put(d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

/* The database's own views again, as temporary ones: the names in them then mean the narrowed run,
 * because temporary names come first. */
static enum kp_status narrow_views(struct kp_database *d, struct kp_error *e)
{
    static const char head[] = "CREATE VIEW";
    struct kp_text all = {0};
    sqlite3_stmt *s = NULL;
    bool row = true;
    enum kp_status st = kp_database_prepare(
        d, "SELECT sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY rowid", &s, e);

    while (st == KP_OK && row) {
        st = kp_database_next(d, s, &row, e);
        const char *sql = st == KP_OK && row ? kp_database_text(s, 0) : "";
        if (strncmp(sql, head, strlen(head)) == 0)
            kp_text_addf(&all, "CREATE TEMP VIEW%s;\n", sql + strlen(head));
    }
    (void)sqlite3_finalize(s);
    if (st == KP_OK && all.failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK && all.s && sqlite3_exec(d->handle, all.s, NULL, NULL, NULL) != SQLITE_OK)
        st = kp_database_fail(d, e);
    kp_text_finish(&all);
    return st;
}

static enum kp_status drop_all(struct kp_database *d, struct kp_error *e)
{
    struct kp_text all = {0};
    sqlite3_stmt *s = NULL;
    bool row = true;
    enum kp_status st = kp_database_prepare(
        d,
        "SELECT format('DROP %s temp.\"%w\";', type, name) FROM temp.sqlite_schema "
        "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
        &s, e);

    while (st == KP_OK && row) {
        st = kp_database_next(d, s, &row, e);
        if (st == KP_OK && row)
            kp_text_add(&all, kp_database_text(s, 0));
    }
    (void)sqlite3_finalize(s);
    if (st == KP_OK && all.failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK && all.s && sqlite3_exec(d->handle, all.s, NULL, NULL, NULL) != SQLITE_OK)
        st = kp_database_fail(d, e);
    kp_text_finish(&all);
    return st;
}

enum kp_status kp_scope_apply(struct kp_database *d, const struct kp_scope *scope,
                              struct kp_error *e)
{
    enum kp_status st = drop_all(d, e);

    if (st == KP_OK)
        st = kp_database_exec(d, e, create_cells, "");
    if (st == KP_OK)
        st = kp_database_exec(d, e, create_planned, "");
    if (st == KP_OK)
        st = scope->cells ? insert_cells(d, scope, e) : kp_database_exec(d, e, copy_runs, "");
    if (st == KP_OK && scope->cells)
        st = kp_database_exec(d, e, narrow_run, "");
    if (st == KP_OK && scope->cells)
        st = narrow_views(d, e);
    return st == KP_OK ? kp_scope_begin(d, e) : st;
}
