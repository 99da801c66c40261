/* tests.c - the tests by kind, and those that are the same for every kind. */
#include "conform/tests.h"

#include "conform/guarded.h"
#include "conform/process.h"
#include "host/options.h"

#include <malloc.h>
#include <string.h>

#define SHAPES     40
#define ERRORS_MAX 600
#define LEAK_USES  8

/* A refusal must say why. */
static enum kp_status explained(const struct kp_error *why, struct kp_error *e)
{
    if (why->text[0] && !strstr(why->text, "without saying why"))
        return KP_OK;
    return kp_fail(e, KP_E_INVALID, "%s: %s; say it with kp_build_fail(), kp_tape_fail(), ...",
                   kp_status_text(why->status), why->text);
}

/* Use it; an explained refusal is fine. */
static enum kp_status use_or_refuse(const struct kp_trial *t, const struct kp_use *u, int *used,
                                    struct kp_error *e)
{
    struct kp_error why = {0};
    char digest[KP_HASH_SIZE];
    enum kp_status st = kp_use_once(t, u, digest, &why);

    if (st == KP_OK)
        ++*used;
    else
        return explained(&why, e);
    return KP_OK;
}

/* Say what shapes a use has. */
static void describe(const struct kp_trial *t, const struct kp_use *u)
{
    struct kp_text text = {0};

    kp_text_addf(&text, "batch %lld, %lld classes", (long long)u->batch, (long long)u->classes);
    for (int32_t i = 0; i < u->input.n; i++)
        kp_text_addf(&text, "%s%lld", i == 0 ? ", input " : "x", (long long)u->input.dim[i]);
    if (u->tokens > 0)
        kp_text_addf(&text, ", %lld labels each", (long long)u->tokens);
    kp_trial_with(t, "%s", text.s ? text.s : "");
    kp_text_finish(&text);
}

static enum kp_status check_shapes(struct kp_trial *t, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_use u;
    enum kp_status st = kp_use_first(t, "ref", &u, e);
    int used = 0;

    for (int i = 0; st == KP_OK && i < SHAPES; i++) {
        usage->vary(i, &u);
        describe(t, &u);
        st = use_or_refuse(t, &u, &used, e);
        if (st != KP_OK)
            return kp_fail_in(e, "%s", t->slate->with);
    }
    return st;
}

static enum kp_status check_options(struct kp_trial *t, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    const struct kp_option_table *options = usage->options(t->def);
    struct kp_arena memory = {0};
    struct kp_use u;
    int used = 0;
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    u.record_only = usage == &kp_use_model; /* some are huge */
    for (uint32_t i = 0; st == KP_OK && i < options->count; i++) {
        const struct kp_option *o = kp_option_at(options, i);
        for (int k = 0; st == KP_OK && (u.text = kp_option_bound(o, k, &memory)) != NULL; k++) {
            u.option = o->name;
            kp_trial_with(t, "%s = %s", u.option, u.text);
            st = use_or_refuse(t, &u, &used, e);
            if (st != KP_OK)
                (void)kp_fail_in(e, "%s", t->slate->with);
        }
    }
    kp_arena_finish(&memory);
    return st;
}

static enum kp_status check_errors(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    enum kp_status st = kp_use_first(t, "ref", &u, e);
    bool failed = true;

    u.record_only = true;
    u.failed = &failed;
    for (int64_t n = 1; st == KP_OK && failed && n < ERRORS_MAX; n += 1 + n / 32) {
        int used = 0;

        u.fail_at = n;
        failed = false;
        kp_trial_with(t, "request %lld of memory failing", (long long)n);
        st = use_or_refuse(t, &u, &used, e);
        if (st == KP_OK && failed && used > 0)
            st = kp_fail(e, KP_E_INVALID, "%s: it goes on as if nothing had happened",
                         t->slate->with);
    }
    return st;
}

static enum kp_status compare_uses(struct kp_trial *t, const struct kp_use *first,
                                   const struct kp_use *second, const char *difference,
                                   struct kp_error *e)
{
    char a[KP_HASH_SIZE], b[KP_HASH_SIZE];
    enum kp_status st = kp_use_once(t, first, a, e);

    if (st == KP_OK)
        st = kp_use_once(t, second, b, e);
    if (st == KP_OK && strcmp(a, b) != 0) {
        st = kp_fail(e, KP_E_NUMERIC, "%s", difference);
        if (kp_usage_of(t)->stand)
            (void)kp_fail_in(e, "on device %s", first->device);
    }
    return st;
}

