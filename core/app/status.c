/* status.c - `kappa status`: what is being done now, by any number of processes. */
#include "app/command.h"
#include "app/interrupt.h"
#include "app/open_runs.h"
#include "app/output.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/reader.h"

#include <string.h>
#include <time.h>

#define WATCH_SECONDS 2.0

static const char counts[] =
    "WITH open AS (SELECT status, count(*) AS runs FROM run WHERE status <> 'done' GROUP BY "
    "status) "
    "SELECT 'done' AS status, (SELECT count(*) FROM run) - (SELECT total(runs) FROM open) AS runs "
    "UNION ALL SELECT * FROM open";

static const char as_json[] =
    "WITH told AS (" KP_OPEN_RUNS
    ") SELECT uid, label, state, step, steps, progress, rate, examples, seconds_left, attempt, "
    "host, pid, silence, reason AS why FROM told ORDER BY state = 'running' DESC, uid";

#define TIME_TEXT(seconds)                                                            \
    "iif(" seconds " < 3600, printf('%d:%02d', " seconds " / 60, " seconds " % 60), " \
    "printf('%d:%02d:%02d', " seconds " / 3600, " seconds " / 60 % 60, " seconds " % 60))"

static const char running[] =
    "WITH told AS (" KP_OPEN_RUNS
    ") SELECT substr(uid, 1, 14) AS run, label AS what, printf('%3d %%  %d/%d', progress, step, "
    "steps) AS progress, round(rate, 1) AS \"steps/s\", round(examples) AS "
    "\"examples/s\", " TIME_TEXT(
        "cast(seconds_left AS INTEGER)") " AS \"left\", host || ' ' || pid AS "
                                         "process, " TIME_TEXT("cast(max(silence, 0) AS "
                                                               "INTEGER)") " AS heard "
                                                                           "FROM told WHERE "
                                                                           "state = 'running' "
                                                                           "ORDER BY uid";

static const char others[] =
    "WITH told AS (" KP_OPEN_RUNS
    ") SELECT substr(uid, 1, 14) AS run, label AS what, state, printf('%d/%d', step, steps) AS "
    "step, coalesce(reason, 'stopped by request') AS why "
    "FROM told WHERE state <> 'running' ORDER BY uid DESC LIMIT 20";

static enum kp_status print_counts(struct kp_reader *r, const char *database, struct kp_error *e)
{
    struct kp_rowset rows = {0};
    double all = 0;
    enum kp_status st = kp_reader_rows(r, counts, &rows, NULL, e);

    for (int64_t i = 0; st == KP_OK && i < rows.count; i++)
        all += kp_rowset_field(&rows, i, 1)->number;
    if (st == KP_OK)
        (void)printf("%s: %.0f run%s", database, all, all == 1 ? "" : "s");
    for (int64_t i = 0; st == KP_OK && i < rows.count; i++)
        (void)printf("%s%s %s", i ? ", " : ": ", kp_rowset_field(&rows, i, 1)->text,
                     kp_rowset_field(&rows, i, 0)->text);
    if (st == KP_OK)
        (void)putchar('\n');
    kp_rowset_finish(&rows);
    return st;
}

/* A table that has rows, under an empty line. */
static enum kp_status print_table(struct kp_reader *r, const char *sql, bool *some,
                                  struct kp_error *e)
{
    struct kp_text out = {0};
    struct kp_rowset rows = {0};
    enum kp_status st = kp_reader_rows(r, sql, &rows, NULL, e);

    *some = st == KP_OK && rows.count > 0;
    if (*some)
        st = kp_reader_layout(r, sql, KP_QUERY_TABLE, &out, NULL, e);
    if (st == KP_OK && *some)
        (void)printf("\n%s", out.s);
    kp_text_finish(&out);
    kp_rowset_finish(&rows);
    return st;
}

static enum kp_status print_people(struct kp_reader *r, const char *database, struct kp_error *e)
{
    bool some = false, unused = false;
    enum kp_status st = print_counts(r, database, e);

    if (st == KP_OK)
        st = print_table(r, running, &some, e);
    if (st == KP_OK && !some)
        (void)printf("nothing is running\n");
    if (st == KP_OK)
        st = print_table(r, others, &unused, e);
    return st;
}

static enum kp_status print_json(struct kp_reader *r, struct kp_error *e)
{
    struct kp_text count = {0}, runs = {0};
    enum kp_status st = kp_reader_layout(r, counts, KP_QUERY_JSON, &count, NULL, e);

    if (st == KP_OK)
        st = kp_reader_layout(r, as_json, KP_QUERY_JSON, &runs, NULL, e);
    if (st == KP_OK)
        (void)printf("{\"counts\": %s, \"runs\": %s}\n", count.s, runs.s);
    kp_text_finish(&count);
    kp_text_finish(&runs);
    return st;
}

static int print_once(const struct kp_arguments *a)
{
    struct kp_reader *r = NULL;
    struct kp_error e = {0};
    enum kp_status st = kp_reader_open(a->db, &r, &e);

    if (st == KP_OK)
        st = kp_reader_freeze(r, &e);
    if (st == KP_OK)
        st = a->format == KP_QUERY_JSON ? print_json(r, &e) : print_people(r, a->db, &e);
    kp_reader_close(r);
    (void)fflush(stdout);
    return st == KP_OK ? KP_EXIT_DONE : (int)kp_say_error(&e);
}

static void pause_a_while(void)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    double until = kp_clock_monotonic() + WATCH_SECONDS;

    while (!kp_interrupt_wanted() && kp_clock_monotonic() < until)
        (void)nanosleep(&pause, NULL);
}

static int command_status(const struct kp_arguments *a)
{
    bool terminal = kp_is_terminal(stdout);
    int code;

    if (!kp_file_exists(a->db)) {
        kp_say("%s: no such database; '--db FILE' names another", a->db);
        return KP_EXIT_USAGE;
    }
    if (!a->watch)
        return print_once(a);
    kp_interrupt_catch();
    do {
        if (terminal)
            (void)printf("\033[H\033[J");
        code = print_once(a);
        pause_a_while();
    } while (code == KP_EXIT_DONE && !kp_interrupt_wanted() && !ferror(stdout));
    return code;
}

const struct kp_command kp_command_status = {
    .name = "status",
    .summary = "what is running now, how far it is, and what was lost or failed",
    .synopsis = "[OPTION]...",
    .details =
        "Reads the database alone, so it shows the runs of any number of processes. 'heard' is\n"
        "the time since a run's last sign of life. Below: the newest runs that are begun, not\n"
        "done and not running, and why; 'kappa run' continues or repeats them.\n",
    .example = "  kappa status --db kappa.db --watch\n",
    .flags = KP_FLAG_DB | KP_FLAG_JSON | KP_FLAG_WATCH,
    .least = 0,
    .most = 0,
    .run = command_status,
};
