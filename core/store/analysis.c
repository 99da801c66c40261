/* analysis.c - results that analyses measure of runs that others have finished. */
#include "store/analysis.h"

#include "base/clock.h"
#include "store/reader.h"
#include "store/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum kp_status find_run(struct kp_store *s, const char *uid, int64_t *run,
                               struct kp_error *e)
{
    bool found = false;
    enum kp_status st = kp_database_integer(&s->database, e, run, &found,
                                            "SELECT id FROM run WHERE uid = ?", "t", uid);

    if (st == KP_OK && !found)
        st = kp_fail(e, KP_E_STORE, "%s: run %s, which was analysed, is not there", s->path, uid);
    return st;
}

static enum kp_status write_subjects(struct kp_store *s, const char *uid, const char *const *uids,
                                     int64_t count, struct kp_error *e)
{
    int64_t analysis = 0, run = 0;
    enum kp_status st = kp_store_held_run(s, uid, &analysis, e);

    if (st == KP_OK)
        st = kp_database_exec(&s->database, e, "DELETE FROM subject WHERE analysis = ?", "i",
                              analysis);
    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        st = find_run(s, uids[i], &run, e);
        if (st == KP_OK)
            st = kp_database_exec(&s->database, e,
                                  "INSERT OR IGNORE INTO subject (analysis, run) VALUES (?, ?)",
                                  "ii", analysis, run);
    }
    return st;
}

