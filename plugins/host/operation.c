/* operation.c - an operation of a plugin by name, its state filled from a line of options. */
#include "host/operation.h"

#include "host/options.h"

#include <string.h>

static enum kp_status explain_unknown(const struct kp_registry *r, const char *name,
                                      struct kp_error *e)
{
    struct kp_text known = {0};
    enum kp_status st;

    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_op_def *const *d = kp_plugin_ops(r->loaded[i]->plugin);
        for (; d && *d; d++)
            kp_text_addf(&known, "%s%s", known.length > 0 ? " " : "", (*d)->name);
    }
    st = kp_fail(e, KP_E_CONFIG, "unknown operation '%.40s'; known: %s", name,
                 known.length > 0 ? known.s : "none");
    kp_text_finish(&known);
    return st;
}

/* Without the blanks around it; `end` is behind the last character. */
static char *trimmed(char *s, char *end)
{
    s += strspn(s, " \t\r\n");
    while (end > s && strchr(" \t\r\n", end[-1]))
        end--;
    *end = '\0';
    return s;
}

/* One "key = value" into texts[number of the option]. */
static enum kp_status read_pair(const struct kp_op_def *d, char *pair, const char **texts,
                                struct kp_error *e)
{
    char *equals = strchr(pair, '=');

    if (!equals)
        return kp_fail(e, KP_E_CONFIG, "operation '%s': '%.60s' is no option; key = value", d->name,
                       pair);
    char *value = trimmed(equals + 1, pair + strlen(pair));
    char *key = trimmed(pair, equals);
    for (uint32_t i = 0; i < d->options.count; i++) {
        if (strcmp(kp_option_at(&d->options, i)->name, key) != 0)
            continue;
        if (texts[i])
            return kp_fail(e, KP_E_CONFIG, "operation '%s': option '%s' is given twice", d->name,
                           key);
        texts[i] = value;
        return KP_OK;
    }
    const char *near = kp_option_nearest(&d->options, key);
    return kp_fail(e, KP_E_CONFIG, "operation '%s': unknown option '%.40s'%s%s%s", d->name, key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum kp_status fill(const struct kp_op_def *d, const char *const *texts, struct kp_arena *a,
                           void *self, struct kp_error *e)
{
    for (uint32_t i = 0; i < d->options.count; i++) {
        const struct kp_option *o = kp_option_at(&d->options, i);
        const char *text = texts[i] ? texts[i] : o->fallback, *canonical;
        struct kp_error why = {0};

        if (!text)
            return kp_fail(e, KP_E_CONFIG, "operation '%s': option '%s' must be given: %s", d->name,
                           o->name, o->doc);
        if (kp_option_check(o, text, a, &canonical, &why) != KP_OK)
            return kp_fail(e, KP_E_CONFIG, "operation '%s': option '%s': %s", d->name, o->name,
                           why.text);
        if (!kp_option_store(o, canonical, a, self))
            return kp_fail(e, KP_E_NOMEM, "no memory for operation '%s'", d->name);
    }
    return KP_OK;
}

enum kp_status kp_operation_find(const void *registry, const char *name, const char *options,
                                 struct kp_arena *a, struct kp_operation *out, struct kp_error *e)
{
    const struct kp_registry *r = registry;
    const struct kp_op_def *d = kp_registry_op(r, name, NULL);

    if (!d)
        return explain_unknown(r, name, e);
    const char **texts = kp_arena_new(a, const char *, d->options.count + 1);
    char *rest = kp_arena_strdup(a, options), *pair;
    void *self = kp_arena_alloc(a, 1, d->self_size > 0 ? d->self_size : 1);
    if (!texts || !rest || !self)
        return kp_fail(e, KP_E_NOMEM, "no memory for operation '%s'", name);
    while ((pair = strsep(&rest, ",")) != NULL) {
        pair = trimmed(pair, pair + strlen(pair));
        enum kp_status st = *pair ? read_pair(d, pair, texts, e) : KP_OK;
        if (st != KP_OK)
            return st;
    }
    enum kp_status st = fill(d, texts, a, self, e);
    if (st == KP_OK)
        *out = (struct kp_operation){d, self};
    return st;
}
