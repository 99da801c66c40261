/* watched.c - every definition of a plugin at work in one process, while a tool watches it: a
 * sanitizer that the plugin was compiled with, or valgrind. */
#include "conform/tests.h"

#include <stdio.h>
#include <string.h>

/* Tests that call what others do not. The rest compares numbers, which a tool slows down and sees
 * nothing new in. */
static bool reaches_more(const char *name)
{
    static const char *const names[] = {"shapes", "options", "errors", "chunks", "numbers"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static enum kp_status use_first(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    char digest[KP_HASH_SIZE];
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    return st == KP_OK ? kp_use_once(t, &u, digest, e) : st;
}

static enum kp_status use_more(struct kp_trial *t, struct kp_error *e)
{
    enum kp_status st = use_first(t, e);

    for (int i = 0; st == KP_OK && i < kp_test_count; i++) {
        if (strcmp(kp_tests[i].kind, t->slate->kind) != 0 || !reaches_more(kp_tests[i].name))
            continue;
        st = kp_tests[i].run(t, e);
        if (st == KP_E_UNSUPPORTED)
            st = KP_OK;
        else if (st != KP_OK)
            (void)kp_fail_in(e, "%s", kp_tests[i].name);
    }
    return st;
}

/* Have `run` done with every definition. */
static enum kp_status run_all(struct kp_trial *t,
                              enum kp_status (*run)(struct kp_trial *t, struct kp_error *e),
                              struct kp_error *e)
{
    struct kp_slate *s = t->slate;
    enum kp_status st = KP_OK;

    s->reference_only = true;
    for (int k = 0; kp_definition_kinds[k]; k++) {
        const char *name;

        for (int64_t i = 0;
             (t->def = kp_definition_at(t->plugin, kp_definition_kinds[k], i, &name)) != NULL;
             i++) {
            (void)snprintf(s->kind, sizeof(s->kind), "%s", kp_definition_kinds[k]);
            (void)snprintf(s->name, sizeof(s->name), "%s", name);
            st = run(t, e);
            if (st == KP_E_UNSUPPORTED)
                st = KP_OK;
            if (st != KP_OK)
                return kp_fail_in(e, "%s %s", s->kind, s->name);
        }
    }
    return st;
}

enum kp_status kp_check_watched_once(struct kp_trial *t, struct kp_error *e)
{
    return run_all(t, use_first, e);
}

enum kp_status kp_check_watched_memory(struct kp_trial *t, struct kp_error *e)
{
    return run_all(t, use_more, e);
}

/* Only of a dataset do threads share one instance. */
static enum kp_status use_in_threads(struct kp_trial *t, struct kp_error *e)
{
    enum kp_status st = kp_check_instances(t, e);

    return st == KP_OK && kp_usage_of(t) == &kp_use_dataset ? kp_check_numbers(t, e) : st;
}

enum kp_status kp_check_watched_threads(struct kp_trial *t, struct kp_error *e)
{
    return run_all(t, use_in_threads, e);
}
