/* foreign.c - operations of plugins: on the host, between a copy of their operands into pinned
 * memory and one of their results back, all of it queued on the stream. Correct and slow.
 *
 * Work on the stream is done in its order, so all operations of a program use the same memory. */
#include "device/foreign.h"
#include "device/cuda/ops.h"

#include <stdio.h>
#include <string.h>

/* Examples of one call. Their shares in the gradients of SHARED operands are summed in fp32, those
 * of the calls in fp64. */
#define SLICE 32

/* What a node has in the pinned memory. */
struct room {
    struct kp_foreign_places at;
    double *sums; /* [kp_foreign_part_floats()] */
    size_t bytes;
};

static void *take(char *memory, size_t *end, size_t bytes)
{
    char *p = memory ? memory + *end : NULL;

    *end += kp_cuda_whole(bytes);
    return bytes > 0 ? p : NULL;
}

static size_t bytes_of(const struct kp_value *v, int64_t rows)
{
    return v ? (size_t)kp_cuda_count(v, rows) * sizeof(float) : 0;
}

/* Room for all examples; memory NULL: only `bytes` counts. */
static struct room room_of(const struct kp_node *n, char *memory)
{
    const struct kp_foreign *f = n->attrs.foreign;
    const int64_t capacity = f->shapes.result.dim[0], part = kp_foreign_part_floats(n);
    struct room r = {0};

    for (int i = 0; i < KP_NODE_IN; i++)
        r.at.in[i] = take(memory, &r.bytes, bytes_of(n->in[i], capacity));
    for (int i = 0; i < KP_NODE_OUT; i++)
        r.at.out[i] = take(memory, &r.bytes, bytes_of(n->out[i], capacity));
    r.at.scratch =
        take(memory, &r.bytes, (size_t)kp_foreign_scratch_floats(f, SLICE) * sizeof(float));
    r.at.part = take(memory, &r.bytes, (size_t)part * sizeof(float));
    r.sums = take(memory, &r.bytes, (size_t)part * sizeof(double));
    return r;
}

/* The gradients of SHARED operands. */
static void finish_sums(const struct kp_node *n, const struct room *r)
{
    const double *sum = r->sums;

    for (int i = 0; i < KP_OP_OPERANDS; i++) {
        if (!n->out[i] || !kp_foreign_is_shared(n->attrs.foreign, i))
            continue;
        const int64_t count = kp_shape_count(n->out[i]->shape);
        for (int64_t k = 0; k < count; k++)
            r->at.out[i][k] = (float)sum[k];
        sum += count;
    }
}

/* On a thread of CUDA's, which must not call it. */
static void CUDART_CB work(void *argument)
{
    const struct kp_cuda_host_call *h = argument;
    const struct kp_node *n = h->node;
    const struct room r = room_of(n, h->memory);
    const int64_t part = kp_foreign_part_floats(n);

    if (part > 0)
        memset(r.sums, 0, (size_t)part * sizeof(*r.sums));
    for (int64_t first = 0; first < h->rows; first += SLICE) {
        const int64_t left = h->rows - first;
        const struct kp_foreign_piece piece = {first, left < SLICE ? left : SLICE, 0};
        if (part > 0)
            memset(r.at.part, 0, (size_t)part * sizeof(*r.at.part));
        n->attrs.foreign->call(n, &r.at, &piece);
        for (int64_t i = 0; i < part; i++)
            r.sums[i] += (double)r.at.part[i];
    }
    if (part > 0)
        finish_sums(n, &r);
}

static void copy(const struct kp_cuda_call *c, void *to, const void *from, size_t bytes,
                 enum cudaMemcpyKind kind, const char *what)
{
    if (bytes > 0)
        kp_cuda_note(c->cuda, cudaMemcpyAsync(to, from, bytes, kind, c->stream), what);
}

void kp_cuda_foreign(const struct kp_cuda_call *c)
{
    const struct kp_node *n = c->node;
    struct kp_cuda_host_call *h = &c->host_calls[c->rows];
    const struct room r = room_of(n, h->memory);
    char what[128];

    (void)snprintf(what, sizeof(what), "operation '%.100s'", n->attrs.foreign->def->name);
    for (int i = 0; i < KP_NODE_IN; i++)
        copy(c, r.at.in[i], kp_cuda_in(c, i), bytes_of(n->in[i], c->rows), cudaMemcpyDeviceToHost,
             what);
    kp_cuda_note(c->cuda, cudaLaunchHostFunc(c->stream, work, h), what);
    for (int i = 0; i < KP_NODE_OUT; i++)
        copy(c, kp_cuda_out(c, i), r.at.out[i], bytes_of(n->out[i], c->rows),
             cudaMemcpyHostToDevice, what);
}

enum kp_status kp_cuda_foreign_prepare(struct kp_code *c, struct kp_error *e)
{
    const struct kp_graph *g = c->graph;
    size_t bytes = 0;

    for (int64_t i = 0; i < g->node_count; i++) {
        const size_t own = g->nodes[i]->attrs.foreign ? room_of(g->nodes[i], NULL).bytes : 0;
        bytes = own > bytes ? own : bytes;
    }
    if (bytes == 0)
        return KP_OK;
    kp_cuda_enter(c->cuda);
    const cudaError_t status = cudaMallocHost(&c->pinned, bytes);
    /* a status of the caller's, not a failure of the device */
    (void)cudaGetLastError();
    kp_cuda_leave(c->cuda);
    if (status != cudaSuccess)
        return kp_fail(e, KP_E_NOMEM, "no %zu bytes of pinned memory for operations of plugins: %s",
                       bytes, cudaGetErrorString(status));
    for (int64_t i = 0; i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        if (!n->attrs.foreign)
            continue;
        c->host_calls[i] = kp_arena_new(&c->memory, struct kp_cuda_host_call, g->capacity + 1);
        if (!c->host_calls[i])
            return kp_fail(e, KP_E_NOMEM, "no memory for a program");
        for (int64_t rows = 0; rows <= g->capacity; rows++)
            c->host_calls[i][rows] = (struct kp_cuda_host_call){n, c->pinned, rows};
    }
    return KP_OK;
}
