/* check.c - is a run database whole? */
#include "base/file.h"
#include "store/files.h"
#include "store/state.h"
#include "store/upkeep.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMED_MOST 20 /* problems of one kind that are told one by one */

struct check {
    struct kp_store *store;
    struct kp_check_counts *counts;
    struct kp_text *notes;
    int64_t missing, named;
};

/* Each row of a query is a problem, told in its first column. */
static enum kp_status ask(struct check *c, const char *sql, struct kp_error *e)
{
    struct kp_database *d = &c->store->database;
    sqlite3_stmt *s = NULL;
    int64_t told = 0;
    bool row = false;
    enum kp_status st = kp_database_prepare(d, sql, &s, e);

    while (st == KP_OK) {
        st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            break;
        c->counts->problems++;
        if (told++ < NAMED_MOST)
            kp_text_addf(c->notes, "%s: %s\n", d->path, kp_database_text(s, 0));
    }
    if (told > NAMED_MOST)
        kp_text_addf(c->notes, "%s: and %lld more like this\n", d->path,
                     (long long)(told - NAMED_MOST));
    (void)sqlite3_finalize(s);
    return st;
}

static void tell(struct check *c, const char *path, const char *what, const char *uid)
{
    c->counts->problems++;
    if (c->named++ < NAMED_MOST)
        kp_text_addf(c->notes, "%s: %s (run %s)\n", path, what, uid);
}

static enum kp_status check_artifact(struct check *c, sqlite3_stmt *s, struct kp_error *e)
{
    const char *uid = kp_database_text(s, 0);
    char *path = kp_path_join(c->store->folder, kp_database_text(s, 1));
    struct kp_error unreadable = {0};
    char now[KP_HASH_SIZE];
    struct stat info;

    if (!path)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", c->store->path);
    c->counts->artifacts++;
    c->counts->bytes += sqlite3_column_int64(s, 3);
    if (stat(path, &info) != 0) {
        c->missing++;
        tell(c, path, "recorded, but not there", uid);
    } else if (info.st_size != sqlite3_column_int64(s, 3)) {
        tell(c, path, "not as long as recorded", uid);
    } else if (kp_hash_file(path, now, &unreadable) != KP_OK) {
        tell(c, path, unreadable.text, uid);
    } else if (strcmp(now, kp_database_text(s, 2)) != 0) {
        tell(c, path, "other bytes than recorded", uid);
    }
    free(path);
    return KP_OK;
}

static enum kp_status check_artifacts(struct check *c, struct kp_error *e)
{
    struct kp_database *d = &c->store->database;
    sqlite3_stmt *s = NULL;
    size_t before = c->notes->length;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        d,
        "SELECT r.uid, a.path, a.sha256, a.bytes FROM artifact a JOIN run r ON r.id = a.run "
        "ORDER BY r.id, a.role",
        &s, e);

    while (st == KP_OK) {
        st = kp_database_next(d, s, &row, e);
        if (st != KP_OK || !row)
            break;
        st = check_artifact(c, s, e);
    }
    (void)sqlite3_finalize(s);
    if (st != KP_OK || c->missing == 0)
        return st;
    if (c->missing == c->counts->artifacts) {
        c->notes->length = before;
        kp_text_addf(c->notes,
                     "%s: none of its %lld artifacts is there; the folder %s belongs to the "
                     "database and is moved with it\n",
                     d->path, (long long)c->missing, c->store->folder);
    } else if (c->named > NAMED_MOST) {
        kp_text_addf(c->notes, "%s: and %lld more artifacts\n", d->path,
                     (long long)(c->named - NAMED_MOST));
    }
    return KP_OK;
}

static enum kp_status count_stray(void *arg, const struct kp_file *f, struct kp_error *e)
{
    struct check *c = arg;

    (void)e;
    if (!f->ours && !f->at_work) {
        c->counts->strays++;
        c->counts->stray_bytes += f->bytes;
    }
    return KP_OK;
}

enum kp_status kp_store_check(struct kp_store *s, struct kp_check_counts *counts,
                              struct kp_text *notes, struct kp_error *e)
{
    struct check c = {.store = s, .counts = counts, .notes = notes};
    bool found = false;

    *counts = (struct kp_check_counts){0};
    enum kp_status st = ask(&c,
                            "SELECT 'damaged: ' || integrity_check FROM pragma_integrity_check "
                            "WHERE integrity_check <> 'ok'",
                            e);
    if (st == KP_OK)
        st = ask(&c,
                 "SELECT format('row %d of %s refers to a row of %s that is not there', rowid, "
                 "\"table\", parent) FROM pragma_foreign_key_check",
                 e);
    if (st == KP_OK)
        st = ask(&c,
                 "SELECT format('run %s is done and has no weights', uid) FROM run WHERE status = "
                 "'done' AND kind <> 'analysis' AND id NOT IN (SELECT run FROM artifact WHERE role "
                 "= 'model')",
                 e);
    if (st == KP_OK)
        st = kp_database_integer(&s->database, e, &counts->runs, &found, "SELECT count(*) FROM run",
                                 "");
    if (st == KP_OK)
        st = check_artifacts(&c, e);
    if (st == KP_OK)
        st = kp_files_walk(&s->database, s->folder, &s->self, count_stray, &c, e);
    return st;
}
