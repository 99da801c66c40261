/* registry.c - open plugin files, keep those that fit, find definitions by name. */
#include "host/registry.h"

#include "base/file.h"
#include "base/program.h"
#include "host/folders.h"
#include "host/verify.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAJOR_PROBES = 100, PLUGINS_MAX = 4096 };

const char *const kp_kind_names[KP_KINDS] = {"model", "objective", "metric", "op", "dataset"};

enum kp_kind kp_kind_of(const char *name)
{
    int kind = 0;

    while (kind < KP_KINDS && strcmp(kp_kind_names[kind], name) != 0)
        kind++;
    return (enum kp_kind)kind;
}

const void *kp_plugin_definition(const struct kp_plugin *p, enum kp_kind kind, int64_t i,
                                 const char **name)
{
    const void *d = NULL;

    switch (kind) {
    case KP_KIND_MODEL:
        d = p->models ? p->models[i] : NULL;
        *name = d ? p->models[i]->name : NULL;
        break;
    case KP_KIND_OBJECTIVE:
        d = p->objectives ? p->objectives[i] : NULL;
        *name = d ? p->objectives[i]->name : NULL;
        break;
    case KP_KIND_METRIC:
        d = p->metrics ? p->metrics[i] : NULL;
        *name = d ? p->metrics[i]->name : NULL;
        break;
    case KP_KIND_OP:
        d = kp_plugin_ops(p) ? kp_plugin_ops(p)[i] : NULL;
        *name = d ? kp_plugin_ops(p)[i]->name : NULL;
        break;
    case KP_KIND_DATASET:
        d = kp_plugin_datasets(p) ? kp_plugin_datasets(p)[i] : NULL;
        *name = d ? kp_plugin_datasets(p)[i]->name : NULL;
        break;
    case KP_KINDS:
        break;
    }
    return d;
}

/* The number of the definition that has the name, among the first `limit`; -1: none. */
static int64_t index_of(const struct kp_plugin *p, enum kp_kind kind, const char *wanted,
                        int64_t limit)
{
    const char *name;

    for (int64_t i = 0; i < limit && kp_plugin_definition(p, kind, i, &name); i++)
        if (strcmp(name, wanted) == 0)
            return i;
    return -1;
}

const void *kp_registry_find(const struct kp_registry *r, enum kp_kind kind, const char *wanted,
                             const struct kp_loaded **from)
{
    for (int64_t i = 0; i < r->count; i++) {
        int64_t k = index_of(r->loaded[i]->plugin, kind, wanted, INT64_MAX);
        const char *name;

        if (k < 0)
            continue;
        if (from)
            *from = r->loaded[i];
        return kp_plugin_definition(r->loaded[i]->plugin, kind, k, &name);
    }
    return NULL;
}

const struct kp_model_def *kp_registry_model(const struct kp_registry *r, const char *name,
                                             const struct kp_loaded **from)
{
    return kp_registry_find(r, KP_KIND_MODEL, name, from);
}

const struct kp_objective_def *kp_registry_objective(const struct kp_registry *r, const char *name,
                                                     const struct kp_loaded **from)
{
    return kp_registry_find(r, KP_KIND_OBJECTIVE, name, from);
}

const struct kp_metric_def *kp_registry_metric(const struct kp_registry *r, const char *name,
                                               const struct kp_loaded **from)
{
    return kp_registry_find(r, KP_KIND_METRIC, name, from);
}

const struct kp_op_def *kp_registry_op(const struct kp_registry *r, const char *name,
                                       const struct kp_loaded **from)
{
    return kp_registry_find(r, KP_KIND_OP, name, from);
}

const struct kp_dataset_def *kp_registry_dataset(const struct kp_registry *r, const char *name,
                                                 const struct kp_loaded **from)
{
    return kp_registry_find(r, KP_KIND_DATASET, name, from);
}

/* Refuse definitions that the registry or the plugin itself already has. */
static enum kp_status check_new(const struct kp_registry *r, const struct kp_plugin *p,
                                const char *path, struct kp_error *e)
{
    for (int kind = 0; kind < KP_KINDS; kind++) {
        const char *name;

        for (int64_t i = 0; kp_plugin_definition(p, (enum kp_kind)kind, i, &name); i++) {
            const struct kp_loaded *from = NULL;
            bool known = kp_registry_find(r, (enum kp_kind)kind, name, &from) != NULL;

            if (known || index_of(p, (enum kp_kind)kind, name, i) >= 0)
                return kp_fail(e, KP_E_INVALID,
                               "%s: %s '%s' is already in %s; remove or rename one of them", path,
                               kp_kind_names[kind], name, known ? from->path : path);
        }
    }
    return KP_OK;
}

/* No entry symbol of our major: of another one, or no plugin at all? */
static enum kp_status explain_no_entry(void *library, const char *path, struct kp_error *e)
{
    for (int major = 0; major < MAJOR_PROBES; major++) {
        char symbol[32];
        (void)snprintf(symbol, sizeof(symbol), "kp_plugin_v%d", major);
        if (dlsym(library, symbol))
            return kp_fail(e, KP_E_ABI,
                           "%s: built for plugin ABI %d, this kappa has %d.%d: rebuild it", path,
                           major, KP_ABI_MAJOR, KP_ABI_MINOR);
    }
    return kp_fail(e, KP_E_ABI,
                   "%s: does not define %s, so it is no kappa plugin; define "
                   "'const struct kp_plugin KP_PLUGIN' (kappa/plugin.h)",
                   path, KP_PLUGIN_SYMBOL);
}

