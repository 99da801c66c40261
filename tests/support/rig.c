/* rig.c - opens plugins and fills their options from a short text. */
#include "support/rig.h"

#include "base/file.h"
#include "host/operation.h"
#include "host/options.h"

#include <stdlib.h>
#include <string.h>

enum kp_status rig_scan(struct rig *r, const char *build, const char *folder, struct kp_error *e)
{
    struct kp_text refused = {0};
    char *path = kp_path_join(build, folder);
    enum kp_status st = path ? kp_registry_scan(&r->registry, path, &refused, e)
                             : kp_fail(e, KP_E_NOMEM, "no memory for a path");

    if (st == KP_OK && refused.length > 0)
        st = kp_fail(e, KP_E_ABI, "%s", refused.s);
    kp_text_finish(&refused);
    free(path);
    return st;
}

enum kp_status rig_open(struct rig *r, const char *build, struct kp_error *e)
{
    enum kp_status st;

    *r = (struct rig){0};
    st = rig_scan(r, build, "models", e);
    if (st == KP_OK)
        st = rig_scan(r, build, "objectives", e);
    if (st == KP_OK)
        st = rig_scan(r, build, "plugins/examples", e);
    if (st != KP_OK)
        rig_close(r);
    return st;
}

void rig_close(struct rig *r)
{
    kp_registry_finish(&r->registry);
    kp_arena_finish(&r->memory);
}

static enum kp_status set(struct rig *r, const struct kp_option_table *t, const char *name,
                          const char *text, void *self, struct kp_error *e)
{
    const struct kp_option *o = kp_option_find(t, name);
    const char *canonical;

    if (!o)
        return kp_fail(e, KP_E_INVALID, "no option '%s'", name);
    enum kp_status st = kp_option_check(o, text, &r->memory, &canonical, e);
    if (st == KP_OK)
        kp_option_store(o, canonical, &r->memory, self);
    return st;
}

enum kp_status rig_fill(struct rig *r, const struct kp_option_table *t, const char *options,
                        size_t size, void **out, struct kp_error *e)
{
    void *self = kp_arena_alloc(&r->memory, 1, size > 0 ? size : 1);
    char *copy = kp_arena_strdup(&r->memory, options ? options : "");
    char *rest = copy, *part;
    enum kp_status st = KP_OK;

    if (!self || !copy)
        return kp_fail(e, KP_E_NOMEM, "no memory for options");
    for (uint32_t i = 0; i < t->count && st == KP_OK; i++) {
        const struct kp_option *o = kp_option_at(t, i);
        st = set(r, t, o->name, o->fallback, self, e);
    }
    while (st == KP_OK && (part = strsep(&rest, ";")) != NULL) {
        char *value = part;
        const char *name = strsep(&value, "=");
        if (*name)
            st = set(r, t, name, value ? value : "", self, e);
    }
    if (st == KP_OK)
        *out = self;
    return st;
}

enum kp_status rig_net(struct rig *r, const char *model, const char *options, struct kp_shape input,
                       int64_t classes, struct kp_net **out, struct kp_error *e)
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = input, .classes = classes};

    return rig_net_io(r, model, options, &io, out, e);
}

enum kp_status rig_net_io(struct rig *r, const char *model, const char *options,
                          const struct kp_model_io *io, struct kp_net **out, struct kp_error *e)
{
    const struct kp_model_def *def = kp_registry_model(&r->registry, model, NULL);
    void *self;

    if (!def)
        return kp_fail(e, KP_E_INVALID, "no model '%s'", model);
    const struct kp_op_source ops = {kp_operation_find, &r->registry};
    enum kp_status st = rig_fill(r, &def->options, options, def->self_size, &self, e);
    return st == KP_OK ? kp_net_create(def, self, io, &ops, out, e) : st;
}

enum kp_status rig_objective(struct rig *r, const char *name, const char *options,
                             const struct kp_objective_def **def, void **self, struct kp_error *e)
{
    const struct kp_objective_def *found = kp_registry_objective(&r->registry, name, NULL);

    if (!found)
        return kp_fail(e, KP_E_INVALID, "no objective '%s'", name);
    enum kp_status st = rig_fill(r, &found->options, options, found->self_size, self, e);
    if (st == KP_OK)
        *def = found;
    return st;
}
