/* import.c - `kappa import`: weights that were trained elsewhere become a finished run. */
#include "app/command.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "app/setup.h"
#include "app/watch.h"
#include "train/safetensors.h"

#include <stdlib.h>
#include <string.h>

/* The one cell of the experiment, or -1. */
static int64_t only_cell(const struct kp_plan *p, const char *experiment)
{
    int64_t found = -1, count = 0;

    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].cell) {
            found = i;
            count++;
        }
    if (count == 1)
        return found;
    kp_say("%s: stands for %lld runs, but a file holds the weights of one; an experiment without "
           "[sweep], or --set for each of its axes",
           experiment, (long long)count);
    return -1;
}

static int record(const struct kp_arguments *a, const char *file, struct kp_plan *plan, int64_t run,
                  const struct kp_registry *registry, struct kp_store *store)
{
    struct kp_watch w;
    struct kp_study_watcher watcher = kp_watch_watcher(&w);
    struct kp_study_result result = {0};
    struct kp_error e = {0};
    const struct kp_planned *r = &plan->runs[run];

    if (!kp_watch_init(&w, plan, a->db, a->quiet)) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    kp_interrupt_catch();
    enum kp_status st = kp_plan_import(plan, run, file, registry, store, &watcher, &result, &e);
    kp_display_clear(&w.display);
    kp_watch_finish(&w);
    if (st != KP_OK)
        return kp_say_error(&e);
    if (result.done + result.found == 0)
        return KP_EXIT_FAILED;
    if (!a->quiet)
        (void)printf("%s: run %s of %s%s\n", file, r->uid, a->db,
                     result.found > 0 ? ", imported before" : "");
    return KP_EXIT_DONE;
}

/* The experiment's plan with what marks the run: the hash of the file. */
static int import(const struct kp_arguments *a, const char *file, const char *sha256)
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};
    struct kp_arguments planned = *a;
    char mark[sizeof("run.imported=") + KP_HASH_SIZE];
    char *experiment[] = {(char *)(uintptr_t)a->as, NULL};
    int64_t run = -1;
    int code = KP_EXIT_FAILED;

    (void)snprintf(mark, sizeof(mark), "run.imported=%s", sha256);
    planned.v = experiment;
    planned.overrides = calloc((size_t)a->override_count + 1, sizeof(*planned.overrides));
    if (!planned.overrides) {
        kp_say("out of memory");
        return code;
    }
    memcpy(planned.overrides, a->overrides, (size_t)a->override_count * sizeof(*planned.overrides));
    planned.overrides[planned.override_count++] = (struct kp_override){.text = mark};
    code = kp_setup_registry(&registry);
    if (code == KP_EXIT_DONE)
        code = kp_setup_all(&planned, &registry, &store, &plan);
    if (code == KP_EXIT_DONE) {
        run = only_cell(plan, a->as);
        code = run < 0 ? KP_EXIT_USAGE : record(a, file, plan, run, &registry, store);
    }
    kp_plan_destroy(plan);
    if (store && kp_store_close(store, &e) != KP_OK)
        code = kp_say_error(&e);
    kp_registry_finish(&registry);
    free(planned.overrides);
    return code;
}

static int command_import(const struct kp_arguments *a)
{
    struct kp_safetensors weights = {0};
    struct kp_error e = {0};
    char sha256[KP_HASH_SIZE];

    if (!a->as) {
        kp_say("import: weights of what? --as EXP.ini, the experiment whose run they are");
        return KP_EXIT_USAGE;
    }
    if (kp_safetensors_open(a->v[0], &weights, &e) != KP_OK) {
        (void)kp_say_error(&e);
        return KP_EXIT_USAGE;
    }
    kp_safetensors_close(&weights);
    if (kp_hash_file(a->v[0], sha256, &e) != KP_OK)
        return kp_say_error(&e);
    return import(a, a->v[0], sha256);
}

const struct kp_command kp_command_import = {
    .name = "import",
    .summary = "weights that were trained elsewhere as a finished run",
    .synopsis = "FILE --as EXP.ini [OPTION]...",
    .details =
        "FILE, safetensors, holds the arrays of EXP.ini's model under the names of the PyTorch\n"
        "module; F16, BF16 and F64 become F32, counters may be missing. They are recorded as a\n"
        "run of the configuration that EXP.ini resolves to, with run.imported = the file's\n"
        "sha256: it is never taken for a run that was trained here. It is evaluated as every run\n"
        "is at its end, so its data must be there. [teacher] run =, [init] run = and analyses\n"
        "then use it by its uid. How a .pth becomes safetensors: README.md.\n",
    .example = "  kappa import resnet50.safetensors --as experiments/imagenet/teacher.ini\n",
    .flags = KP_FLAG_SET | KP_FLAG_DB | KP_FLAG_THREADS | KP_FLAG_QUIET | KP_FLAG_AS,
    .least = 1,
    .most = 1,
    .run = command_import,
};
