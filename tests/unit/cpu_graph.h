/* cpu_graph.h - small graphs made by hand and run on a device, for the tests of the cpu device. */
#ifndef KP_TEST_CPU_GRAPH_H
#define KP_TEST_CPU_GRAPH_H

#include "device/device.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static inline struct kp_shape cg_shape(int n, ...)
{
    struct kp_shape s = {.n = n};
    va_list args;
    va_start(args, n);
    for (int i = 0; i < n; i++)
        s.dim[i] = va_arg(args, int);
    va_end(args);
    return s;
}

static inline struct kp_value *cg_value(struct kp_graph *g, struct kp_shape s)
{
    return kp_graph_value(g, KP_F32, s, true);
}

static inline struct kp_value *cg_whole(struct kp_graph *g, struct kp_shape s)
{
    return kp_graph_value(g, KP_F32, s, false);
}

static inline struct kp_value *cg_input(struct kp_graph *g, struct kp_shape s)
{
    struct kp_value *v = cg_value(g, s);
    v->input = true;
    return v;
}

static inline struct kp_value *cg_labels(struct kp_graph *g, struct kp_shape s)
{
    struct kp_value *v = kp_graph_value(g, KP_I32, s, true);
    v->input = true;
    return v;
}

static inline size_t cg_bytes(struct kp_shape s)
{
    return ((size_t)kp_shape_count(s) * sizeof(float) + 63) / 64 * 64;
}

static inline struct kp_value *cg_param(struct kp_graph *g, struct kp_shape s)
{
    struct kp_value *v = cg_whole(g, s);
    v->place = KP_AT_PARAMS;
    v->offset = g->param_bytes;
    g->param_bytes += cg_bytes(s);
    return v;
}

static inline struct kp_value *cg_buffer(struct kp_graph *g, struct kp_shape s)
{
    struct kp_value *v = cg_whole(g, s);
    v->place = KP_AT_BUFFERS;
    v->offset = g->buffer_bytes;
    g->buffer_bytes += cg_bytes(s);
    return v;
}

static inline struct kp_value *cg_grad(struct kp_graph *g, const struct kp_value *param)
{
    struct kp_value *v = cg_whole(g, param->shape);
    v->place = KP_AT_GRADS;
    v->offset = param->offset;
    return v;
}

static inline struct kp_value *cg_output(struct kp_value *v)
{
    v->output = true;
    return v;
}

/* A node with its operands and results, each list ended by `cg_end`; NULL for an absent one. */
static struct kp_value cg_end_value;
#define cg_end (&cg_end_value)

static inline struct kp_node *cg_node(struct kp_graph *g, enum kp_op op, ...)
{
    struct kp_node *n = kp_graph_node(g, op);
    struct kp_value *v;
    va_list args;
    int i = 0;

    va_start(args, op);
    for (v = va_arg(args, struct kp_value *); v != cg_end; v = va_arg(args, struct kp_value *))
        n->in[i++] = v;
    i = 0;
    for (v = va_arg(args, struct kp_value *); v != cg_end; v = va_arg(args, struct kp_value *))
        n->out[i++] = v;
    va_end(args);
    return n;
}

/* Lifetime of a value in segments. */
struct cg_life {
    int64_t from, to;
    size_t bytes;
    size_t *offset;
};

static inline const struct kp_value *cg_root(const struct kp_value *v)
{
    while (v->alias)
        v = v->alias;
    return v;
}

