/* watch.c - what `kappa run` shows of the runs in progress. */
#include "app/watch.h"

#include "app/answer.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "base/clock.h"

#include <stdlib.h>

enum { LABEL_SIZE = 256 };

/* A run of the plan as the display names it; the label is kept in `label`. */
static struct kp_progress_run shown(const struct kp_watch *w, const struct kp_planned *r,
                                    char label[LABEL_SIZE])
{
    kp_planned_label(r, label, LABEL_SIZE);
    return (struct kp_progress_run){r - w->plan->runs + 1, w->plan->count, label};
}

static void on_begin(void *arg, int64_t number, int64_t total, const struct kp_planned *r)
{
    struct kp_watch *w = arg;
    char label[LABEL_SIZE];
    struct kp_progress_run run = shown(w, r, label);

    (void)total;
    w->begun[number] = kp_clock_monotonic();
    w->last = number;
    w->working++;
    w->opening = false;
    kp_display_begin(&w->display, &run);
}

static void on_progress(void *arg, const struct kp_progress *p)
{
    struct kp_watch *w = arg;
    char label[LABEL_SIZE];
    struct kp_progress_run run = {0, w->plan->count, "data"};

    if (w->working > 0)
        run = shown(w, &w->plan->runs[w->last], label);
    if (w->working > 1) {
        (void)snprintf(label, sizeof(label), "%lld runs at once", (long long)w->working);
        run.label = label;
    }
    if (w->working == 0 && !w->opening) {
        w->opening = true;
        kp_display_begin(&w->display, &run);
    }
    kp_display_progress(&w->display, &run, p);
}

static bool on_stop(void *arg)
{
    (void)arg;
    return kp_interrupt_wanted();
}

static void on_note(void *arg, const char *text)
{
    struct kp_watch *w = arg;
    kp_display_line(&w->display, "%s", text);
}

static void on_wait(void *arg, int64_t runs)
{
    struct kp_watch *w = arg;

    if (!w->waiting)
        kp_display_line(&w->display, "waiting for %lld run%s that other processes work on",
                        (long long)runs, runs == 1 ? "" : "s");
    w->waiting = true;
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
                 "SELECT replace(k.name, '/', ' ') || ' ' || iif(v.value IS NULL, v.flag, printf("
                 "CASE k.unit WHEN '%%' THEN '%%.2f' ELSE '%%.4g' END, v.value)) || "
                 "CASE k.unit WHEN '' THEN '' ELSE ' ' || k.unit END "
                 "FROM result v JOIN run r ON r.id = v.run JOIN metric_key k ON k.id = v.key "
                 "WHERE r.uid = '%s' AND v.split = 'test' AND v.analysis IS NULL AND v.kappa = "
                 "(SELECT max(kappa) FROM result WHERE run = r.id) "
                 "UNION ALL SELECT replace(k.name, '/', ' ') || ' ' || "
                 "iif(v.value IS NULL, v.flag, printf('%%.4g', v.value)) FROM result v "
                 "JOIN run a ON a.id = v.analysis JOIN metric_key k ON k.id = v.key "
                 "WHERE a.uid = '%s'",
                 uid, uid);
    /* A run that is done stays done if its results cannot be shown. */
    if (!sql.failed && kp_answer_ask(database, sql.s, &answer, &e) == KP_OK)
        while (kp_answer_next(&answer, &word, 1))
            kp_text_addf(out, "%s%s", out->length ? ", " : "", word);
    kp_answer_finish(&answer);
    kp_text_finish(&sql);
}

/* Of a run that ends: the seconds since it began, if it did. */
static double take_begun(struct kp_watch *w, const struct kp_planned *r)
{
    double *begun = &w->begun[r - w->plan->runs];
    double seconds = *begun > 0 ? kp_clock_monotonic() - *begun : 0;

    w->working -= *begun > 0;
    *begun = 0;
    return seconds;
}

static void on_end(void *arg, const struct kp_planned *r, enum kp_status st, const char *text)
{
    struct kp_watch *w = arg;
    struct kp_text results = {0};
    char label[LABEL_SIZE];
    struct kp_progress_run run = shown(w, r, label);
    double seconds = take_begun(w, r);

    if (st == KP_OK) {
        add_results(w->database, r->uid, &results);
        kp_display_end(&w->display, &run, seconds, true, "done", results.s ? results.s : "");
    } else if (st == KP_E_INTERRUPTED) {
        kp_display_end(&w->display, &run, seconds, false, "interrupted", "its state is saved");
    } else {
        (void)kp_fail(&w->said, st, "%s", text && *text ? text : kp_status_text(st));
        kp_display_clear(&w->display);
        kp_say("%s: failed: %s", label, w->said.text);
    }
    kp_text_finish(&results);
}

static void on_skip(void *arg, const struct kp_planned *r, const char *why)
{
    struct kp_watch *w = arg;
    char label[LABEL_SIZE];

    kp_planned_label(r, label, sizeof(label));
    kp_display_clear(&w->display);
    kp_say("%s: %s", label, why);
}

bool kp_watch_init(struct kp_watch *w, const struct kp_plan *plan, const char *database, bool quiet)
{
    *w = (struct kp_watch){.plan = plan, .database = database};
    kp_display_init(&w->display, quiet);
    w->begun = calloc((size_t)plan->count + 1, sizeof(*w->begun));
    return w->begun != NULL;
}

void kp_watch_finish(struct kp_watch *w)
{
    free(w->begun);
}

struct kp_study_watcher kp_watch_watcher(struct kp_watch *w)
{
    return (struct kp_study_watcher){.arg = w,
                                     .begin = on_begin,
                                     .progress = on_progress,
                                     .end = on_end,
                                     .skip = on_skip,
                                     .wait = on_wait,
                                     .stop = on_stop,
                                     .note = on_note};
}
