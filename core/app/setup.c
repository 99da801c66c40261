/* setup.c - what several commands begin with: plugins and a plan. */
#include "app/setup.h"

#include "app/output.h"
#include "base/file.h"
#include "base/program.h"
#include "data/languini.h"

#include <string.h>

int kp_setup_registry(struct kp_registry *out)
{
    struct kp_text report = {0};
    struct kp_error e = {0};
    int code = KP_EXIT_DONE;

    if (kp_registry_add(out, &kp_languini_plugin, &e) != KP_OK ||
        kp_registry_scan_default(out, &report, &e) != KP_OK) {
        (void)kp_say_error(&e);
        code = KP_EXIT_USAGE;
    }
    if (report.length > 0) {
        kp_say_lines(report.s);
        code = KP_EXIT_USAGE;
    }
    kp_text_finish(&report);
    return code;
}

enum kp_status kp_setup_find(const char *name, char **out, struct kp_error *e)
{
    if (!kp_file_exists(name))
        return kp_program_data(name, out, e);
    *out = strdup(name);
    return *out ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
}

static int64_t count_lines(const char *s)
{
    int64_t n = 0;
    for (; s && *s; s++)
        n += *s == '\n';
    return n;
}

int kp_setup_plan(const struct kp_arguments *a, struct kp_registry *registry,
                  struct kp_store *store, struct kp_plan **out)
{
    struct kp_text report = {0};
    enum kp_status st = kp_plan_make(a->v[0], a->overrides, a->override_count,
                                     a->yes ? 0 : KP_PLAN_CELLS, registry, store, out, &report);

    kp_say_lines(report.s);
    if (st != KP_OK && report.length == 0)
        kp_say("%s: %s", a->v[0], kp_status_text(st));
    if (count_lines(report.s) > 1 && st != KP_OK)
        kp_say("%lld errors; nothing was run", (long long)count_lines(report.s));
    kp_text_finish(&report);
    return kp_exit_status(st);
}

int kp_setup_store(const char *path, enum kp_setup_access access, struct kp_store **out)
{
    struct kp_error e = {0};
    enum kp_status st;

    if (access != KP_SETUP_MAKE && !kp_file_exists(path))
        return KP_EXIT_DONE;
    st = access == KP_SETUP_READ ? kp_store_open_read(path, out, &e) : kp_store_open(path, out, &e);
    if (st == KP_OK)
        return KP_EXIT_DONE;
    (void)kp_say_error(&e);
    return KP_EXIT_USAGE;
}

/* The data of what is not done must have a place on this machine. */
static int check_places(const struct kp_plan *plan)
{
    struct kp_error e = {0};

    for (int64_t i = 0; i < plan->count; i++)
        if (plan->runs[i].state != KP_PLANNED_DONE &&
            kp_config_check_places(plan->runs[i].config, &e) != KP_OK)
            return kp_say_error(&e);
    return KP_EXIT_DONE;
}

int kp_setup_all(const struct kp_arguments *a, struct kp_registry *registry,
                 struct kp_store **store, struct kp_plan **plan)
{
    int code = kp_setup_store(a->db, KP_SETUP_WRITE, store);

    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, registry, *store, plan);
    if (code == KP_EXIT_DONE)
        code = check_places(*plan);
    if (code == KP_EXIT_DONE && !*store)
        code = kp_setup_store(a->db, KP_SETUP_MAKE, store);
    if (code == KP_EXIT_DONE && !a->quiet && kp_store_warning(*store))
        kp_say("warning: %s", kp_store_warning(*store));
    return code;
}
