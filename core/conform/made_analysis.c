/* made_analysis.c - the host's side of an analysis without a study: nets and rows are made up. */
#include "conform/made_analysis.h"

#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 5, WIDTH = 8, TAP_WIDTH = 12, PARAMS = 40 };

#define MEMORY_MOST ((size_t)256 << 20)

enum { LOGITS = 100, FEATURES, TAPS, LABELS, PARAMETERS, GRADS };

static struct kp_made_analysis *made_of(struct kp_analysis *a)
{
    return (struct kp_made_analysis *)a;
}

static const struct kp_made_analysis *seen_of(const struct kp_analysis *a)
{
    return (const struct kp_made_analysis *)a;
}

static enum kp_status made_status(const struct kp_analysis *a)
{
    return seen_of(a)->error->status;
}

static enum kp_status made_fail(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status made_fail(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
{
    struct kp_made_analysis *x = made_of(a);
    va_list args;

    if (x->error->status != KP_OK)
        return x->error->status;
    va_start(args, fmt);
    st = kp_fail_v(x->error, st, fmt, args);
    va_end(args);
    return st;
}

bool kp_made_stopped(struct kp_analysis *a)
{
    struct kp_made_analysis *x = made_of(a);

    if (x->error->status != KP_OK)
        return true;
    if (++x->requests != x->fail_at)
        return false;
    if (x->failed)
        *x->failed = true;
    (void)made_fail(a, KP_E_NOMEM, "out of memory");
    return true;
}

static void made_absent(struct kp_analysis *a, const char *fmt, ...) KP_PRINTF(2, 3);
static void made_absent(struct kp_analysis *a, const char *fmt, ...)
{
    struct kp_made_analysis *x = made_of(a);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(x->absent, sizeof(x->absent), fmt, args);
    va_end(args);
}

static void *made_alloc(struct kp_analysis *a, size_t count, size_t size)
{
    void *p = NULL;

    if (kp_made_stopped(a))
        return NULL;
    if (size > 0 && count <= MEMORY_MOST / size)
        p = kp_guard_alloc(&made_of(a)->memory, "memory of kp_analysis_alloc()", count * size, 0);
    if (!p)
        (void)made_fail(a, KP_E_NOMEM, "no memory for %zu elements of %zu bytes", count, size);
    return p;
}

/* All memory goes at the end. */
static void made_release(struct kp_analysis *a, void *p)
{
    (void)a;
    (void)p;
}

static bool made_progress(struct kp_analysis *a, double done, double total)
{
    (void)done;
    (void)total;
    return !kp_made_stopped(a);
}

static int64_t made_subjects(const struct kp_analysis *a)
{
    return seen_of(a)->subjects;
}

static int64_t made_nets(const struct kp_analysis *a)
{
    return seen_of(a)->nets;
}

static int64_t made_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    *out = seen_of(a)->pairs;
    return seen_of(a)->pair_count;
}

static int64_t made_classes(const struct kp_analysis *a)
{
    (void)a;
    return CLASSES;
}

static int64_t made_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    (void)from;
    return seen_of(a)->rows;
}

static bool is_net(struct kp_analysis *a, int64_t net)
{
    if (kp_made_stopped(a))
        return false;
    if (net < 0 || net >= made_of(a)->nets)
        (void)made_fail(a, KP_E_INVALID, "it asks for net %lld of %lld", (long long)net,
                        (long long)made_of(a)->nets);
    return made_status(a) == KP_OK;
}

static const struct kp_net_facts *made_facts(struct kp_analysis *a, int64_t net)
{
    return is_net(a, net) ? &made_of(a)->facts[net] : NULL;
}

static int64_t made_tap_width(struct kp_analysis *a, int64_t net, const char *tap)
{
    return is_net(a, net) && tap ? TAP_WIDTH : 0;
}

static int64_t made_blocks(struct kp_analysis *a, int64_t net, const struct kp_param_block **out)
{
    static const struct kp_param_block blocks[] = {{"hidden.weight", {2, {4, 8}}, 0},
                                                   {"head.weight", {2, {2, 4}}, 32}};

    if (!is_net(a, net))
        return 0;
    *out = blocks;
    return 2;
}

/* Numbers that nets have in part in common, so that comparing them gives something. */
static void fill(const struct kp_made_analysis *x, int64_t net, int what, int64_t first,
                 int64_t count, int64_t width, float *out)
{
    const struct kp_rng_key common = {.seed = x->seed, .epoch = (uint32_t)what};
    const struct kp_rng_key own = {.seed = x->seed + 1 + (uint64_t)net, .epoch = (uint32_t)what};

    for (int64_t i = 0; out && i < count; i++)
        for (int64_t k = 0; k < width; k++)
            out[i * width + k] =
                (float)(kp_rng_normal(common, (uint64_t)(first + i), (uint32_t)k) +
                        0.5 * kp_rng_normal(own, (uint64_t)(first + i), (uint32_t)k));
}

static bool may_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    const int64_t end = r->first + r->count;

    if (is_net(a, net) && (r->first < 0 || r->count < 0 || end > made_of(a)->rows))
        (void)made_fail(a, KP_E_INVALID, "it reads rows %lld to %lld of %lld", (long long)r->first,
                        (long long)end, (long long)made_of(a)->rows);
    return made_status(a) == KP_OK;
}

static enum kp_status made_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    const struct kp_made_analysis *x = made_of(a);
    const struct kp_rng_key labels = {.seed = x->seed, .epoch = LABELS};

    if (!may_read(a, net, r))
        return made_status(a);
    fill(x, net, LOGITS, r->first, r->count, CLASSES, r->logits);
    fill(x, net, FEATURES, r->first, r->count, WIDTH, r->features);
    fill(x, net, TAPS, r->first, r->count, TAP_WIDTH, r->tapped);
    for (int64_t i = 0; r->labels && i < r->count; i++)
        r->labels[i] = (int32_t)kp_rng_below(labels, (uint64_t)(r->first + i), 0, CLASSES);
    return KP_OK;
}

