/* plan.c - `kappa plan`: an experiment's runs, what is done and what is missing. */
#include "app/command.h"
#include "app/format.h"
#include "app/grid.h"
#include "app/names.h"
#include "app/open_runs.h"
#include "app/output.h"
#include "app/rates.h"
#include "app/setup.h"
#include "store/reader.h"
#include "study/analysis.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_words[] = {
    [KP_PLANNED_MISSING] = "missing", [KP_PLANNED_STARTED] = "started",
    [KP_PLANNED_RUNNING] = "running", [KP_PLANNED_DONE] = "done",
    [KP_PLANNED_FAILED] = "failed",
};

enum { LABEL_SIZE = 256 };

/* What print_rows() leaves to the grid and to print_analyses(). */
static bool in_grid(const struct kp_planned *r)
{
    return r->cell || r->analysis;
}

static int label_width(const struct kp_plan *p, bool others)
{
    int width = 3;

    for (int64_t i = 0; i < p->count; i++) {
        char label[LABEL_SIZE];
        if (others && in_grid(&p->runs[i]))
            continue;
        kp_planned_label(&p->runs[i], label, sizeof(label));
        if ((int)strlen(label) > width)
            width = (int)strlen(label);
    }
    return width;
}

static void print_row(const struct kp_plan *p, int64_t i, int width)
{
    const struct kp_planned *r = &p->runs[i];
    char label[LABEL_SIZE], flops[KP_FORMAT_SIZE];

    kp_planned_label(r, label, sizeof(label));
    (void)printf("%4lld  %-*s  %-7s  %9lld  %10s", (long long)(i + 1), width, label,
                 state_words[r->state], (long long)r->steps,
                 r->flops > 0  ? kp_format_large(r->flops, flops)
                 : r->analysis ? "-"
                               : "?");
    if (r->group > 0)
        (void)printf("  %6lld\n", (long long)r->group);
    else
        (void)printf("  %6s\n", "-");
}

/* Is an analysis of this section before run number `end`? */
static bool seen(const struct kp_plan *p, const char *section, int64_t end)
{
    for (int64_t i = 0; i < end; i++)
        if (p->runs[i].analysis && strcmp(p->runs[i].analysis->config->section, section) == 0)
            return true;
    return false;
}

/* A line for the analyses of each section: how many are in which state. */
static void print_analyses(const struct kp_plan *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        int64_t count[KP_PLANNED_FAILED + 1] = {0}, all = 0;
        const char *section = p->runs[i].analysis ? p->runs[i].analysis->config->section : NULL;

        if (!section || seen(p, section, i))
            continue;
        for (int64_t k = i; k < p->count; k++)
            if (p->runs[k].analysis && strcmp(p->runs[k].analysis->config->section, section) == 0) {
                count[p->runs[k].state]++;
                all++;
            }
        (void)printf("analysis %s: %lld run%s", section, (long long)all, all == 1 ? "" : "s");
        for (int s = 0; s <= KP_PLANNED_FAILED; s++)
            if (count[s] > 0)
                (void)printf(", %lld %s", (long long)count[s], state_words[s]);
        (void)putchar('\n');
    }
}

/* A line for each run; `others`: for the trainings that are no cells, which the grid has not. */
static void print_rows(const struct kp_plan *p, bool others)
{
    int width = label_width(p, others);
    bool head = false;

    for (int64_t i = 0; i < p->count; i++) {
        if (others && in_grid(&p->runs[i]))
            continue;
        if (!head)
            (void)printf("%4s  %-*s  %-7s  %9s  %10s  %6s\n", "no", width, "run", "state", "steps",
                         "FLOPs", "cohort");
        head = true;
        print_row(p, i, width);
    }
}

/* What became of the runs that are begun and not done. */
static enum kp_status print_open(const struct kp_plan *p, const char *database, struct kp_error *e)
{
    static const char sql[] = "SELECT uid, state, step, reason FROM (" KP_OPEN_RUNS ")";
    struct kp_reader *reader = NULL;
    struct kp_rowset rows = {0};
    bool head = false;
    enum kp_status st = kp_reader_open(database, &reader, e);

    if (st == KP_OK)
        st = kp_reader_rows(reader, sql, &rows, NULL, e);
    for (int64_t i = 0; st == KP_OK && i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];
        int64_t at = 0;
        char label[LABEL_SIZE];

        if (r->state == KP_PLANNED_DONE || !r->uid[0])
            continue;
        while (at < rows.count && strcmp(kp_rowset_field(&rows, at, 0)->text, r->uid) != 0)
            at++;
        if (at == rows.count)
            continue;
        (void)printf("%s", head ? "" : "\nbegun and not done:\n");
        head = true;
        kp_planned_label(r, label, sizeof(label));
        (void)printf("%4lld  %s: %s at step %s of %lld%s%s\n", (long long)(i + 1), label,
                     kp_rowset_field(&rows, at, 1)->text, kp_rowset_field(&rows, at, 2)->text,
                     (long long)r->steps, *kp_rowset_field(&rows, at, 3)->text ? ": " : "",
                     kp_rowset_field(&rows, at, 3)->text);
    }
    kp_rowset_finish(&rows);
    kp_reader_close(reader);
    return st;
}

struct totals {
    int64_t count[KP_PLANNED_FAILED + 1]; /* by state */
    double flops, missing_flops, seconds;
    bool measured; /* the flops of every training are known */
    bool timed;    /* the seconds of every missing training are known */
    bool here;     /* ... at the speed of this machine */
};

