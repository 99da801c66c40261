/* checkpoints.c - records a run's last two checkpoints. */
#include "store/checkpoints.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kp_checkpoint_rows_finish(struct kp_checkpoint_row *rows, int count)
{
    for (int i = 0; i < count; i++) {
        free(rows[i].path);
        rows[i].path = NULL;
    }
}

static enum kp_status read_rows(struct kp_store *s, sqlite3_stmt *q, struct kp_checkpoint_row *out,
                                int *count, struct kp_error *e)
{
    bool row = true;
    enum kp_status st = kp_database_next(&s->database, q, &row, e);

    for (*count = 0; st == KP_OK && row && *count < KP_CHECKPOINTS; ++*count) {
        struct kp_checkpoint_row *r = &out[*count];

        r->path = kp_path_join(s->folder, kp_database_text(q, 0));
        if (!r->path)
            return kp_fail(e, KP_E_NOMEM, "%s: out of memory", s->path);
        (void)snprintf(r->sha256, sizeof r->sha256, "%s", kp_database_text(q, 1));
        r->epoch = sqlite3_column_int64(q, 2);
        r->step = sqlite3_column_int64(q, 3);
        st = kp_database_next(&s->database, q, &row, e);
    }
    return st;
}

enum kp_status kp_store_checkpoints(struct kp_store *s, const char *uid,
                                    struct kp_checkpoint_row out[KP_CHECKPOINTS], int *count,
                                    struct kp_error *e)
{
    sqlite3_stmt *q = NULL;
    enum kp_status st;

    *count = 0;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_prepare(&s->database,
                             "SELECT a.path, a.sha256, a.epoch, a.step FROM run r JOIN artifact a "
                             "ON a.run = r.id WHERE r.uid = ? AND a.role IN ('checkpoint', "
                             "'checkpoint_before') ORDER BY a.role",
                             &q, e);
    if (st == KP_OK) {
        kp_database_bind(q, "t", uid);
        st = read_rows(s, q, out, count, e);
    }
    (void)sqlite3_finalize(q);
    (void)pthread_mutex_unlock(&s->lock);
    if (st != KP_OK) {
        kp_checkpoint_rows_finish(out, *count);
        *count = 0;
    }
    return st;
}

/* One written again at the same step has the same path, and replaces itself only. */
static enum kp_status write_row(struct kp_store *s, const char *uid,
                                const struct kp_artifact_row *a, int64_t epoch, int64_t step,
                                struct kp_error *e)
{
    struct kp_database *d = &s->database;
    int64_t run = 0;
    enum kp_status st = kp_store_held_run(s, uid, &run, e);

    if (st == KP_OK)
        st = kp_database_exec(d, e,
                              "UPDATE OR REPLACE artifact SET role = 'checkpoint_before' WHERE "
                              "run = ? AND role = 'checkpoint' AND path <> ?",
                              "it", run, a->path);
    if (st == KP_OK)
        st = kp_database_exec(d, e,
                              "INSERT OR REPLACE INTO artifact (run, role, path, sha256, bytes, "
                              "epoch, step, created) VALUES (?, 'checkpoint', ?, ?, ?, ?, ?, ?)",
                              "ittiiir", run, a->path, a->sha256, a->bytes, epoch, step,
                              kp_clock_wall());
    return st;
}

enum kp_status kp_store_add_checkpoint(struct kp_store *s, const char *uid,
                                       const struct kp_artifact_row *a, int64_t epoch, int64_t step,
                                       struct kp_error *e)
{
    enum kp_status st = kp_writer_flush(s->writer, e);

    if (st != KP_OK)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database, write_row(s, uid, a, epoch, step, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

enum kp_status kp_store_drop_checkpoints(struct kp_store *s, const char *uid, struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, false, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database,
                             kp_database_exec(&s->database, e,
                                              "DELETE FROM artifact WHERE role IN ('checkpoint', "
                                              "'checkpoint_before') AND run = (SELECT id FROM run "
                                              "WHERE uid = ? AND status = 'done')",
                                              "t", uid),
                             e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}
