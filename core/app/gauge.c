/* gauge.c - times one operation at a time, through the device table alone. */
#include "app/gauge.h"

#include "base/clock.h"
#include "base/rng.h"
#include "tensor/place.h"

#include <stdlib.h>

#define ENOUGH         0.01 /* seconds of one run that are timed well */
#define GROUPS         5    /* of runs; the fastest counts */
#define RUNS           4    /* of a group */
#define VECTOR_LEAST   (INT64_C(1) << 14)
#define VECTOR_MOST    (INT64_C(1) << 26)
#define MATRIX_LEAST   64
#define MATRIX_MOST    4096
#define ROWS           256 /* in which a vector is cut, so that a processor's threads share it */
#define TRANSFER_BYTES ((size_t)64 << 20)
#define HOST_ROOM      ((size_t)1 << 30) /* of a device that has no memory of its own */

/* A graph of one operation at work. */
struct work {
    struct kp_device *device;
    struct kp_graph graph;
    struct kp_code *code;
    struct kp_memory memory;
    void *probe; /* a word whose download waits for all that was asked before */
};

static void work_finish(struct work *w)
{
    const struct kp_device_ops *ops = w->device->ops;

    if (w->code)
        ops->code_destroy(w->code);
    if (w->memory.arena)
        ops->release(w->device, w->memory.arena, w->graph.arena_bytes);
    if (w->probe)
        ops->release(w->device, w->probe, sizeof(float));
    kp_arena_finish(&w->graph.memory);
}

static struct kp_value *operand(struct kp_graph *g, int64_t rows, int64_t columns, bool batched)
{
    struct kp_value *v = kp_graph_value(g, KP_F32, kp_shape2(rows, columns), batched);

    if (v)
        v->input = true;
    return v;
}

/* a op b -> y; whatever the operands hold is overwritten by nobody. */
static enum kp_status work_begin(struct work *w, enum kp_op op, int64_t rows, int64_t columns,
                                 struct kp_error *e)
{
    const struct kp_device_ops *ops = w->device->ops;
    struct kp_graph *g = &w->graph;

    g->mode = KP_EVAL;
    g->capacity = rows;
    struct kp_value *a = operand(g, rows, columns, true);
    struct kp_value *b = operand(g, rows, columns, op != KP_OP_LINEAR);
    struct kp_value *y = kp_graph_value(g, KP_F32, kp_shape2(rows, columns), true);
    struct kp_node *n = a && b && y ? kp_graph_node(g, op) : NULL;
    if (!n)
        return kp_fail(e, KP_E_NOMEM, "no memory for a graph");
    y->output = true;
    n->in[0] = a;
    n->in[1] = b;
    n->out[0] = y;
    enum kp_status st = ops->plan(w->device, g, e);
    if (st == KP_OK)
        st = kp_graph_place(g, e);
    if (st == KP_OK)
        st = ops->lower(w->device, g, &w->code, e);
    if (st != KP_OK)
        return st;
    w->memory.arena = ops->alloc(w->device, g->arena_bytes);
    w->probe = ops->alloc(w->device, sizeof(float));
    return w->memory.arena && w->probe
               ? KP_OK
               : kp_fail(e, KP_E_NOMEM, "device %s: out of memory", ops->name);
}

/* Numbers that are all different: zeros cost less power, and so less time. */
static enum kp_status fill(struct work *w, int64_t count, struct kp_error *e)
{
    const struct kp_rng_key key = {.seed = 1};
    float *host = malloc((size_t)count * sizeof(*host));

    if (!host)
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld numbers", (long long)count);
    for (int64_t i = 0; i < count; i++)
        host[i] = (float)kp_rng_uniform(key, (uint64_t)i, 0);
    for (int64_t i = 0; i < 2; i++)
        w->device->ops->write(w->code, &w->memory, w->graph.nodes[0]->in[i], host,
                              w->graph.capacity);
    free(host);
    return KP_OK;
}

