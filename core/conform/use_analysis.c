/* use_analysis.c - the analysing face of a metric in use: it looks at made-up nets. */
#include "conform/guarded.h"
#include "conform/made_analysis.h"

#include <stdlib.h>
#include <string.h>

struct used_analysis {
    struct kp_guarded guarded;
    const struct kp_analyser *analyser;
    int64_t rows;
    uint64_t seed;
};

/* An analysis of more examples than there are is absent: it is asked again with more. */
static bool choose_analysis(const struct kp_trial *t, int i, struct kp_use *u)
{
    static const int64_t rows[] = {300, 3000, 30000};

    if (i >= (int)(sizeof(rows) / sizeof(rows[0])))
        return false;
    *u = (struct kp_use){.device = "ref", .batch = rows[i], .classes = 2, .seed = t->slate->seed};
    return true;
}

static void close_analysis(void *instance)
{
    struct used_analysis *a = instance;

    kp_guarded_finish(&a->guarded);
    free(a);
}

static enum kp_status run_analysis(void *instance, struct kp_hasher *h, struct kp_error *e)
{
    struct used_analysis *x = instance;
    struct kp_error why = {0};
    struct kp_made_analysis a;

    kp_made_analysis_init(&a, x->analyser, x->rows, x->seed, h, &why);
    a.fail_at = x->guarded.fail_at;
    a.failed = x->guarded.failed;
    kp_guarded_call(&x->guarded, "analyse");
    enum kp_status st = x->analyser->analyse(x->guarded.self, &a.head);
    kp_guarded_call(&x->guarded, NULL);
    if (st != KP_OK && why.status == KP_OK)
        (void)kp_fail(&why, st, "analyse failed without saying why");
    if (why.status == KP_OK && a.emitted == 0)
        (void)kp_fail(&why, KP_E_UNSUPPORTED, "it emits nothing%s%s", *a.absent ? ": " : "",
                      a.absent);
    st = why.status == KP_OK ? kp_guards_check(&a.memory, e)
                             : kp_fail(e, why.status, "%s", why.text);
    kp_guards_finish(&a.memory);
    return st == KP_OK ? kp_guarded_check(&x->guarded, e) : st;
}

static enum kp_status open_analysis(const struct kp_trial *t, const struct kp_use *u, void **out,
                                    struct kp_error *e)
{
    const struct kp_metric_def *d = t->def;
    struct used_analysis *a = calloc(1, sizeof(*a));
    struct kp_hasher unused;

    if (!a)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    a->analyser = kp_metric_analyser(d);
    a->rows = u->batch;
    a->seed = u->seed;
    enum kp_status st = kp_guarded_open(t, u, &d->options, d->self_size, &a->guarded, e);
    kp_hasher_begin(&unused);
    if (st == KP_OK && u->record_only)
        st = run_analysis(a, &unused, e);
    if (st == KP_OK)
        *out = a;
    else
        close_analysis(a);
    return st;
}

static const struct kp_option_table *analysis_options(const void *def)
{
    return &((const struct kp_metric_def *)def)->options;
}

const struct kp_usage kp_use_analysis = {
    .kind = "analysis",
    .busy = 300,
    .runs = 1,
    .choose = choose_analysis,
    .open = open_analysis,
    .run = run_analysis,
    .close = close_analysis,
    .options = analysis_options,
};
