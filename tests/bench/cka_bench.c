/* cka_bench.c - seconds for the CKA of two nets' features, as the plugin computes it; the features
 * are random numbers, and the host around the plugin only hands them out.
 *
 *   cka_bench [EXAMPLES [WIDTH [THREADS]]]   10 000, 512 and 2 by default; median of five */
#include "analyse/state.h"
#include "base/clock.h"
#include "base/rng.h"
#include "host/options.h"
#include "host/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct kp_analysing real; /* first: what the matrix helpers see */
    int64_t examples, width;
    float *features[2];
    double value;
} host;

static enum kp_status host_status(const struct kp_analysis *a)
{
    (void)a;
    return host.real.error->status;
}

static void host_absent(struct kp_analysis *a, const char *fmt, ...)
{
    (void)a;
    (void)fprintf(stderr, "cka_bench: no value: %s\n", fmt);
    exit(1);
}

static void *host_alloc(struct kp_analysis *a, size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (!p)
        (void)kp_fail(kp_analysing_of(a)->error, KP_E_NOMEM, "out of memory");
    return p;
}

static void host_release(struct kp_analysis *a, void *p)
{
    (void)a;
    free(p);
}

static bool host_progress(struct kp_analysis *a, double done, double total)
{
    (void)a;
    return done <= total;
}

static int64_t host_nets(const struct kp_analysis *a)
{
    (void)a;
    return 2;
}

static int64_t host_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    static const struct kp_net_pair pair = {0, 1};

    (void)a;
    *out = &pair;
    return 1;
}

static int64_t host_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    (void)a;
    (void)from;
    return host.examples;
}

static const struct kp_net_facts *host_facts(struct kp_analysis *a, int64_t net)
{
    static struct kp_net_facts facts = {.size = sizeof(facts), .uid = ""};

    (void)a;
    (void)net;
    facts.width = host.width;
    return &facts;
}

static enum kp_status host_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    (void)a;
    memcpy(r->features, host.features[net] + r->first * host.width,
           (size_t)(r->count * host.width) * sizeof(float));
    return KP_OK;
}

static void host_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value)
{
    (void)a;
    (void)pair;
    (void)name;
    (void)estimator;
    (void)n;
    host.value = value;
}

static const struct kp_analysis_fn host_fn = {
    .size = sizeof(struct kp_analysis_fn),
    .status = host_status,
    .absent = host_absent,
    .alloc = host_alloc,
    .release = host_release,
    .progress = host_progress,
    .nets = host_nets,
    .pairs = host_pairs,
    .rows = host_rows,
    .facts = host_facts,
    .read = host_read,
    .gemm = kp_analysis_gemm,
    .gram = kp_analysis_gram,
    .emit_pair = host_emit_pair,
};

static float *random_features(uint64_t seed, int64_t count)
{
    struct kp_rng_key key = {.seed = seed};
    float *v = malloc((size_t)count * sizeof(float));

    for (int64_t i = 0; v && i < count; i++)
        v[i] = (float)kp_rng_normal(key, (uint64_t)i, 0);
    return v;
}

/* The plugin's options: its own defaults, and all examples. */
static enum kp_status fill_options(const struct kp_metric_def *def, struct kp_arena *memory,
                                   void *self, struct kp_error *e)
{
    char examples[24];

    (void)snprintf(examples, sizeof(examples), "%lld", (long long)host.examples);
    for (uint32_t i = 0; i < def->options.count; i++) {
        const struct kp_option *o = kp_option_at(&def->options, i);
        const char *text = strcmp(o->name, "n") == 0 ? examples : o->fallback, *canonical;

        if (kp_option_check(o, text, memory, &canonical, e) != KP_OK)
            return e->status;
        if (!kp_option_store(o, canonical, memory, self))
            return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    return KP_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static enum kp_status measure(const struct kp_metric_def *def, struct kp_error *e)
{
    enum { ROUNDS = 5 };
    static const struct kp_analyse_job job = {0};
    struct kp_arena memory = {0};
    double seconds[ROUNDS];
    void *self = kp_arena_alloc(&memory, 1, def->self_size);
    enum kp_status st = self ? fill_options(def, &memory, self, e) : KP_E_NOMEM;

    host.real.head.fn = &host_fn;
    host.real.job = &job;
    host.real.error = e;
    for (int i = 0; i < ROUNDS && st == KP_OK; i++) {
        double begin = kp_clock_monotonic();
        st = kp_metric_analyser(def)->analyse(self, &host.real.head);
        seconds[i] = kp_clock_monotonic() - begin;
    }
    if (st == KP_OK) {
        qsort(seconds, ROUNDS, sizeof(*seconds), ascending);
        (void)printf("CKA of %lld x %lld features: %.4f\ncka_seconds=%.2f\n",
                     (long long)host.examples, (long long)host.width, host.value,
                     seconds[ROUNDS / 2]);
    }
    kp_arena_finish(&memory);
    return st;
}

int main(int argc, char **argv)
{
    struct kp_error e = {0};
    struct kp_registry registry = {0};
    const struct kp_metric_def *cka = NULL;
    int threads = argc > 3 ? atoi(argv[3]) : 2;
    enum kp_status st;

    host.examples = argc > 1 ? atoll(argv[1]) : 10000;
    host.width = argc > 2 ? atoll(argv[2]) : 512;
    for (int i = 0; i < 2; i++)
        host.features[i] = random_features((uint64_t)i + 1, host.examples * host.width);
    st = kp_pool_create(threads, &host.real.pool, &e);
    if (st == KP_OK)
        st = kp_registry_open(&registry, KP_BUILD_ROOT "/metrics/cka.so", &e);
    if (st == KP_OK)
        cka = kp_registry_metric(&registry, "cka", NULL);
    if (st == KP_OK && cka)
        st = measure(cka, &e);
    if (st != KP_OK || !cka) {
        (void)fprintf(stderr, "cka_bench: %s\n", st == KP_OK ? "no plugin 'cka'" : e.text);
        return 1;
    }
    kp_registry_finish(&registry);
    kp_pool_destroy(host.real.pool);
    free(host.features[0]);
    free(host.features[1]);
    return 0;
}
