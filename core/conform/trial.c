/* trial.c - one test in its own process: opens the plugin, runs the test, leaves the verdict. */
#include "conform/trial.h"

#include "conform/guard.h"
#include "conform/symbols.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

const char *const kp_definition_kinds[] = {"model", "objective", "metric", "analysis",
                                           "op",    "dataset",   NULL};

/* The metric that has, as number `i` of those, the face which observes or the one that analyses. */
static const struct kp_metric_def *metric_at(const struct kp_plugin *p, bool analyses, int64_t i)
{
    for (const struct kp_metric_def *const *d = p->metrics; d && *d; d++)
        if ((analyses ? kp_metric_analyser(*d) != NULL : (*d)->observe != NULL) && i-- == 0)
            return *d;
    return NULL;
}

const void *kp_definition_at(const struct kp_plugin *p, const char *kind, int64_t i,
                             const char **name)
{
    const bool analyses = strcmp(kind, "analysis") == 0;

    if (!analyses && kp_kind_of(kind) != KP_KIND_METRIC)
        return kp_plugin_definition(p, kp_kind_of(kind), i, name);
    const struct kp_metric_def *d = metric_at(p, analyses, i);
    if (d)
        *name = d->name;
    return d;
}

void kp_trial_with(const struct kp_trial *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(t->slate->with, sizeof(t->slate->with), fmt, args);
    va_end(args);
}

/* Every definition on a line of the slate, and what the plugin is. */
static void list(struct kp_trial *t)
{
    struct kp_slate *s = t->slate;
    size_t used = 0;

    for (int k = 0; kp_definition_kinds[k]; k++) {
        const char *name;
        for (int64_t i = 0; kp_definition_at(t->plugin, kp_definition_kinds[k], i, &name); i++) {
            int n = snprintf(s->listed + used, sizeof(s->listed) - used, "%s %s\n",
                             kp_definition_kinds[k], name);
            if (n > 0 && used + (size_t)n < sizeof(s->listed))
                used += (size_t)n;
        }
    }
    (void)snprintf(s->why, sizeof(s->why), "plugin '%s', version %s, built for ABI %u.%u",
                   t->plugin->name, t->plugin->version, (unsigned)t->plugin->abi.major,
                   (unsigned)t->plugin->abi.minor);
}

static enum kp_status open_plugin(struct kp_trial *t, struct kp_error *e)
{
    enum kp_status st;
    const char *name;

    (void)snprintf(t->slate->call, sizeof(t->slate->call), "%s", "dlopen()");
    st = kp_registry_open(&t->registry, t->slate->path, e);
    t->slate->call[0] = '\0';
    if (st != KP_OK)
        return st;
    t->plugin = t->registry.loaded[0]->plugin;
    /* A model may ask for the operations of other plugins. Those that do not fit are not its
     * affair. */
    if (t->plugin->models) {
        struct kp_text refused = {0};
        st = kp_registry_scan_default(&t->registry, &refused, e);
        kp_text_finish(&refused);
        if (st != KP_OK)
            return st;
    }
    for (int64_t i = 0; *t->slate->kind && !t->def; i++) {
        const void *d = kp_definition_at(t->plugin, t->slate->kind, i, &name);
        if (!d)
            return kp_fail(e, KP_E_INVALID, "there is no %s '%s' any more", t->slate->kind,
                           t->slate->name);
        if (strcmp(name, t->slate->name) == 0)
            t->def = d;
    }
    return KP_OK;
}

static enum kp_status symbols(struct kp_slate *s, struct kp_error *e)
{
    struct kp_text others = {0};
    enum kp_status st = kp_symbols_exported(s->path, KP_PLUGIN_SYMBOL, &others, e);

    if (st == KP_OK && others.length > 0)
        st = kp_fail(e, KP_E_INVALID,
                     "it exports %.200s beside " KP_PLUGIN_SYMBOL
                     ", which can clash with other plugins; make them static, or compile with "
                     "-fvisibility=hidden",
                     others.s);
    kp_text_finish(&others);
    return st;
}

static enum kp_status run(struct kp_trial *t, struct kp_error *e)
{
    struct kp_slate *s = t->slate;
    enum kp_status st;

    if (strcmp(s->test, KP_TEST_SYMBOLS) == 0)
        return symbols(s, e);
    st = open_plugin(t, e);
    if (st != KP_OK)
        return st == KP_E_UNSUPPORTED ? kp_fail(e, KP_E_INVALID, "%s", e->text) : st;
    if (strcmp(s->test, KP_TEST_MANIFEST) == 0) {
        list(t);
        return KP_OK;
    }
    for (int i = 0; i < kp_test_count; i++)
        if (strcmp(kp_tests[i].kind, s->kind) == 0 && strcmp(kp_tests[i].name, s->test) == 0)
            return kp_tests[i].run(t, e);
    return kp_fail(e, KP_E_INVALID, "there is no such test");
}

void kp_trial_run(struct kp_slate *slate)
{
    struct kp_trial t = {.slate = slate};
    struct kp_error e = {0};

    const struct rlimit none = {0, 0};

    /* A test does not outlive its checker, and its death leaves no core file. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CORE, &none);
    kp_guard_watch(slate);
    enum kp_status st = run(&t, &e);
    kp_registry_finish(&t.registry);
    if (st != KP_OK)
        (void)snprintf(slate->why, sizeof(slate->why), "%.*s", (int)sizeof(slate->why) - 1, e.text);
    slate->verdict = st == KP_OK              ? KP_VERDICT_PASSED
                     : st == KP_E_UNSUPPORTED ? KP_VERDICT_NOT_CHECKED
                                              : KP_VERDICT_FAILED;
}
