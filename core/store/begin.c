/* begin.c - the row of a run and all that is known of it before its first step. */
#include "base/clock.h"
#include "store/state.h"
#include "store/uid.h"

#include <stdio.h>
#include <string.h>

/* The arguments of kp_store_begin_run() and what becomes of them. */
struct begin {
    struct kp_database *d;
    const struct kp_process *self;
    const struct kp_run_row *row;
    const struct kp_attempt_row *attempt;
    int64_t resume_step;
    double now;
    bool taken;      /* the run is to be had */
    int64_t run;     /* its id */
    int64_t number;  /* of this attempt */
    int64_t teacher; /* id; 0: none */
    char uid[KP_UID_SIZE];
};

static enum kp_status find_teacher(struct begin *b, struct kp_error *e)
{
    bool found = false;
    enum kp_status st;

    if (!b->row->teacher_uid)
        return KP_OK;
    st = kp_database_integer(b->d, e, &b->teacher, &found, "SELECT id FROM run WHERE uid = ?", "t",
                             b->row->teacher_uid);
    if (st == KP_OK && !found)
        st = kp_fail(e, KP_E_STORE, "%s: the teacher's run %s is not there", b->d->path,
                     b->row->teacher_uid);
    return st;
}

/* The earlier row of this configuration: b->run stays 0 if there is none. Whoever comes second of
 * two that saw the same row finds another attempt in it, or a row where there was none. */
