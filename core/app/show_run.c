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

#define FIELD(name, value) "SELECT '" name "' AS field, " value " AS value FROM r UNION ALL "

static const struct part parts[] = {
    {"run",
     "WITH r AS (SELECT run.*, t.uid AS teacher_uid FROM run LEFT JOIN run t ON "
     "t.id = run.teacher_run WHERE run.uid = ",
     ") " FIELD("uid", "uid") FIELD("kind", "kind") FIELD("name", "name") FIELD("status", "status")
         FIELD("error", "error") FIELD("dataset", "dataset") FIELD("model", "model")
             FIELD("objective", "objective") FIELD("teacher", "teacher")
                 FIELD("teacher run", "teacher_uid") FIELD("kappa", "kappa") FIELD("m", "m")
                     FIELD("n", "n") FIELD("tau", "tau") FIELD("seed", "seed")
                         FIELD("attempt", "attempt")
                             FIELD("step", "step || coalesce(' of ' || steps, '')")
                                 FIELD("samples", "samples")
                                     FIELD("created", "datetime(created, 'unixepoch') || ' UTC'")
                                         FIELD("finished",
                                               "datetime(finished, 'unixepoch') || ' UTC'")
                                             FIELD("configuration hash", "config_hash")
                                                 FIELD("pair hash", "pair_hash")
     "SELECT 'group hash', group_hash FROM r"},
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

enum { PARTS = sizeof(parts) / sizeof(parts[0]), SHOWN = 3 };

/* The one run whose uid begins with `prefix`, written over it. */
static int find(const char *database, const char *prefix, char uid[32])
{
    struct kp_answer answer = {0};
    struct kp_error e = {0};
    char sql[128], *word;
    int found = 0, code = KP_EXIT_DONE;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT uid FROM run WHERE uid LIKE '%s%%' ORDER BY uid LIMIT %d", prefix,
                   SHOWN);
    if (kp_answer_ask(database, sql, &answer, &e) != KP_OK) {
        code = kp_say_error(&e);
        goto out;
    }
    while (kp_answer_next(&answer, &word, 1)) {
        if (++found == 1)
            (void)snprintf(uid, 32, "%s", word);
        else
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
        else
            (void)printf("%s%s\n%s", i ? "\n" : "", parts[i].title, rows.s ? rows.s : "");
        kp_text_finish(&sql);
        kp_text_finish(&rows);
    }
    return code;
}
