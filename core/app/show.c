/* show.c - `kappa show`: a resolved configuration with origins, or the record of a run. */
#include "app/answer.h"
#include "app/command.h"
#include "app/output.h"
#include "app/setup.h"
#include "app/show_run.h"
#include "base/file.h"

#include <string.h>

/* The run numbered `cell`, or the first cell of the sweep. */
static const struct kp_planned *choose(const struct kp_plan *p, int64_t cell)
{
    if (cell > 0)
        return cell <= p->count ? &p->runs[cell - 1] : NULL;
    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].cell)
            return &p->runs[i];
    return p->count > 0 ? &p->runs[0] : NULL;
}

static int print_config(const struct kp_plan *p, const struct kp_planned *r)
{
    struct kp_text text = {0};
    char label[256];
    int code = KP_EXIT_DONE;

    kp_planned_label(r, label, sizeof(label));
    kp_config_print(r->config, true, &text);
    if (text.failed) {
        kp_say("out of memory");
        code = KP_EXIT_FAILED;
    } else {
        (void)printf("; run %lld of %lld: %s\n", (long long)(r - p->runs + 1), (long long)p->count,
                     label);
        (void)printf("; configuration %s\n; pair          %s\n; group         %s\n",
                     r->hashes.config, r->hashes.pair, r->hashes.group);
        if (r->teacher.identity)
            (void)printf("; teacher       %s\n", r->teacher.identity);
        if (r->init.identity)
            (void)printf("; init          %s\n", r->init.identity);
        (void)printf("%s", text.s ? text.s : "");
    }
    kp_text_finish(&text);
    return code;
}

static int show_experiment(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};
    const struct kp_planned *r;
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE)
        code = kp_setup_store(a->db, KP_SETUP_READ, &store);
    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, &registry, store, &plan);
    if (code == KP_EXIT_DONE) {
        r = choose(plan, a->cell);
        if (r) {
            code = print_config(plan, r);
        } else {
            kp_say("--cell %lld: there is no such run; 1 to %lld, see 'kappa plan %s'",
                   (long long)a->cell, (long long)plan->count, a->v[0]);
            code = KP_EXIT_USAGE;
        }
    }
    kp_plan_destroy(plan);
    if (store && kp_store_close(store, &e) != KP_OK)
        code = kp_say_error(&e);
    kp_registry_finish(&registry);
    return code;
}

static int command_show(const struct kp_arguments *a)
{
    if (kp_file_exists(a->v[0]))
        return show_experiment(a);
    if (kp_is_uid(a->v[0]))
        return a->ini ? kp_show_ini(a->db, a->v[0]) : kp_show_run(a->db, a->v[0]);
    kp_say("%s: no such file; an experiment's INI file, or the uid of a run", a->v[0]);
    return KP_EXIT_USAGE;
}

const struct kp_command kp_command_show = {
    .name = "show",
    .summary = "a resolved configuration with the origin of each value, or a run's record",
    .synopsis = "EXP.ini | RUN [OPTION]...",
    .details =
        "EXP.ini: the configuration of one run as an INI file that gives the same run, each\n"
        "value with the file and line, or the option, that it comes from, and its hashes.\n"
        "RUN, a uid or the beginning of one: what the database holds of it, with what is needed\n"
        "to make it again: settings, seeds, examples, plugins, program, versions, git revision.\n",
    .example = "  kappa show experiments/quickstart/students.ini --cell 3\n"
               "  kappa show 01JD --db kappa.db\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES | KP_FLAG_DB | KP_FLAG_CELL | KP_FLAG_INI,
    .least = 1,
    .most = 1,
    .run = command_show,
};
