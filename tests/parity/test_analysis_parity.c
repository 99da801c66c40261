/* test_analysis_parity.c - analysis plugins on made-up features, logits and gradients, against
 * numpy in fp64 and scikit-learn (make_analysis_fixtures.py). The host is a stand-in that hands out
 * the fixture; its matrix helpers are the real ones. */
#include "analyse/state.h"
#include "base/text.h"
#include "host/options.h"
#include "host/registry.h"
#include "train/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 60, CLASSES = 4, PARAMS = 25, NETS = 3, MEMORY = 256 };

static struct kp_registry registry;
static struct kp_safetensors fixture;

/* The stand-in. Net i has features[i] of width[i] and logits i. */
static struct {
    struct kp_analysing real; /* first: what the helpers see */
    const float *features[NETS];
    int64_t width[NETS];
    int64_t nets, subjects;
    struct kp_net_pair pairs[2];
    int64_t pair_count;
    struct kp_net_facts facts[NETS];
    void *memory[MEMORY];
    int memory_count;
    char absent[512];
    char name[16][40];
    double value[16];
    int emitted;
    double array[64];
    char array_name[40];
} host;

static const struct kp_stored *stored(const char *name)
{
    const struct kp_stored *s = kp_safetensors_find(&fixture, name);

    if (!s)
        fail_msg("no array '%s' in the fixture", name);
    return s;
}

static const double *expected(const char *name)
{
    return stored(name)->data;
}

static enum kp_status host_status(const struct kp_analysis *a)
{
    (void)a;
    return host.real.error->status;
}

static enum kp_status host_fail(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
{
    (void)a;
    fail_msg("the plugin failed: %s", fmt);
    return st;
}

static void host_absent(struct kp_analysis *a, const char *fmt, ...) KP_PRINTF(2, 3);

static void host_absent(struct kp_analysis *a, const char *fmt, ...)
{
    va_list args;

    (void)a;
    va_start(args, fmt);
    (void)vsnprintf(host.absent, sizeof(host.absent), fmt, args);
    va_end(args);
}

static void *host_alloc(struct kp_analysis *a, size_t count, size_t size)
{
    (void)a;
    assert_true(host.memory_count < MEMORY);
    return host.memory[host.memory_count++] = calloc(count + 1, size);
}

static void host_release(struct kp_analysis *a, void *p)
{
    (void)a;
    (void)p; /* all at the end */
}

static bool host_progress(struct kp_analysis *a, double done, double total)
{
    (void)a;
    assert_true(done <= total + 1e-9);
    return true;
}

static int64_t host_subjects(const struct kp_analysis *a)
{
    (void)a;
    return host.subjects;
}

static int64_t host_nets(const struct kp_analysis *a)
{
    (void)a;
    return host.nets;
}

static int64_t host_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    (void)a;
    *out = host.pairs;
    return host.pair_count;
}

static int64_t host_classes(const struct kp_analysis *a)
{
    (void)a;
    return CLASSES;
}

static int64_t host_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    (void)a;
    (void)from;
    return ROWS;
}

static const struct kp_net_facts *host_facts(struct kp_analysis *a, int64_t net)
{
    (void)a;
    return &host.facts[net];
}

static enum kp_status host_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    bool test = r->from == KP_ROWS_TEST; /* the probe's second split */
    const int64_t *labels = stored(test ? "in.test_y" : "in.y")->data;
    const float *features = test ? stored("in.test_a")->data : host.features[net];
    const float *logits = stored("in.logits")->data;

    (void)a;
    assert_true(r->first >= 0 && r->first + r->count <= ROWS);
    for (int64_t i = 0; i < r->count; i++) {
        int64_t row = r->first + i;
        if (r->features)
            memcpy(r->features + i * host.width[net], features + row * host.width[net],
                   (size_t)host.width[net] * sizeof(float));
        if (r->logits)
            memcpy(r->logits + i * CLASSES, logits + (net * ROWS + row) * CLASSES,
                   CLASSES * sizeof(float));
        if (r->labels)
            r->labels[i] = (int32_t)labels[row];
    }
    return KP_OK;
}

