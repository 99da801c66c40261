/* plugin_path.c - [plugins] path: the folders of plugins that an experiment brings along. */
#include "config/plugin_path.h"

#include "base/file.h"
#include "config/interpolate.h"
#include "host/folders.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *kp_path_from(struct kp_place place, const char *text, struct kp_arena *memory)
{
    char *beside = NULL, *folder = NULL, *path = NULL;
    const char *out = NULL;

    beside = place.order == KP_PLACE_COMMAND_LINE ? strdup(text) : kp_path_beside(place.file, text);
    if (!beside)
        return NULL;
    if (beside[0] != '/') {
        folder = getcwd(NULL, 0);
        path = folder ? kp_path_join(folder, beside) : NULL;
    }
    if (beside[0] == '/' || path)
        out = kp_arena_strdup(memory, path ? path : beside);
    free(beside);
    free(folder);
    free(path);
    return out;
}

const char *kp_plugin_path(struct kp_place place, const char *text, struct kp_arena *memory)
{
    struct kp_text lines = {0}, out = {0};
    struct kp_error e = {0};
    const char *joined = NULL;
    char *rest, *folder;

    if (kp_folders_list(text, &lines, &e) != KP_OK)
        out.failed = true;
    rest = lines.s;
    while (!out.failed && (folder = strsep(&rest, "\n")) != NULL) {
        const char *path = *folder ? kp_path_from(place, folder, memory) : "";

        if (!path)
            out.failed = true;
        else if (*path)
            kp_text_addf(&out, "%s%s", out.length > 0 ? ":" : "", path);
    }
    if (!out.failed)
        joined = kp_arena_strdup(memory, out.s ? out.s : "");
    kp_text_finish(&lines);
    kp_text_finish(&out);
    return joined;
}

/* Each refused plugin is a problem of its own. */
static void add_lines(struct kp_problems *problems, struct kp_place place, char *lines)
{
    char *line;

    while ((line = strsep(&lines, "\n")) != NULL)
        if (*line)
            kp_problem_add(problems, place, "plugins.path", "%s", line);
}

void kp_plugin_path_open(const struct kp_values *values, struct kp_registry *registry,
                         struct kp_problems *problems)
{
    const struct kp_entry *entry = kp_values_find(values, "plugins.path");
    struct kp_text text = {0}, lines = {0}, refused = {0};
    struct kp_arena memory = {0};
    struct kp_error why = {0};
    const char *path = NULL;
    char *rest, *folder;

    if (!entry)
        return;
    enum kp_status st = kp_interpolate(NULL, entry->value, false, &text, &why);
    if (st == KP_OK)
        path = kp_plugin_path(entry->place, text.s, &memory);
    if (st == KP_OK)
        st = path ? kp_folders_list(path, &lines, &why) : kp_fail(&why, KP_E_NOMEM, "no memory");
    rest = lines.s;
    while (st == KP_OK && (folder = strsep(&rest, "\n")) != NULL)
        if (*folder)
            st = kp_registry_scan(registry, folder, &refused, &why);
    if (st != KP_OK)
        kp_problem_add(problems, entry->place, "plugins.path", "%s", why.text);
    add_lines(problems, entry->place, refused.s);
    kp_text_finish(&text);
    kp_text_finish(&lines);
    kp_text_finish(&refused);
    kp_arena_finish(&memory);
}
