/* database.c - one SQLite connection: opening, transactions and what its errors mean. */
#include "store/database.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 60000

enum kp_status kp_database_fail(struct kp_database *d, struct kp_error *e)
{
    int code = d->handle ? sqlite3_extended_errcode(d->handle) : SQLITE_NOMEM;
    int reason = d->handle ? sqlite3_system_errno(d->handle) : 0;
    const char *why = reason ? strerror(reason) : "";

    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    case SQLITE_FULL:
        return kp_fail(e, KP_E_STORE,
                       "%s: the disk is full; what was recorded before is safe: free some space "
                       "and run again",
                       d->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return kp_fail(e, KP_E_STORE,
                       "%s: another process has kept the database to itself for %d seconds; end "
                       "its transaction (an open sqlite3 shell?) and run again",
                       d->path, BUSY_MS / 1000);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return kp_fail(e, KP_E_STORE,
                       "%s: cannot be written; the file and its folder must be writable", d->path);
    case SQLITE_CANTOPEN:
        return kp_fail(e, KP_E_STORE, "%s: cannot be opened%s%s; is its folder writable?", d->path,
                       *why ? ": " : "", why);
    case SQLITE_NOTADB:
        return kp_fail(e, KP_E_STORE, "%s is not a kappa run database", d->path);
    case SQLITE_CORRUPT:
        return kp_fail(e, KP_E_STORE,
                       "%s: the database is damaged (%s); restore a copy, or save what can be "
                       "read with: sqlite3 '%s' .recover",
                       d->path, sqlite3_errmsg(d->handle), d->path);
    case SQLITE_IOERR:
        return kp_fail(e, KP_E_STORE, "%s: %s%s%s; what was recorded before is safe", d->path,
                       sqlite3_errmsg(d->handle), *why ? ": " : "", why);
    default:
        return kp_fail(e, KP_E_STORE, "%s: %s", d->path, sqlite3_errmsg(d->handle));
    }
}

/* SQLite takes names such as ":memory:", "file:..." and "" for something else than a file. */
static enum kp_status open_handle(struct kp_database *d, const char *path, int flags,
                                  struct kp_error *e)
{
    struct kp_text name = {0};
    enum kp_status st = KP_OK;

    if (!*path)
        return kp_fail(e, KP_E_INVALID, "the name of the database is empty");
    d->path = strdup(path);
    if (!(flags & SQLITE_OPEN_URI) && path[0] != '/')
        kp_text_add(&name, "./");
    kp_text_add(&name, path);
    if (!d->path || name.failed) {
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", path);
    } else {
        flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        if (sqlite3_open_v2(name.s, &d->handle, flags, NULL) != SQLITE_OK ||
            sqlite3_busy_timeout(d->handle, BUSY_MS) != SQLITE_OK ||
            sqlite3_db_config(d->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK)
            st = kp_database_fail(d, e);
    }
    kp_text_finish(&name);
    return st;
}

/* A database in WAL mode that lies in a read-only folder can be read only if it is told that nobody
 * writes it, which a missing WAL shows. */
static enum kp_status open_immutable(const char *path, struct kp_database *d, struct kp_error *e)
{
    struct kp_text uri = {0};
    enum kp_status st = KP_OK;

    kp_text_add(&uri, path[0] == '/' ? "file://" : "file:");
    for (const char *c = path; *c; c++) {
        if (strchr("%?#", *c))
            kp_text_addf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
        else
            kp_text_add_bytes(&uri, c, 1);
    }
    kp_text_add(&uri, "?immutable=1");
    if (uri.failed)
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", path);
    else
        st = open_handle(d, uri.s, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
    kp_text_finish(&uri);
    char *name = st == KP_OK ? strdup(path) : NULL;
    if (name) {
        free(d->path);
        d->path = name;
    }
    return st;
}

static bool has_wal(const char *path)
{
    struct kp_text name = {0};

    kp_text_addf(&name, "%s-wal", path);
    bool there = name.failed || access(name.s, F_OK) == 0;
    kp_text_finish(&name);
    return there;
}

enum kp_status kp_database_open_read(const char *path, struct kp_database *out, struct kp_error *e)
{
    struct kp_database d = {0};
    struct stat info;
    enum kp_status st;