static enum kp_status host_example_grads(struct kp_analysis *a, int64_t net,
                                         const struct kp_read *r, const float *cotangent,
                                         int64_t first, int64_t count, float *out)
{
    const float *grads = stored("in.grads")->data;

    (void)a;
    for (int64_t i = 0; i < r->count; i++)
        for (int64_t p = 0; p < count; p++) {
            double sum = 0;
            for (int64_t k = 0; k < CLASSES; k++)
                sum += (double)cotangent[k] *
                       (double)grads[((net * CLASSES + k) * ROWS + i) * PARAMS + first + p];
            out[i * count + p] = (float)sum;
        }
    return KP_OK;
}

static void host_emit(struct kp_analysis *a, int64_t subject, const char *name, double value)
{
    (void)a;
    assert_true(subject >= -1 && subject < host.subjects && host.emitted < 16);
    (void)snprintf(host.name[host.emitted], sizeof(host.name[0]), "%s", name);
    host.value[host.emitted++] = value;
}

static void host_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value)
{
    assert_non_null(estimator);
    assert_true(pair < host.pair_count && n == ROWS);
    host_emit(a, 0, name, value);
}

static void host_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                            const double *v)
{
    (void)a;
    if (strcmp(name, host.array_name) == 0)
        memcpy(host.array, v, (size_t)kp_shape_count(shape) * sizeof(double));
}

static const struct kp_analysis_fn host_fn = {
    .size = sizeof(struct kp_analysis_fn),
    .status = host_status,
    .fail = host_fail,
    .absent = host_absent,
    .alloc = host_alloc,
    .release = host_release,
    .progress = host_progress,
    .subjects = host_subjects,
    .nets = host_nets,
    .pairs = host_pairs,
    .classes = host_classes,
    .rows = host_rows,
    .facts = host_facts,
    .read = host_read,
    .example_grads = host_example_grads,
    .gemm = kp_analysis_gemm,
    .gram = kp_analysis_gram,
    .gram_f32 = kp_analysis_gram_f32,
    .eigenvalues = kp_analysis_eigenvalues,
    .minimise = kp_analysis_minimise,
    .emit = host_emit,
    .emit_pair = host_emit_pair,
    .emit_array = host_emit_array,
};

/* Run a plugin with options "name=value" that end with NULL; others have their defaults. */
static void analyse(const char *name, const char *const *options)
{
    const struct kp_metric_def *def = kp_registry_metric(&registry, name, NULL);
    static const struct kp_analyse_job job = {0};
    struct kp_arena memory = {0};
    struct kp_error why = {0};

    assert_non_null(def);
    void *self = kp_arena_alloc(&memory, 1, def->self_size + 1);
    for (uint32_t i = 0; i < def->options.count; i++) {
        const struct kp_option *o = kp_option_at(&def->options, i);
        const char *text = o->fallback, *canonical;
        size_t n = strlen(o->name);

        for (int k = 0; options && options[k]; k++)
            if (strncmp(options[k], o->name, n) == 0 && options[k][n] == '=')
                text = options[k] + n + 1;
        assert_int_equal(kp_option_check(o, text, &memory, &canonical, &why), KP_OK);
        assert_true(kp_option_store(o, canonical, &memory, self));
    }
    host.real.head.fn = &host_fn;
    host.real.job = &job;
    host.real.error = &why;
    host.absent[0] = '\0';
    host.emitted = 0;
    assert_int_equal(kp_metric_analyser(def)->analyse(self, &host.real.head), KP_OK);
    assert_int_equal(why.status, KP_OK);
    for (int i = 0; i < host.memory_count; i++)
        free(host.memory[i]);
    host.memory_count = 0;
    kp_arena_finish(&memory);
}

static double emitted(const char *name)
{
    for (int i = 0; i < host.emitted; i++)
        if (strcmp(host.name[i], name) == 0)
            return host.value[i];
    fail_msg("'%s' was not emitted", name);
    return 0;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
        fail_msg("%.17g where %.17g is right", got, want);
}

