/* run.c - `kappa run`: do what is missing of an experiment. */
#include "app/answer.h"
#include "app/command.h"
#include "app/display.h"
#include "app/format.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "app/setup.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct watch {
    struct kp_display display;
    const struct kp_plan *plan;
    const char *database;
    const struct kp_planned *begun; /* the run in progress, or NULL */
    struct kp_error said;           /* the last failure that was shown */
};

static void on_begin(void *arg, int64_t number, int64_t total, const struct kp_planned *r)
{
    struct watch *w = arg;
    char label[256];

    (void)number;
    kp_planned_label(r, label, sizeof(label));
    w->begun = r;
    kp_display_begin(&w->display, r - w->plan->runs + 1, total, label);
}

static void on_progress(void *arg, const struct kp_progress *p)
{
    struct watch *w = arg;
    kp_display_progress(&w->display, p);
}

static bool on_stop(void *arg)
{
    (void)arg;
    return kp_interrupt_wanted();
}

static void on_note(void *arg, const char *text)
{
    struct watch *w = arg;
    kp_display_line(&w->display, "%s", text);
}

/* "test accuracy 61.24 %, test agreement 64.10 %": what a finished run has come to. */
static void add_results(const char *database, const char *uid, struct kp_text *out)
{
    struct kp_text sql = {0};
    struct kp_error e = {0};
    struct kp_answer answer = {0};
    char *word;

    if (!kp_is_uid(uid))
        return;
    kp_text_addf(&sql,
                 "SELECT replace(k.name, '/', ' ') || ' ' || coalesce(printf("
                 "CASE k.unit WHEN '%%' THEN '%%.2f' ELSE '%%.4g' END, v.value), v.flag) || "
                 "CASE k.unit WHEN '' THEN '' ELSE ' ' || k.unit END "
                 "FROM result v JOIN run r ON r.id = v.run JOIN metric_key k ON k.id = v.key "
                 "WHERE r.uid = '%s' AND v.split = 'test' AND v.analysis IS NULL "
                 "UNION ALL SELECT replace(k.name, '/', ' ') || ' ' || coalesce(printf('%%.4g', "
                 "v.value), v.flag) FROM result v JOIN run a ON a.id = v.analysis JOIN "
                 "metric_key k ON k.id = v.key WHERE a.uid = '%s'",
                 uid, uid);
    /* A run that is done stays done if its results cannot be shown. */
    if (!sql.failed && kp_answer_ask(database, sql.s, &answer, &e) == KP_OK)
        while (kp_answer_next(&answer, &word, 1))
            kp_text_addf(out, "%s%s", out->length ? ", " : "", word);
    kp_answer_finish(&answer);
    kp_text_finish(&sql);
}

static void on_end(void *arg, const struct kp_planned *r, enum kp_status st, const char *text)
{
    struct watch *w = arg;
    struct kp_text results = {0};
    bool begun = w->begun == r;
    char label[256];

    w->begun = NULL;
    if (st == KP_OK) {
        add_results(w->database, r->uid, &results);
        kp_display_end(&w->display, true, "done", results.s ? results.s : "");
    } else if (st == KP_E_INTERRUPTED) {
        kp_display_end(&w->display, false, "interrupted", "its state is saved");
    } else {
        (void)kp_fail(&w->said, st, "%s", text && *text ? text : kp_status_text(st));
        kp_planned_label(r, label, sizeof(label));
        kp_display_clear(&w->display);
        kp_say("%s: %s%s", label, begun ? "failed: " : "", w->said.text);
    }
    kp_text_finish(&results);
}

/* A word of a command line as a shell reads it. */
static void add_quoted(const char *word, struct kp_text *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%";

    if (*word && strspn(word, plain) == strlen(word)) {
        kp_text_add(out, word);
        return;
    }
    kp_text_add(out, "'");
    for (; *word; word++) {
        if (*word == '\'')
            kp_text_add(out, "'\\''");
        else
            kp_text_add_bytes(out, word, 1);
    }
    kp_text_add(out, "'");
}

static void say_how_to_continue(const struct kp_arguments *a)
{
    struct kp_text line = {0};

    kp_text_add(&line, "kappa");
    for (int i = 0; a->typed[i]; i++) {
        kp_text_add(&line, " ");
        add_quoted(a->typed[i], &line);
    }
    kp_say("interrupted; to continue: %s", line.s ? line.s : "the same command");
    kp_text_finish(&line);
}