    if (stat(path, &info) != 0)
        return kp_fail(e, KP_E_STORE, "%s: cannot open the run database: %s", path,
                       strerror(errno));
    if (S_ISDIR(info.st_mode))
        return kp_fail(e, KP_E_STORE, "%s is a folder, not a run database", path);
    st = open_handle(&d, path, SQLITE_OPEN_READONLY, e);
    if (st == KP_OK) {
        st = kp_database_exec(&d, e, "SELECT count(*) FROM sqlite_schema", "");
        int code = sqlite3_errcode(d.handle) & 0xff;
        if (st != KP_OK && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_wal(path)) {
            kp_database_close(&d);
            st = open_immutable(path, &d, e);
        }
    }
    if (st == KP_OK)
        *out = d;
    else
        kp_database_close(&d);
    return st;
}

static enum kp_status set_journal(struct kp_database *d, bool wal, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        d, wal ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE", &s, e);

    if (st == KP_OK)
        st = kp_database_next(d, s, &row, e);
    if (st == KP_OK && row)
        d->wal = strcmp(kp_database_text(s, 0), "wal") == 0;
    (void)sqlite3_finalize(s);
    return st;
}

enum kp_status kp_database_open_write(const char *path, bool wal, struct kp_database *out,
                                      struct kp_error *e)
{
    struct kp_database d = {0};
    struct stat info;
    enum kp_status st;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return kp_fail(e, KP_E_STORE, "%s is a folder, not a run database", path);
    st = open_handle(&d, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
    if (st == KP_OK && sqlite3_db_readonly(d.handle, "main") == 1)
        st = kp_fail(e, KP_E_STORE, "%s: cannot be written; the file is read-only", path);
    if (st == KP_OK)
        st = set_journal(&d, wal, e);
    if (st == KP_OK)
        st = kp_database_exec(&d, e, "PRAGMA foreign_keys = ON", "");
    if (st == KP_OK)
        st = kp_database_exec(&d, e, "PRAGMA synchronous = FULL", "");
    d.durable = true;
    if (st == KP_OK)
        *out = d;
    else
        kp_database_close(&d);
    return st;
}

enum kp_status kp_database_copy(struct kp_database *d, struct kp_database *out, struct kp_error *e)
{
    struct kp_database copy = {.path = strdup(d->path)};
    sqlite3_backup *work = NULL;
    enum kp_status st = copy.path ? KP_OK : kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);

    if (st == KP_OK && sqlite3_open(":memory:", &copy.handle) != SQLITE_OK)
        st = kp_database_fail(&copy, e);
    if (st == KP_OK) {
        work = sqlite3_backup_init(copy.handle, "main", d->handle, "main");
        if (work)
            (void)sqlite3_backup_step(work, -1);
        if (!work || sqlite3_backup_finish(work) != SQLITE_OK)
            st = kp_database_fail(&copy, e);
    }
    if (st == KP_OK)
        *out = copy;
    else
        kp_database_close(&copy);
    return st;
}

void kp_database_close(struct kp_database *d)
{
    (void)sqlite3_close(d->handle);
    free(d->path);
    *d = (struct kp_database){0};
}

enum kp_status kp_database_begin(struct kp_database *d, bool durable, struct kp_error *e)
{
    durable = durable || !d->wal;
    if (durable != d->durable) {
        enum kp_status st = kp_database_exec(
            d, e, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", "");
        if (st != KP_OK)
            return st;
        d->durable = durable;
    }
    return kp_database_exec(d, e, "BEGIN IMMEDIATE", "");
}

enum kp_status kp_database_end(struct kp_database *d, enum kp_status st, struct kp_error *e)
{
    if (st == KP_OK)
        st = kp_database_exec(d, e, "COMMIT", "");
    /* After some errors SQLite has rolled back by itself. */
    if (st != KP_OK && !sqlite3_get_autocommit(d->handle))
        (void)sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    return st;
}
