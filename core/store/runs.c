/* runs.c - finding runs, recording their files, ending them. */
#include "base/clock.h"
#include "base/file.h"
#include "store/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kp_run_status_words[] = {
    [KP_RUN_PENDING] = "pending", [KP_RUN_RUNNING] = "running",         [KP_RUN_DONE] = "done",
    [KP_RUN_FAILED] = "failed",   [KP_RUN_INTERRUPTED] = "interrupted", [KP_RUN_LOST] = "lost",
};

static enum kp_run_status status_of(const char *word)
{
    enum kp_run_status s = KP_RUN_PENDING;

    while (s < KP_RUN_LOST && strcmp(kp_run_status_words[s], word) != 0)
        s++;
    return s;
}

#define INFO_COLUMNS                                                                              \
    "SELECT r.uid, r.status, r.config_hash, r.attempt, r.error, a.epoch, a.sha256, r.heartbeat, " \
    "r.host, r.boot, r.pid, r.pid_start, a.step, r.name FROM run r "                              \
    "LEFT JOIN artifact a ON a.run = r.id AND a.role = 'checkpoint' "

static void read_info(struct kp_store *s, sqlite3_stmt *q, struct kp_run_info *out)
{
    struct kp_process holder;

    *out = (struct kp_run_info){.status = status_of(kp_database_text(q, 1)),
                                .attempt = sqlite3_column_int(q, 3),
                                .epoch = sqlite3_column_int64(q, 5),
                                .step = sqlite3_column_int64(q, 12)};
    (void)snprintf(out->uid, sizeof out->uid, "%s", kp_database_text(q, 0));
    (void)snprintf(out->name, sizeof out->name, "%s", kp_database_text(q, 13));
    (void)snprintf(out->config_hash, sizeof out->config_hash, "%s", kp_database_text(q, 2));
    (void)snprintf(out->error, sizeof out->error, "%s", kp_database_text(q, 4));
    (void)snprintf(out->checkpoint, sizeof out->checkpoint, "%s", kp_database_text(q, 6));
    kp_store_read_process(q, 8, &holder);
    if (out->status == KP_RUN_RUNNING &&
        !kp_process_alive(&holder, &s->self, kp_clock_wall() - sqlite3_column_double(q, 7)))
        out->status = KP_RUN_LOST;
}

enum kp_status kp_store_find_run(struct kp_store *s, const char *config_hash,
                                 struct kp_run_info *out, bool *found, struct kp_error *e)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_prepare(&s->database, INFO_COLUMNS "WHERE r.config_hash = ?", &q, e);
    if (st == KP_OK) {
        kp_database_bind(q, "t", config_hash);
        st = kp_database_next(&s->database, q, &row, e);
    }
    if (st == KP_OK) {
        if (row)
            read_info(s, q, out);
        *found = row;
    }
    (void)sqlite3_finalize(q);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

/* A second row: the prefix is not unique. Names the first few. */
static enum kp_status refuse_prefix(struct kp_store *s, const char *prefix, const char *first,
                                    sqlite3_stmt *q, struct kp_error *e)
{
    struct kp_text list = {0};
    bool row = true;
    enum kp_status st = KP_OK;

    kp_text_add(&list, first);
    for (int i = 0; st == KP_OK && row; i++) {
        if (i < 4)
            kp_text_addf(&list, ", %s", kp_database_text(q, 0));
        else
            kp_text_add(&list, ", ...");
        st = i < 4 ? kp_database_next(&s->database, q, &row, e) : KP_OK;
        row = row && i < 4;
    }
    if (st == KP_OK)
        st = kp_fail(e, KP_E_INVALID, "%s: '%s' begins several runs (%s); give more characters",
                     s->path, prefix, list.failed ? "" : list.s);
    kp_text_finish(&list);
    return st;
}

