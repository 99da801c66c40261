/* merge.c - joins the run databases of several machines. */
#include "store/merge.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/files.h"
#include "store/opening.h"
#include "store/state.h"
#include "store/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where the rows of a run are. An analysis owns what it measured of other runs, and may find new
 * ones among them even if it was merged before. */
static const struct {
    const char *table, *where;
} of_run[] =
    {
        {"attempt", "run = ?1"},
        {"param", "run = ?1"},
        {"run_plugin", "run = ?1"},
        {"subset", "run = ?1"},
        {"artifact", "run = ?1"},
        {"point", "run = ?1"},
        {"result", "run = ?1 AND analysis IS NULL"},
        {"pairwise", "run_a = ?1 AND analysis IS NULL"},
        {"event", "run = ?1"},
},
  of_analysis[] = {
      {"subject", "analysis = ?1"},
      {"result", "analysis = ?1 AND run IN (SELECT run FROM subject WHERE analysis = ?1 "
                 "UNION ALL SELECT ?1)"},
      {"pairwise", "analysis = ?1 AND run_a IN (SELECT run FROM subject WHERE analysis = ?1)"},
};

enum fate { ADDED, KNOWN, ADVANCED, BOTH, LEFT };

/* A run of either database. */
struct side {
    int64_t id; /* 0: none */
    char uid[KP_UID_SIZE], status[16];
    int64_t attempt, step;
    bool held; /* a live process works on it */
};

struct merge {
    struct kp_store *into;
    const char *path;      /* of the source */
    const char *only;      /* configuration hashes, see kp_hash_listed(); NULL: all */
    const char *needed_by; /* uid: only the runs that this one was made with; NULL: all */
    char *folder;          /* of the source's artifacts */
    struct kp_database from;
    struct kp_transfer rows;
    struct kp_merge_counts *counts;
    struct kp_text *notes;
};

#define SIDE_COLUMNS \
    "SELECT id, uid, status, attempt, step, heartbeat, host, boot, pid, pid_start FROM run "

static void read_side(const struct merge *m, sqlite3_stmt *s, struct side *out)
{
    struct kp_process holder;

    *out = (struct side){.id = sqlite3_column_int64(s, 0),
                         .attempt = sqlite3_column_int64(s, 3),
                         .step = sqlite3_column_int64(s, 4)};
    (void)snprintf(out->uid, sizeof out->uid, "%s", kp_database_text(s, 1));
    (void)snprintf(out->status, sizeof out->status, "%s", kp_database_text(s, 2));
    kp_store_read_process(s, 6, &holder);
    out->held =
        strcmp(out->status, "running") == 0 &&
        kp_process_alive(&holder, &m->into->self, kp_clock_wall() - sqlite3_column_double(s, 5));
}

static enum kp_status find_side(struct merge *m, const char *where, const char *text,
                                struct side *out, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    struct kp_text sql = {0};
    bool row = false;
    enum kp_status st;

    kp_text_addf(&sql, SIDE_COLUMNS "WHERE %s = ?", where);
    st = sql.failed ? kp_fail(e, KP_E_NOMEM, "%s: out of memory", m->path)
                    : kp_database_prepare(&m->into->database, sql.s, &s, e);
    if (st == KP_OK) {
        kp_database_bind(s, "t", text);
        st = kp_database_next(&m->into->database, s, &row, e);
    }
    if (st == KP_OK && row)
        read_side(m, s, out);
    (void)sqlite3_finalize(s);
    kp_text_finish(&sql);
    return st;
}

static bool done(const struct side *r)
{
    return strcmp(r->status, "done") == 0;
}

/* Metrics by name; one that both know means the same. */
static enum kp_status settle_keys(struct merge *m, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        &m->from, "SELECT id, name, unit, higher_is_better FROM metric_key", &s, e);

    while (st == KP_OK) {
        struct kp_metric_key key;
        st = kp_database_next(&m->from, s, &row, e);
        if (st != KP_OK || !row)
            break;
        key = (struct kp_metric_key){kp_database_text(s, 1), kp_database_text(s, 2),
                                     sqlite3_column_int(s, 3) != 0};
        st = kp_store_metric(m->into, &key, e);
        if (st == KP_OK)
            (void)kp_store_key_id(m->into, key.name, &m->rows.keys.to[sqlite3_column_int64(s, 0)]);
        else
            st = kp_fail_in(e, "%s", m->path);
    }
    (void)sqlite3_finalize(s);
    return st;
}

