/* lower.c - a planned graph as code: constants on the device, kernels of objectives. */
#include "device/cuda/cuda.h"

#include <stdlib.h>

static enum kp_status make_constant(struct kp_code *c, int64_t node, const void *host, size_t bytes,
                                    struct kp_error *e)
{
    struct kp_device *d = &c->cuda->base;

    c->constants[node] = d->ops->alloc(d, bytes);
    if (!c->constants[node])
        return kp_fail(e, KP_E_NOMEM, "out of memory on the device");
    d->ops->upload(d, c->constants[node], host, bytes);
    return KP_OK;
}

/* The kernel of an objective, from the image that its plugin carries. */
static enum kp_status load_kernel(struct kp_code *c, int64_t node, const struct kp_node *n,
                                  struct kp_error *e)
{
    const struct kp_row_image *image = n->attrs.row->image;
    const char *kernel = image->kernel;
    cudaError_t status =
        cudaLibraryLoadData(&c->libraries[node], image->data, NULL, NULL, 0, NULL, NULL, 0);

    if (status == cudaSuccess)
        status = cudaLibraryGetKernel(&c->kernels[node], c->libraries[node], kernel);
    if (status != cudaSuccess)
        return kp_fail(e, KP_E_UNSUPPORTED, "objective '%s': its kernel %s does not load: %s",
                       n->attrs.row_name, kernel, cudaGetErrorString(status));
    return n->attrs.row_self && n->attrs.row_self_size > 0
               ? make_constant(c, node, n->attrs.row_self, n->attrs.row_self_size, e)
               : KP_OK;
}

static enum kp_status prepare(struct kp_code *c, int64_t i, struct kp_error *e)
{
    const struct kp_node *n = c->graph->nodes[i];

    if (n->attrs.row)
        return load_kernel(c, i, n, e);
    if (kp_op_is_optimizer(n->op) && n->attrs.frozen_count > 0)
        return make_constant(c, i, n->attrs.frozen,
                             (size_t)n->attrs.frozen_count * sizeof(*n->attrs.frozen), e);
    return kp_dnn_plan_of(c->cuda, n, &c->plans[i], e);
}

enum kp_status kp_cuda_lower(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                             struct kp_error *e)
{
    struct kp_code *c = calloc(1, sizeof(*c));
    enum kp_status st = KP_OK;

    if (!c)
        return kp_fail(e, KP_E_NOMEM, "no memory for a program");
    c->cuda = (struct kp_cuda *)d;
    c->graph = g;
    c->constants = kp_arena_new(&c->memory, void *, g->node_count + 1);
    c->libraries = kp_arena_new(&c->memory, cudaLibrary_t, g->node_count + 1);
    c->kernels = kp_arena_new(&c->memory, cudaKernel_t, g->node_count + 1);
    c->plans = kp_arena_new(&c->memory, const struct kp_dnn_plan *, g->node_count + 1);
    c->host_calls = kp_arena_new(&c->memory, struct kp_cuda_host_call *, g->node_count + 1);
    if (!c->constants || !c->libraries || !c->kernels || !c->plans || !c->host_calls)
        st = kp_fail(e, KP_E_NOMEM, "no memory for a program");
    /* the last value that the plan made */
    c->scalars = g->values[g->value_count - 1];
    for (int64_t i = 0; st == KP_OK && i < g->node_count; i++)
        st = prepare(c, i, e);
    if (st == KP_OK)
        st = kp_cuda_foreign_prepare(c, e);
    if (st == KP_OK && c->cuda->failed.status != KP_OK)
        st = kp_fail(e, c->cuda->failed.status, "%s", c->cuda->failed.text);
    if (st != KP_OK) {
        kp_cuda_code_destroy(c);
        return st;
    }
    *out = c;
    return KP_OK;
}

void kp_cuda_code_destroy(struct kp_code *c)
{
    if (!c)
        return;
    struct kp_cuda *d = c->cuda;
    kp_cuda_enter(d);
    kp_cuda_note(d, cudaStreamSynchronize(d->compute), "cudaStreamSynchronize");
    while (c->replays) {
        struct kp_cuda_replay *next = c->replays->next;
        if (c->replays->exec)
            kp_cuda_note(d, cudaGraphExecDestroy(c->replays->exec), "cudaGraphExecDestroy");
        free(c->replays);
        c->replays = next;
    }
    kp_cuda_note(d, cudaFreeHost(c->pinned), "cudaFreeHost");
    kp_cuda_leave(d);
    for (int64_t i = 0; c->constants && i < c->graph->node_count; i++) {
        if (c->constants[i])
            d->base.ops->release(&d->base, c->constants[i], 0);
        if (c->libraries && c->libraries[i])
            kp_cuda_note(d, cudaLibraryUnload(c->libraries[i]), "cudaLibraryUnload");
    }
    kp_arena_finish(&c->memory);
    free(c);
}
