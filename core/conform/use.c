/* use.c - definitions in use, whatever their kind. */
#include "conform/use.h"

#include "conform/guarded.h"
#include "host/options.h"

#include <stdio.h>
#include <string.h>

#define PARAMS_MANY 20000

static const struct kp_usage *const usages[] = {&kp_use_model, &kp_use_objective, &kp_use_metric,
                                                &kp_use_op,    &kp_use_dataset,   &kp_use_analysis};

const struct kp_usage *kp_usage_of(const struct kp_trial *t)
{
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++)
        if (strcmp(usages[i]->kind, t->slate->kind) == 0)
            return usages[i];
    KP_ASSERT(!"a kind without usage");
    return NULL;
}

enum kp_status kp_use_once(const struct kp_trial *t, const struct kp_use *u,
                           char digest[KP_HASH_SIZE], struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_hasher h;
    void *instance = NULL;

    kp_hasher_begin(&h);
    kp_poison(u->poison);
    enum kp_status st = usage->open(t, u, &instance, e);
    if (st == KP_OK && !u->record_only)
        st = usage->run(instance, &h, e);
    if (instance)
        usage->close(instance);
    kp_hasher_end(&h, digest);
    return st;
}

/* Parameters of a use that is recorded only; -1 if it is refused. */
static int64_t params_of(const struct kp_trial *t, const struct kp_use *u)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_error refused = {0};
    void *instance = NULL;
    int64_t params = -1;

    if (usage->open(t, u, &instance, &refused) == KP_OK)
        params = usage->params(instance);
    if (instance)
        usage->close(instance);
    return params;
}

/* Small numbers for an option that holds numbers, as many as its default has. */
static bool small_text(const struct kp_option *o, int number, char *out, size_t size)
{
    const bool list = o->type == KP_OPT_INTS;
    size_t used = 0;
    bool inside = false;

    if ((o->type != KP_OPT_INT && !list) || !o->fallback || !*o->fallback)
        return false;
    for (const char *c = o->fallback; *c; c++) {
        const bool begins = *c != ' ' && !inside;

        inside = *c != ' ';
        if (!begins)
            continue;
        int n = snprintf(out + used, size - used, "%s%d", used > 0 ? " " : "", number);
        if (n < 0 || (size_t)n >= size - used)
            return false;
        used += (size_t)n;
    }
    return true;
}

/* Where the use has room for the option's text; NULL: nowhere. */
static char *shrunk_text(struct kp_use *u, const char *option)
{
    int i = 0;

    while (i < u->shrunk.count && strcmp(u->shrunk.v[i].name, option) != 0)
        i++;
    if (i == KP_SHRUNK_MOST)
        return NULL;
    u->shrunk.v[i].name = option;
    u->shrunk.count += i == u->shrunk.count;
    return u->shrunk.v[i].text;
}

/* Twice, because an option may stand in the way of one before it: heads that divide a width. */
static void shrink(const struct kp_trial *t, struct kp_use *u)
{
    static const int numbers[] = {2, 4, 8, 16};
    const struct kp_option_table *options = kp_usage_of(t)->options(t->def);
    int64_t least = params_of(t, u);

    for (uint32_t i = 0; i < 2 * options->count && least > PARAMS_MANY; i++) {
        const struct kp_option *o = kp_option_at(options, i % options->count);

        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
            struct kp_use smaller = *u;
            char *text = shrunk_text(&smaller, o->name);

            if (!text || !small_text(o, numbers[k], text, sizeof(u->shrunk.v[0].text)))
                break;
            const int64_t params = params_of(t, &smaller);
            if (params < 0 || params > least)
                continue;
            least = params;
            *u = smaller;
            break;
        }
    }
}

enum kp_status kp_use_first(const struct kp_trial *t, const char *device, struct kp_use *out,
                            struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_error why = {0};
    struct kp_use u = {0};

    for (int i = 0; usage->choose(t, i, &u); i++) {
        char digest[KP_HASH_SIZE];

        u.record_only = true;
        if (kp_use_once(t, &u, digest, &why) != KP_OK)
            continue;
        if (usage->params)
            shrink(t, &u);
        u.record_only = false;
        u.device = device;
        *out = u;
        return KP_OK;
    }
    /* What shapes an operation wants, or which files a dataset, cannot be guessed; an analysis may
     * have nothing to say. */
    const bool special = usage == &kp_use_op || usage == &kp_use_dataset ||
                         (usage == &kp_use_analysis && why.status == KP_E_UNSUPPORTED);
    return kp_fail(e, special ? KP_E_UNSUPPORTED : why.status,
                   "it refuses every use that was tried; the last time: %s", why.text);
}

const char *const *kp_use_devices(const struct kp_trial *t)
{
    static const char *const both[] = {"ref", "cpu", NULL};
    static const char *const one[] = {"ref", NULL};

    return t->slate->reference_only || !kp_usage_of(t)->stand ? one : both;
}
