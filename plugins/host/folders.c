/* folders.c - where plugins are looked for. */
#include "host/folders.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Add `folder`/`name` if it is a folder; false if out of memory. */
static bool add_if_folder(const char *folder, const char *name, struct kp_text *out)
{
    char *path = kp_path_join(folder, name);
    bool good = path != NULL;

    if (good && is_folder(path)) {
        kp_text_add(out, path);
        kp_text_add(out, "\n");
    }
    free(path);
    return good && !out->failed;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* The build folder that `program_folder` belongs to, or NULL. */
static char *build_folder(const char *program_folder)
{
    static const char tail[] = "/core/app";
    char *build, *mark;
    bool good;

    if (!ends_with(program_folder, tail))
        return NULL;
    build = strndup(program_folder, strlen(program_folder) - strlen(tail));
    mark = build ? kp_path_join(build, "meson-info") : NULL;
    good = mark && is_folder(mark);
    free(mark);
    if (!good) {
        free(build);
        build = NULL;
    }
    return build;
}

static bool is_lib(const char *name)
{
    return strncmp(name, "lib", 3) == 0;
}

static bool is_multiarch(const char *name)
{
    return strstr(name, "-linux-") != NULL;
}

/* Add <folder>/<entry>/kappa for each entry that `wanted` likes; a missing folder has none. */
static bool add_entries(const char *folder, bool (*wanted)(const char *), struct kp_text *out)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    bool good = true;

    for (int i = 0; i < n; i++) {
        if (good && wanted(entries[i]->d_name)) {
            char *sub = kp_path_join(folder, entries[i]->d_name);
            good = sub && add_if_folder(sub, "kappa", out);
            free(sub);
        }
        free(entries[i]);
    }
    free(entries);
    return good;
}

enum kp_status kp_folders_own(const char *program_folder, struct kp_text *out, struct kp_error *e)
{
    char *build = build_folder(program_folder);
    char *prefix = NULL, *lib = NULL;
    bool good = true;

    if (build) {
        good = add_if_folder(build, "models", out) && add_if_folder(build, "objectives", out) &&
               add_if_folder(build, "metrics", out);
    } else {
        prefix = kp_path_join(program_folder, "..");
        lib = prefix ? kp_path_join(prefix, "lib") : NULL;
        good = lib && add_entries(prefix, is_lib, out) && add_entries(lib, is_multiarch, out);
    }
    free(build);
    free(prefix);
    free(lib);
    return good ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
}

enum kp_status kp_folders_list(const char *list, struct kp_text *out, struct kp_error *e)
{
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n > 0) {
            kp_text_add_bytes(out, list, n);
            kp_text_add(out, "\n");
        }
        list += n + (list[n] == ':');
    }
    return out->failed ? kp_fail(e, KP_E_NOMEM, "out of memory") : KP_OK;
}
