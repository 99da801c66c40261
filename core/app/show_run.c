/* show_run.c - the record of a run. */
#include "app/show_run.h"

#include "app/answer.h"
#include "app/output.h"
#include "store/query.h"

#include <string.h>

struct part {
    const char *title;
    const char *sql; /* ends where the run's uid follows */
    const char *rest;
};

static const struct part parts[] = {
    {"run",
     "SELECT key AS field, value FROM json_each((SELECT json_object("
     "'uid', r.uid, 'kind', r.kind, 'name', r.name, 'status', r.status, 'error', r.error, "
     "'dataset', r.dataset, 'model', r.model, 'objective', r.objective, 'teacher', r.teacher, "
     "'teacher run', t.uid, 'kappa', r.kappa, 'm', r.m, 'n', r.n, 'tau', r.tau, 'seed', r.seed, "
     "'attempt', r.attempt, 'step', r.step, 'steps', r.steps, 'samples', r.samples, "
     "'created', datetime(r.created, 'unixepoch') || ' UTC', "
     "'finished', datetime(r.finished, 'unixepoch') || ' UTC', "
     "'configuration hash', r.config_hash, 'pair hash', r.pair_hash, 'group hash', r.group_hash) "
     "FROM run r LEFT JOIN run t ON t.id = r.teacher_run WHERE r.uid = ",
     "))"},
    {"results",
     "SELECT k.name AS metric, coalesce(v.value, v.flag) AS value, k.unit, v.split, v.kappa, "
     "v.samples, v.step FROM result v JOIN metric_key k ON k.id = v.key JOIN run r ON r.id = v.run "
     "WHERE r.uid = ",
     " ORDER BY v.split, k.id, v.kappa"},
    {"compared with",
     "SELECT k.name AS metric, coalesce(p.value, p.flag) AS value, p.split, p.estimator, p.n, "
     "b.uid AS run FROM pairwise p JOIN metric_key k ON k.id = p.key JOIN run b ON b.id = p.run_b "
     "JOIN run r ON r.id = p.run_a WHERE r.uid = ",
     " ORDER BY p.split, k.id"},
    {"attempts",
     "SELECT a.attempt, datetime(a.started, 'unixepoch') AS started, "
     "round(coalesce(a.finished, r.heartbeat) - a.started, 1) AS seconds, a.resume_step, a.host, "
     "a.threads, a.device, a.versions, a.git_revision "
     "FROM attempt a JOIN run r ON r.id = a.run WHERE r.uid = ",
     " ORDER BY a.attempt"},
    {"examples",
     "SELECT s.role, s.count, s.overlap, s.seed, s.algorithm, s.sha256 "
     "FROM subset s JOIN run r ON r.id = s.run WHERE r.uid = ",
     " ORDER BY s.role"},
    {"plugins",
     "SELECT p.kind, p.name, p.version, p.abi_major || '.' || p.abi_minor AS abi, p.path, p.sha256 "
     "FROM run_plugin p JOIN run r ON r.id = p.run WHERE r.uid = ",
     " ORDER BY p.kind, p.name"},
    {"files",
     "SELECT a.role, a.path, a.bytes, a.sha256 FROM artifact a JOIN run r ON r.id = a.run "
     "WHERE r.uid = ",
     " ORDER BY a.role"},
    {"events",
     "SELECT datetime(v.time, 'unixepoch') AS time, v.kind, v.text FROM event v "
     "JOIN run r ON r.id = v.run WHERE r.uid = ",
     " ORDER BY v.id"},
    {"settings",
     "SELECT p.key, p.text AS value, p.origin FROM param p JOIN run r ON r.id = p.run "
     "WHERE r.uid = ",
     " ORDER BY p.key"},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* A table has more than the names of its columns and a rule. */
static bool has_rows(const struct kp_text *table)
{
    const char *line = table->s;

    for (int i = 0; line && i < 2; i++)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    return line && *line;
}

/* The one run whose uid begins with `prefix`, written over it. */
static int find(const char *database, const char *prefix, char uid[32])
{
    struct kp_answer answer = {0};
    struct kp_error e = {0};
    char sql[128], *word;
    int found = 0, code = KP_EXIT_DONE;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT uid FROM run WHERE uid LIKE '%s%%' ORDER BY uid LIMIT 2", prefix);
    if (kp_answer_ask(database, sql, &answer, &e) != KP_OK) {
        code = kp_say_error(&e);
        goto out;
    }
    while (kp_answer_next(&answer, &word, 1)) {
        if (++found == 1)
            (void)snprintf(uid, 32, "%s", word);
        else if (found == 2)
            kp_say("%s: begins more than one uid: %s and %s; give more of it", prefix, uid, word);
    }
    if (found == 0)
        kp_say("%s: no file and no run of %s; 'kappa sql --db %s \"SELECT uid, name FROM run\"' "
               "lists the runs",
               prefix, database, database);
    if (found != 1)
        code = KP_EXIT_USAGE;
out:
    kp_answer_finish(&answer);
    return code;
}

int kp_show_run(const char *database, const char *prefix)
{
    char uid[32] = "";
    int code = find(database, prefix, uid);

    for (int i = 0; i < PARTS && code == KP_EXIT_DONE; i++) {
        struct kp_text sql = {0}, rows = {0};
        struct kp_error e = {0};

        kp_text_addf(&sql, "%s'%s'%s", parts[i].sql, uid, parts[i].rest);
        if (sql.failed)
            code = kp_exit_status(kp_fail(&e, KP_E_NOMEM, "out of memory"));
        else if (kp_query_run(database, sql.s, KP_QUERY_TABLE, &rows, &e) != KP_OK)
            code = kp_say_error(&e);
        else if (has_rows(&rows))
            (void)printf("%s%s\n%s", i ? "\n" : "", parts[i].title, rows.s);
        kp_text_finish(&sql);
        kp_text_finish(&rows);
    }
    return code;
}