enum kp_status kp_store_subjects(struct kp_store *s, const char *uid, const char *const *uids,
                                 int64_t count, struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database, write_subjects(s, uid, uids, count, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

/* Were both analyses told to measure the same thing? `other` 0: a training measured it. */
static enum kp_status check_same(struct kp_store *s, int64_t analysis, int64_t other,
                                 const char *key, const char *run_uid, struct kp_error *e)
{
    int64_t differing = 1;
    bool found = false;
    enum kp_status st = KP_OK;

    if (other == analysis)
        return KP_OK;
    if (other)
        st = kp_database_integer(
            &s->database, e, &differing, &found,
            "SELECT count(*) FROM param p JOIN param q ON q.key = p.key AND q.text <> p.text "
            "WHERE p.run = ? AND q.run = ? AND p.key NOT GLOB '*.of' AND p.key NOT GLOB '*.with' "
            "AND p.key NOT GLOB '*.query' AND p.key NOT GLOB '*.at'",
            "ii", analysis, other);
    if (st == KP_OK && differing > 0)
        st = kp_fail(e, KP_E_CONFIG,
                     "run %s has '%s' already, measured with other settings; give this analysis a "
                     "label, as in [analysis.cka.wide], so that its results have a name of their "
                     "own",
                     run_uid, key);
    return st;
}

static enum kp_status find_key(struct kp_store *s, const char *name, int64_t *id,
                               struct kp_error *e)
{
    if (kp_store_key_id(s, name, id))
        return KP_OK;
    return kp_fail(e, KP_E_INVALID, "metric '%s' was not announced to the run database", name);
}

static enum kp_status write_pair(struct kp_store *s, int64_t analysis,
                                 const struct kp_compared_row *r, struct kp_error *e)
{
    int64_t a = 0, b = 0, key = 0, other = 0;
    bool found = false;
    enum kp_status st = find_key(s, r->key, &key, e);

    if (st == KP_OK)
        st = find_run(s, r->uid_a, &a, e);
    if (st == KP_OK)
        st = find_run(s, r->uid_b, &b, e);
    if (st == KP_OK)
        st = kp_database_integer(&s->database, e, &other, &found,
                                 "SELECT coalesce(analysis, 0) FROM pairwise WHERE run_a = ? AND "
                                 "run_b = ? AND key = ? AND split = ? AND kappa = ?",
                                 "iiitr", a, b, key, r->split, r->kappa);
    if (st == KP_OK && found)
        st = check_same(s, analysis, other, r->key, r->uid_a, e);
    if (st == KP_OK)
        st = kp_database_exec(
            &s->database, e,
            "INSERT OR REPLACE INTO pairwise (run_a, run_b, key, split, estimator, kappa, n, "
            "value, flag, analysis) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "iiittrivi", a, b, key, r->split, r->estimator, r->kappa, r->n, r->value, analysis);
    return st;
}

/* The run's result is that with its own teacher, or with the first it was compared with. */
static enum kp_status write_result(struct kp_store *s, int64_t analysis,
                                   const struct kp_measured_row *r, struct kp_error *e)
{
    int64_t run = 0, key = 0, other = 0, against_another = 0;
    bool found = false, unused = false;
    enum kp_status st = find_key(s, r->key, &key, e);

    if (st == KP_OK)
        st = find_run(s, r->run_uid, &run, e);
    if (st == KP_OK)
        st = kp_database_integer(&s->database, e, &other, &found,
                                 "SELECT coalesce(analysis, 0) FROM result WHERE run = ? AND key = "
                                 "? AND split = ? AND kappa = ?",
                                 "iitr", run, key, r->split, r->kappa);
    if (st == KP_OK && found && other && r->partner_uid && r->partner_uid[0])
        st = kp_database_integer(
            &s->database, e, &against_another, &unused,
            "SELECT count(*) FROM pairwise p JOIN run b ON b.id = p.run_b WHERE p.run_a = ? AND "
            "p.key = ? AND p.split = ? AND p.kappa = ? AND p.analysis = ? AND b.uid <> ?",
            "iitrit", run, key, r->split, r->kappa, other, r->partner_uid);
    if (st != KP_OK || against_another > 0)
        return st;
    if (found)
        st = check_same(s, analysis, other, r->key, r->run_uid, e);
    if (st == KP_OK)
        st = kp_database_exec(
            &s->database, e,
            "INSERT OR REPLACE INTO result (run, key, split, kappa, samples, step, value, flag, "
            "analysis) SELECT r.id, ?1, ?2, ?3, coalesce(v.samples, r.samples), coalesce(v.step, "
            "r.step), ?4, ?5, ?6 FROM run r LEFT JOIN result v ON v.run = r.id AND v.kappa = ?3 "
            "AND v.analysis IS NULL WHERE r.id = ?7 LIMIT 1",
            "itrvii", key, r->split, r->kappa, r->value, analysis, run);
    return st;
}

static enum kp_status write_all(struct kp_store *s, const char *uid,
                                const struct kp_measured_row *results, int64_t result_count,
                                const struct kp_compared_row *pairs, int64_t pair_count,
                                struct kp_error *e)
{
    int64_t analysis = 0;
    double now = kp_clock_wall();
    enum kp_status st = kp_store_held_run(s, uid, &analysis, e);

    for (int64_t i = 0; st == KP_OK && i < result_count; i++)
        st = write_result(s, analysis, &results[i], e);
    for (int64_t i = 0; st == KP_OK && i < pair_count; i++)
        st = write_pair(s, analysis, &pairs[i], e);
    if (st == KP_OK)
        st = kp_database_exec(&s->database, e,
                              "UPDATE run SET status = 'done', finished = ?, heartbeat = ? "
                              "WHERE id = ?",
                              "rri", now, now, analysis);
    if (st == KP_OK)
        st = kp_database_exec(&s->database, e,
                              "UPDATE attempt SET finished = ? WHERE run = ? AND finished IS NULL",
                              "ri", now, analysis);
    return st;
}

enum kp_status kp_store_end_analysis(struct kp_store *s, const char *uid,
                                     const struct kp_measured_row *results, int64_t result_count,
                                     const struct kp_compared_row *pairs, int64_t pair_count,
                                     struct kp_error *e)
{
    enum kp_status st = kp_writer_flush(s->writer, e);

    if (st != KP_OK)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(&s->database,
                             write_all(s, uid, results, result_count, pairs, pair_count, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    if (st == KP_OK)
        kp_writer_hold(s->writer, -1);
    return st;
}

enum kp_status kp_store_samples_at(struct kp_store *s, const char *uid, double kappa,
                                   int64_t *samples, bool *found, struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_integer(&s->database, e, samples, found,
                             "SELECT v.samples FROM result v JOIN run r ON r.id = v.run WHERE "
                             "r.uid = ? AND v.kappa = ? AND v.analysis IS NULL",
                             "tr", uid, kappa);
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}

static enum kp_status take_pairs(struct kp_store *s, const struct kp_rowset *rows,
                                 char (*out)[KP_UID_SIZE], int64_t *count, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < rows->count; i++) {
        bool done = true;

        for (int k = 0; st == KP_OK && k < 2; k++) {
            const char *uid = kp_rowset_field(rows, i, k)->text;
            struct kp_run_info info;
            bool found = false;

            st = strlen(uid) == KP_UID_SIZE - 1 ? kp_store_find_uid(s, uid, &info, &found, e)
                                                : KP_OK;
            if (st == KP_OK && !found)
                st = kp_fail(e, KP_E_INVALID, "row %lld of the query: '%.40s' is no run",
                             (long long)i + 1, uid);
            if (st != KP_OK)
                break;
            done = done && info.status == KP_RUN_DONE;
            (void)snprintf(out[2 * *count + k], KP_UID_SIZE, "%s", info.uid);
        }
        *count += st == KP_OK && done;
    }
    return st;
}

enum kp_status kp_store_query_pairs(struct kp_store *s, const char *sql,
                                    char (**pairs)[KP_UID_SIZE], int64_t *count, struct kp_error *e)
{
    struct kp_reader *reader = NULL;
    struct kp_rowset rows = {0};
    char(*out)[KP_UID_SIZE] = NULL;
    int64_t n = 0;
    enum kp_status st = kp_reader_open(s->path, &reader, e);

    if (st == KP_OK)
        st = kp_reader_rows(reader, sql, &rows, NULL, e);
    if (st == KP_OK && rows.columns != 2)
        st = kp_fail(e, KP_E_INVALID, "the query gives %d columns; two, each a uid", rows.columns);
    if (st == KP_OK) {
        out = calloc((size_t)rows.count * 2 + 1, sizeof(*out));
        st = out ? take_pairs(s, &rows, out, &n, e)
                 : kp_fail(e, KP_E_NOMEM, "no memory for the pairs of a query");
    }
    kp_rowset_finish(&rows);
    kp_reader_close(reader);
    if (st != KP_OK) {
        free(out);
        return st;
    }
    *pairs = out;
    *count = n;
    return KP_OK;
}
