/* backend_file.c - backends that are shared objects of their own, opened when they are asked for,
 * so that the program runs where their libraries are missing. */
#include "base/file.h"
#include "base/program.h"
#include "device/backend.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* free() it. */
static enum kp_status path_of(const struct kp_backend_file *b, char **out, struct kp_error *e)
{
    char *folder = NULL, *build = NULL, *backends = NULL;
    enum kp_status st = kp_program_folder(&folder, e);

    if (st != KP_OK)
        return st;
    build = kp_program_build(folder);
    backends = build ? kp_path_join(build, "core/device") : kp_program_backends(folder);
    *out = backends ? kp_path_join(backends, b->file) : NULL;
    free(backends);
    free(build);
    free(folder);
    return *out ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
}

/* dlopen() names a library that the backend needs, but not the backend. */
static enum kp_status explain(const struct kp_backend_file *b, const char *path, const char *why,
                              struct kp_error *e)
{
    const char *end = strstr(why, ": cannot open shared object file");
    const size_t length = end ? (size_t)(end - why) : 0;

    if (!end || (strlen(path) == length && strncmp(why, path, length) == 0))
        return kp_fail(e, KP_E_DEVICE, "device %s: %s", b->kind, why);
    return kp_fail(e, KP_E_DEVICE,
                   "device %s: %.*s is missing, which %s needs; install it, or put its folder into "
                   "LD_LIBRARY_PATH",
                   b->kind, (int)length, why, path);
}

/* Loaded once, it stays: it may have started threads. */
static enum kp_status load(const struct kp_backend_file *b, const char *path,
                           const struct kp_backend **out, struct kp_error *e)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!object)
        return explain(b, path, dlerror(), e);
    const struct kp_backend *found = dlsym(object, KP_BACKEND_NAME);
    if (!found)
        return kp_fail(e, KP_E_DEVICE, "device %s: %s is no backend of kappa", b->kind, path);
    if (found->size != sizeof(*found) || found->layout != KP_BACKEND_LAYOUT)
        return kp_fail(
            e, KP_E_DEVICE,
            "device %s: %s is of another build of kappa; build and install both together", b->kind,
            path);
    *out = found;
    return KP_OK;
}

static bool has_library(const char *name)
{
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

    if (library)
        (void)dlclose(library);
    return library != NULL;
}

enum kp_status kp_backend_open(const struct kp_backend_file *b,
                               const struct kp_device_config *config, struct kp_device **out,
                               struct kp_error *e)
{
    const char *given = getenv(b->variable);
    const struct kp_backend *backend = NULL;
    char *path = NULL;
    enum kp_status st;

    if (given && *given) {
        st = load(b, given, &backend, e);
        return st == KP_OK ? backend->ops->open(config, out, e) : st;
    }
    if (!has_library(b->driver))
        return kp_fail(e, KP_E_DEVICE, "device %s: %s", b->kind, b->absent);
    st = path_of(b, &path, e);
    if (st == KP_OK && !kp_file_exists(path))
        st = kp_fail(e, KP_E_DEVICE,
                     "device %s: this kappa was built without it (%s is not there); "
                     "meson setup -D%s=enabled builds it",
                     b->kind, path, b->kind);
    if (st == KP_OK)
        st = load(b, path, &backend, e);
    free(path);
    return st == KP_OK ? backend->ops->open(config, out, e) : st;
}
