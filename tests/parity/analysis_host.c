/* analysis_host.c - hands out a fixture in place of nets. */
#include "analysis_host.h"

#include "base/text.h"
#include "host/options.h"
#include "host/registry.h"
#include "train/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kp_registry registry;
static struct kp_safetensors fixture;

struct analysis_host analysis_host;

static const struct kp_stored *stored(const char *name)
{
    const struct kp_stored *s = kp_safetensors_find(&fixture, name);

    if (!s)
        fail_msg("no array '%s' in the fixture", name);
    return s;
}

const double *analysis_expected(const char *name)
{
    return stored(name)->data;
}

static enum kp_status host_status(const struct kp_analysis *a)
{
    (void)a;
    return analysis_host.real.error->status;
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
    (void)vsnprintf(analysis_host.absent, sizeof(analysis_host.absent), fmt, args);
    va_end(args);
}

static void *host_alloc(struct kp_analysis *a, size_t count, size_t size)
{
    (void)a;
    assert_true(analysis_host.memory_count < ANALYSIS_MEMORY);
    return analysis_host.memory[analysis_host.memory_count++] = calloc(count + 1, size);
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
    return analysis_host.subjects;
}

static int64_t host_nets(const struct kp_analysis *a)
{
    (void)a;
    return analysis_host.nets;
}

static int64_t host_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    (void)a;
    *out = analysis_host.pairs;
    return analysis_host.pair_count;
}

static int64_t host_classes(const struct kp_analysis *a)
{
    (void)a;
    return ANALYSIS_CLASSES;
}

static int64_t host_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    (void)a;
    (void)from;
    return ANALYSIS_ROWS;
}

static const struct kp_net_facts *host_facts(struct kp_analysis *a, int64_t net)
{
    (void)a;
    return &analysis_host.facts[net];
}

static enum kp_status host_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    bool test = r->from == KP_ROWS_TEST; /* the probe's second split */
    const int64_t *labels = stored(test ? "in.test_y" : "in.y")->data;
    const float *features = test ? stored("in.test_a")->data : analysis_host.features[net];
    const float *logits = stored("in.logits")->data;

    (void)a;
    assert_true(r->first >= 0 && r->first + r->count <= ANALYSIS_ROWS);
    for (int64_t i = 0; i < r->count; i++) {
        int64_t row = r->first + i;
        if (r->features)
            memcpy(r->features + i * analysis_host.width[net],
                   features + row * analysis_host.width[net],
                   (size_t)analysis_host.width[net] * sizeof(float));
        if (r->logits)
            memcpy(r->logits + i * ANALYSIS_CLASSES,
                   logits + (net * ANALYSIS_ROWS + row) * ANALYSIS_CLASSES,
                   ANALYSIS_CLASSES * sizeof(float));
        if (r->labels)
            r->labels[i] = analysis_host.unlabelled && row == 0 ? -1 : (int32_t)labels[row];
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
            for (int64_t k = 0; k < ANALYSIS_CLASSES; k++)
                sum +=
                    (double)cotangent[k] *
                    (double)
                        grads[((net * ANALYSIS_CLASSES + k) * ANALYSIS_ROWS + i) * ANALYSIS_PARAMS +
                              first + p];
            out[i * count + p] = (float)sum;
        }
    return KP_OK;
}

/* The features serve as parameters too. */
static int64_t host_blocks(struct kp_analysis *a, int64_t net, const struct kp_param_block **out)
{
    static struct kp_param_block blocks[ANALYSIS_NETS];

    (void)a;
    blocks[net] = (struct kp_param_block){
        .name = "weight", .shape = kp_shape2(ANALYSIS_ROWS, analysis_host.width[net])};
    *out = &blocks[net];
    return 1;
}

static enum kp_status host_read_params(struct kp_analysis *a, int64_t net, int64_t first,
                                       int64_t count, float *out)
{
    (void)a;
    assert_true(first >= 0 && first + count <= ANALYSIS_ROWS * analysis_host.width[net]);
    memcpy(out, analysis_host.features[net] + first, (size_t)count * sizeof(*out));
    return KP_OK;
}

