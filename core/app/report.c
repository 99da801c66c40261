/* report.c - `kappa report`: figures and tables from a run database. */
#include "report/report.h"

#include "app/command.h"
#include "app/output.h"
#include "app/sources.h"

static void print_entry(const struct kp_report_section *s, const struct kp_entry *x)
{
    struct kp_text missing = {0};
    char n[64];

    if (x->problem) {
        kp_say("%s", x->problem);
        return;
    }
    kp_entry_n_text(x, n, sizeof(n));
    (void)printf("%s/%s: %s, %lld %s, %s\n", s->name, x->item.name,
                 kp_item_kind_words[x->item.kind], (long long)x->rows.count,
                 x->rows.count == 1 ? "row" : "rows",
                 x->item.kind == KP_ITEM_CLAIM ? kp_verdict_text(x->verdict) : n);
    kp_entry_missing_text(x, "    missing  ", "\n", 4, false, &missing);
    if (missing.s)
        (void)fputs(missing.s, stdout);
    kp_text_finish(&missing);
}

static int make(const struct kp_arguments *a, const struct kp_sources *sources)
{
    struct kp_report *report = NULL;
    struct kp_report_result result = {0};
    struct kp_error e = {0};
    const char *folder = a->out ? a->out : "report";
    enum kp_status st = kp_report_ask(a->db, sources->v, sources->count, &report, &e);
    int code;

    if (st == KP_OK)
        st = kp_report_write(report, folder, &result, &e);
    if (st != KP_OK) {
        kp_report_destroy(report);
        return (int)kp_say_error(&e);
    }
    code = result.problems > 0 ? KP_EXIT_USAGE : KP_EXIT_DONE;
    for (int64_t i = 0; i < report->count; i++)
        for (int64_t k = 0; k < report->sections[i].count; k++)
            print_entry(&report->sections[i], &report->sections[i].entries[k]);
    if (!result.gnuplot)
        kp_say("gnuplot is not installed: figures are not drawn, their numbers are there; Debian's "
               "package is gnuplot-nox");
    if (report->count == 0) {
        kp_say("no figure, table or claim in these folders; they are .sql files with a line "
               "'-- kind:'");
        code = KP_EXIT_USAGE;
    } else {
        (void)printf("%s/index.html\n", folder);
    }
    kp_report_destroy(report);
    return code;
}

static int command_report(const struct kp_arguments *a)
{
    struct kp_sources sources = {0};
    int code = kp_sources_find(a, false, "experiments", &sources);

    if (code == KP_EXIT_DONE)
        code = make(a, &sources);
    kp_sources_finish(&sources);
    return code;
}

const struct kp_command kp_command_report = {
    .name = "report",
    .summary = "figures and tables from the run database",
    .synopsis = "[EXP.ini | FOLDER] [OPTION]...",
    .details =
        "Asks the queries beside the experiment (.sql files with a line '-- kind:') about its\n"
        "runs and writes tables (text, CSV), figures (SVG, PDF) and a page that shows them all.\n"
        "Cells that the experiment plans and the database does not have are named. A folder:\n"
        "its queries and those of the folders in it, each about the experiment beside it that\n"
        "has the most finished runs. Neither: the folder 'experiments'. --set and --sweep as they\n"
        "were given to 'kappa run'. How to add a figure: experiments/README.md.\n",
    .example = "  kappa report experiments/cifar10-small/students.ini --db c10.db --out report\n",
    .flags = KP_FLAG_DB | KP_FLAG_OUT | KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES,
    .least = 0,
    .most = 1,
    .run = command_report,
};