/* The first result that both have and that differs, in words; "" if there is none. */
static enum kp_status compare(struct merge *m, const struct side *theirs, const struct side *ours,
                              struct kp_text *out, struct kp_error *e)
{
    sqlite3_stmt *a = NULL, *b = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        &m->from,
        "SELECT k.name, v.split, v.kappa, coalesce(v.value, v.flag) FROM result v JOIN metric_key "
        "k ON k.id = v.key WHERE v.run = ? AND v.analysis IS NULL ORDER BY 1, 2, 3",
        &a, e);

    if (st == KP_OK)
        st = kp_database_prepare(
            &m->into->database,
            "SELECT coalesce(v.value, v.flag) FROM result v JOIN metric_key k ON k.id = v.key "
            "WHERE v.run = ? AND k.name = ? AND v.split = ? AND v.kappa = ?",
            &b, e);
    if (st == KP_OK)
        kp_database_bind(a, "i", theirs->id);
    while (st == KP_OK && !out->length) {
        st = kp_database_next(&m->from, a, &row, e);
        if (st != KP_OK || !row)
            break;
        kp_database_bind(b, "ittr", ours->id, kp_database_text(a, 0), kp_database_text(a, 1),
                         sqlite3_column_double(a, 2));
        st = kp_database_next(&m->into->database, b, &row, e);
        if (st == KP_OK && row && strcmp(kp_database_text(a, 3), kp_database_text(b, 0)) != 0)
            kp_text_addf(out, "%s is %s here and %s there", kp_database_text(a, 0),
                         kp_database_text(b, 0), kp_database_text(a, 3));
        (void)sqlite3_reset(b);
    }
    (void)sqlite3_finalize(a);
    (void)sqlite3_finalize(b);
    return st;
}

/* What to do with a run of the source. *ours is its counterpart, if there is one; `difference` says
 * in what their results differ. */
static enum kp_status decide(struct merge *m, const struct side *theirs, const char *hash,
                             struct side *ours, struct kp_text *difference, enum fate *out,
                             struct kp_error *e)
{
    enum kp_status st = find_side(m, "uid", theirs->uid, ours, e);
    bool same = ours->id != 0;

    if (st == KP_OK && !same)
        st = find_side(m, "config_hash", hash, ours, e);
    if (st != KP_OK)
        return st;
    *out = ADDED;
    if (theirs->held) {
        kp_text_addf(m->notes, "run %s of %s is being worked on: merge again when it is done\n",
                     theirs->uid, m->path);
        *out = LEFT;
        return KP_OK;
    }
    if (!ours->id)
        return KP_OK;
    if (done(ours)) {
        *out = KNOWN;
        if (!same && done(theirs))
            st = compare(m, theirs, ours, difference, e);
        if (difference->length)
            *out = BOTH;
        return st;
    }
    bool further =
        done(theirs) || (same && (theirs->attempt > ours->attempt || theirs->step > ours->step));
    *out = further ? ADVANCED : KNOWN;
    if (further && ours->held) {
        kp_text_addf(m->notes, "run %s is being worked on in %s: the one in %s was left out\n",
                     ours->uid, kp_store_path(m->into), m->path);
        *out = LEFT;
    }
    return KP_OK;
}

static enum kp_status copy_rows(struct merge *m, const struct side *theirs, const struct side *ours,
                                enum fate fate, const char *difference, struct kp_error *e)
{
    char mark[KP_UID_SIZE + 1] = "";
    enum kp_status st = KP_OK;

    if (fate == BOTH)
        (void)snprintf(mark, sizeof mark, "~%s", theirs->uid);
    if (fate == ADVANCED)
        st = kp_database_exec(&m->into->database, e, "DELETE FROM run WHERE id = ?", "i", ours->id);
    if (st == KP_OK)
        st = kp_transfer_run(&m->rows, theirs->id, mark, e);
    if (st != KP_OK || m->rows.runs.to[theirs->id] == 0)
        return st;
    for (size_t i = 0; st == KP_OK && i < sizeof of_run / sizeof *of_run; i++)
        st = kp_transfer_rows(&m->rows, of_run[i].table, of_run[i].where, theirs->id, e);
    if (st == KP_OK && fate == BOTH)
        st = kp_database_exec(
            &m->into->database, e,
            "INSERT INTO event (run, time, kind, text) VALUES (?, ?, 'conflict', ?)", "irt",
            m->rows.runs.to[theirs->id], kp_clock_wall(), difference);
    return st;
}