static enum kp_status find_earlier(struct begin *b, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    struct kp_process holder;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        b->d,
        "SELECT id, uid, status, attempt, heartbeat, host, boot, pid, pid_start FROM run "
        "WHERE config_hash = ?",
        &s, e);

    if (st == KP_OK) {
        kp_database_bind(s, "t", b->row->config_hash);
        st = kp_database_next(b->d, s, &row, e);
    }
    if (st == KP_OK && row) {
        const char *status = kp_database_text(s, 2);
        b->run = sqlite3_column_int64(s, 0);
        (void)snprintf(b->uid, sizeof b->uid, "%s", kp_database_text(s, 1));
        b->number = sqlite3_column_int64(s, 3);
        kp_store_read_process(s, 5, &holder);
        b->taken = b->number == b->attempt->previous && strcmp(status, "done") != 0 &&
                   (strcmp(status, "running") != 0 ||
                    !kp_process_alive(&holder, b->self, b->now - sqlite3_column_double(s, 4)));
    } else if (st == KP_OK) {
        b->taken = b->attempt->previous == 0;
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status insert_run(struct begin *b, struct kp_error *e)
{
    const struct kp_run_row *r = b->row;
    enum kp_status st = kp_uid_make(b->uid, e);

    b->number = 1;
    if (st == KP_OK)
        st = kp_database_exec(
            b->d, e,
            "INSERT INTO run (uid, kind, name, status, config_hash, pair_hash, group_hash, "
            "teacher_run, dataset, model, objective, teacher, kappa, m, n, tau, seed, attempt, "
            "host, boot, pid, pid_start, heartbeat, created, ini) "
            "VALUES (?, ?, ?, 'running', ?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, "
            "?, ?, ?, ?, ?, ?, ?)",
            "ttttttittttriiri"
            "ttiirrt",
            b->uid, r->kind, r->name, r->config_hash, r->pair_hash, r->group_hash, b->teacher,
            r->dataset, r->model, r->objective, r->teacher, r->kappa, r->m, r->n, r->tau, r->seed,
            b->self->host, b->self->boot, b->self->pid, b->self->started, b->now, b->now, r->ini);
    b->run = sqlite3_last_insert_rowid(b->d->handle);
    return st;
}

/* What a run recorded after the step from which it goes on never happened. */
static enum kp_status forget_later(struct begin *b, struct kp_error *e)
{
    enum kp_status st = kp_database_exec(b->d, e, "DELETE FROM point WHERE run = ? AND step > ?",
                                         "ii", b->run, b->resume_step);

    if (st == KP_OK)
        st = kp_database_exec(b->d, e,
                              "DELETE FROM artifact WHERE run = ? AND (step > ? OR (role NOT IN "
                              "('checkpoint', 'checkpoint_before') AND role NOT GLOB 'model@*')) "
                              "AND role NOT GLOB 'teacher_table*'",
                              "ii", b->run, b->resume_step);
    /* The one it goes on from is the newest again. */
    if (st == KP_OK)
        st = kp_database_exec(b->d, e,
                              "UPDATE OR IGNORE artifact SET role = 'checkpoint' WHERE run = ? AND "
                              "role = 'checkpoint_before'",
                              "i", b->run);
    if (st == KP_OK)
        st = kp_database_exec(b->d, e, "DELETE FROM result WHERE run = ? AND step > ?", "ii",
                              b->run, b->resume_step);
    if (st == KP_OK)
        st = kp_database_exec(b->d, e,
                              "DELETE FROM pairwise WHERE run_a = ?1 AND kappa NOT IN (SELECT "
                              "kappa FROM result WHERE run = ?1)",
                              "i", b->run);
    if (st == KP_OK)
        st = kp_database_exec(b->d, e,
                              "UPDATE attempt SET finished = (SELECT heartbeat FROM run WHERE id "
                              "= attempt.run) WHERE run = ? AND finished IS NULL",
                              "i", b->run);
    return st;
}

/* Names, paths and other settings without influence on the weights may differ from last time. */
static enum kp_status continue_run(struct begin *b, struct kp_error *e)
{
    const struct kp_run_row *r = b->row;
    int64_t step = b->resume_step > 0 ? b->resume_step : 0;
    enum kp_status st = forget_later(b, e);

    b->number++;
    if (st == KP_OK)
        st = kp_database_exec(
            b->d, e,
            "UPDATE run SET name = ?, status = 'running', teacher_run = nullif(?, 0), "
            "dataset = ?, teacher = ?, kappa = ?, attempt = ?, step = ?, samples = "
            "coalesce((SELECT max(samples) FROM point WHERE run = run.id), 0), host = ?, boot = ?, "
            "pid = ?, pid_start = ?, heartbeat = ?, finished = NULL, error = NULL, ini = ? "
            "WHERE id = ?",
            "tittriittiirti", r->name, b->teacher, r->dataset, r->teacher, r->kappa, b->number,
            step, b->self->host, b->self->boot, b->self->pid, b->self->started, b->now, r->ini,
            b->run);
    return st;
}

static enum kp_status write_params(struct begin *b, const struct kp_param_row *params,
                                   int64_t count, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    enum kp_status st = kp_database_exec(b->d, e, "DELETE FROM param WHERE run = ?", "i", b->run);

    if (st == KP_OK)
        st = kp_database_prepare(
            b->d, "INSERT INTO param (run, key, text, number, origin) VALUES (?, ?, ?, ?, ?)", &s,
            e);
    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        kp_database_bind(s, "ittrt", b->run, params[i].key, params[i].text, params[i].number,
                         params[i].origin);
        st = kp_database_put(b->d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status add_plugins(struct kp_database *d, int64_t run,
                                  const struct kp_plugin_row *plugins, int64_t count,
                                  struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < count; i++)
        st = kp_database_exec(
            d, e,
            "INSERT INTO run_plugin (run, kind, name, version, path, sha256, abi_major, abi_minor) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            "itttttii", run, plugins[i].kind, plugins[i].name, plugins[i].version, plugins[i].path,
            plugins[i].sha256, (int64_t)plugins[i].abi_major, (int64_t)plugins[i].abi_minor);
    return st;
}

static enum kp_status write_plugins(struct begin *b, const struct kp_plugin_row *plugins,
                                    int64_t count, struct kp_error *e)
{
    enum kp_status st =
        kp_database_exec(b->d, e, "DELETE FROM run_plugin WHERE run = ?", "i", b->run);

    return st == KP_OK ? add_plugins(b->d, b->run, plugins, count, e) : st;
}

static enum kp_status write_subsets(struct begin *b, const struct kp_subset_row *subsets,
                                    int64_t count, struct kp_error *e)
{
    enum kp_status st = kp_database_exec(b->d, e, "DELETE FROM subset WHERE run = ?", "i", b->run);

    for (int64_t i = 0; st == KP_OK && i < count; i++)
        st = kp_database_exec(
            b->d, e,
            "INSERT INTO subset (run, role, algorithm, seed, count, overlap, sha256) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            "ittiiit", b->run, subsets[i].role, subsets[i].algorithm, subsets[i].seed,
            subsets[i].count, subsets[i].overlap, subsets[i].sha256);
    return st;
}

static enum kp_status write_attempt(struct begin *b, struct kp_error *e)
{
    const struct kp_attempt_row *a = b->attempt;

    return kp_database_exec(
        b->d, e,
        "INSERT INTO attempt (run, attempt, resume_step, started, host, pid, device, threads, "
        "versions, git_revision, git_dirty, build, level) "
        "VALUES (?, ?, nullif(?, -1), ?, ?, ?, ?, ?, ?, ?10, iif(?10 IS NULL, NULL, ?), ?, ?)",
        "iiirtitittitt", b->run, b->number, b->resume_step < 0 ? -1 : b->resume_step, b->now,
        b->self->host, b->self->pid, a->device, a->threads, a->versions, a->git_revision,
        (int64_t)a->git_dirty, a->build, a->level);
}

static enum kp_status write_rest(struct begin *b, const struct kp_param_row *params,
                                 int64_t param_count, const struct kp_plugin_row *plugins,
                                 int64_t plugin_count, const struct kp_subset_row *subsets,
                                 int64_t subset_count, struct kp_error *e)
{
    enum kp_status st = b->run ? continue_run(b, e) : insert_run(b, e);

    if (st == KP_OK)
        st = write_params(b, params, param_count, e);
    if (st == KP_OK)
        st = write_plugins(b, plugins, plugin_count, e);
    if (st == KP_OK)
        st = write_subsets(b, subsets, subset_count, e);
    if (st == KP_OK)
        st = write_attempt(b, e);
    return st;
}

enum kp_status kp_store_begin_run(struct kp_store *s, const struct kp_run_row *row,
                                  const struct kp_param_row *params, int64_t param_count,
                                  const struct kp_plugin_row *plugins, int64_t plugin_count,
                                  const struct kp_subset_row *subsets, int64_t subset_count,
                                  const struct kp_attempt_row *attempt, int64_t resume_step,
                                  char uid[KP_UID_SIZE], bool *taken, struct kp_error *e)
{
    struct begin b = {.d = &s->database,
                      .self = &s->self,
                      .row = row,
                      .attempt = attempt,
                      .resume_step = resume_step,
                      .now = kp_clock_wall()};
    enum kp_status st;

    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(b.d, true, e);
    if (st == KP_OK) {
        st = find_teacher(&b, e);
        if (st == KP_OK)
            st = find_earlier(&b, e);
        if (st == KP_OK && b.taken)
            st = write_rest(&b, params, param_count, plugins, plugin_count, subsets, subset_count,
                            e);
        st = kp_database_end(b.d, st, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (st != KP_OK)
        return st;
    *taken = b.taken;
    if (!b.taken)
        return KP_OK;
    kp_writer_hold(s->writer, 1);
    memcpy(uid, b.uid, KP_UID_SIZE);
    return KP_OK;
}

enum kp_status kp_store_add_plugins(struct kp_store *s, const char *uid,
                                    const struct kp_plugin_row *plugins, int64_t count,
                                    struct kp_error *e)
{
    int64_t run = 0;
    enum kp_status st;

    if (count == 0)
        return KP_OK;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK) {
        st = kp_store_held_run(s, uid, &run, e);
        if (st == KP_OK)
            st = add_plugins(&s->database, run, plugins, count, e);
        st = kp_database_end(&s->database, st, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return st;
}
