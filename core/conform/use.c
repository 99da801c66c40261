/* use.c - definitions in use, whatever their kind. */
#include "conform/use.h"

#include "conform/wear.h"

#include <string.h>

static const struct kp_usage *const usages[] = {&kp_use_model, &kp_use_objective, &kp_use_metric,
                                                &kp_use_op, &kp_use_dataset};

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
        u.record_only = false;
        u.device = device;
        *out = u;
        return KP_OK;
    }
    /* What shapes an operation wants, or which files a dataset, cannot be guessed. */
    const bool special = usage->kind == kp_use_op.kind || usage->kind == kp_use_dataset.kind;
    return kp_fail(e, special ? KP_E_UNSUPPORTED : why.status,
                   "it refuses every use that was tried; the last time: %s", why.text);
}

const char *const *kp_use_devices(const struct kp_trial *t)
{
    static const char *const both[] = {"ref", "cpu", NULL};
    static const char *const one[] = {"ref", NULL};

    return t->slate->reference_only || !kp_usage_of(t)->stand ? one : both;
}
