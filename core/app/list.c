/* list.c - `kappa list`: what there is: plugins, datasets, devices. */
#include "app/command.h"
#include "app/output.h"
#include "app/setup.h"
#include "data/data.h"
#include "device/device.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 4096 };

struct entries {
    int count;
    struct entry {
        const char *name, *doc;
    } v[ENTRIES];
};

static void add(struct entries *all, const char *name, const char *doc)
{
    if (all->count < ENTRIES)
        all->v[all->count++] = (struct entry){name, doc};
}

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Print them under a title, and forget them. */
static void flush(struct entries *all, const char *title)
{
    (void)printf("%s\n", title);
    qsort(all->v, (size_t)all->count, sizeof(all->v[0]), by_name);
    for (int i = 0; i < all->count; i++) {
        if (*all->v[i].doc)
            (void)printf("  %-17s %s\n", all->v[i].name, all->v[i].doc);
        else
            (void)printf("  %s\n", all->v[i].name);
    }
    if (all->count == 0)
        (void)printf("  none\n");
    all->count = 0;
}

static void print_plugins(const struct kp_registry *r, struct entries *all)
{
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_model_def *const *d = r->loaded[i]->plugin->models;
        for (; d && *d; d++)
            add(all, (*d)->name, (*d)->doc);
    }
    flush(all, "models");
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_objective_def *const *d = r->loaded[i]->plugin->objectives;
        for (; d && *d; d++)
            add(all, (*d)->name, (*d)->doc);
    }
    flush(all, "\nobjectives");
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_metric_def *const *d = r->loaded[i]->plugin->metrics;
        for (; d && *d; d++)
            add(all, (*d)->name, (*d)->doc);
    }
    flush(all, "\nmetrics");
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_op_def *const *d = kp_plugin_ops(r->loaded[i]->plugin);
        for (; d && *d; d++)
            add(all, (*d)->name, (*d)->doc);
    }
    flush(all, "\noperations");
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_dataset_def *const *d = kp_plugin_datasets(r->loaded[i]->plugin);
        for (; d && *d; d++)
            add(all, (*d)->name, (*d)->doc);
    }
    flush(all, "\ndatasets ([data] set)");
}

static int command_list(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct entries *all = calloc(1, sizeof(*all));
    int code;

    (void)a;
    if (!all) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    code = kp_setup_registry(&registry);
    print_plugins(&registry, all);
    for (int i = 0; kp_dataset_formats[i]; i++)
        add(all, kp_dataset_formats[i], "");
    flush(all, "\ndataset formats ([data] format)");
    for (int i = 0; kp_device_kinds[i]; i++)
        add(all, kp_device_kinds[i],
            strcmp(kp_device_kinds[i], "cuda") == 0  ? "what kind = auto takes where there is a GPU"
            : strcmp(kp_device_kinds[i], "cpu") == 0 ? "what kind = auto takes without a GPU"
                                                     : "");
    flush(all, "\ndevices ([device] kind)");
    kp_registry_finish(&registry);
    free(all);
    return code;
}

const struct kp_command kp_command_list = {
    .name = "list",
    .summary = "what there is: models, objectives, metrics, operations, datasets, devices",
    .synopsis = "",
    .details =
        "Plugins are those of this kappa and those in the folders of KAPPA_PLUGINS, separated\n"
        "by ':'. A plugin that does not fit is named on standard error, and the status is 2.\n"
        "'kappa info NAME' says more of each.\n",
    .example = "  KAPPA_PLUGINS=$HOME/plugins kappa list\n",
    .run = command_list,
};