/* Files first: a row never refers to a file that is not there. */
static enum kp_status add_run(struct merge *m, const struct side *theirs, const struct side *ours,
                              enum fate fate, const char *difference, struct kp_error *e)
{
    struct kp_database *d = &m->into->database;
    enum kp_status st =
        kp_files_copy(&m->from, m->folder, theirs->id, m->into->folder, &m->counts->files, e);

    (void)pthread_mutex_lock(&m->into->lock);
    if (st == KP_OK)
        st = kp_database_begin(d, false, e);
    if (st == KP_OK)
        st = kp_database_end(d, copy_rows(m, theirs, ours, fate, difference, e), e);
    (void)pthread_mutex_unlock(&m->into->lock);
    return st;
}

static enum kp_status add_analysed(struct merge *m, int64_t run, struct kp_error *e)
{
    struct kp_database *d = &m->into->database;
    enum kp_status st;

    (void)pthread_mutex_lock(&m->into->lock);
    st = kp_database_begin(d, false, e);
    if (st == KP_OK) {
        for (size_t i = 0; st == KP_OK && i < sizeof of_analysis / sizeof *of_analysis; i++)
            st = kp_transfer_rows(&m->rows, of_analysis[i].table, of_analysis[i].where, run, e);
        st = kp_database_end(d, st, e);
    }
    (void)pthread_mutex_unlock(&m->into->lock);
    return st;
}

static void count(struct merge *m, const struct side *theirs, const struct side *ours,
                  enum fate fate, const char *difference)
{
    struct kp_merge_counts *c = m->counts;
    int64_t *const of[] = {&c->added, &c->known, &c->advanced, &c->both, &c->left};

    c->runs++;
    ++*of[fate];
    if (fate == BOTH)
        kp_text_addf(
            m->notes,
            "runs %s of %s and %s of %s have one configuration and different results (%s): "
            "both are kept\n",
            ours->uid, kp_store_path(m->into), theirs->uid, m->path, difference);
}

static enum kp_status merge_run(struct merge *m, const struct side *theirs, const char *kind,
                                const char *hash, struct kp_error *e)
{
    struct side ours = {0};
    struct kp_text difference = {0};
    enum fate fate = LEFT;
    enum kp_status st;

    (void)pthread_mutex_lock(&m->into->lock);
    st = decide(m, theirs, hash, &ours, &difference, &fate, e);
    (void)pthread_mutex_unlock(&m->into->lock);
    if (st == KP_OK && fate == KNOWN)
        m->rows.runs.to[theirs->id] = ours.id;
    if (st == KP_OK && fate != KNOWN && fate != LEFT) {
        st = add_run(m, theirs, &ours, fate, difference.s ? difference.s : "", e);
        if (st == KP_OK && m->rows.runs.to[theirs->id] == 0) {
            kp_text_addf(m->notes, "run %s of %s needs a run that was left out\n", theirs->uid,
                         m->path);
            fate = LEFT;
        }
    }
    if (st == KP_OK && fate != LEFT && strcmp(kind, "analysis") == 0)
        st = add_analysed(m, theirs->id, e);
    if (st == KP_OK)
        count(m, theirs, &ours, fate, difference.s);
    kp_text_finish(&difference);
    return st;
}

#define NEEDED                                                                                    \
    "WHERE ?1 IS NULL OR id IN (WITH RECURSIVE need (id, uid) AS (SELECT id, uid FROM run WHERE " \
    "uid = ?1 UNION SELECT o.id, o.uid FROM need n JOIN run r ON r.id = n.id JOIN run o ON o.id " \
    "= r.teacher_run OR o.uid = (SELECT text FROM param WHERE run = r.id AND key = 'init.uid')) " \
    "SELECT id FROM need WHERE uid <> ?1) "

/* In the order of their rows: what a run refers to is older. */
static enum kp_status merge_runs(struct merge *m, struct kp_error *e)
{
    sqlite3_stmt *s = NULL, *more = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(&m->from, SIDE_COLUMNS NEEDED "ORDER BY id", &s, e);

