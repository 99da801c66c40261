/* diff.c - `kappa diff`: what two runs have in common and where they differ. */
#include "app/command.h"
#include "app/output.h"
#include "app/parts.h"
#include "app/run_uid.h"

/* Of several kappas of one curve those that both runs have are compared, and what each was measured
 * at once, whatever its kappa. */
#define ONCE(run)                                                                           \
    "(SELECT count(*) FROM result o WHERE o.run = " run ".run AND o.key = " run ".key AND " \
    "o.split = " run ".split) = 1"
#define SAME_KAPPA "(b.kappa = a.kappa OR (" ONCE("a") " AND " ONCE("b") ")) "

#define BOTH(table)                                                                          \
    "(SELECT * FROM " table " WHERE run = (SELECT id FROM run WHERE uid = :a)) a FULL JOIN " \
    "(SELECT * FROM " table " WHERE run = (SELECT id FROM run WHERE uid = :b)) b "

static const struct kp_part parts[] = {
    {"runs",
     "SELECT iif(r.uid = :a, 'a', 'b') AS run, r.uid, l.label AS what, r.name AS study, r.status "
     "FROM run r JOIN v_label l ON l.run = r.id WHERE r.uid IN (:a, :b) ORDER BY 1",
     NULL},
    {"configuration",
     "SELECT coalesce(a.key, b.key) AS key, a.text AS a, b.text AS b FROM " BOTH(
         "param") "ON b.key = a.key WHERE a.text IS NOT b.text ORDER BY 1",
     "the same settings"},
    {"teacher",
     "SELECT a.uid AS a, b.uid AS b FROM run ra JOIN run rb LEFT JOIN run a ON a.id = "
     "ra.teacher_run LEFT JOIN run b ON b.id = rb.teacher_run WHERE ra.uid = :a AND rb.uid = :b "
     "AND a.uid IS NOT b.uid",
     NULL},
    {"results",
     "SELECT coalesce(a.split, b.split) AS split, k.name AS metric, coalesce(a.value, a.flag) AS "
     "a, coalesce(b.value, b.flag) AS b, b.value - a.value AS difference, k.unit FROM " BOTH(
         "result") "ON b.key = a.key AND b.split = a.split AND " SAME_KAPPA
                   "JOIN metric_key k ON k.id = coalesce(a.key, b.key) ORDER BY 1, k.id, a.kappa",
     "none in either run"},
    {"examples",
     "SELECT coalesce(a.role, b.role) AS role, a.count AS a_count, b.count AS b_count, "
     "substr(a.sha256, 1, 16) AS a, substr(b.sha256, 1, 16) AS b FROM " BOTH(
         "subset") "ON b.role = a.role WHERE a.sha256 IS NOT b.sha256 ORDER BY 1",
     "the same examples"},
    {"plugins",
     "SELECT coalesce(a.kind, b.kind) AS kind, coalesce(a.name, b.name) AS name, a.version AS "
     "a_version, b.version AS b_version, substr(a.sha256, 1, 16) AS a, substr(b.sha256, 1, 16) AS "
     "b FROM " BOTH("run_plugin") "ON b.kind = a.kind AND b.name = a.name "
                                  "WHERE a.sha256 IS NOT b.sha256 ORDER BY 1, 2",
     "the same files"},
    {"made by",
     "WITH made AS (SELECT r.uid, v.* FROM attempt t JOIN run r ON r.id = t.run AND r.attempt = "
     "t.attempt JOIN json_each(json_object('program', t.build, 'versions', t.versions, 'device', "
     "t.device, 'processor level', t.level, 'threads', t.threads, 'host', t.host, 'git revision', "
     "t.git_revision, 'git dirty', t.git_dirty)) v WHERE r.uid IN (:a, :b)) SELECT a.key AS what, "
     "a.value AS a, b.value AS b "
     "FROM made a JOIN made b ON b.key = a.key WHERE a.uid = :a AND b.uid = :b AND a.value IS NOT "
     "b.value",
     "the same program on the same kind of device"},
    {"weights",
     "SELECT substr(a.sha256, 1, 16) AS a, substr(b.sha256, 1, 16) AS b FROM " BOTH(
         "artifact") "ON b.role = a.role WHERE coalesce(a.role, b.role) = 'model' AND "
                     "a.sha256 IS NOT b.sha256",
     "bit for bit the same, or none"},
};

static int command_diff(const struct kp_arguments *a)
{
    char one[KP_UID_SIZE], two[KP_UID_SIZE];
    int code = kp_run_uid(a->db, a->v[0], one);

    if (code == KP_EXIT_DONE)
        code = kp_run_uid(a->db, a->v[1], two);
    if (code == KP_EXIT_DONE)
        code = kp_parts_print(a->db, parts, sizeof(parts) / sizeof(parts[0]), one, two);
    return code;
}

const struct kp_command kp_command_diff = {
    .name = "diff",
    .summary = "where two runs differ: settings, results, examples, plugins, program",
    .synopsis = "RUN RUN [OPTION]...",
    .details = "Each RUN is a uid or the beginning of one. Of settings, examples, plugins and\n"
               "program only what differs is shown, of results all with the difference b - a.\n",
    .example = "  kappa diff 01JD3 01JD7 --db kappa.db\n",
    .flags = KP_FLAG_DB,
    .least = 2,
    .most = 2,
    .run = command_diff,
};
