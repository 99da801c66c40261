/* list.c - `kappa list`: what there is: plugins, datasets, devices. */
#include "app/command.h"
#include "app/output.h"
#include "app/setup.h"
#include "data/data.h"
#include "device/device.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name, *doc;
};

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void print_entries(const char *title, struct entry *v, int64_t count)
{
    (void)printf("%s\n", title);
    qsort(v, (size_t)count, sizeof(*v), by_name);
    for (int64_t i = 0; i < count; i++)
        (void)printf("  %-12s %s\n", v[i].name, v[i].doc);
    if (count == 0)
        (void)printf("  none\n");
}

/* Definitions of one kind in all plugins, as entries. */
#define COLLECT(registry, list, v, count)                                                       \
    do {                                                                                        \
        (count) = 0;                                                                            \
        for (int64_t i_ = 0; i_ < (registry)->count; i_++)                                      \
            for (int j_ = 0; (registry)->loaded[i_].plugin->list &&                             \
                             (registry)->loaded[i_].plugin->list[j_] && (count) < ENTRIES;      \
                 j_++)                                                                          \
                (v)[(count)++] = (struct entry){(registry)->loaded[i_].plugin->list[j_]->name,  \
                                                (registry)->loaded[i_].plugin->list[j_]->doc};  \
    } while (0)

enum { ENTRIES = 4096 };

static int print_plugins(const struct kp_registry *r)
{
    struct entry *v = calloc(ENTRIES, sizeof(*v));
    int64_t count;

    if (!v) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    COLLECT(r, models, v, count);
    print_entries("models", v, count);
    COLLECT(r, objectives, v, count);
    print_entries("\nobjectives", v, count);
    COLLECT(r, metrics, v, count);
    print_entries("\nmetrics", v, count);
    free(v);
    return KP_EXIT_DONE;
}
