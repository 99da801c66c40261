/* log.c - `kappa log`: the life of a run: attempts, events, curves. */
#include "app/command.h"
#include "app/output.h"
#include "app/parts.h"
#include "app/run_uid.h"

/* The points of one step are one row. */
static const char sql[] =
    "WITH this AS (SELECT * FROM run WHERE uid = :a), line (time, step, what, text) AS ("
    "SELECT a.started, coalesce(a.resume_step, 0), 'attempt', printf('%d begins%s on %s, process "
    "%d, %s', a.attempt, iif(a.resume_step IS NULL, '', ' at its checkpoint'), a.host, a.pid, "
    "a.device) FROM attempt a JOIN this ON this.id = a.run "
    "UNION ALL SELECT a.finished, iif(a.attempt = this.attempt, this.step, NULL), 'attempt', "
    "printf('%d ends%s', a.attempt, iif(a.attempt = this.attempt, ': ' || this.status || "
    "coalesce(': ' || this.error, ''), '')) FROM attempt a JOIN this ON this.id = a.run "
    "WHERE a.finished IS NOT NULL "
    "UNION ALL SELECT v.time, NULL, v.kind, v.text FROM event v JOIN this ON this.id = v.run "
    "UNION ALL SELECT max(time), step, 'point', group_concat(text, '  ') FROM (SELECT p.time, "
    "p.step, k.name || ' ' || coalesce(printf('%.6g', p.value), p.flag) AS text FROM this "
    "CROSS JOIN point p ON p.run = this.id CROSS JOIN metric_key k ON k.id = p.key "
    "ORDER BY p.step, p.key) GROUP BY step) "
    "SELECT strftime('%Y-%m-%d %H:%M:%S', time, 'unixepoch') AS time, step, what, text FROM line "
    "ORDER BY line.time, step, what";

static int command_log(const struct kp_arguments *a)
{
    struct kp_text query = {0}, rows = {0};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];
    int code = kp_run_uid(a->db, a->v[0], uid);

    if (code == KP_EXIT_DONE) {
        kp_part_sql(sql, uid, NULL, &query);
        if (query.failed)
            code = kp_exit_status(kp_fail(&e, KP_E_NOMEM, "out of memory"));
        else if (kp_query_run(a->db, query.s, a->format, &rows, &e) != KP_OK)
            code = kp_say_error(&e);
        else
            (void)fputs(rows.s ? rows.s : "", stdout);
    }
    kp_text_finish(&query);
    kp_text_finish(&rows);
    return code;
}

const struct kp_command kp_command_log = {
    .name = "log",
    .summary = "the life of a run in order: attempts, events, points of its curves",
    .synopsis = "RUN [OPTION]...",
    .details = "RUN is a uid or the beginning of one. Times are UTC.\n",
    .example = "  kappa log 01JD3 --db kappa.db\n",
    .flags = KP_FLAG_DB | KP_FLAG_FORMAT | KP_FLAG_CSV | KP_FLAG_JSON,
    .least = 1,
    .most = 1,
    .run = command_log,
};
