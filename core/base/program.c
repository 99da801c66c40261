/* program.c - where the running program lies, and what was built or installed with it. */
#include "base/program.h"

#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kp_status kp_program_path(char **out, struct kp_error *e)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

    if (n <= 0 || (size_t)n >= sizeof(path))
        return kp_fail(e, KP_E_IO, "/proc/self/exe: %s",
                       n < 0 ? strerror(errno) : "the path is too long");
    *out = strndup(path, (size_t)n);
    return *out ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
}

enum kp_status kp_program_folder(char **out, struct kp_error *e)
{
    char *path = NULL;
    enum kp_status st = kp_program_path(&path, e);

    if (st != KP_OK)
        return st;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    *out = path;
    return KP_OK;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

char *kp_program_build(const char *folder)
{
    static const char tail[] = "/core/app";
    char *build, *mark;

    if (!ends_with(folder, tail))
        return NULL;
    build = strndup(folder, strlen(folder) - strlen(tail));
    mark = build ? kp_path_join(build, "meson-info") : NULL;
    if (!mark || !kp_file_exists(mark)) {
        free(build);
        build = NULL;
    }
    free(mark);
    return build;
}

/* `path`, or if it is there the same without links and "..", which reads better in messages. */
static char *resolved(char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;

    if (!real)
        return path;
    free(path);
    return real;
}

char *kp_program_plugins(const char *folder)
{
    return resolved(kp_path_join(folder, KP_PLUGINS_FROM_PROGRAM));
}

char *kp_program_backends(const char *folder)
{
    return resolved(kp_path_join(folder, KP_BACKENDS_FROM_PROGRAM));
}

/* The project's folder, which Meson has written into a file of the build folder. */
static enum kp_status source_folder(const char *build, char **out, struct kp_error *e)
{
    char *path = kp_path_join(build, "core/base/source-folder");
    uint8_t *bytes = NULL;
    size_t size;
    enum kp_status st = path ? kp_file_read(path, PATH_MAX, &bytes, &size, e)
                             : kp_fail(e, KP_E_NOMEM, "out of memory");

    free(path);
    if (st != KP_OK)
        return st;
    bytes[strcspn((char *)bytes, "\n")] = '\0';
    *out = (char *)bytes;
    return KP_OK;
}

/* The path of `name` in the project's folder, or of `installed` as seen from where the program was
 * installed. */
static enum kp_status find(const char *name, const char *installed, char **out, struct kp_error *e)
{
    char *folder = NULL, *build = NULL, *source = NULL, *path = NULL;
    enum kp_status st = kp_program_folder(&folder, e);

    if (st != KP_OK)
        return st;
    build = kp_program_build(folder);
    if (build)
        st = source_folder(build, &source, e);
    if (st == KP_OK) {
        path = resolved(source ? kp_path_join(source, name) : kp_path_join(folder, installed));
        st = path ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    if (st == KP_OK)
        *out = path;
    free(source);
    free(build);
    free(folder);
    return st;
}

enum kp_status kp_program_data(const char *name, char **out, struct kp_error *e)
{
    char *installed = kp_path_join(KP_DATA_FROM_PROGRAM, name);
    enum kp_status st =
        installed ? find(name, installed, out, e) : kp_fail(e, KP_E_NOMEM, "out of memory");

    free(installed);
    return st;
}

enum kp_status kp_program_headers(char **out, struct kp_error *e)
{
    return find("plugins/include", KP_HEADERS_FROM_PROGRAM, out, e);
}
