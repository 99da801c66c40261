/* sources.c - which folders of queries a command asks, and about which runs. */
#include "app/sources.h"

#include "app/output.h"
#include "app/setup.h"
#include "base/file.h"
#include "store/reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static int out_of_memory(void)
{
    kp_say("out of memory");
    return KP_EXIT_FAILED;
}

static const char *text_or_null(const char *s)
{
    return s && *s ? s : NULL;
}

static void fill_cell(const struct kp_plan *plan, const struct kp_planned *r,
                      struct kp_scope_cell *c)
{
    const struct kp_config *g = r->config;

    memcpy(c->config_hash, r->hashes.config, sizeof(c->config_hash));
    c->kind = kp_planned_kind(r);
    c->role = g->core.run.role == KP_ROLE_TEACHER ? "teacher" : "student";
    c->name = text_or_null(g->core.run.name);
    c->dataset = kp_config_dataset(g);
    c->model = g->model->name;
    c->objective = g->objective->name;
    c->teacher =
        r->teacher.run >= 0 ? plan->runs[r->teacher.run].config->model->name : r->teacher.file;
    c->kappa = g->kappa;
    c->tau = g->tau;
    c->seed = g->core.seed.master;
}

/* Takes the plan over. */
static int add(struct kp_sources *s, const char *folder, struct kp_plan *plan)
{
    size_t n = (size_t)s->count + 1;
    void *v = realloc(s->v, n * sizeof(*s->v));
    if (v)
        s->v = v;
    void *owned = realloc(s->owned, n * sizeof(*s->owned));
    if (owned)
        s->owned = owned;
    struct kp_sources_owned o = {.folder = strdup(folder), .plan = plan};
    if (plan)
        o.cells = calloc((size_t)plan->count + 1, sizeof(*o.cells));
    if (!v || !owned || !o.folder || (plan && !o.cells)) {
        free(o.folder);
        free(o.cells);
        kp_plan_destroy(plan);
        return out_of_memory();
    }
    for (int64_t i = 0; plan && i < plan->count; i++)
        fill_cell(plan, &plan->runs[i], &o.cells[i]);
    s->owned[s->count] = o;
    s->v[s->count++] = (struct kp_report_source){
        .folder = o.folder,
        .experiment = plan ? plan->path : NULL,
        .scope = {.cells = o.cells, .count = plan ? plan->count : 0},
    };
    return KP_EXIT_DONE;
}

static int plan_file(const struct kp_arguments *a, const char *path, struct kp_registry *registry,
                     struct kp_plan **out)
{
    char *name = strdup(path);
    struct kp_arguments one = *a;
    int code;

    one.v = &name;
    one.count = 1;
    code = name ? kp_setup_plan(&one, registry, NULL, out) : out_of_memory();
    free(name);
    return code;
}

/* The experiment that a->v[0] names, for its own folder and for the claims beside. */
static int find_experiment(const struct kp_arguments *a, bool claims, struct kp_registry *registry,
                           struct kp_sources *out)
{
    struct kp_plan *plan = NULL;
    const char *slash = strrchr(a->v[0], '/');
    char *folder =
        slash ? strndup(a->v[0], (size_t)(slash - a->v[0]) + (slash == a->v[0])) : strdup(".");
    char *beside = folder ? kp_path_join(folder, "../claims") : NULL;
    int code = folder && beside ? plan_file(a, a->v[0], registry, &plan) : out_of_memory();

    if (code == KP_EXIT_DONE)
        code = add(out, folder, plan);
    plan = NULL;
    if (code == KP_EXIT_DONE && claims && is_folder(beside))
        code = plan_file(a, a->v[0], registry, &plan);
    if (code == KP_EXIT_DONE && plan)
        code = add(out, beside, plan);
    free(folder);
    free(beside);
    return code;
}

static int has_suffix(const struct dirent *d, const char *suffix)
{
    size_t n = strlen(d->d_name), m = strlen(suffix);
    return d->d_name[0] != '.' && n > m && strcmp(d->d_name + n - m, suffix) == 0;
}

static int keep_ini(const struct dirent *d)
{
    return has_suffix(d, ".ini");
}

static int keep_sql(const struct dirent *d)
{
    return has_suffix(d, ".sql");
}

static int keep_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void free_entries(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free((void *)entries);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct kp_field *)a)->text, ((const struct kp_field *)b)->text);
}

static int64_t count_done(const struct kp_plan *plan, const struct kp_rowset *done)
{
    int64_t n = 0;

    for (int64_t i = 0; i < plan->count; i++) {
        struct kp_field key = {.text = plan->runs[i].hashes.config};
        n += done->count > 0 &&
             bsearch(&key, done->cells, (size_t)done->count, sizeof(key), by_text) != NULL;
    }
    return n;
}

/* Parts that experiments include are INI files too; one with a sweep is an experiment. */
static bool has_sweep(const char *path)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool found = kp_file_read(path, (size_t)1 << 20, &bytes, &size, &e) == KP_OK &&
                 strstr((const char *)bytes, "[sweep]") != NULL;

    free(bytes);
    return found;
}

/* A single run, such as a teacher's, stands for a folder only where there is no sweep. */
#define SWEEP ((int64_t)1 << 40)

/* The plan of the folder's experiment with the most finished runs, of several the smallest; NULL if
 * there is no experiment. */
