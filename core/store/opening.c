/* opening.c - the steps of opening a run database. */
#include "store/opening.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/schema.h"
#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

bool kp_opening_is_network(long type)
{
    switch ((unsigned long)type & 0xffffffffu) {
    case 0x6969:     /* NFS */
    case 0x517b:     /* SMB */
    case 0xfe534d42: /* SMB 2 */
    case 0xff534d42: /* CIFS */
    case 0x01021997: /* 9P */
    case 0x5346414f: /* AFS */
    case 0x73757245: /* Coda */
    case 0x00c36400: /* Ceph */
    case 0x0bd00bd0: /* Lustre */
    case 0x47504653: /* GPFS */
    case 0x65735546: /* FUSE: sshfs among others */
        return true;
    default:
        return false;
    }
}

enum kp_status kp_opening_check(const char *path, struct kp_error *e)
{
    struct kp_database d = {0};
    enum kp_schema_kind kind;
    struct stat info;
    int version;
    enum kp_status st;

    if (stat(path, &info) != 0 && errno == ENOENT)
        return KP_OK;
    st = kp_database_open_read(path, &d, e);
    if (st == KP_OK)
        st = kp_schema_identify(&d, &kind, &version, e);
    kp_database_close(&d);
    return st;
}

/* Opening is done by one process at a time: creation, a change of the journal's mode and an update
 * of the schema are the moments in which SQLite would answer "locked" at once. The lock is on a
 * file of its own, because closing a second descriptor of the database would drop SQLite's locks.
 */
static enum kp_status lock_folder(const char *folder, int *out, struct kp_error *e)
{
    char *name = kp_path_join(folder, "lock");
    const struct timespec pause = {.tv_nsec = 20000000};
    double limit = kp_clock_monotonic() + 60.0;
    enum kp_status st = KP_OK;

    if (!name)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", folder);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        st = kp_fail(e, KP_E_STORE, "%s: cannot be written: %s", name, strerror(errno));
    while (st == KP_OK && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            break; /* a file system without locks */
        if (kp_clock_monotonic() > limit)
            st = kp_fail(e, KP_E_STORE,
                         "%s: another process has been opening the database for a minute", name);
        else
            (void)nanosleep(&pause, NULL);
    }
    if (st == KP_OK)
        *out = fd;
    else if (fd >= 0)
        (void)close(fd);
    free(name);
    return st;
}

/* What an older kappa wrote, as this one would have it: in memory. */
static enum kp_status read_older(struct kp_database *d, int version, struct kp_error *e)
{
    struct kp_database copy = {0};
    enum kp_status st = kp_database_copy(d, &copy, e);

    if (st == KP_OK)
        st = kp_schema_migrate(&copy, kp_migrations, version, KP_SCHEMA_VERSION, false, e);
    if (st != KP_OK) {
        kp_database_close(&copy);
        return st;
    }
    kp_database_close(d);
    *d = copy;
    return KP_OK;
}

enum kp_status kp_opening_read(const char *path, struct kp_database *out, struct kp_error *e)
{
    struct kp_database d = {0};
    enum kp_schema_kind kind = KP_SCHEMA_CURRENT;
    int version = 0;
    enum kp_status st = kp_database_open_read(path, &d, e);

    if (st == KP_OK)
        st = kp_schema_identify(&d, &kind, &version, e);
    if (st == KP_OK && kind == KP_SCHEMA_EMPTY)
        st = kp_fail(e, KP_E_STORE, "%s is empty: not a kappa run database", path);
    if (st == KP_OK && kind == KP_SCHEMA_OLDER)
        st = read_older(&d, version, e);
    if (st == KP_OK)
        *out = d;
    else
        kp_database_close(&d);
    return st;
}

void kp_store_read_process(sqlite3_stmt *s, int first, struct kp_process *out)
{
    *out = (struct kp_process){.pid = sqlite3_column_int64(s, first + 2),
                               .started = sqlite3_column_int64(s, first + 3)};
    (void)snprintf(out->host, sizeof out->host, "%s", kp_database_text(s, first));
    (void)snprintf(out->boot, sizeof out->boot, "%s", kp_database_text(s, first + 1));
}

