/* schema.c - telling a run database from other files, and bringing an older one forward. */
#include "store/schema.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char to_version_2[] =
    "ALTER TABLE attempt ADD COLUMN git_dirty INTEGER;"
    "ALTER TABLE attempt ADD COLUMN build TEXT;"
    "CREATE INDEX run_open ON run (status) WHERE status <> 'done';"
    "CREATE INDEX run_study ON run (name, group_hash);"
    "CREATE INDEX result_analysis ON result (analysis) WHERE analysis IS NOT NULL;"
    "CREATE INDEX pairwise_analysis ON pairwise (analysis) WHERE analysis IS NOT NULL;";

/* The level is the second word of "cpu avx2, OpenBLAS ...". */
static const char to_version_3[] =
    "ALTER TABLE attempt ADD COLUMN level TEXT;"
    "UPDATE attempt SET level = substr(device, 5, instr(device || ',', ',') - 5) "
    "WHERE device GLOB 'cpu *';"
    "CREATE INDEX artifact_role ON artifact (role);";

/* Values that compare runs get the kappa that they were measured at: until here the run's own. */
static const char to_version_4[] =
    "ALTER TABLE pairwise RENAME TO pairwise_3;"
    "CREATE TABLE pairwise (run_a INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " run_b INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " key INTEGER NOT NULL REFERENCES metric_key (id), split TEXT NOT NULL,"
    " estimator TEXT NOT NULL, kappa REAL NOT NULL, n INTEGER NOT NULL, value REAL,"
    " flag TEXT CHECK (flag IN ('nan', 'inf', '-inf')),"
    " analysis INTEGER REFERENCES run (id) ON DELETE CASCADE,"
    " PRIMARY KEY (run_a, run_b, key, split, estimator, kappa),"
    " CHECK ((value IS NULL) = (flag IS NOT NULL))) STRICT, WITHOUT ROWID;"
    "INSERT INTO pairwise SELECT p.run_a, p.run_b, p.key, p.split, p.estimator,"
    " coalesce(r.kappa, 1), p.n, p.value, p.flag, p.analysis FROM pairwise_3 p"
    " JOIN run r ON r.id = p.run_a;"
    "DROP TABLE pairwise_3;"
    "CREATE INDEX pairwise_b ON pairwise (run_b);"
    "CREATE INDEX pairwise_analysis ON pairwise (analysis) WHERE analysis IS NOT NULL;";

const struct kp_migration kp_migrations[] = {
    {1, to_version_2}, {2, to_version_3}, {3, to_version_4}, {0, NULL}};

enum kp_status kp_schema_identify(struct kp_database *d, enum kp_schema_kind *kind, int *version,
                                  struct kp_error *e)
{
    int64_t application = 0, user_version = 0, objects = 0;
    bool found;
    enum kp_status st =
        kp_database_integer(d, e, &application, &found, "PRAGMA application_id", "");

    if (st == KP_OK)
        st = kp_database_integer(d, e, &user_version, &found, "PRAGMA user_version", "");
    if (st == KP_OK)
        st = kp_database_integer(d, e, &objects, &found, "SELECT count(*) FROM sqlite_schema", "");
    if (st != KP_OK)
        return st;
    if (application == 0 && objects == 0) {
        *kind = KP_SCHEMA_EMPTY;
        *version = 0;
        return KP_OK;
    }
    if (application != KP_SCHEMA_APPLICATION)
        return kp_fail(e, KP_E_STORE, "%s is not a kappa run database", d->path);
    if (user_version > KP_SCHEMA_VERSION)
        return kp_fail(e, KP_E_STORE,
                       "%s has schema version %lld, this kappa knows versions up to %d: update "
                       "kappa",
                       d->path, (long long)user_version, KP_SCHEMA_VERSION);
    *kind = user_version == KP_SCHEMA_VERSION ? KP_SCHEMA_CURRENT : KP_SCHEMA_OLDER;
    *version = (int)user_version;
    return KP_OK;
}

static const char *find_step(const struct kp_migration *steps, int from)
{
    for (; steps->sql; steps++)
        if (steps->from == from)
            return steps->sql;
    return NULL;
}