/* Whether PI can be read: there are label-trained students and others. */
static bool has_pairs(const struct kp_plan *p)
{
    bool lt = false, other = false;

    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_objective_def *o = p->runs[i].config->objective;
        if (!p->runs[i].cell || !o || p->runs[i].analysis)
            continue;
        if (strcmp(o->name, "lt") == 0)
            lt = true;
        else
            other = true;
    }
    return lt && other;
}

static void print_summary(struct watch *w, const struct kp_plan *plan, const char *database,
                          const struct kp_study_result *r, double seconds)
{
    struct kp_display *d = &w->display;
    struct kp_text quoted = {0};
    char time[KP_FORMAT_SIZE];

    add_quoted(database, &quoted);
    kp_display_line(d, "%lld run%s: %lld done, %lld found done, %lld failed, %lld skipped; %s",
                    (long long)plan->count, plan->count == 1 ? "" : "s", (long long)r->done,
                    (long long)r->found, (long long)r->failed, (long long)r->skipped,
                    kp_format_duration(seconds, time));
    kp_display_line(d, "database: %s", database);
    if (r->done + r->found == 0)
        goto out;
    if (has_pairs(plan))
        kp_display_line(d,
                        "next: kappa sql --db %s \"SELECT kappa, objective, tau, n, lt_mean, "
                        "pi_mean, pi_sd FROM v_pi WHERE metric = 'test/accuracy' "
                        "ORDER BY 1, 2, 3\"",
                        quoted.s ? quoted.s : "");
    else
        kp_display_line(d,
                        "next: kappa sql --db %s \"SELECT name, model, objective, kappa, seed, "
                        "status, test_accuracy FROM v_run\"",
                        quoted.s ? quoted.s : "");
out:
    kp_text_finish(&quoted);
}

/* Plan with what the database knows. It is made only once the configuration is known to be right;
 * then it is empty, and the plan made without it holds. */
static int open_all(const struct kp_arguments *a, const struct kp_registry *registry,
                    struct kp_store **store, struct kp_plan **plan)
{
    int code = kp_setup_store(a->db, false, store);

    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, registry, *store, plan);
    if (code == KP_EXIT_DONE && !*store)
        code = kp_setup_store(a->db, true, store);
    return code;
}

static int execute(const struct kp_arguments *a, const struct kp_registry *registry,
                   struct kp_store *store, struct kp_plan *plan)
{
    struct watch w = {.plan = plan, .database = a->db};
    struct kp_study_watcher watcher = {&w, on_begin, on_progress, on_end, on_stop, on_note};
    struct kp_study_result result = {0};
    struct kp_error e = {0};
    double begun = kp_clock_monotonic();
    enum kp_status st;

    kp_display_init(&w.display, a->quiet);
    kp_interrupt_catch();
    st = kp_plan_execute(plan, registry, store, &watcher, &result, &e);
    kp_display_clear(&w.display);
    if (st != KP_OK && st != KP_E_INTERRUPTED && strcmp(e.text, w.said.text) != 0)
        (void)kp_say_error(&e);
    if (kp_store_flush(store, &e) != KP_OK) {
        (void)kp_say_error(&e);
        st = e.status;
    }
    print_summary(&w, plan, a->db, &result, kp_clock_monotonic() - begun);
    if (st == KP_E_INTERRUPTED) {
        say_how_to_continue(a);
        return KP_EXIT_INTERRUPTED;
    }
    return st != KP_OK || result.failed > 0 || result.skipped > 0 ? KP_EXIT_FAILED : KP_EXIT_DONE;
}

static int command_run(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE)
        code = open_all(a, &registry, &store, &plan);
    if (code == KP_EXIT_DONE)
        code = execute(a, &registry, store, plan);
    kp_plan_destroy(plan);
    if (store && kp_store_close(store, &e) != KP_OK) {
        (void)kp_say_error(&e);
        if (code == KP_EXIT_DONE)
            code = KP_EXIT_FAILED;
    }
    kp_registry_finish(&registry);
    return code;
}

const struct kp_command kp_command_run = {
    .name = "run",
    .summary = "do what is missing of an experiment: teachers, then students",
    .synopsis = "EXP.ini [OPTION]...",
    .details =
        "Runs that the database has already are not done again; one that was interrupted goes on\n"
        "at its last checkpoint. A failed run is recorded and the others go on. Ctrl-C finishes\n"
        "the step, saves and exits; a second one exits at once. The database FILE is made if\n"
        "absent, with the folder FILE.d for weights and checkpoints.\n",
    .example = "  kappa run experiments/quickstart/students.ini --set data.kappa=0.1 --db k.db\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_DB | KP_FLAG_THREADS | KP_FLAG_QUIET,
    .least = 1,
    .most = 1,
    .run = command_run,
};