static struct totals add_up(const struct kp_plan *p, const struct kp_rates *rates)
{
    struct totals t = {.measured = true, .timed = true, .here = true};

    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];
        bool here = true;

        t.count[r->state]++;
        if (r->analysis)
            continue; /* takes little beside the trainings */
        t.measured = t.measured && r->flops > 0;
        t.flops += r->flops;
        if (r->state == KP_PLANNED_DONE)
            continue;
        t.missing_flops += r->flops;
        double s = kp_rates_expect(rates, r->config->model->name, r->flops, &here);
        t.timed = t.timed && s >= 0;
        t.here = t.here && here;
        t.seconds += s;
    }
    return t;
}

/* "trained in 5 cohorts: 4 of 9 runs, 1 of 1": what is missing. */
static void print_cohorts(const struct kp_plan *p)
{
    int64_t *runs = calloc((size_t)p->count + 1, sizeof(*runs));       /* of each cohort */
    int64_t *cohorts = calloc((size_t)p->count + 1, sizeof(*cohorts)); /* with so many runs */
    int64_t count = 0;

    for (int64_t i = 0; runs && i < p->count; i++)
        if (p->runs[i].group > 0 && runs[p->runs[i].group]++ == 0)
            count++;
    for (int64_t g = 1; cohorts && g <= count; g++)
        cohorts[runs[g]]++;
    if (runs && cohorts && count > 0) {
        (void)printf("trained in %lld cohort%s", (long long)count, count == 1 ? "" : "s");
        for (int64_t n = p->count, shown = 0; n > 0; n--)
            if (cohorts[n] > 0)
                (void)printf("%s %lld of %lld run%s", shown++ ? "," : ":", (long long)cohorts[n],
                             (long long)n, n == 1 ? "" : "s");
        (void)putchar('\n');
    }
    free(runs);
    free(cohorts);
}

static void print_totals(const struct kp_plan *p, const struct totals *t)
{
    char text[KP_FORMAT_SIZE];

    (void)printf("\n%lld runs (%lld cells): %lld done, %lld running, %lld started, %lld missing",
                 (long long)p->count, (long long)p->cells, (long long)t->count[KP_PLANNED_DONE],
                 (long long)t->count[KP_PLANNED_RUNNING], (long long)t->count[KP_PLANNED_STARTED],
                 (long long)t->count[KP_PLANNED_MISSING]);
    if (t->count[KP_PLANNED_FAILED] > 0)
        (void)printf(", %lld failed", (long long)t->count[KP_PLANNED_FAILED]);
    (void)putchar('\n');
    print_cohorts(p);
    if (!t->measured) {
        (void)printf("FLOPs: unknown, the data cannot be opened; 'kappa doctor' says what is "
                     "where\n");
    } else {
        (void)printf("FLOPs: %sFLOP in all", kp_format_large(t->flops, text));
        (void)printf(", %sFLOP not yet done\n", kp_format_large(t->missing_flops, text));
    }
    if (t->count[KP_PLANNED_DONE] == p->count)
        (void)printf("expected time: nothing to do\n");
    else if (t->measured && t->timed)
        (void)printf("expected time: %s at most, at the speed of the runs done on %s\n",
                     kp_format_duration(t->seconds, text),
                     t->here ? "this machine" : "other machines");
    else
        (void)printf("expected time: unknown until one run is done\n");
}

static enum kp_status print_plan(const struct kp_plan *p, bool list, const char *database,
                                 struct kp_error *e)
{
    struct kp_rates rates = {0};
    bool grid = false;
    enum kp_status st = KP_OK;

    if (!list)
        st = kp_grid_print(p, &grid, e);
    if (st == KP_OK && grid)
        (void)putchar('\n');
    if (st == KP_OK)
        print_rows(p, grid);
    if (st == KP_OK && grid)
        print_analyses(p);
    if (st == KP_OK && database)
        st = print_open(p, database, e);
    if (st == KP_OK && database)
        st = kp_rates_read(database, &rates, e);
    if (st == KP_OK) {
        struct totals t = add_up(p, &rates);
        print_totals(p, &t);
    }
    char *names = st == KP_OK && database ? kp_names_other(p, database) : NULL;
    if (names)
        (void)printf("%s\n", names);
    free(names);
    return st;
}

static int command_plan(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE)
        code = kp_setup_store(a->db, KP_SETUP_READ, &store);
    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, &registry, store, &plan);
    if (code == KP_EXIT_DONE) {
        kp_plan_measure(plan);
        (void)kp_plan_group(plan, &registry);
        if (print_plan(plan, a->list, store ? a->db : NULL, &e) != KP_OK)
            code = kp_say_error(&e);
    }
    kp_plan_destroy(plan);
    if (store && kp_store_close(store, &e) != KP_OK)
        code = kp_say_error(&e);
    kp_registry_finish(&registry);
    return code;
}

const struct kp_command kp_command_plan = {
    .name = "plan",
    .summary = "the runs of an experiment: which are done, steps, FLOPs, expected time",
    .synopsis = "EXP.ini [OPTION]...",
    .details =
        "Trains nothing and makes no database. A sweep is shown as a table over its axes, other\n"
        "runs and with --list all of them one a line. Teachers come before the runs that need\n"
        "them; cells of equal configuration are one run. Runs that are begun and not done are\n"
        "named, with the reason. The expected time is that of the missing runs, one after "
        "another,\n"
        "at the speed of the finished ones in the database, of this machine's if there are some.\n",
    .example = "  kappa plan experiments/quickstart/students.ini\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES | KP_FLAG_DB | KP_FLAG_LIST,
    .least = 1,
    .most = 1,
    .run = command_plan,
};