static void host_emit(struct kp_analysis *a, int64_t subject, const char *name, double value)
{
    (void)a;
    assert_true(subject >= -1 && subject < analysis_host.subjects && analysis_host.emitted < 16);
    (void)snprintf(analysis_host.name[analysis_host.emitted], sizeof(analysis_host.name[0]), "%s",
                   name);
    analysis_host.value[analysis_host.emitted++] = value;
}

static void host_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value)
{
    assert_non_null(estimator);
    assert_true(pair < analysis_host.pair_count);
    assert_true(n == ANALYSIS_ROWS || n == ANALYSIS_ROWS * analysis_host.width[0]);
    host_emit(a, 0, name, value);
    (void)snprintf(analysis_host.estimator[analysis_host.emitted - 1],
                   sizeof(analysis_host.estimator[0]), "%s", estimator);
}

static void host_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                            const double *v)
{
    (void)a;
    if (strcmp(name, analysis_host.array_name) == 0)
        memcpy(analysis_host.array, v, (size_t)kp_shape_count(shape) * sizeof(double));
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
    .blocks = host_blocks,
    .read_params = host_read_params,
};

void analysis_run(const char *name, const char *const *options)
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
    analysis_host.real.head.fn = &host_fn;
    analysis_host.real.job = &job;
    analysis_host.real.error = &why;
    analysis_host.absent[0] = '\0';
    analysis_host.emitted = 0;
    assert_int_equal(kp_metric_analyser(def)->analyse(self, &analysis_host.real.head), KP_OK);
    assert_int_equal(why.status, KP_OK);
    for (int i = 0; i < analysis_host.memory_count; i++)
        free(analysis_host.memory[i]);
    analysis_host.memory_count = 0;
    kp_arena_finish(&memory);
}

static int place_of(const char *name)
{
    for (int i = 0; i < analysis_host.emitted; i++)
        if (strcmp(analysis_host.name[i], name) == 0)
            return i;
    fail_msg("'%s' was not emitted", name);
    return 0;
}

double analysis_emitted(const char *name)
{
    return analysis_host.value[place_of(name)];
}

const char *analysis_estimator(const char *name)
{
    return analysis_host.estimator[place_of(name)];
}

void analysis_compare(const char *x, const char *y)
{
    const char *const name[2] = {x, y};

    analysis_host.nets = 2;
    analysis_host.subjects = 1;
    analysis_host.pair_count = 1;
    analysis_host.pairs[0] = (struct kp_net_pair){0, 1};
    for (int i = 0; i < 2; i++) {
        const struct kp_stored *s = stored(name[i]);
        analysis_host.features[i] = s->data;
        analysis_host.width[i] = s->shape.dim[1];
        analysis_host.facts[i] = (struct kp_net_facts){.size = sizeof(analysis_host.facts[i]),
                                                       .uid = "",
                                                       .params = ANALYSIS_PARAMS,
                                                       .width = s->shape.dim[1]};
    }
}

int analysis_host_open(void **state)
{
    struct kp_text report = {0};
    struct kp_error e = {0};

    (void)state;
    if (kp_registry_scan(&registry, KP_BUILD_ROOT "/metrics", &report, &e) != KP_OK ||
        kp_registry_scan(&registry, KP_BUILD_ROOT "/plugins/examples", &report, &e) != KP_OK ||
        kp_safetensors_open(KP_SOURCE_ROOT "/tests/parity/fixtures/analysis.safetensors", &fixture,
                            &e) != KP_OK ||
        kp_pool_create(2, &analysis_host.real.pool, &e) != KP_OK)
        fail_msg("%s", e.text);
    kp_text_finish(&report);
    return 0;
}

int analysis_host_close(void **state)
{
    (void)state;
    kp_pool_destroy(analysis_host.real.pool);
    kp_safetensors_close(&fixture);
    kp_registry_finish(&registry);
    return 0;
}