/* Places values and scratch, reusing memory whose lifetimes do not meet. */
static inline void cg_place(struct kp_graph *g)
{
    const int64_t count = g->value_count + g->node_count;
    struct cg_life *life = calloc((size_t)count, sizeof(*life));

    g->arena_bytes = 64;
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        life[i] = (struct cg_life){INT64_MAX, -1, 0, NULL};
        if (v->alias || v->place != KP_AT_ARENA)
            continue;
        life[i].bytes = v->bytes;
        life[i].offset = &v->offset;
        if (v->input)
            life[i].from = 0;
    }
    for (int64_t i = 0; i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        life[g->value_count + i] =
            (struct cg_life){n->segment, n->segment, n->scratch, &n->scratch_offset};
        for (int j = 0; j < KP_NODE_IN + KP_NODE_OUT; j++) {
            const struct kp_value *v = j < KP_NODE_IN ? n->in[j] : n->out[j - KP_NODE_IN];
            if (!v)
                continue;
            struct cg_life *l = &life[cg_root(v)->id];
            l->from = n->segment < l->from ? n->segment : l->from;
            l->to = n->segment > l->to ? n->segment : l->to;
        }
    }
    for (int64_t i = 0; i < g->value_count; i++)
        if (g->values[i]->output)
            life[cg_root(g->values[i])->id].to = INT64_MAX;
    for (int64_t i = 0; i < count; i++) {
        size_t at = 64;
        if (!life[i].offset || life[i].bytes == 0)
            continue;
        for (int64_t j = 0; j < i; j++) {
            const bool apart = life[j].to < life[i].from || life[i].to < life[j].from;
            if (!life[j].offset || life[j].bytes == 0 || apart)
                continue;
            if (at < *life[j].offset + life[j].bytes && *life[j].offset < at + life[i].bytes) {
                at = *life[j].offset + life[j].bytes;
                j = -1;
            }
        }
        *life[i].offset = at;
        if (at + life[i].bytes > g->arena_bytes)
            g->arena_bytes = at + life[i].bytes;
    }
    free(life);
}

/* Repeatable numbers in [-1, 1). */
static inline float cg_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

typedef void cg_build_fn(struct kp_graph *g, const void *arg);

struct cg_setup {
    const char *kind;
    const char *level; /* KAPPA_CPU_LEVEL or NULL */
    int threads;
    int slice;
    int64_t rows;
    int runs;
};

/* All that can be observed after a run: outputs, gradients, buffers, parameters. */
struct cg_result {
    float *v;
    int64_t count;
};

static inline void cg_take(struct cg_result *r, int64_t more)
{
    r->v = realloc(r->v, (size_t)(r->count + more + 1) * sizeof(float));
    assert_non_null(r->v);
    r->count += more;
}

