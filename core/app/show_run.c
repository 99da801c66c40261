/* show_run.c - the record of a run. */
#include "app/show_run.h"

#include "app/output.h"
#include "app/parts.h"
#include "app/run_uid.h"
#include "store/reader.h"

/* One row as two columns. */
#define UPRIGHT(object) "SELECT key AS field, value FROM json_each((SELECT json_object(" object "))"

static const struct kp_part parts[] = {
    {"run",
     UPRIGHT("'uid', r.uid, 'what', l.label, 'kind', r.kind, 'study', r.name, 'status', r.status, "
             "'error', r.error, 'dataset', r.dataset, 'model', r.model, 'objective', r.objective, "
             "'teacher', r.teacher, 'teacher run', t.uid, 'kappa', r.kappa, 'm', r.m, 'n', r.n, "
             "'tau', r.tau, 'seed', r.seed, 'attempt', r.attempt, 'step', r.step, 'steps', "
             "r.steps, 'samples', r.samples, 'created', datetime(r.created, 'unixepoch') || "
             "' UTC', 'finished', datetime(r.finished, 'unixepoch') || ' UTC', "
             "'configuration hash', r.config_hash, 'pair hash', r.pair_hash, 'group hash', "
             "r.group_hash) FROM run r JOIN v_label l ON l.run = r.id LEFT JOIN run t ON t.id = "
             "r.teacher_run WHERE r.uid = :a"),
     NULL},
    {"results",
     "SELECT k.name AS metric, coalesce(v.value, v.flag) AS value, k.unit, v.split, v.kappa, "
     "v.samples, v.step FROM result v JOIN metric_key k ON k.id = v.key JOIN run r ON r.id = v.run "
     "WHERE r.uid = :a ORDER BY v.split, k.id, v.kappa",
     NULL},
    {"looked at",
     "SELECT l.label AS what, r.uid AS run FROM subject s JOIN run a ON a.id = s.analysis "
     "JOIN run r ON r.id = s.run JOIN v_label l ON l.run = r.id WHERE a.uid = :a ORDER BY r.uid",
     NULL},
    {"found",
     "SELECT * FROM (SELECT k.name AS metric, coalesce(v.value, v.flag) AS value, v.split, "
     "r.uid AS run, NULL AS beside FROM result v JOIN run a ON a.id = v.analysis "
     "JOIN metric_key k ON k.id = v.key JOIN run r ON r.id = v.run WHERE a.uid = :a UNION ALL "
     "SELECT k.name, coalesce(p.value, p.flag), p.split, r.uid, b.uid FROM pairwise p "
     "JOIN run a ON a.id = p.analysis JOIN metric_key k ON k.id = p.key "
     "JOIN run r ON r.id = p.run_a JOIN run b ON b.id = p.run_b WHERE a.uid = :a) "
     "ORDER BY metric, run, beside",
     NULL},
    {"compared with",
     "SELECT k.name AS metric, coalesce(p.value, p.flag) AS value, p.split, p.estimator, p.kappa, "
     "p.n, b.uid AS run FROM pairwise p JOIN metric_key k ON k.id = p.key JOIN run b ON b.id = "
     "p.run_b JOIN run r ON r.id = p.run_a WHERE r.uid = :a ORDER BY p.split, k.id, p.kappa",
     NULL},
    {"made by (last attempt)",
     UPRIGHT("'program', a.build, 'versions', a.versions, 'device', a.device, "
             "'processor level', a.level, 'threads', a.threads, 'host', a.host, 'git revision', "
             "a.git_revision, 'git state', "
             "CASE a.git_dirty WHEN 0 THEN 'clean' WHEN 1 THEN 'with changes' END) "
             "FROM attempt a JOIN run r ON r.id = a.run AND r.attempt = a.attempt "
             "WHERE r.uid = :a"),
     NULL},
    {"attempts",
     "SELECT a.attempt, datetime(a.started, 'unixepoch') AS started, "
     "round(coalesce(a.finished, r.heartbeat) - a.started, 1) AS seconds, a.resume_step, a.host, "
     "a.pid, a.threads, substr(a.build, 1, 12) AS program, substr(a.git_revision, 1, 12) AS git "
     "FROM attempt a JOIN run r ON r.id = a.run WHERE r.uid = :a ORDER BY a.attempt",
     NULL},
    {"examples",
     "SELECT s.role, s.count, s.overlap, s.seed, s.algorithm, s.sha256 "
     "FROM subset s JOIN run r ON r.id = s.run WHERE r.uid = :a ORDER BY s.role",
     NULL},
    {"plugins",
     "SELECT p.kind, p.name, p.version, p.abi_major || '.' || p.abi_minor AS abi, p.path, p.sha256 "
     "FROM run_plugin p JOIN run r ON r.id = p.run WHERE r.uid = :a ORDER BY p.kind, p.name",
     NULL},
    {"files",
     "SELECT a.role, a.path, a.bytes, a.sha256 FROM artifact a JOIN run r ON r.id = a.run "
     "WHERE r.uid = :a ORDER BY a.role",
     NULL},
    {"experiments", "SELECT experiment FROM v_experiment WHERE uid = :a ORDER BY 1", NULL},
    {"events",
     "SELECT datetime(v.time, 'unixepoch') AS time, v.kind, v.text FROM event v "
     "JOIN run r ON r.id = v.run WHERE r.uid = :a ORDER BY v.id",
     NULL},
    {"settings",
     "SELECT p.key, p.text AS value, p.origin FROM param p JOIN run r ON r.id = p.run "
     "WHERE r.uid = :a ORDER BY p.key",
     NULL},
};

int kp_show_run(const char *database, const char *prefix)
{
    char uid[KP_UID_SIZE];
    int code = kp_run_uid(database, prefix, uid);

    if (code == KP_EXIT_DONE)
        code = kp_parts_print(database, parts, sizeof(parts) / sizeof(parts[0]), uid, NULL);
    return code;
}

enum kp_status kp_run_ini(const char *database, const char *uid, struct kp_text *out,
                          struct kp_error *e)
{
    struct kp_reader *r = NULL;
    struct kp_rowset rows = {0};
    struct kp_text sql = {0};
    enum kp_status st = kp_reader_open(database, &r, e);

    kp_part_sql("SELECT ini FROM run WHERE uid = :a", uid, NULL, &sql);
    if (st == KP_OK && sql.failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = kp_reader_rows(r, sql.s, &rows, NULL, e);
    if (st == KP_OK && rows.count == 1)
        kp_text_add(out, kp_rowset_field(&rows, 0, 0)->text);
    kp_text_finish(&sql);
    kp_rowset_finish(&rows);
    kp_reader_close(r);
    return st;
}

int kp_show_ini(const char *database, const char *prefix)
{
    struct kp_text ini = {0};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];
    int code = kp_run_uid(database, prefix, uid);

    if (code == KP_EXIT_DONE && kp_run_ini(database, uid, &ini, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        (void)fputs(ini.s ? ini.s : "", stdout);
    kp_text_finish(&ini);
    return code;
}