    if (st == KP_OK)
        st = kp_database_prepare(&m->from, "SELECT kind, config_hash FROM run WHERE id = ?", &more,
                                 e);
    if (st == KP_OK)
        kp_database_bind(s, "t", m->needed_by);
    while (st == KP_OK) {
        struct side theirs;
        bool found = false;
        st = kp_database_next(&m->from, s, &row, e);
        if (st != KP_OK || !row)
            break;
        read_side(m, s, &theirs);
        kp_database_bind(more, "i", theirs.id);
        st = kp_database_next(&m->from, more, &found, e);
        const char *hash = kp_database_text(more, 1);
        if (st == KP_OK && found && (!m->only || kp_hash_listed(m->only, hash)))
            st = merge_run(m, &theirs, kp_database_text(more, 0), hash, e);
        (void)sqlite3_reset(more);
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_finalize(more);
    return st;
}

/* Experiments by path and text; membership adds up. The last transaction: it brings all to disk. */
static enum kp_status merge_sweeps(struct merge *m, struct kp_error *e)
{
    struct kp_database *d = &m->into->database;
    sqlite3_stmt *s = NULL;
    bool row = false, found = false;
    enum kp_status st = kp_database_prepare(
        &m->from, "SELECT id, experiment, sha256 FROM sweep ORDER BY id", &s, e);

    (void)pthread_mutex_lock(&m->into->lock);
    if (st == KP_OK)
        st = kp_database_begin(d, true, e);
    while (st == KP_OK) {
        st = kp_database_next(&m->from, s, &row, e);
        if (st != KP_OK || !row)
            break;
        int64_t id = sqlite3_column_int64(s, 0);
        st = kp_transfer_rows(&m->rows, "sweep", "id = ?1", id, e);
        if (st == KP_OK)
            st = kp_database_integer(d, e, &m->rows.sweeps.to[id], &found,
                                     "SELECT id FROM sweep WHERE experiment = ? AND sha256 = ?",
                                     "tt", kp_database_text(s, 1), kp_database_text(s, 2));
        if (st == KP_OK)
            st = kp_transfer_rows(&m->rows, "sweep_run", "sweep = ?1", id, e);
    }
    if (!sqlite3_get_autocommit(d->handle))
        st = kp_database_end(d, st, e);
    (void)pthread_mutex_unlock(&m->into->lock);
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status open_source(struct merge *m, struct kp_error *e)
{
    struct kp_text folder = {0};
    struct stat a, b;
    enum kp_status st;

    if (stat(m->path, &a) == 0 && stat(kp_store_path(m->into), &b) == 0 && a.st_dev == b.st_dev &&
        a.st_ino == b.st_ino)
        return kp_fail(e, KP_E_INVALID, "%s: cannot be merged into itself", m->path);
    kp_text_addf(&folder, "%s.d", m->path);
    m->folder = folder.s;
    if (folder.failed)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", m->path);
    st = kp_opening_read(m->path, &m->from, e);
    /* One moment of it, whatever its owners write. */
    if (st == KP_OK)
        st = kp_database_exec(&m->from, e, "BEGIN", "");
    return st;
}

static enum kp_status merge(struct merge *m, struct kp_error *e)
{
    enum kp_status st = open_source(m, e);

    *m->counts = (struct kp_merge_counts){0};
    m->rows.from = &m->from;
    m->rows.to = &m->into->database;
    if (st == KP_OK)
        st = kp_transfer_begin(&m->rows, e);
    if (st == KP_OK)
        st = settle_keys(m, e);
    if (st == KP_OK)
        st = merge_runs(m, e);
    if (st == KP_OK && !m->needed_by)
        st = merge_sweeps(m, e);
    kp_transfer_finish(&m->rows);
    kp_database_close(&m->from);
    free(m->folder);
    return st;
}

enum kp_status kp_store_merge(struct kp_store *into, const char *from, const char *only,
                              struct kp_merge_counts *counts, struct kp_text *notes,
                              struct kp_error *e)
{
    struct merge m = {.into = into, .path = from, .only = only, .counts = counts, .notes = notes};

    return merge(&m, e);
}

enum kp_status kp_store_merge_needed(struct kp_store *into, const char *from, const char *uid,
                                     struct kp_merge_counts *counts, struct kp_text *notes,
                                     struct kp_error *e)
{
    struct merge m = {
        .into = into, .path = from, .needed_by = uid, .counts = counts, .notes = notes};

    return merge(&m, e);
}
