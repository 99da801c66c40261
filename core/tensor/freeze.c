/* freeze.c - prefixes of names: the parameters that a training leaves alone. */
#include "tensor/freeze.h"

#include "base/text.h"

#include <string.h>

/* The next prefix: its length, 0 behind the last; *at moves to it. */
static size_t next_prefix(const char **at)
{
    *at += strspn(*at, " \t");
    return strcspn(*at, " \t");
}

bool kp_has_prefix_of(const char *prefixes, const char *name)
{
    size_t n;

    for (const char *at = prefixes ? prefixes : ""; (n = next_prefix(&at)) > 0; at += n)
        if (strncmp(name, at, n) == 0)
            return true;
    return false;
}

bool kp_frozen_extents(const struct kp_net *net, const char *freeze, struct kp_arena *memory,
                       const struct kp_extent **out, int64_t *count)
{
    struct kp_extent *v = kp_arena_new(memory, struct kp_extent, net->params.count + 1);
    int64_t n = 0;

    if (!v)
        return false;
    for (int64_t i = 0; i < net->params.count; i++) {
        const struct kp_net_block *b = net->params.v[i];
        const int64_t first = (int64_t)(b->offset / sizeof(float));
        if (!kp_has_prefix_of(freeze, b->name))
            continue;
        if (n > 0 && v[n - 1].first + v[n - 1].count == first)
            v[n - 1].count += kp_shape_count(b->shape);
        else
            v[n++] = (struct kp_extent){first, kp_shape_count(b->shape)};
    }
    *out = v;
    *count = n;
    return true;
}

static bool fits_any(const struct kp_net *net, const char *prefix, size_t n)
{
    for (int64_t i = 0; i < net->params.count; i++)
        if (strncmp(net->params.v[i]->name, prefix, n) == 0)
            return true;
    return false;
}

/* "conv0 bn0 head": what stands before the last dot of each name. */
static void layer_names(const struct kp_net *net, struct kp_text *out)
{
    const char *before = "";
    size_t length = 0;

    for (int64_t i = 0; i < net->params.count; i++) {
        const char *name = net->params.v[i]->name, *dot = strrchr(name, '.');
        const size_t n = dot ? (size_t)(dot - name) : strlen(name);
        if (n != length || strncmp(name, before, n) != 0)
            kp_text_addf(out, "%s%.*s", out->length > 0 ? " " : "", (int)n, name);
        before = name;
        length = n;
    }
}

enum kp_status kp_prefixes_check(const struct kp_net *net, const char *prefixes, const char *key,
                                 struct kp_error *e)
{
    struct kp_text layers = {0};
    enum kp_status st = KP_OK;
    size_t n;

    layer_names(net, &layers);
    for (const char *at = prefixes ? prefixes : ""; st == KP_OK && (n = next_prefix(&at)) > 0;
         at += n)
        if (!fits_any(net, at, n))
            st = kp_fail(e, KP_E_CONFIG,
                         "%s: no parameter of model '%s' begins with '%.*s'; its layers are %s",
                         key, net->def->name, (int)n, at, layers.s ? layers.s : "not known");
    kp_text_finish(&layers);
    return st;
}

enum kp_status kp_freeze_check(const struct kp_net *net, const char *freeze, struct kp_error *e)
{
    struct kp_text layers = {0};
    enum kp_status st = kp_prefixes_check(net, freeze, "train.freeze", e);
    bool trained = false;

    for (int64_t i = 0; i < net->params.count; i++)
        trained |= !kp_has_prefix_of(freeze, net->params.v[i]->name);
    if (st != KP_OK || trained)
        return st;
    layer_names(net, &layers);
    st = kp_fail(e, KP_E_CONFIG,
                 "train.freeze: nothing of model '%s' is left to train; leave out some of %s",
                 net->def->name, layers.s ? layers.s : "it");
    kp_text_finish(&layers);
    return st;
}