static enum kp_status check_determinism(struct kp_trial *t, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (const char *const *device = kp_use_devices(t); st == KP_OK && *device; device++) {
        struct kp_use u;

        st = kp_use_first(t, *device, &u, e);
        for (int i = 0; st == KP_OK && i < 3; i++)
            st = compare_uses(t, &u, &u,
                              "the same twice gives other bits; it may depend on nothing but its "
                              "options, its input and kappa's random numbers",
                              e);
    }
    return st;
}

static enum kp_status check_initialised(struct kp_trial *t, struct kp_error *e)
{
    static const int patterns[] = {0x5a, 0xff, 0x01};
    enum kp_status st = KP_OK;

    for (const char *const *device = kp_use_devices(t); st == KP_OK && *device; device++) {
        struct kp_use u, other;

        st = kp_use_first(t, *device, &u, e);
        for (int i = 0; st == KP_OK && i < 3; i++) {
            other = u;
            other.poison = patterns[i];
            st = compare_uses(t, &u, &other,
                              "its results depend on what memory held that nobody has written; "
                              "initialise every variable",
                              e);
        }
    }
    return st;
}

static size_t allocated(void)
{
    const struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static enum kp_status check_leaks(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    char digest[KP_HASH_SIZE];
    size_t least = SIZE_MAX, before = 0;
    enum kp_status st;

    if (KP_SANITIZED) /* mallinfo2() knows nothing of a sanitizer's heap */
        return kp_fail(e, KP_E_UNSUPPORTED, "this kappa was built with a sanitizer");
    st = kp_use_first(t, "ref", &u, e);
    for (int i = 0; st == KP_OK && i < LEAK_USES; i++) {
        st = kp_use_once(t, &u, digest, e);
        const size_t now = allocated();
        /* The first uses may fill caches. */
        if (i > 2 && now - before < least)
            least = now > before ? now - before : 0;
        before = now;
    }
    if (st == KP_OK && least > 0)
        st = kp_fail(e, KP_E_NOMEM,
                     "each use leaves at least %zu bytes allocated; a plugin has no place to free "
                     "them: take memory with kp_build_alloc()",
                     least);
    return st;
}

const struct kp_test kp_tests[] = {
    {"model", "shapes", check_shapes},
    {"model", "options", check_options},
    {"model", "errors", check_errors},
    {"model", "gradients", kp_check_gradients},
    {"model", "devices", kp_check_devices},
    {"model", "examples", kp_check_examples},
    {"model", "determinism", check_determinism},
    {"model", "initialised", check_initialised},
    {"model", "instances", kp_check_instances},
    {"model", "leaks", check_leaks},
    {"objective", "shapes", check_shapes},
    {"objective", "options", check_options},
    {"objective", "errors", check_errors},
    {"objective", "gradients", kp_check_gradients},
    {"objective", "devices", kp_check_devices},
    {"objective", "mean", kp_check_mean},
    {"objective", "determinism", check_determinism},
    {"objective", "initialised", check_initialised},
    {"objective", "instances", kp_check_instances},
    {"objective", "leaks", check_leaks},
    {"metric", "shapes", check_shapes},
    {"metric", "options", check_options},
    {"metric", "chunks", kp_check_chunks},
    {"metric", "determinism", check_determinism},
    {"metric", "initialised", check_initialised},
    {"metric", "instances", kp_check_instances},
    {"metric", "leaks", check_leaks},
    {"analysis", "options", check_options},
    {"analysis", "errors", check_errors},
    {"analysis", "determinism", check_determinism},
    {"analysis", "initialised", check_initialised},
    {"analysis", "instances", kp_check_instances},
    {"analysis", "leaks", check_leaks},
    {"op", "shapes", check_shapes},
    {"op", "options", check_options},
    {"op", "errors", check_errors},
    {"op", "gradients", kp_check_gradients},
    {"op", "devices", kp_check_devices},
    {"op", "examples", kp_check_examples},
    {"op", "determinism", check_determinism},
    {"op", "initialised", check_initialised},
    {"op", "instances", kp_check_instances},
    {"op", "leaks", check_leaks},
    {"dataset", "numbers", kp_check_numbers},
    {"dataset", "options", check_options},
    {"dataset", "determinism", check_determinism},
    {"dataset", "initialised", check_initialised},
    {"dataset", "instances", kp_check_instances},
    {"dataset", "leaks", check_leaks},
    {"", KP_TEST_ONCE, kp_check_watched_once},
    {"", KP_TEST_MEMORY, kp_check_watched_memory},
    {"", KP_TEST_THREADS, kp_check_watched_threads},
};

const int kp_test_count = sizeof(kp_tests) / sizeof(kp_tests[0]);