static enum kp_status mark_one(struct kp_database *d, int64_t run, const struct kp_process *p,
                               double heartbeat, struct kp_error *e)
{
    struct kp_text text = {0};
    enum kp_status st = kp_database_exec(
        d, e, "UPDATE run SET status = 'lost', finished = heartbeat WHERE id = ?", "i", run);

    if (st == KP_OK)
        st = kp_database_exec(d, e,
                              "UPDATE attempt SET finished = ? WHERE run = ? AND finished IS NULL",
                              "ri", heartbeat, run);
    kp_text_addf(&text, "process %lld on %s is gone", (long long)p->pid, p->host);
    if (st == KP_OK)
        st = kp_database_exec(
            d, e, "INSERT INTO event (run, time, kind, text) VALUES (?, ?, 'lost', ?)", "irt", run,
            kp_clock_wall(), text.failed ? "its process is gone" : text.s);
    kp_text_finish(&text);
    return st;
}

static enum kp_status mark_all(struct kp_database *d, const struct kp_process *self,
                               struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    double now = kp_clock_wall();
    bool row = true;
    enum kp_status st = kp_database_prepare(
        d,
        "SELECT id, heartbeat, host, boot, pid, pid_start FROM run WHERE status = 'running' "
        "ORDER BY id",
        &s, e);

    while (st == KP_OK) {
        struct kp_process p;
        st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            break;
        double heartbeat = sqlite3_column_double(s, 1);
        kp_store_read_process(s, 2, &p);
        if (!kp_process_alive(&p, self, now - heartbeat))
            st = mark_one(d, sqlite3_column_int64(s, 0), &p, heartbeat, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

enum kp_status kp_opening_mark_lost(struct kp_database *d, const struct kp_process *self,
                                    struct kp_error *e)
{
    int64_t one;
    bool some = false;
    enum kp_status st = kp_database_integer(
        d, e, &one, &some, "SELECT 1 FROM run WHERE status = 'running' LIMIT 1", "");

    if (st == KP_OK && some)
        st = kp_database_begin(d, true, e);
    if (st == KP_OK && some)
        st = kp_database_end(d, mark_all(d, self, e), e);
    return st;
}

static enum kp_status create_schema(struct kp_database *d, struct kp_error *e)
{
    enum kp_status st = kp_database_begin(d, true, e);

    if (st != KP_OK)
        return st;
    if (sqlite3_exec(d->handle, kp_schema_sql, NULL, NULL, NULL) != SQLITE_OK)
        st = kp_database_fail(d, e);
    return kp_database_end(d, st, e);
}

enum kp_status kp_opening_run(const char *path, const char *folder, const struct kp_process *self,
                              struct kp_database *out, bool *network, struct kp_error *e)
{
    struct kp_database d = {0};
    struct statfs info;
    enum kp_schema_kind kind = KP_SCHEMA_EMPTY;
    int lock = -1, version = 0;
    bool remote = statfs(folder, &info) == 0 && kp_opening_is_network((long)info.f_type);
    enum kp_status st = lock_folder(folder, &lock, e);

    if (st == KP_OK)
        st = kp_database_open_write(path, !remote, &d, e);
    if (st == KP_OK)
        st = kp_schema_identify(&d, &kind, &version, e);
    if (st == KP_OK && kind == KP_SCHEMA_EMPTY)
        st = create_schema(&d, e);
    if (st == KP_OK && kind == KP_SCHEMA_OLDER)
        st = kp_schema_migrate(&d, kp_migrations, version, KP_SCHEMA_VERSION, true, e);
    if (st == KP_OK)
        st = kp_opening_mark_lost(&d, self, e);
    if (lock >= 0)
        (void)close(lock);
    if (st == KP_OK) {
        *network = remote;
        *out = d;
    } else {
        kp_database_close(&d);
    }
    return st;
}
