/* gc.c - removes files of a run database that nothing refers to. */
#include "base/file.h"
#include "store/files.h"
#include "store/state.h"
#include "store/upkeep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What taught a run; a run that was taught by a weights file keeps that teacher's tables. */
#define IDENTITY(run) "(SELECT text FROM param WHERE run = " run ".id AND key = 'teacher.identity')"

/* Recorded, and of no use any more. */
#define DISPOSABLE                                                                            \
    "((a.role GLOB 'checkpoint*' AND r.status = 'done') OR (a.role GLOB 'teacher_table*' "    \
    "AND NOT EXISTS (SELECT 1 FROM run s WHERE s.status <> 'done' AND (s.teacher_run = r.id " \
    "OR " IDENTITY("s") " = " IDENTITY("r") "))))"

struct gc {
    struct kp_store *store;
    bool dry_run;
    struct kp_gc_counts *counts;
    struct kp_text *notes;
};

static enum kp_status drop(struct gc *g, const char *path, int64_t bytes, struct kp_error *e)
{
    char *whole = kp_path_join(g->store->folder, path);
    enum kp_status st = KP_OK;

    if (!whole)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", g->store->path);
    if (!g->dry_run && unlink(whole) != 0 && errno != ENOENT)
        st = kp_fail(e, KP_E_IO, "%s: cannot be removed: %s", whole, strerror(errno));
    if (st == KP_OK) {
        g->counts->files++;
        g->counts->bytes += bytes;
        kp_text_addf(g->notes, "%s\n", whole);
    }
    /* The folder of a run goes with its last file. */
    char *slash = st == KP_OK && !g->dry_run ? strrchr(whole, '/') : NULL;
    if (slash && strchr(path, '/')) {
        *slash = '\0';
        (void)rmdir(whole);
    }
    free(whole);
    return st;
}

static enum kp_status drop_stray(void *arg, const struct kp_file *f, struct kp_error *e)
{
    return f->ours || f->at_work ? KP_OK : drop(arg, f->path, f->bytes, e);
}

/* "bytes path" of each artifact that can go. */
static enum kp_status list_disposable(struct gc *g, struct kp_text *out, struct kp_error *e)
{
    struct kp_database *d = &g->store->database;
    sqlite3_stmt *s = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        d, "SELECT a.path, a.bytes FROM artifact a JOIN run r ON r.id = a.run WHERE " DISPOSABLE,
        &s, e);

    while (st == KP_OK) {
        st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            break;
        kp_text_addf(out, "%lld %s\n", (long long)sqlite3_column_int64(s, 1),
                     kp_database_text(s, 0));
    }
    (void)sqlite3_finalize(s);
    if (st == KP_OK && out->failed)
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    return st;
}

/* The rows go first: a row never refers to a file that is not there. */
static enum kp_status drop_rows(struct gc *g, struct kp_text *list, struct kp_error *e)
{
    struct kp_database *d = &g->store->database;
    enum kp_status st = kp_database_begin(d, true, e);

    if (st != KP_OK)
        return st;
    st = list_disposable(g, list, e);
    if (st == KP_OK && !g->dry_run)
        st = kp_database_exec(d, e,
                              "DELETE FROM artifact AS a WHERE EXISTS (SELECT 1 FROM run r WHERE "
                              "r.id = a.run AND " DISPOSABLE ")",
                              "");
    return kp_database_end(d, st, e);
}

static enum kp_status drop_disposable(struct gc *g, struct kp_error *e)
{
    struct kp_text list = {0};
    enum kp_status st = drop_rows(g, &list, e);

    for (char *line = list.s, *end; st == KP_OK && line && *line; line = end + 1) {
        char *path;
        long long bytes = strtoll(line, &path, 10);
        end = strchr(line, '\n');
        *end = '\0';
        st = drop(g, path + 1, bytes, e);
    }
    kp_text_finish(&list);
    return st;
}

enum kp_status kp_store_gc(struct kp_store *s, bool dry_run, struct kp_gc_counts *counts,
                           struct kp_text *notes, struct kp_error *e)
{
    struct gc g = {.store = s, .dry_run = dry_run, .counts = counts, .notes = notes};

    *counts = (struct kp_gc_counts){0};
    (void)pthread_mutex_lock(&s->lock);
    enum kp_status st = drop_disposable(&g, e);
    if (st == KP_OK)
        st = kp_files_walk(&s->database, s->folder, &s->self, drop_stray, &g, e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}