static void wait_for(struct work *w)
{
    float word;

    w->device->ops->download(w->device, &word, w->probe, sizeof(word));
}

/* Seconds of one run, after the first ones, in which a device may prepare. */
static enum kp_status time_runs(struct work *w, double *seconds, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    double best = 0;

    for (int group = 0; st == KP_OK && group <= GROUPS; group++) {
        wait_for(w);
        const double begun = kp_clock_monotonic();
        for (int i = 0; st == KP_OK && i < RUNS; i++)
            st = w->device->ops->run(w->code, &w->memory, w->graph.capacity, e);
        wait_for(w);
        const double one = (kp_clock_monotonic() - begun) / RUNS;
        if (group == 1 || (group > 1 && one < best))
            best = one;
    }
    *seconds = best;
    return st;
}

static enum kp_status time_operation(struct kp_device *d, enum kp_op op, int64_t rows,
                                     int64_t columns, double *seconds, struct kp_error *e)
{
    struct work w = {.device = d};
    enum kp_status st = work_begin(&w, op, rows, columns, e);

    if (st == KP_OK)
        st = fill(&w, rows * columns, e);
    if (st == KP_OK)
        st = time_runs(&w, seconds, e);
    work_finish(&w);
    return st;
}

static size_t room_of(struct kp_device *d)
{
    return d->ops->room ? d->ops->room(d) : HOST_ROOM;
}

/* Whether twice as much in each direction takes at most a quarter of the memory. */
static bool fits(struct kp_device *d, int64_t floats)
{
    return (size_t)(3 * floats) * sizeof(float) <= room_of(d) / 4;
}

static enum kp_status time_memory(struct kp_device *d, double *rate, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    double seconds = 0;

    for (int64_t n = VECTOR_LEAST;
         st == KP_OK && seconds < ENOUGH && n <= VECTOR_MOST && fits(d, n); n *= 4) {
        st = time_operation(d, KP_OP_ADD, ROWS, n / ROWS, &seconds, e);
        *rate = 3 * (double)n * sizeof(float) / seconds;
    }
    return st;
}

static enum kp_status time_products(struct kp_device *d, double *rate, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    double seconds = 0;

    for (int64_t n = MATRIX_LEAST;
         st == KP_OK && seconds < ENOUGH && n <= MATRIX_MOST && fits(d, n * n); n *= 2) {
        st = time_operation(d, KP_OP_LINEAR, n, n, &seconds, e);
        *rate = 2 * (double)n * (double)n * (double)n / seconds;
    }
    return st;
}

static double faster(double best, double begun)
{
    const double rate = (double)TRANSFER_BYTES / (kp_clock_monotonic() - begun);

    return rate > best ? rate : best;
}

static enum kp_status time_transfers(struct kp_device *d, struct kp_gauge *out, struct kp_error *e)
{
    void *host = calloc(1, TRANSFER_BYTES), *device = d->ops->alloc(d, TRANSFER_BYTES);
    enum kp_status st = host && device ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for a transfer");

    for (int i = 0; st == KP_OK && i < GROUPS; i++) {
        float word;
        double begun = kp_clock_monotonic();
        d->ops->upload(d, device, host, TRANSFER_BYTES);
        d->ops->download(d, &word, device, sizeof(word));
        out->to_device = faster(out->to_device, begun);
        begun = kp_clock_monotonic();
        d->ops->download(d, host, device, TRANSFER_BYTES);
        out->from_device = faster(out->from_device, begun);
    }
    if (device)
        d->ops->release(d, device, TRANSFER_BYTES);
    free(host);
    return st;
}

enum kp_status kp_gauge_device(struct kp_device *d, struct kp_gauge *out, struct kp_error *e)
{
    struct kp_gauge g = {0};
    enum kp_status st = time_memory(d, &g.memory, e);

    if (st == KP_OK)
        st = time_products(d, &g.products, e);
    if (st == KP_OK)
        st = time_transfers(d, &g, e);
    if (st == KP_OK)
        *out = g;
    return st;
}
