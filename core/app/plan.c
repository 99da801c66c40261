/* plan.c - `kappa plan`: an experiment's runs, what is done and what is missing. */
#include "app/answer.h"
#include "app/command.h"
#include "app/format.h"
#include "app/output.h"
#include "app/setup.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_words[] = {
    [KP_PLANNED_MISSING] = "missing",
    [KP_PLANNED_STARTED] = "started",
    [KP_PLANNED_RUNNING] = "running",
    [KP_PLANNED_DONE] = "done",
};

enum { LABEL_SIZE = 256, MODELS = 32 };

/* How fast models were trained on this database's machine, from finished runs. */
struct rates {
    struct {
        char model[64];
        double flops, seconds;
    } of[MODELS];
    int count;
    double flops, seconds;
};

static void read_rates(const char *database, struct rates *out)
{
    static const char sql[] =
        "SELECT v.model, sum(p.flops), sum(v.seconds) FROM v_run v JOIN run r ON r.uid = v.uid "
        "JOIN (SELECT run, max(flops) AS flops FROM point GROUP BY run) p ON p.run = r.id "
        "WHERE v.status = 'done' AND p.flops > 0 AND v.seconds > 0 GROUP BY v.model";
    struct kp_answer answer = {0};
    struct kp_error e = {0};
    char *word[3];

    /* An estimate that cannot be made is no error. */
    if (kp_answer_ask(database, sql, &answer, &e) == KP_OK) {
        while (kp_answer_next(&answer, word, 3)) {
            double flops = strtod(word[1], NULL), seconds = strtod(word[2], NULL);
            out->flops += flops;
            out->seconds += seconds;
            if (out->count == MODELS)
                continue;
            (void)snprintf(out->of[out->count].model, sizeof(out->of[0].model), "%s", word[0]);
            out->of[out->count].flops = flops;
            out->of[out->count++].seconds = seconds;
        }
    }
    kp_answer_finish(&answer);
}

/* Seconds that a run takes by the finished runs of its model, or of all; negative: not known. */
static double expect(const struct rates *rates, const struct kp_planned *r)
{
    double flops = rates->flops, seconds = rates->seconds;

    for (int i = 0; i < rates->count; i++) {
        if (strcmp(rates->of[i].model, r->config->model->name) == 0) {
            flops = rates->of[i].flops;
            seconds = rates->of[i].seconds;
        }
    }
    return flops > 0 && r->flops > 0 ? r->flops * seconds / flops : -1;
}

static void print_rows(const struct kp_plan *p, int width)
{
    (void)printf("%4s  %-*s  %-7s  %9s  %10s\n", "no", width, "run", "state", "steps", "FLOPs");
    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];
        char label[LABEL_SIZE], flops[KP_FORMAT_SIZE];

        kp_planned_label(r, label, sizeof(label));
        (void)printf("%4lld  %-*s  %-7s  %9lld  %10s\n", (long long)(i + 1), width, label,
                     state_words[r->state], (long long)r->steps,
                     r->flops > 0  ? kp_format_large(r->flops, flops)
                     : r->analysis ? "-"
                                   : "?");
    }
}

static int label_width(const struct kp_plan *p)
{
    int width = 3;

    for (int64_t i = 0; i < p->count; i++) {
        char label[LABEL_SIZE];
        kp_planned_label(&p->runs[i], label, sizeof(label));
        if ((int)strlen(label) > width)
            width = (int)strlen(label);
    }
    return width;
}

static void print_totals(const struct kp_plan *p, const struct rates *rates)
{
    int64_t count[KP_PLANNED_DONE + 1] = {0};
    double flops = 0, missing_flops = 0, seconds = 0;
    bool measured = true, timed = true;
    char text[KP_FORMAT_SIZE];

    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];
        double s = expect(rates, r);

        count[r->state]++;
        measured = measured && (r->flops > 0 || r->analysis);
        flops += r->flops;
        if (r->state == KP_PLANNED_DONE)
            continue;
        missing_flops += r->flops;
        if (r->analysis)
            continue; /* takes little beside the trainings */
        timed = timed && s >= 0;
        seconds += s;
    }
    (void)printf("\n%lld runs (%lld cells): %lld done, %lld running, %lld started, %lld missing\n",
                 (long long)p->count, (long long)p->cells, (long long)count[KP_PLANNED_DONE],
                 (long long)count[KP_PLANNED_RUNNING], (long long)count[KP_PLANNED_STARTED],
                 (long long)count[KP_PLANNED_MISSING]);
    if (!measured) {
        (void)printf("FLOPs: unknown, the data cannot be opened; 'kappa doctor' says what is "
                     "where\n");
    } else {
        (void)printf("FLOPs: %sFLOP in all", kp_format_large(flops, text));
        (void)printf(", %sFLOP not yet done\n", kp_format_large(missing_flops, text));
    }
    if (count[KP_PLANNED_DONE] == p->count)
        (void)printf("expected time: nothing to do\n");
    else if (measured && timed)
        (void)printf("expected time: %s at most, at the speed of the runs done\n",
                     kp_format_duration(seconds, text));
    else
        (void)printf("expected time: unknown until one run is done\n");
}

static int command_plan(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};
    struct rates rates = {0};
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE)
        code = kp_setup_store(a->db, false, &store);
    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, &registry, store, &plan);
    if (code == KP_EXIT_DONE) {
        kp_plan_measure(plan);
        if (store)
            read_rates(a->db, &rates);
        print_rows(plan, label_width(plan));
        print_totals(plan, &rates);
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
        "Trains nothing and makes no database. Teachers come before the runs that need them;\n"
        "cells of equal configuration are one run. The expected time is that of the missing\n"
        "runs at the speed of the finished ones in the database.\n",
    .example = "  kappa plan experiments/quickstart/students.ini\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_DB,
    .least = 1,
    .most = 1,
    .run = command_plan,
};