#define cg_ok(call)                              \
    do {                                         \
        struct kp_error *e_ = &error;            \
        if ((call) != KP_OK)                     \
            fail_msg("%s: %s", #call, e_->text); \
    } while (0)

static inline void cg_fill_inputs(const struct kp_device_ops *ops, const struct kp_code *code,
                                  struct kp_graph *g, struct kp_memory *m, int64_t inputs,
                                  int64_t rows)
{
    for (int64_t i = 0; i < inputs; i++) {
        const struct kp_value *v = g->values[i];
        uint32_t seed = (uint32_t)i * 977u + 5u;
        const int64_t first = v->shape.n > 0 ? v->shape.dim[0] : 1;
        const int64_t count = kp_shape_count(v->shape) / first * (v->batched ? rows : first);
        float *host;
        if (!v->input)
            continue;
        host = calloc((size_t)count, sizeof(float));
        for (int64_t j = 0; j < count; j++) {
            float x = cg_random(&seed);
            if (v->dtype == KP_I32)
                ((int32_t *)(void *)host)[j] = (int32_t)((x + 1.0f) * 1.99f) - 1;
            else
                host[j] = v->name && strcmp(v->name, "weights") == 0 ? x * x : x;
        }
        ops->write(code, m, v, host, rows);
        free(host);
    }
}

static inline struct cg_result cg_run(cg_build_fn *build, const void *arg, int64_t capacity,
                                      enum kp_mode mode, struct cg_setup s)
{
    struct kp_error error = {0};
    struct kp_device_config config = {.threads = s.threads, .slice = s.slice};
    struct kp_device *d = NULL;
    struct kp_graph g = {.mode = mode, .capacity = capacity};
    struct kp_code *code = NULL;
    struct kp_memory m = {0};
    struct cg_result r = {0};
    int64_t values;

    if (s.level)
        assert_int_equal(setenv("KAPPA_CPU_LEVEL", s.level, 1), 0);
    else
        assert_int_equal(unsetenv("KAPPA_CPU_LEVEL"), 0);
    cg_ok(kp_device_open(s.kind, &config, &d, &error));
    build(&g, arg);
    values = g.value_count;
    cg_ok(d->ops->fuse(d, &g, &error));
    cg_ok(d->ops->plan(d, &g, &error));
    cg_place(&g);
    cg_ok(d->ops->lower(d, &g, &code, &error));
    m.params = d->ops->alloc(d, g.param_bytes + 64);
    m.buffers = d->ops->alloc(d, g.buffer_bytes + 64);
    m.grads = d->ops->alloc(d, g.param_bytes + 64);
    m.slots = d->ops->alloc(d, g.param_bytes + 64);
    m.arena = d->ops->alloc(d, g.arena_bytes + 64);
    m.scalars[KP_SCALAR_LR] = 0.05;

    float *host = calloc(g.param_bytes + g.buffer_bytes + 64, 1);
    uint32_t seed = 77;
    for (size_t i = 0; i < g.param_bytes / 4; i++)
        host[i] = cg_random(&seed);
    d->ops->upload(d, m.params, host, g.param_bytes);
    for (size_t i = 0; i < g.buffer_bytes / 4; i++) {
        float x = cg_random(&seed);
        host[i] = x * x + 0.1f;
    }
    d->ops->upload(d, m.buffers, host, g.buffer_bytes);
    free(host);

    /* What a larger batch left behind must not be seen. */
    cg_fill_inputs(d->ops, code, &g, &m, values, capacity);
    for (int i = 0; i < s.runs; i++) {
        cg_fill_inputs(d->ops, code, &g, &m, values, s.rows);
        cg_ok(d->ops->run(code, &m, s.rows, &error));
    }
    for (int64_t i = 0; i < values; i++) {
        const struct kp_value *v = g.values[i];
        int64_t count = kp_shape_count(v->shape);
        if (!v->output)
            continue;
        if (v->batched)
            count = count / v->shape.dim[0] * s.rows;
        cg_take(&r, count);
        d->ops->read(code, &m, v, r.v + r.count - count, s.rows);
    }
    void *blocks[] = {m.grads, m.params, m.buffers};
    for (int i = 0; i < 3; i++) {
        size_t bytes = i < 2 ? g.param_bytes : g.buffer_bytes;
        cg_take(&r, (int64_t)(bytes / 4));
        d->ops->download(d, r.v + r.count - bytes / 4, blocks[i], bytes);
    }
    d->ops->release(d, m.params, g.param_bytes + 64);
    d->ops->release(d, m.buffers, g.buffer_bytes + 64);
    d->ops->release(d, m.grads, g.param_bytes + 64);
    d->ops->release(d, m.slots, g.param_bytes + 64);
    d->ops->release(d, m.arena, g.arena_bytes + 64);
    d->ops->code_destroy(code);
    kp_arena_finish(&g.memory);
    kp_device_close(d);
    return r;
}

/* The cpu device at every level, with one and two threads, against the reference. */
static inline void cg_check(const char *what, cg_build_fn *build, const void *arg, int64_t capacity,
                            enum kp_mode mode, int64_t rows, double tolerance)
{
    static const char *const levels[] = {"portable", "avx2", "avx512"};
    struct cg_setup s = {.kind = "ref", .threads = 1, .slice = 32, .rows = rows, .runs = 2};
    struct cg_result want = cg_run(build, arg, capacity, mode, s);

    s.kind = "cpu";
    for (int l = 0; l < 3; l++) {
        struct cg_result got[2];
        s.level = levels[l];
        for (int t = 0; t < 2; t++) {
            s.threads = t + 1;
            got[t] = cg_run(build, arg, capacity, mode, s);
            assert_int_equal(got[t].count, want.count);
            for (int64_t i = 0; i < want.count; i++) {
                double a = (double)got[t].v[i], b = (double)want.v[i];
                if (!(fabs(a - b) <= tolerance * (1.0 + fabs(b))))
                    fail_msg("%s, %s, %lld rows: number %lld is %.9g, not %.9g", what, levels[l],
                             (long long)rows, (long long)i, a, b);
            }
        }
        assert_memory_equal(got[0].v, got[1].v, (size_t)want.count * sizeof(float));
        free(got[0].v);
        free(got[1].v);
    }
    free(want.v);
}

#endif