/* Net 0 has array x, net 1 array y, and they are a pair. */
static void compare(const char *x, const char *y)
{
    const char *const name[2] = {x, y};

    host.nets = 2;
    host.subjects = 1;
    host.pair_count = 1;
    host.pairs[0] = (struct kp_net_pair){0, 1};
    for (int i = 0; i < 2; i++) {
        const struct kp_stored *s = stored(name[i]);
        host.features[i] = s->data;
        host.width[i] = s->shape.dim[1];
        host.facts[i] = (struct kp_net_facts){
            .size = sizeof(host.facts[i]), .uid = "", .params = PARAMS, .width = s->shape.dim[1]};
    }
}

static void test_cka(void **state)
{
    const char *unit[] = {"n=60", NULL}, *raw[] = {"n=60", "normalise_rows=false", NULL};
    const char *unbiased[] = {"n=60", "estimator=unbiased", NULL}, *many[] = {"n=61", NULL};

    (void)state;
    compare("in.a", "in.b");
    analyse("cka", unit);
    assert_near(emitted("cka"), *expected("out.cka.unit"), 1e-12);
    analyse("cka", raw);
    assert_near(emitted("cka"), *expected("out.cka.raw"), 1e-12);
    analyse("cka", unbiased);
    assert_near(emitted("cka"), *expected("out.cka.unbiased"), 1e-12);
    compare("in.a", "in.c");
    analyse("cka", unit);
    assert_near(emitted("cka"), *expected("out.cka.widths"), 1e-12);
    analyse("cka", unbiased);
    assert_near(emitted("cka"), *expected("out.cka.widths_unbiased"), 1e-12);
    analyse("cka", many);
    assert_int_equal(host.emitted, 0);
    assert_string_equal(host.absent, "there are 60 examples, 61 are wanted");
}

static void test_feature_alignment(void **state)
{
    const char *raw[] = {"normalise_rows=false", NULL};

    (void)state;
    compare("in.a", "in.b");
    analyse("feature_alignment", NULL);
    assert_near(emitted("feature_alignment"), *expected("out.fa.unit"), 1e-12);
    analyse("feature_alignment", raw);
    assert_near(emitted("feature_alignment"), *expected("out.fa.raw"), 1e-12);
    compare("in.a", "in.c");
    analyse("feature_alignment", NULL);
    assert_int_equal(host.emitted, 0);
    assert_string_equal(host.absent, "the features have different widths: 9 and 6");
}

static void test_ntk(void **state)
{
    const char *trace[] = {"n=60", NULL}, *pseudo[] = {"n=60", "mode=pseudo", NULL};

    (void)state;
    compare("in.a", "in.b");
    analyse("ntk", trace);
    assert_near(emitted("ntk_cka"), *expected("out.ntk.trace"), 1e-12);
    analyse("ntk", pseudo);
    /* The sum over logits is rounded to single precision. */
    assert_near(emitted("ntk_cka"), *expected("out.ntk.pseudo"), 1e-6);
}

/* Both stop at the same rule; between the last iterations the two solvers' paths differ. */
static void test_probe(void **state)
{
    const char *tight[] = {"tolerance=1e-9", "iterations=10000", NULL};
    const double *usual = expected("out.probe.default"), *far = expected("out.probe.tight");

    (void)state;
    compare("in.a", "in.b");
    analyse("linear_probe", NULL);
    assert_near(emitted("probe_accuracy"), usual[0], 1e-12);
    assert_near(emitted("probe_fit"), usual[1], 1e-12);
    analyse("linear_probe", tight);
    assert_near(emitted("probe_accuracy"), far[0], 1e-12);
    assert_near(emitted("probe_fit"), far[1], 1e-12);
    assert_near(emitted("probe_loss"), far[2] / ROWS, 1e-12);
    assert_true(emitted("probe_converged") == 1);
}

