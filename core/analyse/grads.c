/* grads.c - gradients of single examples: a program for one example on each of several devices.
 *
 * A device sums gradients over its batch, so each example is a batch of its own. Devices of one
 * thread work on different examples beside each other; what one of them computes does not depend on
 * how many there are. */
#include "analyse/state.h"

#include <stdlib.h>
#include <string.h>

static void leave_net(struct kp_grads *g)
{
    for (int i = 0; i < g->count; i++) {
        kp_exec_destroy(g->exec[i]);
        kp_program_destroy(g->program[i]);
        kp_state_destroy(g->state[i]);
        free(g->scratch[i]);
        g->exec[i] = NULL;
        g->program[i] = NULL;
        g->state[i] = NULL;
        g->scratch[i] = NULL;
    }
    g->net = -1;
}

void kp_analysing_close_grads(struct kp_analysing *x)
{
    struct kp_grads *g = &x->grads;

    leave_net(g);
    for (int i = 0; i < g->count; i++)
        kp_device_close(g->device[i]);
    free((void *)g->device);
    free((void *)g->state);
    free((void *)g->program);
    free((void *)g->exec);
    free((void *)g->scratch);
    *g = (struct kp_grads){.net = -1};
}

static enum kp_status open_devices(struct kp_analysing *x)
{
    struct kp_grads *g = &x->grads;
    struct kp_device_config config = {
        .threads = 1, .slice = x->job->device_slice, .index = (int)x->job->device_index};
    size_t count = (size_t)kp_pool_threads(x->pool);
    enum kp_status st = KP_OK;

    if (g->device)
        return KP_OK;
    g->device = (struct kp_device **)calloc(count, sizeof(void *));
    g->state = (struct kp_state **)calloc(count, sizeof(void *));
    g->program = (struct kp_program **)calloc(count, sizeof(void *));
    g->exec = (struct kp_exec **)calloc(count, sizeof(void *));
    g->scratch = (float **)calloc(count, sizeof(void *));
    if (!g->device || !g->state || !g->program || !g->exec || !g->scratch)
        return kp_fail(x->error, KP_E_NOMEM, "no memory for the gradients");
    for (size_t i = 0; st == KP_OK && i < count; i++) {
        st = kp_device_open(x->job->device_kind, &config, &g->device[i], x->error);
        g->count = (int)i + 1;
    }
    return st;
}

/* The worker's own copy of the net's numbers, and a program that differentiates one example. */
static enum kp_status open_worker(struct kp_analysing *x, int i, const struct kp_open_net *n,
                                  float *params, float *buffers)
{
    struct kp_grads *g = &x->grads;
    struct kp_device *d = g->device[i];
    struct kp_program_spec spec = {
        .net = n->net, .mode = KP_EVAL_GRAD, .capacity = 1, .cotangent = true};
    enum kp_status st = kp_state_create(d, n->net, true, &g->state[i], x->error);

    if (st == KP_OK) {
        d->ops->upload(d, g->state[i]->params, params, n->net->params.bytes);
        if (n->net->buffers.bytes > 0)
            d->ops->upload(d, g->state[i]->buffers, buffers, n->net->buffers.bytes);
        st = kp_program_create(d, &spec, &g->program[i], x->error);
    }
    if (st == KP_OK)
        st = kp_exec_create(g->program[i], g->state[i], &g->exec[i], x->error);
    g->scratch[i] = malloc(n->net->params.bytes);
    if (st == KP_OK && !g->scratch[i])
        st = kp_fail(x->error, KP_E_NOMEM, "no memory for a gradient");
    return st;
}

static enum kp_status enter_net(struct kp_analysing *x, int64_t net, const struct kp_open_net *n)
{
    struct kp_grads *g = &x->grads;
    struct kp_device *d = x->job->device;
    float *params, *buffers;
    enum kp_status st = open_devices(x);

    if (st != KP_OK || g->net == net)
        return st;
    leave_net(g);
    params = malloc(n->net->params.bytes);
    buffers = malloc(n->net->buffers.bytes + 1);
    if (!params || !buffers)
        st = kp_fail(x->error, KP_E_NOMEM, "no memory for the parameters");
    if (st == KP_OK) {
        d->ops->download(d, params, n->state->params, n->net->params.bytes);
        if (n->net->buffers.bytes > 0)
            d->ops->download(d, buffers, n->state->buffers, n->net->buffers.bytes);
    }
    for (int i = 0; st == KP_OK && i < g->count; i++)
        st = open_worker(x, i, n, params, buffers);
    free(params);
    free(buffers);
    if (st == KP_OK)
        g->net = net;
    return st;
}

struct differentiation {
    struct kp_analysing *x;
    const struct kp_open_net *n;
    const float *cotangent;
    const struct kp_batch *batch;
    int64_t first, count, at;
    float *out;
    struct kp_error *errors; /* [workers] */
};

static void differentiate(void *arg, int64_t task, int worker)
{
    struct differentiation *k = arg;
    struct kp_exec *exec = k->x->grads.exec[worker];
    struct kp_device *d = k->x->grads.device[worker];
    float *scratch = k->x->grads.scratch[worker];
    const struct kp_load all = kp_analysing_load(k->x, k->n, k->batch);
    const struct kp_load load = kp_load_part(&all, task, 1);

    kp_exec_load(exec, &load);
    kp_exec_write(exec, exec->program->cotangent, k->cotangent, 1);
    if (kp_exec_run(exec, 1, &k->errors[worker]) != KP_OK)
        return;
    d->ops->download(d, scratch, exec->memory.grads, k->n->net->params.bytes);
    memcpy(k->out + (k->at + task) * k->count, scratch + k->first,
           (size_t)k->count * sizeof(float));
}

static enum kp_status take_batch(void *arg, const struct kp_batch *b, int64_t at)
{
    struct differentiation *k = arg;

    k->batch = b;
    k->at = at;
    kp_pool_run(k->x->pool, b->rows, differentiate, k);
    for (int i = 0; i < k->x->grads.count; i++)
        if (k->errors[i].status != KP_OK)
            return kp_fail(k->x->error, k->errors[i].status, "%s", k->errors[i].text);
    return KP_OK;
}

enum kp_status kp_analysis_example_grads(struct kp_analysis *a, int64_t net,
                                         const struct kp_read *r, const float *cotangent,
                                         int64_t param_first, int64_t param_count, float *out)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct differentiation k = {.x = x,
                                .n = kp_analysing_net(x, net),
                                .cotangent = cotangent,
                                .first = param_first,
                                .count = param_count,
                                .out = out};
    enum kp_status st;

    if (!k.n)
        return x->error->status;
    if (x->example_rows > 1)
        return kp_fail(x->error, KP_E_UNSUPPORTED,
                       "gradients of single examples are for examples with one label; those of %s "
                       "have one for each of %lld tokens",
                       x->job->data->name, (long long)x->example_rows);
    if (param_first < 0 || param_count < 1 ||
        param_first > kp_net_param_count(k.n->net) - param_count)
        return kp_fail(x->error, KP_E_INVALID, "asks for parameters %lld to %lld of %lld",
                       (long long)param_first, (long long)(param_first + param_count - 1),
                       (long long)kp_net_param_count(k.n->net));
    st = enter_net(x, net, k.n);
    if (st != KP_OK)
        return st;
    k.errors = calloc((size_t)x->grads.count, sizeof(*k.errors));
    if (!k.errors)
        return kp_fail(x->error, KP_E_NOMEM, "no memory for the gradients");
    st = kp_analysing_walk(x, r, 32, take_batch, &k);
    free(k.errors);
    return st;
}
