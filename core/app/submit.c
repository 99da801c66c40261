/* submit.c - `kappa submit`: an experiment's missing runs as jobs of a cluster. */
#include "app/command.h"
#include "app/engine.h"
#include "app/output.h"
#include "app/quote.h"
#include "app/setup.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const struct kp_engine *const kp_engines[] = {&kp_engine_slurm, NULL};

extern char **environ;

static const struct kp_engine *find_engine(const char *name)
{
    struct kp_text known = {0};

    for (int i = 0; kp_engines[i]; i++) {
        if (strcmp(kp_engines[i]->name, name) == 0)
            return kp_engines[i];
        kp_text_addf(&known, "%s%s", i > 0 ? ", " : "", kp_engines[i]->name);
    }
    kp_say("--engine %s: not known; one of: %s", name, known.s ? known.s : "");
    kp_text_finish(&known);
    return NULL;
}

/* Is there such a program in $PATH? */
static bool is_installed(const char *program)
{
    const char *path = getenv("PATH");
    bool found = false;

    while (path && *path && !found) {
        size_t n = strcspn(path, ":");
        struct kp_text name = {0};
        kp_text_addf(&name, "%.*s/%s", (int)n, path, program);
        found = name.s && access(name.s, X_OK) == 0;
        kp_text_finish(&name);
        path += n + (path[n] == ':');
    }
    return found;
}

static void add_hash(struct kp_text *list, const struct kp_planned *r)
{
    kp_text_addf(list, "%s%.*s", list->length ? "," : "", KP_SUBMISSION_HASH, r->hashes.config);
}

/* Finished runs that a task needs, and what these were made with. */
static bool list_given(const struct kp_plan *p, struct kp_text *out)
{
    bool *needed = calloc((size_t)p->count + 1, sizeof(*needed));

    if (!needed)
        return false;
    for (int64_t i = p->count - 1; i >= 0; i--) {
        const struct kp_planned *r = &p->runs[i];
        const int64_t of[] = {r->teacher.run, r->init.run};
        if (r->analysis || (r->state == KP_PLANNED_DONE && !needed[i]))
            continue;
        for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++)
            if (of[k] >= 0)
                needed[of[k]] = true;
    }
    for (int64_t i = 0; i < p->count; i++)
        if (needed[i] && p->runs[i].state == KP_PLANNED_DONE)
            add_hash(out, &p->runs[i]);
    free(needed);
    return true;
}

static void list_analyses(const struct kp_plan *p, struct kp_text *out)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].analysis && p->runs[i].state != KP_PLANNED_DONE)
            add_hash(out, &p->runs[i]);
}

/* A run here and a run there would be a run twice. */
static bool refuse_running(const struct kp_plan *p, const char *database)
{
    int64_t running = 0;

    for (int64_t i = 0; i < p->count; i++)
        running += p->runs[i].state == KP_PLANNED_RUNNING;
    if (running > 0)
        kp_say("%s: processes are working on %lld of these runs; wait for them, or end them",
               database, (long long)running);
    return running > 0;
}

static int64_t threads_of(const struct kp_plan *p)
{
    int64_t most = 1;

    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].config->core.run.threads > most)
            most = p->runs[i].config->core.run.threads;
    return most;
}

static void list_options(const struct kp_arguments *a, int64_t threads, struct kp_text *out)
{
    for (int64_t i = 0; i < a->override_count; i++) {
        kp_text_add(out, a->overrides[i].sweep ? " --sweep " : " --set ");
        kp_quote(a->overrides[i].text, out);
    }
    kp_text_addf(out, " --threads %lld%s", (long long)threads, a->yes ? " --yes" : "");
}

