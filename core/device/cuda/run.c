/* run.c - executes code: the first time call by call, then captured and replayed as one graph.
 *
 * A graph holds addresses and the number of rows, so one is kept for each pair that comes twice.
 * What changes from step to step lies in memory.scalars, which a kernel puts on the device. */
#include "device/cuda/cuda.h"

#include <stdlib.h>
#include <string.h>

void *kp_cuda_at(const struct kp_memory *m, const struct kp_value *v)
{
    if (!v)
        return NULL;
    while (v->alias)
        v = v->alias;
    return (char *)kp_memory_block(m, v->place) + v->offset;
}

/* Queues every operation; the first that fails is named. */
static void issue(const struct kp_code *code, const struct kp_memory *m, int64_t rows)
{
    struct kp_cuda *d = code->cuda;
    const struct kp_graph *g = code->graph;

    for (int64_t i = 0; i < g->node_count && d->failed.status == KP_OK; i++) {
        const struct kp_node *n = g->nodes[i];
        const struct kp_cuda_call call = {
            .cuda = d,
            .stream = d->compute,
            .node = n,
            .memory = m,
            .rows = rows,
            .params = (int64_t)(g->param_bytes / sizeof(float)),
            .scalars = kp_cuda_at(m, code->scalars),
            .constant = code->constants[i],
            .kernel = code->kernels[i],
            .plan = code->plans[i],
            .host_calls = code->host_calls[i],
        };
        if (!kp_cuda_ops[n->op].launch)
            continue;
        kp_cuda_ops[n->op].launch(&call);
        kp_cuda_note(d, cudaGetLastError(), kp_op_name(n->op));
    }
}

/* NULL: out of memory, then nothing is replayed. */
static struct kp_cuda_replay *replay_of(struct kp_code *code, const struct kp_memory *m,
                                        int64_t rows)
{
    const void *const blocks[] = {m->params, m->buffers, m->grads, m->sums, m->slots, m->arena};
    struct kp_cuda_replay *r;

    for (r = code->replays; r; r = r->next)
        if (r->rows == rows && memcmp(r->blocks, blocks, sizeof(blocks)) == 0)
            return r;
    r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    memcpy(r->blocks, blocks, sizeof(blocks));
    r->rows = rows;
    r->next = code->replays;
    code->replays = r;
    return r;
}

static void capture(const struct kp_code *code, const struct kp_memory *m, struct kp_cuda_replay *r)
{
    struct kp_cuda *d = code->cuda;
    cudaGraph_t graph = NULL;

    if (d->failed.status != KP_OK)
        return;
    kp_cuda_note(d, cudaStreamBeginCapture(d->compute, cudaStreamCaptureModeThreadLocal),
                 "cudaStreamBeginCapture");
    if (d->failed.status != KP_OK)
        return;
    issue(code, m, r->rows);
    kp_cuda_note(d, cudaStreamEndCapture(d->compute, &graph), "cudaStreamEndCapture");
    if (d->failed.status == KP_OK)
        kp_cuda_note(d, cudaGraphInstantiate(&r->exec, graph, 0), "cudaGraphInstantiate");
    if (graph)
        kp_cuda_note(d, cudaGraphDestroy(graph), "cudaGraphDestroy");
}

enum kp_status kp_cuda_run(const struct kp_code *code, struct kp_memory *m, int64_t rows,
                           struct kp_error *e)
{
    struct kp_cuda *d = code->cuda;

    if (rows < 0 || rows > code->graph->capacity)
        return kp_fail(e, KP_E_INVALID, "%lld rows, must be 0 to the batch capacity %lld",
                       (long long)rows, (long long)code->graph->capacity);
    kp_cuda_enter(d);
    /* Code is shared by threads; what it keeps of past runs is guarded by `busy`. */
    struct kp_cuda_replay *r = replay_of((struct kp_code *)(uintptr_t)code, m, rows);
    if (d->failed.status == KP_OK)
        kp_cuda_set_scalars(d->compute, m->scalars, kp_cuda_at(m, code->scalars));
    if (r && r->runs++ == 1)
        capture(code, m, r);
    if (r && r->exec)
        kp_cuda_note(d, cudaGraphLaunch(r->exec, d->compute), "cudaGraphLaunch");
    else if (d->failed.status == KP_OK)
        issue(code, m, rows);
    const struct kp_error *failed = &d->failed;
    enum kp_status st =
        failed->status == KP_OK ? KP_OK : kp_fail(e, failed->status, "%s", failed->text);
    kp_cuda_leave(d);
    return st;
}
