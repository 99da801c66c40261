/* analyse.c - runs an analysis plugin over its nets. */
#include "analyse/state.h"
#include "base/clock.h"
#include "base/running.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kp_analysis_block {
    struct kp_analysis_block *next, *before;
};

#define BLOCK_HEAD 64 /* keeps the plugin's memory aligned for vectors */

static enum kp_status analysis_fail(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static void analysis_absent(struct kp_analysis *a, const char *fmt, ...) KP_PRINTF(2, 3);

static enum kp_status analysis_status(const struct kp_analysis *a)
{
    return ((const struct kp_analysing *)a)->error->status;
}

static enum kp_status analysis_fail(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
{
    struct kp_analysing *x = kp_analysing_of(a);
    va_list args;

    if (kp_analysing_failed(x))
        return x->error->status;
    va_start(args, fmt);
    st = kp_fail_v(x->error, st, fmt, args);
    va_end(args);
    return st;
}

static void analysis_absent(struct kp_analysis *a, const char *fmt, ...)
{
    struct kp_analysing *x = kp_analysing_of(a);
    char text[512];
    va_list args;

    if (kp_analysing_failed(x))
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    kp_store_event(x->job->store, x->job->uid, "absent", text);
}

static void *analysis_alloc(struct kp_analysis *a, size_t count, size_t size)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_analysis_block *b = NULL;

    if (kp_analysing_failed(x))
        return NULL;
    if (size > 0 && count < (SIZE_MAX / 2 - BLOCK_HEAD) / size)
        b = aligned_alloc(BLOCK_HEAD,
                          (count * size + 2 * BLOCK_HEAD - 1) / BLOCK_HEAD * BLOCK_HEAD);
    if (!b) {
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for %zu elements of %zu bytes", count, size);
        return NULL;
    }
    memset((void *)b, 0, BLOCK_HEAD + count * size);
    b->next = x->memory;
    if (b->next)
        b->next->before = b;
    x->memory = b;
    return (char *)b + BLOCK_HEAD;
}

static void analysis_release(struct kp_analysis *a, void *p)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_analysis_block *b;

    if (!p)
        return;
    b = (struct kp_analysis_block *)(void *)((char *)p - BLOCK_HEAD);
    if (b->before)
        b->before->next = b->next;
    else
        x->memory = b->next;
    if (b->next)
        b->next->before = b->before;
    free(b);
}

bool kp_analysing_tell(struct kp_analysing *x)
{
    const struct kp_watcher *w = &x->job->watcher;
    double share = x->total > 0 ? x->done / x->total : 0;
    double spent = kp_clock_monotonic() - x->begun;
    struct kp_progress p = {.phase = KP_PHASE_ANALYSE,
                            .step = (int64_t)(1000 * fmin(fmax(share, 0), 1)),
                            .steps = 1000,
                            .samples = x->samples,
                            .seconds_left = share > 0.02 ? spent / share - spent : -1,
                            .loss = (double)NAN};

    if (kp_analysing_failed(x))
        return false;
    if (w->progress)
        w->progress(w->arg, &p);
    if (w->stop && w->stop(w->arg))
        (void)kp_fail(x->error, KP_E_INTERRUPTED, "stopped while analysing");
    return !kp_analysing_failed(x);
}

static bool analysis_progress(struct kp_analysis *a, double done, double total)
{
    struct kp_analysing *x = kp_analysing_of(a);

    x->done = done;
    x->total = total;
    return kp_analysing_tell(x);
}

static int64_t analysis_subjects(const struct kp_analysis *a)
{
    return ((const struct kp_analysing *)a)->job->subject_count;
}

static int64_t analysis_nets(const struct kp_analysis *a)
{
    return ((const struct kp_analysing *)a)->job->net_count;
}

static int64_t analysis_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    const struct kp_analyse_job *job = ((const struct kp_analysing *)a)->job;

    if (out)
        *out = job->pairs;
    return job->pair_count;
}

static int64_t analysis_classes(const struct kp_analysis *a)
{
    return ((const struct kp_analysing *)a)->job->data->classes;
}

static const struct kp_analysis_fn analysis_fn = {
    .size = sizeof(struct kp_analysis_fn),
    .status = analysis_status,
    .fail = analysis_fail,
    .absent = analysis_absent,
    .alloc = analysis_alloc,
    .release = analysis_release,
    .progress = analysis_progress,
    .subjects = analysis_subjects,
    .nets = analysis_nets,
    .pairs = analysis_pairs,
    .classes = analysis_classes,
    .rows = kp_analysis_rows,
    .facts = kp_analysis_facts,
    .tap_width = kp_analysis_tap_width,
    .blocks = kp_analysis_blocks,
    .read = kp_analysis_read,
    .example_grads = kp_analysis_example_grads,
    .gemm = kp_analysis_gemm,
    .gram = kp_analysis_gram,
    .gram_f32 = kp_analysis_gram_f32,
    .eigenvalues = kp_analysis_eigenvalues,
    .minimise = kp_analysis_minimise,
    .emit = kp_analysis_emit,
    .emit_pair = kp_analysis_emit_pair,
    .emit_array = kp_analysis_emit_array,
    .read_params = kp_analysis_read_params,
};

enum kp_status kp_analyse(const struct kp_analyse_job *job, struct kp_error *e)
{
    struct kp_error why = {0};
    struct kp_analysing x = {.head = {&analysis_fn},
                             .job = job,
                             .analyser = kp_metric_analyser(job->def),
                             .error = &why,
                             .grads = {.net = -1},
                             .example_rows = kp_dataset_rows(job->data, 1),
                             .begun = kp_clock_monotonic()};
    enum kp_status st = KP_OK;

    x.nets = calloc((size_t)job->net_count, sizeof(*x.nets));
    if (!x.nets)
        st = kp_fail(&why, KP_E_NOMEM, "no memory for the analysis");
    if (st == KP_OK)
        st = kp_pool_create(job->threads, &x.pool, &why);
    if (st == KP_OK && (x.analyser->needs & (KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_READS_GRADS)))
        st = kp_analysing_list_test(&x);
    if (st == KP_OK)
        KP_IN_PLUGIN("analysis", job->def->name, "analyse",
                     st = x.analyser->analyse(job->self, &x.head));
    if (why.status == KP_OK && st != KP_OK)
        (void)kp_fail(&why, st, "analyse failed without saying why");
    if (why.status == KP_OK)
        st = kp_analysing_keep(&x, &why);
    kp_analysing_close_grads(&x);
    kp_analysing_close_nets(&x);
    kp_analysing_forget(&x);
    while (x.memory)
        analysis_release(&x.head, (char *)x.memory + BLOCK_HEAD);
    kp_pool_destroy(x.pool);
    for (size_t i = 0; i < sizeof(x.order) / sizeof(x.order[0]); i++)
        free(x.order[i]);
    if (why.status == KP_OK)
        return KP_OK;
    return kp_fail(e, why.status, "analysis '%s': %s", job->def->name, why.text);
}
