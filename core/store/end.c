/* end.c - the end of a run: its results and its last status, in one transaction. */
#include "base/clock.h"
#include "store/state.h"

#include <stdlib.h>

static enum kp_status find_key(struct kp_store *s, const char *name, int64_t *id,
                               struct kp_error *e)
{
    if (kp_store_key_id(s, name, id))
        return KP_OK;
    return kp_fail(e, KP_E_INVALID, "metric '%s' was not announced to the run database", name);
}

static enum kp_status write_results(struct kp_store *s, int64_t run,
                                    const struct kp_result_row *rows, int64_t count,
                                    struct kp_error *e)
{
    int64_t key = 0;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        st = find_key(s, rows[i].key, &key, e);
        if (st == KP_OK)
            st = kp_database_exec(
                &s->database, e,
                "INSERT OR REPLACE INTO result (run, key, split, kappa, samples, step, value, "
                "flag) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                "iitriiv", run, key, rows[i].split, rows[i].kappa, rows[i].samples, rows[i].step,
                rows[i].value);
    }
    return st;
}

static enum kp_status write_pairs(struct kp_store *s, int64_t run,
                                  const struct kp_pairwise_row *rows, int64_t count,
                                  struct kp_error *e)
{
    int64_t key = 0, other = 0;
    bool found = false;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        st = find_key(s, rows[i].key, &key, e);
        if (st == KP_OK)
            st = kp_database_integer(&s->database, e, &other, &found,
                                     "SELECT id FROM run WHERE uid = ?", "t", rows[i].other_uid);
        if (st == KP_OK && !found)
            st = kp_fail(e, KP_E_STORE, "%s: run %s, compared with, is not there", s->path,
                         rows[i].other_uid);
        if (st == KP_OK)
            st = kp_database_exec(
                &s->database, e,
                "INSERT OR REPLACE INTO pairwise (run_a, run_b, key, split, estimator, kappa, n, "
                "value, flag) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                "iiittriv", run, other, key, rows[i].split,
                rows[i].estimator ? rows[i].estimator : "", rows[i].kappa, rows[i].n,
                rows[i].value);
    }
    return st;
}

static enum kp_status write_end(struct kp_store *s, int64_t run, enum kp_run_status status,
                                const char *error, struct kp_error *e)
{
    double now = kp_clock_wall();
    enum kp_status st = kp_database_exec(
        &s->database, e,
        "UPDATE run SET status = ?, error = ?, finished = ?, heartbeat = ? WHERE id = ?", "ttrri",
        kp_run_status_words[status], error, now, now, run);

    if (st == KP_OK)
        st = kp_database_exec(&s->database, e,
                              "UPDATE attempt SET finished = ? WHERE run = ? AND finished IS NULL",
                              "ri", now, run);
    return st;
}

enum kp_status kp_store_results(struct kp_store *s, const char *uid,
                                const struct kp_result_row *results, int64_t result_count,
                                const struct kp_pairwise_row *pairs, int64_t pair_count,
                                struct kp_error *e)
{
    int64_t run = 0;
    enum kp_status st = kp_writer_flush(s->writer, e);

    if (st != KP_OK)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK) {
        st = kp_store_held_run(s, uid, &run, e);
        if (st == KP_OK)
            st = write_results(s, run, results, result_count, e);
        if (st == KP_OK)
            st = write_pairs(s, run, pairs, pair_count, e);
        st = kp_database_end(&s->database, st, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

enum kp_status kp_store_end_run(struct kp_store *s, const char *uid, enum kp_run_status status,
                                const char *error, const struct kp_result_row *results,
                                int64_t result_count, const struct kp_pairwise_row *pairs,
                                int64_t pair_count, struct kp_error *e)
{
    int64_t run = 0;
    enum kp_status st;

    KP_ASSERT(status == KP_RUN_DONE || status == KP_RUN_FAILED || status == KP_RUN_INTERRUPTED);
    /* Points that are not on disk are made again by whoever continues a run. */
    st = kp_writer_flush(s->writer, e);
    if (st != KP_OK && status == KP_RUN_DONE)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK) {
        st = kp_store_held_run(s, uid, &run, e);
        if (st == KP_OK)
            st = write_results(s, run, results, result_count, e);
        if (st == KP_OK)
            st = write_pairs(s, run, pairs, pair_count, e);
        if (st == KP_OK)
            st = write_end(s, run, status, error, e);
        st = kp_database_end(&s->database, st, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (st == KP_OK)
        kp_writer_hold(s->writer, -1);
    return st;
}

enum kp_status kp_store_give_up(struct kp_store *s, const char *uid, const char *error,
                                struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database,
                             kp_database_exec(&s->database, e,
                                              "UPDATE run SET status = 'failed', error = ? WHERE "
                                              "uid = ? AND status = 'lost'",
                                              "tt", error, uid),
                             e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

enum kp_status kp_store_fail_held(struct kp_store *s, const char *kind, const char *plugin,
                                  const char *name, const char *error, bool *any,
                                  struct kp_error *e)
{
#define HELD "status = 'running' AND host = ? AND boot = ? AND pid = ? AND pid_start = ?"
    const struct kp_process *self = &s->self;
    double now = kp_clock_wall();
    int64_t held = 0;
    bool found = false;
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st != KP_OK)
        goto out;
    st = kp_database_integer(&s->database, e, &held, &found, "SELECT count(*) FROM run WHERE " HELD,
                             "ttii", self->host, self->boot, self->pid, self->started);
    if (st == KP_OK)
        st = kp_database_exec(&s->database, e,
                              "UPDATE attempt SET finished = ? WHERE finished IS NULL AND run IN "
                              "(SELECT id FROM run WHERE " HELD ")",
                              "rttii", now, self->host, self->boot, self->pid, self->started);
    if (st == KP_OK)
        st = kp_database_exec(
            &s->database, e,
            "UPDATE run SET status = 'failed', error = ?, finished = ?, heartbeat = ? WHERE " HELD
            " AND EXISTS (SELECT 1 FROM run_plugin WHERE run = run.id AND kind = ?8 AND name = ?) "
            "AND (?8 <> 'objective' OR objective = ?)",
            "trrttiittt", error, now, now, self->host, self->boot, self->pid, self->started, kind,
            plugin, name);
    if (st == KP_OK)
        st = kp_database_exec(&s->database, e,
                              "UPDATE run SET status = 'lost', finished = ? WHERE " HELD, "rttii",
                              now, self->host, self->boot, self->pid, self->started);
    st = kp_database_end(&s->database, st, e);
    if (st == KP_OK)
        *any = held > 0;
out:
    (void)pthread_mutex_unlock(&s->lock);
    return st;
#undef HELD
}