enum kp_status kp_store_find_uid(struct kp_store *s, const char *uid, struct kp_run_info *out,
                                 bool *found, struct kp_error *e)
{
    sqlite3_stmt *q = NULL;
    struct kp_run_info info = {0};
    char prefix[KP_UID_SIZE], end[KP_UID_SIZE + 1];
    bool row = false, more = false;
    size_t length = strlen(uid);
    enum kp_status st;

    if (length == 0)
        return kp_fail(e, KP_E_INVALID, "the name of a run is empty");
    if (length >= KP_UID_SIZE) {
        *found = false;
        return KP_OK;
    }
    for (size_t i = 0; i <= length; i++)
        prefix[i] = uid[i] >= 'a' && uid[i] <= 'z' ? (char)(uid[i] - 'a' + 'A') : uid[i];
    (void)snprintf(end, sizeof end, "%s~", prefix); /* above every digit of a uid */

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_prepare(&s->database, INFO_COLUMNS "WHERE r.uid >= ? AND r.uid < ? ORDER BY 1",
                             &q, e);
    if (st == KP_OK) {
        kp_database_bind(q, "tt", prefix, end);
        st = kp_database_next(&s->database, q, &row, e);
    }
    if (st == KP_OK && row) {
        read_info(s, q, &info);
        st = kp_database_next(&s->database, q, &more, e);
    }
    if (st == KP_OK && more)
        st = refuse_prefix(s, uid, info.uid, q, e);
    (void)sqlite3_finalize(q);
    (void)pthread_mutex_unlock(&s->lock);
    if (st == KP_OK) {
        if (row)
            *out = info;
        *found = row;
    }
    return st;
}

enum kp_status kp_store_held_run(struct kp_store *s, const char *uid, int64_t *run,
                                 struct kp_error *e)
{
    bool found = false;
    enum kp_status st = kp_database_integer(
        &s->database, e, run, &found,
        "SELECT id FROM run WHERE uid = ? AND status = 'running' AND host = ? AND boot = ? AND "
        "pid = ? AND pid_start = ?",
        "tttii", uid, s->self.host, s->self.boot, s->self.pid, s->self.started);

    if (st == KP_OK && !found)
        st = kp_fail(e, KP_E_STORE, "%s: run %s is not held by this process (any more)", s->path,
                     uid);
    return st;
}

static enum kp_status write_artifact(struct kp_store *s, int64_t run,
                                     const struct kp_artifact_row *a, int64_t epoch, int64_t step,
                                     struct kp_error *e)
{
    return kp_database_exec(
        &s->database, e,
        "INSERT OR REPLACE INTO artifact (run, role, path, sha256, bytes, epoch, step, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        "itttiiir", run, a->role, a->path, a->sha256, a->bytes, epoch, step, kp_clock_wall());
}

static enum kp_status write_of_held(struct kp_store *s, const char *uid,
                                    const struct kp_artifact_row *a, int64_t epoch, int64_t step,
                                    struct kp_error *e)
{
    int64_t run = 0;
    enum kp_status st = kp_store_held_run(s, uid, &run, e);

    return st == KP_OK ? write_artifact(s, run, a, epoch, step, e) : st;
}

static enum kp_status write_of_done(struct kp_store *s, const char *uid,
                                    const struct kp_artifact_row *a, struct kp_error *e)
{
    int64_t run = 0;
    bool found = false;
    enum kp_status st =
        kp_database_integer(&s->database, e, &run, &found,
                            "SELECT id FROM run WHERE uid = ? AND status = 'done'", "t", uid);

    if (st == KP_OK && !found)
        st = kp_fail(e, KP_E_STORE, "%s: run %s is not done", s->path, uid);
    return st == KP_OK ? write_artifact(s, run, a, 0, 0, e) : st;
}

enum kp_status kp_store_artifact(struct kp_store *s, const char *uid,
                                 const struct kp_artifact_row *a, int64_t epoch, int64_t step,
                                 struct kp_error *e)
{
    enum kp_status st = kp_writer_flush(s->writer, e);

    if (st != KP_OK)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database, write_of_held(s, uid, a, epoch, step, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

enum kp_status kp_store_add_artifact(struct kp_store *s, const char *uid,
                                     const struct kp_artifact_row *a, struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database, write_of_done(s, uid, a, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

enum kp_status kp_store_find_artifact(struct kp_store *s, const char *uid, const char *role,
                                      char **path, char sha256[KP_HASH_SIZE], bool *found,
                                      struct kp_error *e)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_prepare(
        &s->database,
        uid ? "SELECT a.path, a.sha256 FROM run r JOIN artifact a ON a.run = r.id "
              "WHERE a.role = ? AND r.uid = ?"
            : "SELECT path, sha256 FROM artifact WHERE role = ? ORDER BY run DESC LIMIT 1",
        &q, e);
    if (st == KP_OK) {
        kp_database_bind(q, uid ? "tt" : "t", role, uid);
        st = kp_database_next(&s->database, q, &row, e);
    }
    if (st == KP_OK && row) {
        char *whole = kp_path_join(s->folder, kp_database_text(q, 0));
        if (!whole) {
            st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", s->path);
        } else {
            *path = whole;
            (void)snprintf(sha256, KP_HASH_SIZE, "%s", kp_database_text(q, 1));
        }
    }
    if (st == KP_OK)
        *found = row;
    (void)sqlite3_finalize(q);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}