static enum kp_status make_room(struct kp_registry *r, struct kp_error *e)
{
    int64_t room = r->room ? 2 * r->room : 16;
    struct kp_loaded **loaded;

    if (r->count < r->room)
        return KP_OK;
    if (r->count >= PLUGINS_MAX)
        return kp_fail(e, KP_E_INVALID, "more than %d plugins", (int)PLUGINS_MAX);
    loaded = (struct kp_loaded **)realloc((void *)r->loaded, (size_t)room * sizeof(*loaded));
    if (!loaded)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    r->loaded = loaded;
    r->room = room;
    return KP_OK;
}

static bool is_open(const struct kp_registry *r, const struct kp_plugin *p)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->loaded[i]->plugin == p)
            return true;
    return false;
}

/* Check the plugin and add it; takes `path` over. */
static enum kp_status keep(struct kp_registry *r, const struct kp_plugin *p, char *path,
                           const char *sha256, struct kp_error *e)
{
    enum kp_status st;
    struct kp_loaded *new;

    if ((st = kp_verify_abi(&p->abi, path, e)) != KP_OK ||
        (st = kp_verify_plugin(p, path, e)) != KP_OK || (st = check_new(r, p, path, e)) != KP_OK ||
        (st = make_room(r, e)) != KP_OK)
        return st;
    new = calloc(1, sizeof(*new));
    if (!new)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    *new = (struct kp_loaded){.plugin = p, .path = path};
    memcpy(new->sha256, sha256, strlen(sha256) + 1);
    r->loaded[r->count++] = new;
    return KP_OK;
}

enum kp_status kp_registry_add(struct kp_registry *r, const struct kp_plugin *p, struct kp_error *e)
{
    char *path = strdup("built in");
    enum kp_status st = path ? keep(r, p, path, "", e) : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st != KP_OK)
        free(path);
    return st;
}

enum kp_status kp_registry_open(struct kp_registry *r, const char *path, struct kp_error *e)
{
    enum kp_status st;
    char sha256[KP_HASH_SIZE];
    const struct kp_plugin *p;
    void *library = NULL;
    /* Without a slash dlopen() would search the system's libraries. */
    char *file = strchr(path, '/') ? strdup(path) : kp_path_join(".", path);

    if (!file) {
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
        goto out;
    }
    st = kp_hash_file(file, sha256, e);
    if (st != KP_OK)
        goto out;
    library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *reason = dlerror();
        st = kp_fail(e, KP_E_FORMAT, "%s: cannot be opened as a plugin: %s", file,
                     reason ? reason : "no reason given");
        goto out;
    }
    p = dlsym(library, KP_PLUGIN_SYMBOL);
    if (!p) {
        st = explain_no_entry(library, file, e);
        goto out;
    }
    if (is_open(r, p))
        goto out; /* the same file by another way */
    st = keep(r, p, file, sha256, e);
    if (st == KP_OK) {
        library = NULL;
        file = NULL;
    }
out:
    if (library)
        (void)dlclose(library);
    free(file);
    return st;
}

static int is_plugin_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return d->d_name[0] != '.' && n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

enum kp_status kp_registry_scan(struct kp_registry *r, const char *folder, struct kp_text *report,
                                struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_plugin_file, alphasort);

    if (n < 0)
        return kp_fail(e, KP_E_IO, "%s: %s; a folder with plugins (*.so)", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct kp_error why = {0};
        char *path = st == KP_OK ? kp_path_join(folder, entries[i]->d_name) : NULL;

        if (st == KP_OK && !path)
            st = kp_fail(e, KP_E_NOMEM, "out of memory");
        if (path && kp_registry_open(r, path, &why) != KP_OK)
            kp_text_addf(report, "%s\n", why.text);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return st;
}

/* Scan folders written one a line. */
static enum kp_status scan_lines(struct kp_registry *r, char *lines, const char *whence,
                                 struct kp_text *report, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    char *rest = lines;
    char *folder;

    while (st == KP_OK && (folder = strsep(&rest, "\n")) != NULL)
        if (*folder)
            st = kp_registry_scan(r, folder, report, e);
    return st == KP_OK ? KP_OK : kp_fail_in(e, "%s", whence);
}

enum kp_status kp_registry_scan_default(struct kp_registry *r, struct kp_text *report,
                                        struct kp_error *e)
{
    enum kp_status st;
    struct kp_text own = {0}, listed = {0};
    char *folder = NULL;

    if ((st = kp_program_folder(&folder, e)) != KP_OK ||
        (st = kp_folders_own(folder, &own, e)) != KP_OK ||
        (st = kp_folders_list(getenv("KAPPA_PLUGINS"), &listed, e)) != KP_OK)
        goto out;
    if (own.length == 0)
        kp_text_addf(report,
                     "no plugins beside the program in %s; reinstall kappa, or name a "
                     "folder in KAPPA_PLUGINS\n",
                     folder);
    if (own.length > 0 && (st = scan_lines(r, own.s, "plugins", report, e)) != KP_OK)
        goto out;
    if (listed.length > 0)
        st = scan_lines(r, listed.s, "KAPPA_PLUGINS", report, e);
out:
    kp_text_finish(&own);
    kp_text_finish(&listed);
    free(folder);
    return st;
}

void kp_registry_finish(struct kp_registry *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        free(r->loaded[i]->path);
        free(r->loaded[i]);
    }
    free((void *)r->loaded);
    *r = (struct kp_registry){0};
}