static void test_probe_stops(void **state)
{
    const char *few[] = {"tolerance=1e-9", "iterations=3", NULL};

    (void)state;
    compare("in.a", "in.b");
    analyse("linear_probe", few);
    assert_true(emitted("probe_converged") == 0);
    assert_true(emitted("probe_iterations") == 3);
}

static void test_knn(void **state)
{
    static const char *const neighbours[] = {"k=1", "k=5", "k=20"};
    static const char *const distances[2][2] = {{"distance=cosine", "out.knn.cosine"},
                                                {"distance=euclidean", "out.knn.euclidean"}};

    (void)state;
    compare("in.a", "in.b");
    for (int d = 0; d < 2; d++)
        for (int k = 0; k < 3; k++) {
            const char *options[] = {neighbours[k], distances[d][0], NULL};
            analyse("knn", options);
            assert_near(emitted("knn_accuracy"), expected(distances[d][1])[k], 1e-12);
        }
    analyse("knn", (const char *const[]){"k=61", NULL});
    assert_int_equal(host.emitted, 0);
    assert_non_null(strstr(host.absent, "60 examples are fewer than k = 61"));
}

static void test_spectrum(void **state)
{
    static const char *const arrays[2][2] = {{"eigenvalues", "out.spectrum.raw"},
                                             {"eigenvalues_unit", "out.spectrum.unit"}};

    (void)state;
    compare("in.a", "in.b");
    for (int i = 0; i < 2; i++) {
        const double *want = expected(arrays[i][1]);
        (void)snprintf(host.array_name, sizeof(host.array_name), "%s", arrays[i][0]);
        analyse("spectrum", NULL);
        for (int k = 0; k < 9; k++)
            assert_near(host.array[k], want[k], 1e-12);
    }
    assert_near(emitted("eigenvalue_ratio"), expected("out.spectrum.ratio")[0], 1e-10);
    assert_near(emitted("eigenvalue_ratio_unit"), expected("out.spectrum.ratio")[1], 1e-10);
}

static void test_bias_variance(void **state)
{
    (void)state;
    host.nets = host.subjects = NETS;
    host.pair_count = 0;
    for (int i = 0; i < NETS; i++)
        host.facts[i] = (struct kp_net_facts){.size = sizeof(host.facts[i]),
                                              .uid = "",
                                              .trained_on = 10,
                                              .pool = 50,
                                              .subset_seed = 11 + i};
    analyse("bias_variance", NULL);
    assert_near(emitted("variance"), expected("out.bias_variance")[0], 1e-12);
    assert_near(emitted("bias2"), expected("out.bias_variance")[1], 1e-12);

    for (int i = 0; i < NETS; i++)
        host.facts[i].trained_on = 50;
    analyse("bias_variance", NULL);
    assert_int_equal(host.emitted, 0);
    assert_non_null(strstr(host.absent, "drew the whole pool of 50"));

    for (int i = 0; i < NETS; i++) {
        host.facts[i].trained_on = 10;
        host.facts[i].subset_seed = 11;
    }
    analyse("bias_variance", NULL);
    assert_int_equal(host.emitted, 0);
    assert_non_null(strstr(host.absent, "share seed.subset"));
}

static int open_all(void **state)
{
    struct kp_text report = {0};
    struct kp_error e = {0};

    (void)state;
    if (kp_registry_scan(&registry, KP_BUILD_ROOT "/metrics", &report, &e) != KP_OK ||
        kp_registry_scan(&registry, KP_BUILD_ROOT "/plugins/examples", &report, &e) != KP_OK ||
        kp_safetensors_open(KP_SOURCE_ROOT "/tests/parity/fixtures/analysis.safetensors", &fixture,
                            &e) != KP_OK ||
        kp_pool_create(2, &host.real.pool, &e) != KP_OK)
        fail_msg("%s", e.text);
    kp_text_finish(&report);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    kp_pool_destroy(host.real.pool);
    kp_safetensors_close(&fixture);
    kp_registry_finish(&registry);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cka),           cmocka_unit_test(test_feature_alignment),
        cmocka_unit_test(test_ntk),           cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_stops),   cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_bias_variance), cmocka_unit_test(test_knn),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
