/* files.c - the files in a run database's folder. */
#include "store/files.h"

#include "base/clock.h"
#include "base/copy.h"
#include "base/text.h"
#include "store/state.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETTINGS     "run.ini"
#define JUST_WRITTEN 600.0 /* seconds */

/* The path comes from a file that others wrote: it must stay in the folder of its run. */
static bool is_inside(const char *path, const char *uid)
{
    size_t n = strlen(uid);

    return strncmp(path, uid, n) == 0 && path[n] == '/' && !strstr(path, "/..");
}

static bool is_there(const char *path, const char *sha256)
{
    struct kp_error unreadable = {0};
    char now[KP_HASH_SIZE];

    return kp_file_exists(path) && kp_hash_file(path, now, &unreadable) == KP_OK &&
           strcmp(now, sha256) == 0;
}

static enum kp_status copy_one(const char *database, const char *from_folder, const char *uid,
                               const char *path, const char *sha256, const char *to_folder,
                               int64_t *count, struct kp_error *e)
{
    char *from = kp_path_join(from_folder, path), *to = kp_path_join(to_folder, path);
    enum kp_status st = KP_OK;

    if (!from || !to)
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", database);
    else if (!is_inside(path, uid))
        st = kp_fail(e, KP_E_FORMAT, "%s: run %s has the artifact '%s' outside of its folder",
                     database, uid, path);
    else if (is_there(to, sha256))
        goto out;
    else if (!kp_file_exists(from))
        st = kp_fail(e, KP_E_IO,
                     "%s: not there, though %s records it; the folder %s belongs to the database "
                     "and is moved with it",
                     from, database, from_folder);
    if (st == KP_OK)
        st = kp_file_copy(from, to, sha256, e);
    if (st == KP_OK)
        ++*count;
out:
    free(from);
    free(to);
    return st;
}

static enum kp_status write_settings(const char *folder, const char *ini, struct kp_error *e)
{
    struct kp_replace file = {0};
    char *path = kp_path_join(folder, SETTINGS);
    enum kp_status st = path ? kp_replace_begin(path, &file, e)
                             : kp_fail(e, KP_E_NOMEM, "%s: out of memory", folder);

    if (st == KP_OK) {
        kp_replace_write(&file, ini, strlen(ini));
        st = kp_replace_commit(&file, e);
    }
    free(path);
    return st;
}

enum kp_status kp_files_copy(struct kp_database *from, const char *from_folder, int64_t run,
                             const char *to_folder, int64_t *count, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    char *folder = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        from,
        "SELECT r.uid, r.kind, r.ini, a.path, a.sha256 FROM run r LEFT JOIN artifact a ON a.run = "
        "r.id WHERE r.id = ?",
        &s, e);

    if (st == KP_OK)
        kp_database_bind(s, "i", run);
    while (st == KP_OK) {
        st = kp_database_next(from, s, &row, e);
        if (st != KP_OK || !row)
            break;
        const char *uid = kp_database_text(s, 0);
        if (!folder) {
            folder = kp_path_join(to_folder, uid);
            st = folder ? kp_folder_make(folder, e)
                        : kp_fail(e, KP_E_NOMEM, "%s: out of memory", to_folder);
            if (st == KP_OK && strcmp(kp_database_text(s, 1), "analysis") != 0)
                st = write_settings(folder, kp_database_text(s, 2), e);
        }
        if (st == KP_OK && *kp_database_text(s, 3))
            st = copy_one(from->path, from_folder, uid, kp_database_text(s, 3),
                          kp_database_text(s, 4), to_folder, count, e);
    }
    (void)sqlite3_finalize(s);
    free(folder);
    return st;
}

/* Whose file it is: `s` finds the run of the folder, and whether it records the path. */
static enum kp_status classify(struct kp_database *d, sqlite3_stmt *s,
                               const struct kp_process *self, struct kp_file *f, struct kp_error *e)
{
    const char *slash = strchr(f->path, '/');
    struct kp_process holder;
    char uid[KP_UID_SIZE] = "";
    bool row = false;
    enum kp_status st;

    if (!slash || slash - f->path != KP_UID_SIZE - 1) {
        f->ours = f->ours || strcmp(f->path, "lock") == 0;
        return KP_OK;
    }
    memcpy(uid, f->path, KP_UID_SIZE - 1);
    kp_database_bind(s, "tt", f->path, uid);
    st = kp_database_next(d, s, &row, e);
    if (st == KP_OK && row) {
        f->ours = sqlite3_column_int(s, 0) != 0 || strcmp(slash + 1, SETTINGS) == 0;
        kp_store_read_process(s, 3, &holder);
        if (strcmp(kp_database_text(s, 1), "running") == 0 &&
            kp_process_alive(&holder, self, kp_clock_wall() - sqlite3_column_double(s, 2)))
            f->at_work = true;
    }
    (void)sqlite3_reset(s);
    return st;
}

enum kp_status
kp_files_walk(struct kp_database *d, const char *folder, const struct kp_process *self,
              enum kp_status (*each)(void *arg, const struct kp_file *f, struct kp_error *e),
              void *arg, struct kp_error *e)
{
    char *root = strdup(folder);
    char *const roots[] = {root, NULL};
    size_t length = strlen(folder);
    sqlite3_stmt *s = NULL;
    FTS *walk = NULL;
    FTSENT *entry;
    enum kp_status st;

    if (!root)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", folder);
    st = kp_database_prepare(
        d,
        "SELECT EXISTS (SELECT 1 FROM artifact WHERE run = r.id AND path = ?), status, heartbeat, "
        "host, boot, pid, pid_start FROM run r WHERE uid = ?",
        &s, e);
    if (st == KP_OK && kp_file_exists(folder)) {
        walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        if (!walk)
            st = kp_fail(e, KP_E_IO, "%s: %s", folder, strerror(errno));
    }
    while (st == KP_OK && walk && (entry = fts_read(walk))) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            st = kp_fail(e, KP_E_IO, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        if (st != KP_OK || entry->fts_info == FTS_D || entry->fts_info == FTS_DP)
            continue;
        struct kp_file f = {.path = entry->fts_path + length + 1,
                            .bytes = entry->fts_statp->st_size,
                            .at_work = kp_clock_wall() - (double)entry->fts_statp->st_mtime <
                                       JUST_WRITTEN};
        st = classify(d, s, self, &f, e);
        if (st == KP_OK)
            st = each(arg, &f, e);
    }
    if (walk)
        (void)fts_close(walk);
    (void)sqlite3_finalize(s);
    free(root);
    return st;
}