static int find_plan(const struct kp_arguments *a, const char *folder, struct kp_registry *registry,
                     const struct kp_rowset *done, struct kp_plan **out)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, keep_ini, alphasort);
    struct kp_plan *best = NULL;
    int64_t most = -1;
    int code = KP_EXIT_DONE;

    for (int i = 0; i < n && code == KP_EXIT_DONE; i++) {
        char *path = kp_path_join(folder, entries[i]->d_name);
        struct kp_plan *plan = NULL;
        struct kp_text report = {0};
        bool sweep = path && has_sweep(path);

        if (!path)
            code = out_of_memory();
        else if (kp_plan_make(path, a->overrides, a->override_count, 0, registry, NULL, &plan,
                              &report) != KP_OK &&
                 sweep)
            kp_say("%s: does not resolve, left aside; 'kappa plan %s' says why", path, path);
        int64_t found = plan ? count_done(plan, done) + (sweep ? SWEEP : 0) : -1;
        if (found > most || (best && found == most && plan->count < best->count)) {
            kp_plan_destroy(best);
            best = plan;
            most = found;
        } else {
            kp_plan_destroy(plan);
        }
        kp_text_finish(&report);
        free(path);
    }
    free_entries(entries, n > 0 ? n : 0);
    if (code == KP_EXIT_DONE)
        *out = best;
    else
        kp_plan_destroy(best);
    return code;
}

static int add_folder(const struct kp_arguments *a, const char *folder,
                      struct kp_registry *registry, const struct kp_rowset *done,
                      struct kp_sources *out)
{
    struct dirent **entries = NULL;
    struct kp_plan *plan = NULL;
    int n = scandir(folder, &entries, keep_sql, NULL);
    int code = KP_EXIT_DONE;

    free_entries(entries, n > 0 ? n : 0);
    if (n <= 0)
        return KP_EXIT_DONE;
    code = find_plan(a, folder, registry, done, &plan);
    return code == KP_EXIT_DONE ? add(out, folder, plan) : code;
}

static int find_folder(const struct kp_arguments *a, const char *folder,
                       struct kp_registry *registry, const struct kp_rowset *done,
                       struct kp_sources *out)
{
    struct dirent **entries = NULL;
    int code = add_folder(a, folder, registry, done, out);
    int n = scandir(folder, &entries, keep_visible, versionsort);

    for (int i = 0; i < n && code == KP_EXIT_DONE; i++) {
        char *inside = kp_path_join(folder, entries[i]->d_name);
        if (!inside)
            code = out_of_memory();
        else if (is_folder(inside))
            code = add_folder(a, inside, registry, done, out);
        free(inside);
    }
    free_entries(entries, n > 0 ? n : 0);
    if (code == KP_EXIT_DONE && out->count == 0) {
        kp_say("%s: no .sql file in it or in its folders; figures, tables and claims are .sql "
               "files with a line '-- kind:'",
               folder);
        code = KP_EXIT_USAGE;
    }
    return code;
}

static int read_done(const char *database, struct kp_rowset *out)
{
    struct kp_reader *r = NULL;
    struct kp_error e = {0};
    enum kp_status st;

    if (!kp_file_exists(database)) {
        kp_say("%s: no such database; 'kappa run EXP.ini --db FILE' makes one, '--db FILE' names "
               "another",
               database);
        return KP_EXIT_USAGE;
    }
    st = kp_reader_open(database, &r, &e);
    if (st == KP_OK)
        st = kp_reader_rows(r,
                            "SELECT config_hash FROM run WHERE status = 'done' ORDER BY "
                            "config_hash",
                            out, NULL, &e);
    kp_reader_close(r);
    return st == KP_OK ? KP_EXIT_DONE : (int)kp_say_error(&e);
}

int kp_sources_find(const struct kp_arguments *a, bool claims, const char *fallback,
                    struct kp_sources *out)
{
    struct kp_error e = {0};
    char *brought = NULL;
    struct kp_registry registry = {0};
    struct kp_sources s = {0};
    struct kp_rowset done = {0};
    int code = read_done(a->db, &done);

    if (code == KP_EXIT_DONE && a->count == 0 && kp_setup_find(fallback, &brought, &e) != KP_OK)
        code = kp_say_error(&e);
    const char *place = a->count > 0 ? a->v[0] : brought;
    if (code == KP_EXIT_DONE && !kp_file_exists(place)) {
        kp_say("%s: %s; %s", place, strerror(errno),
               a->count > 0 ? "the path of an experiment or of a folder of queries"
                            : "reinstall kappa, or name a folder");
        code = KP_EXIT_USAGE;
    }
    if (code == KP_EXIT_DONE)
        code = kp_setup_registry(&registry);
    if (code == KP_EXIT_DONE)
        code = is_folder(place) ? find_folder(a, place, &registry, &done, &s)
                                : find_experiment(a, claims, &registry, &s);
    free(brought);
    kp_rowset_finish(&done);
    kp_registry_finish(&registry);
    if (code == KP_EXIT_DONE)
        *out = s;
    else
        kp_sources_finish(&s);
    return code;
}

void kp_sources_finish(struct kp_sources *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        free(s->owned[i].folder);
        free(s->owned[i].cells);
        kp_plan_destroy(s->owned[i].plan);
    }
    free(s->v);
    free(s->owned);
    *s = (struct kp_sources){0};
}