/* One SQL text of several statements. */
static enum kp_status run_text(struct kp_database *d, const char *sql, struct kp_error *e)
{
    return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? KP_OK
                                                                       : kp_database_fail(d, e);
}

static enum kp_status drop_views(struct kp_database *d, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    char *sql = NULL;
    enum kp_status st = kp_database_prepare(
        d,
        "SELECT group_concat(format('DROP VIEW \"%w\";', name), '') FROM sqlite_schema "
        "WHERE type = 'view'",
        &s, e);

    if (st == KP_OK)
        st = kp_database_next(d, s, &row, e);
    if (st == KP_OK) {
        sql = strdup(kp_database_text(s, 0));
        st = sql ? KP_OK : kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    }
    (void)sqlite3_finalize(s);
    if (st == KP_OK)
        st = run_text(d, sql, e);
    free(sql);
    return st;
}

/* Views are what schema.sql ends with. */
static enum kp_status make_views(struct kp_database *d, struct kp_error *e)
{
    const char *views = strstr(kp_schema_sql, "\nCREATE VIEW ");

    KP_ASSERT(views);
    return run_text(d, views, e);
}

static enum kp_status run_steps(struct kp_database *d, const struct kp_migration *steps, int from,
                                int to, struct kp_error *e)
{
    struct kp_text pragma = {0};
    int64_t broken = 0;
    bool found = false;
    enum kp_status st = drop_views(d, e);

    for (int v = from; st == KP_OK && v < to; v++)
        st = run_text(d, find_step(steps, v), e);
    if (st == KP_OK)
        st = make_views(d, e);
    if (st == KP_OK)
        st = kp_database_integer(d, e, &broken, &found, "SELECT 1 FROM pragma_foreign_key_check",
                                 "");
    if (st == KP_OK && found)
        st = kp_fail(e, KP_E_STORE, "%s: rows refer to rows that are not there", d->path);
    kp_text_addf(&pragma, "PRAGMA user_version = %d", to);
    if (st == KP_OK)
        st = pragma.failed ? kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path)
                           : kp_database_exec(d, e, pragma.s, "");
    kp_text_finish(&pragma);
    return st;
}

/* `copy` is made; it must not be there. */
static enum kp_status copy_before(struct kp_database *d, const char *copy, int to,
                                  struct kp_error *e)
{
    if (access(copy, F_OK) == 0)
        return kp_fail(e, KP_E_STORE,
                       "%s: the copy to be made before the update to schema version %d is there "
                       "already; move it away",
                       copy, to);
    if (kp_database_exec(d, e, "VACUUM INTO ?", "t", copy) == KP_OK)
        return KP_OK;
    (void)unlink(copy);
    return kp_fail_in(e, "%s", copy);
}

enum kp_status kp_schema_migrate(struct kp_database *d, const struct kp_migration *steps, int from,
                                 int to, bool keep, struct kp_error *e)
{
    struct kp_text backup = {0};
    bool copied = false;
    enum kp_status st = KP_OK;

    for (int v = from; v < to; v++)
        if (!find_step(steps, v))
            return kp_fail(e, KP_E_STORE,
                           "%s has schema version %d, and this kappa reads version %d: no way "
                           "leads from the one to the other",
                           d->path, from, to);

    kp_text_addf(&backup, "%s.backup-v%d", d->path, from);
    if (backup.failed)
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    if (st == KP_OK && keep) {
        st = copy_before(d, backup.s, to, e);
        copied = st == KP_OK;
    }
    /* A table is rebuilt by a new one in its place, which foreign keys must not notice halfway. */
    if (st == KP_OK)
        st = kp_database_exec(d, e, "PRAGMA foreign_keys = OFF", "");
    if (st == KP_OK)
        st = kp_database_begin(d, true, e);
    if (st == KP_OK) {
        st = kp_database_end(d, run_steps(d, steps, from, to, e), e);
        if (st != KP_OK)
            st = kp_fail_in(e, "%s: update from schema version %d to %d", d->path, from, to);
    }
    (void)sqlite3_exec(d->handle, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    if (copied && st != KP_OK)
        (void)unlink(backup.s);
    kp_text_finish(&backup);
    return st;
}
