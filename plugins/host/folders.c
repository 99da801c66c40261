/* folders.c - where plugins are looked for. */
#include "host/folders.h"

#include "base/file.h"
#include "base/program.h"

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

enum kp_status kp_folders_own(const char *program_folder, struct kp_text *out, struct kp_error *e)
{
    char *build = kp_program_build(program_folder);
    char *installed = build ? NULL : kp_program_plugins(program_folder);
    bool good;

    if (build)
        good = add_if_folder(build, "models", out) && add_if_folder(build, "objectives", out) &&
               add_if_folder(build, "metrics", out);
    else
        good = installed && add_if_folder(installed, "", out);
    free(build);
    free(installed);
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
