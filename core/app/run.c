/* run.c - `kappa run`: do what is missing of an experiment. */
#include "app/command.h"
#include "app/crash.h"
#include "app/format.h"
#include "app/interrupt.h"
#include "app/jobs.h"
#include "app/names.h"
#include "app/output.h"
#include "app/quote.h"
#include "app/setup.h"
#include "app/watch.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void say_how_to_continue(const struct kp_arguments *a)
{
    struct kp_text line = {0};

    kp_text_add(&line, "kappa");
    for (int i = 0; a->typed[i]; i++) {
        kp_text_add(&line, " ");
        kp_quote(a->typed[i], &line);
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

/* The metric to show: language models have a perplexity. */
static const char *judged_by(const struct kp_plan *plan)
{
    const char *metrics = plan->runs[0].config->core.metrics.plugins;

    return strncmp(metrics, "perplexity", strlen("perplexity")) == 0 ? "perplexity" : "accuracy";
}

static void print_summary(struct kp_watch *w, const struct kp_plan *plan, const char *database,
                          const struct kp_study_result *r, double seconds)
{
    struct kp_display *d = &w->display;
    struct kp_text quoted = {0};
    char time[KP_FORMAT_SIZE];

    kp_quote(database, &quoted);
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
                        "pi_mean, pi_sd FROM v_pi WHERE metric = 'test/%s' "
                        "ORDER BY 1, 2, 3\"",
                        quoted.s ? quoted.s : "", judged_by(plan));
    else
        kp_display_line(d,
                        "next: kappa sql --db %s \"SELECT name, model, objective, kappa, seed, "
                        "status, test_%s FROM v_run\"",
                        quoted.s ? quoted.s : "", judged_by(plan));
out:
    kp_text_finish(&quoted);
}

/* In this process, or in others. They find no database open then, see jobs.h. */
static enum kp_status do_plan(const struct kp_arguments *a, const struct kp_registry *registry,
                              struct kp_store **store, struct kp_plan *plan,
                              const struct kp_study_watcher *watcher,
                              struct kp_study_result *result, struct kp_error *e)
{
    enum kp_status st;

    if (a->jobs > 1 || kp_crash_resumed()) {
        st = kp_store_close(*store, e);
        *store = NULL;
        if (st == KP_OK)
            st = kp_jobs_execute(plan, registry, a->db, a->jobs, watcher, result, e);
        return st;
    }
    kp_crash_record(a->db, registry, false);
    st = kp_plan_execute(plan, registry, *store, watcher, result, e);
    struct kp_error flush = {0};
    if (kp_store_flush(*store, &flush) != KP_OK && (st == KP_OK || st == KP_E_INTERRUPTED)) {
        *e = flush;
        st = flush.status;
    }
    return st;
}

/* What is left needs a device that works, which this process will not have again. */
static enum kp_status begin_anew(struct kp_store **store, struct kp_error *e)
{
    enum kp_status st = kp_store_close(*store, e);

    *store = NULL;
    if (st != KP_OK)
        return st;
    kp_crash_begin_anew();
    return kp_fail(e, KP_E_IO, "the device is lost, and kappa cannot begin anew: %s",
                   strerror(errno));
}

static int execute(const struct kp_arguments *a, const struct kp_registry *registry,
                   struct kp_store **store, struct kp_plan *plan)
{
    struct kp_watch w;
    struct kp_study_watcher watcher = kp_watch_watcher(&w);
    struct kp_study_result result = {0};
    struct kp_error e = {0};
    double begun = kp_clock_monotonic();
    char *names = NULL;

    if (!kp_watch_init(&w, plan, a->db, a->quiet)) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    names = kp_names_other(plan, a->db);
    kp_interrupt_catch();
    enum kp_status st = do_plan(a, registry, store, plan, &watcher, &result, &e);
    kp_display_clear(&w.display);
    if (st == KP_OK && result.lost)
        st = begin_anew(store, &e);
    if (st != KP_OK && st != KP_E_INTERRUPTED && strcmp(e.text, w.said.text) != 0)
        (void)kp_say_error(&e);
    if (st == KP_OK || result.done + result.found + result.failed + result.skipped > 0)
        print_summary(&w, plan, a->db, &result, kp_clock_monotonic() - begun);
    if (names)
        kp_display_line(&w.display, "%s", names);
    free(names);
    kp_watch_finish(&w);
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
        code = kp_setup_all(a, &registry, &store, &plan);
    if (code == KP_EXIT_DONE && a->only && kp_plan_only(plan, a->only, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        code = execute(a, &registry, &store, plan);
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
        "the step, saves and exits; a second one exits at once. After a crash in a plugin its\n"
        "runs are recorded as failed, and the others go on in a process of their own. Several\n"
        "processes may work on one database: each run is done by one of them, and one that dies\n"
        "is taken over. The database FILE is made if absent, with the folder FILE.d for weights\n"
        "and checkpoints.\n",
    .example = "  kappa run experiments/quickstart/students.ini --set data.kappa=0.1 --db k.db\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES | KP_FLAG_DB | KP_FLAG_ONLY |
             KP_FLAG_THREADS | KP_FLAG_JOBS | KP_FLAG_QUIET,
    .least = 1,
    .most = 1,
    .run = command_run,
};