static enum kp_status made_example_grads(struct kp_analysis *a, int64_t net,
                                         const struct kp_read *r, const float *cotangent,
                                         int64_t param_first, int64_t param_count, float *out)
{
    const int64_t end = param_first + param_count;

    if (!may_read(a, net, r))
        return made_status(a);
    if (param_first < 0 || param_count < 0 || end > PARAMS)
        return made_fail(a, KP_E_INVALID, "it asks for parameters %lld to %lld of %d",
                         (long long)param_first, (long long)end, PARAMS);
    fill(made_of(a), net, GRADS + (int)param_first, r->first, r->count, param_count, out);
    for (int64_t i = 0; i < r->count * param_count; i++)
        out[i] *= cotangent[i % CLASSES] + 1;
    return KP_OK;
}

static enum kp_status made_read_params(struct kp_analysis *a, int64_t net, int64_t first,
                                       int64_t count, float *out)
{
    if (is_net(a, net) && (first < 0 || count < 0 || first > PARAMS - count))
        (void)made_fail(a, KP_E_INVALID, "it asks for %lld parameters from number %lld on of %d",
                        (long long)count, (long long)first, PARAMS);
    if (made_status(a) == KP_OK)
        fill(made_of(a), net, PARAMETERS, first, count, 1, out);
    return made_status(a);
}

static void keep(struct kp_analysis *a, const char *name, int64_t where, int64_t count,
                 const double *v)
{
    struct kp_made_analysis *x = made_of(a);
    const struct kp_analyser *n = x->analyser;
    bool known = false;

    if (kp_made_stopped(a))
        return;
    for (uint32_t i = 0; i < n->value_count; i++) {
        const struct kp_metric_value *value =
            (const void *)((const char *)n->values + (size_t)i * n->value_size);
        known |= strcmp(value->name, name) == 0;
    }
    if (!known)
        (void)made_fail(a, KP_E_INVALID, "it emits '%.40s', which is none of its values", name);
    kp_hasher_add(x->found, name, strlen(name));
    kp_hasher_add(x->found, &where, sizeof(where));
    for (int64_t i = 0; i < count; i++) {
        const double real = isnan(v[i]) ? (double)NAN : v[i];
        kp_hasher_add(x->found, &real, sizeof(real));
    }
    x->emitted++;
}

static void made_emit(struct kp_analysis *a, int64_t subject, const char *name, double value)
{
    if (subject < -1 || subject >= made_of(a)->subjects)
        (void)made_fail(a, KP_E_INVALID, "it emits '%.40s' of subject %lld", name,
                        (long long)subject);
    keep(a, name, subject, 1, &value);
}

static void made_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value)
{
    if (pair < 0 || pair >= made_of(a)->pair_count || !estimator || n < 0)
        (void)made_fail(a, KP_E_INVALID, "it emits '%.40s' of pair %lld", name, (long long)pair);
    keep(a, name, 1000 + pair, 1, &value);
}

static void made_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                            const double *v)
{
    keep(a, name, -2, kp_shape_count(shape), v);
}

static const struct kp_analysis_fn made_fn = {
    .size = sizeof(struct kp_analysis_fn),
    .status = made_status,
    .fail = made_fail,
    .absent = made_absent,
    .alloc = made_alloc,
    .release = made_release,
    .progress = made_progress,
    .subjects = made_subjects,
    .nets = made_nets,
    .pairs = made_pairs,
    .classes = made_classes,
    .rows = made_rows,
    .facts = made_facts,
    .tap_width = made_tap_width,
    .blocks = made_blocks,
    .read = made_read,
    .example_grads = made_example_grads,
    .gemm = kp_made_gemm,
    .gram = kp_made_gram,
    .gram_f32 = kp_made_gram_f32,
    .eigenvalues = kp_made_eigenvalues,
    .minimise = kp_made_minimise,
    .emit = made_emit,
    .emit_pair = made_emit_pair,
    .emit_array = made_emit_array,
    .read_params = made_read_params,
};

void kp_made_analysis_init(struct kp_made_analysis *a, const struct kp_analyser *analyser,
                           int64_t rows, uint64_t seed, struct kp_hasher *found, struct kp_error *e)
{
    static const char *const uids[KP_MADE_NETS] = {"first", "second", "third", "partner"};
    const bool pairs = !(analyser->needs & KP_ANALYSIS_REFUSES_PAIRS);

    *a = (struct kp_made_analysis){.head = {&made_fn},
                                   .analyser = analyser,
                                   .error = e,
                                   .seed = seed,
                                   .rows = rows,
                                   .found = found};
    a->subjects = analyser->scope == KP_SCOPE_EACH ? 1 : KP_MADE_NETS - 1;
    a->nets = a->subjects + pairs;
    for (int64_t i = 0; pairs && i < a->subjects; i++)
        a->pairs[a->pair_count++] = (struct kp_net_pair){i, a->subjects};
    for (int64_t i = 0; i < a->nets; i++)
        a->facts[i] = (struct kp_net_facts){.size = sizeof(a->facts[i]),
                                            .uid = uids[i < a->subjects ? i : KP_MADE_NETS - 1],
                                            .params = PARAMS,
                                            .width = WIDTH,
                                            .trained_on = 100,
                                            .pool = 200,
                                            .kappa = i < a->subjects ? 0.5 : 1,
                                            .seed = 11 + i,
                                            .subset_seed = 21 + i,
                                            .forward_flops = 1e3,
                                            .train_flops = 1e6};
}