static int run_script(const char *path)
{
    char name[] = "sh";
    char *const argv[] = {name, (char *)(uintptr_t)path, NULL};
    pid_t pid;
    int status = 0;

    (void)fflush(stdout);
    int error = posix_spawnp(&pid, "sh", NULL, NULL, argv, environ);
    if (error) {
        kp_say("sh: %s", strerror(error));
        return KP_EXIT_FAILED;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return KP_EXIT_DONE;
    kp_say("%s: ended with an error; jobs that were submitted before it stay", path);
    return KP_EXIT_FAILED;
}

/* Into the folder, and run from there. */
static int submit_script(const char *folder, const struct kp_text *script)
{
    struct kp_replace file = {0};
    struct kp_error e = {0};
    char *path = kp_path_join(folder, "submit.sh");
    enum kp_status st =
        path ? kp_folder_make(folder, &e) : kp_fail(&e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK)
        st = kp_replace_begin(path, &file, &e);
    if (st == KP_OK) {
        kp_replace_write(&file, script->s, script->length);
        st = kp_replace_commit(&file, &e);
    }
    int code = st == KP_OK ? run_script(path) : (int)kp_say_error(&e);
    free(path);
    return code;
}

static int submit(const struct kp_arguments *a, const struct kp_engine *engine,
                  const struct kp_plan *plan, const struct kp_tasks *tasks)
{
    struct kp_text folder = {0}, options = {0}, given = {0}, analyses = {0}, script = {0};
    char kappa[PATH_MAX] = "", where[PATH_MAX] = "";
    int code = KP_EXIT_FAILED;
    struct kp_submission s = {.plan = plan,
                              .tasks = tasks,
                              .kappa = kappa,
                              .where = where,
                              .database = a->db,
                              .threads = threads_of(plan)};
    bool whole = list_given(plan, &given);

    list_analyses(plan, &analyses);
    list_options(a, s.threads, &options);
    kp_text_addf(&folder, "%s.tasks", a->db);
    if (readlink("/proc/self/exe", kappa, sizeof(kappa) - 1) < 0 || !getcwd(where, sizeof(where))) {
        kp_say("cannot tell where kappa is: %s", strerror(errno));
        goto out;
    }
    whole = whole && !given.failed && !analyses.failed && !options.failed && !folder.failed;
    if (whole) {
        s.folder = folder.s;
        s.options = options.s;
        s.given = given.s ? given.s : "";
        s.analyses = analyses.s ? analyses.s : "";
        engine->write(&s, &script);
    }
    if (!whole || script.failed) {
        kp_say("out of memory");
    } else if (a->print) {
        (void)fputs(script.s, stdout);
        code = KP_EXIT_DONE;
    } else {
        code = submit_script(folder.s, &script);
    }
out:
    kp_text_finish(&folder);
    kp_text_finish(&options);
    kp_text_finish(&given);
    kp_text_finish(&analyses);
    kp_text_finish(&script);
    return code;
}

static bool is_done(const struct kp_plan *p)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].state != KP_PLANNED_DONE)
            return false;
    return true;
}

static int submit_missing(const struct kp_arguments *a, const struct kp_engine *engine,
                          const struct kp_plan *plan)
{
    struct kp_tasks tasks = {0};
    struct kp_error e = {0};
    int code;

    if (is_done(plan)) {
        (void)fprintf(stderr, "kappa: nothing to submit: all %lld runs are done\n",
                      (long long)plan->count);
        return KP_EXIT_DONE;
    }
    if (refuse_running(plan, a->db))
        return KP_EXIT_FAILED;
    if (kp_tasks_make(plan, &tasks, &e) != KP_OK)
        return (int)kp_say_error(&e);
    code = submit(a, engine, plan, &tasks);
    kp_tasks_finish(&tasks);
    return code;
}

static int command_submit(const struct kp_arguments *a)
{
    const struct kp_engine *engine = find_engine(a->engine);
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error unused = {0};

    if (!engine)
        return KP_EXIT_USAGE;
    if (!a->print && !is_installed(engine->program)) {
        kp_say("no %s in $PATH: %s; --print writes the script, to be run where it is",
               engine->program, engine->missing);
        return KP_EXIT_FAILED;
    }
    int code = kp_setup_registry(&registry);
    if (code == KP_EXIT_DONE)
        code = kp_setup_store(a->db, KP_SETUP_READ, &store);
    if (code == KP_EXIT_DONE)
        code = kp_setup_plan(a, &registry, store, &plan);
    if (code == KP_EXIT_DONE)
        code = submit_missing(a, engine, plan);
    kp_plan_destroy(plan);
    (void)kp_store_close(store, &unused);
    kp_registry_finish(&registry);
    return code;
}

const struct kp_command kp_command_submit = {
    .name = "submit",
    .summary = "run an experiment's missing runs on a cluster",
    .synopsis = "EXP.ini [--engine slurm] [--print] [OPTION]...",
    .details =
        "Makes a job array for each stage: teachers first, then the runs that need them. Each "
        "task\n"
        "has a database of its own in the folder FILE.tasks, and takes runs that are trained in\n"
        "lockstep together; when all tasks have ended, the databases are merged into FILE, and "
        "the\n"
        "analyses are done. Submitted again, tasks go on where they stopped. A task has as many\n"
        "cores as run.threads says, by default 1. Every machine must see the folder, the plugins\n"
        "and the data. sbatch takes further options from its environment (SBATCH_PARTITION, "
        "...).\n",
    .example = "  kappa submit students.ini --db k.db --threads 4\n"
               "  kappa submit students.ini --db k.db --print >submit.sh\n",
    .flags = KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES | KP_FLAG_DB | KP_FLAG_THREADS |
             KP_FLAG_ENGINE | KP_FLAG_PRINT,
    .least = 1,
    .most = 1,
    .run = command_submit,
};
