/* nets.c - opens the nets of an analysis: from their weights, or as they were initialised. */
#include "analyse/state.h"
#include "train/evaluate.h"
#include "train/weights.h"

#include <stdlib.h>
#include <string.h>

static enum kp_status fill(const struct kp_analyse_net *of, struct kp_state *s, struct kp_error *e)
{
    if (of->weights)
        return kp_weights_read(s, of->weights, NULL, e);
    enum kp_status st = kp_state_init(s, of->seed_init, of->init_role, e);
    if (st == KP_OK && of->init)
        st = kp_weights_read(s, of->init, of->init_skip, e);
    return st;
}

static void close_program(struct kp_open_net *n)
{
    kp_exec_destroy(n->exec);
    kp_program_destroy(n->program);
    n->exec = NULL;
    n->program = NULL;
}

/* The head of a language model is half its work and most of its memory: done without if it can. */
static enum kp_status open_program(struct kp_analysing *x, const struct kp_analyse_net *of,
                                   struct kp_open_net *n, bool logits)
{
    const struct kp_program_spec spec = {.net = n->net,
                                         .mode = KP_EVAL,
                                         .capacity = kp_eval_batch(of->batch, x->job->data),
                                         .taps = true,
                                         .without_logits = !logits};
    enum kp_status st;

    close_program(n);
    st = kp_program_create(x->job->device, &spec, &n->program, x->error);
    if (st == KP_OK)
        st = kp_exec_create(n->program, n->state, &n->exec, x->error);
    return st;
}

static enum kp_status open_net(struct kp_analysing *x, const struct kp_analyse_net *of,
                               struct kp_open_net *n)
{
    const struct kp_dataset *data = x->job->data;
    enum kp_status st = KP_OK;

    if (!n->net) {
        n->mean = kp_channel_floats(of->model.mean);
        n->sd = kp_channel_floats(of->model.sd);
        if (!n->mean || !n->sd)
            return kp_fail(x->error, KP_E_NOMEM, "no memory for a net");
        st = kp_model_build(&of->model, data, &n->net, x->error);
    }
    if (st == KP_OK)
        st = kp_state_create(x->job->device, n->net, false, &n->state, x->error);
    if (st == KP_OK)
        st = fill(of, n->state, x->error);
    if (st == KP_OK)
        st = open_program(x, of, n, false);
    return st;
}

static void close_net(struct kp_open_net *n)
{
    close_program(n);
    kp_state_destroy(n->state);
    n->state = NULL;
}

struct kp_open_net *kp_analysing_net(struct kp_analysing *x, int64_t net)
{
    struct kp_open_net *n;

    if (kp_analysing_failed(x))
        return NULL;
    if (net < 0 || net >= x->job->net_count) {
        (void)kp_fail(x->error, KP_E_INVALID, "there is no net %lld; 0 to %lld", (long long)net,
                      (long long)x->job->net_count - 1);
        return NULL;
    }
    n = &x->nets[net];
    if (n->exec)
        return n;
    /* Two nets hold memory at a time at most: the activations of many would not fit. */
    int open = 0;
    for (int64_t i = 0; i < x->job->net_count; i++)
        open += x->nets[i].exec != NULL;
    for (int64_t i = 0; i < x->job->net_count && open > 1; i++)
        if (x->nets[i].exec && x->grads.net != i) {
            close_net(&x->nets[i]);
            open--;
        }
    return open_net(x, &x->job->nets[net], n) == KP_OK ? n : NULL;
}

struct kp_open_net *kp_analysing_net_with_logits(struct kp_analysing *x, int64_t net)
{
    struct kp_open_net *n = kp_analysing_net(x, net);

    if (n && !n->program->logits && open_program(x, &x->job->nets[net], n, true) != KP_OK)
        n = NULL;
    return n;
}

int64_t kp_analysing_width(const struct kp_analysing *x, const struct kp_value *v)
{
    const int64_t each = kp_shape_count(v->shape) / v->shape.dim[0];

    if (!v->batched || (x->example_rows > 1 && v->shape.dim[1] != x->example_rows))
        return 0;
    return each / x->example_rows;
}

void kp_analysing_close_nets(struct kp_analysing *x)
{
    for (int64_t i = 0; x->nets && i < x->job->net_count; i++) {
        close_net(&x->nets[i]);
        kp_net_destroy(x->nets[i].net);
        free(x->nets[i].mean);
        free(x->nets[i].sd);
    }
    free(x->nets);
    x->nets = NULL;
}

const struct kp_net_facts *kp_analysis_facts(struct kp_analysis *a, int64_t net)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_open_net *n;

    if (!kp_analysing_failed(x) && net >= 0 && net < x->job->net_count && x->nets[net].facts.size)
        return &x->nets[net].facts;
    n = kp_analysing_net(x, net);
    if (!n)
        return NULL;
    const struct kp_analyse_net *of = &x->job->nets[net];
    struct kp_flops flops;
    if (kp_net_flops(n->net, of->freeze, &flops, x->error) != KP_OK)
        return NULL;
    n->facts = (struct kp_net_facts){
        .size = sizeof(n->facts),
        .uid = of->uid,
        .initial = !of->weights,
        .params = kp_net_param_count(n->net),
        .width = n->program->features ? kp_analysing_width(x, n->program->features) : 0,
        .trained_on = of->subset ? of->subset->count : 0,
        .pool = of->pool,
        .kappa = of->kappa,
        .seed = of->seed,
        .subset_seed = of->subset_seed,
        .forward_flops = flops.forward,
        .train_flops = (double)of->samples * (flops.training + of->teacher_flops),
    };
    return &n->facts;
}

int64_t kp_analysis_tap_width(struct kp_analysis *a, int64_t net, const char *tap)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_open_net *n = kp_analysing_net(x, net);

    for (int i = 0; n && i < n->program->tap_count; i++)
        if (strcmp(n->program->taps[i].name, tap) == 0)
            return kp_analysing_width(x, n->program->taps[i].value);
    return 0;
}

int64_t kp_analysis_blocks(struct kp_analysis *a, int64_t net, const struct kp_param_block **out)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_open_net *n = kp_analysing_net(x, net);

    if (!n)
        return 0;
    if (!n->blocks)
        n->blocks = kp_arena_new(&n->net->memory, struct kp_param_block, n->net->params.count);
    if (!n->blocks) {
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for the list of parameters");
        return 0;
    }
    for (int64_t i = 0; i < n->net->params.count; i++) {
        const struct kp_net_block *b = n->net->params.v[i];
        n->blocks[i] =
            (struct kp_param_block){b->name, b->shape, (int64_t)(b->offset / sizeof(float))};
    }
    *out = n->blocks;
    return n->net->params.count;
}

enum kp_status kp_analysis_read_params(struct kp_analysis *a, int64_t net, int64_t first,
                                       int64_t count, float *out)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_open_net *n = kp_analysing_net(x, net);

    if (!n)
        return x->error->status;
    const int64_t params = kp_net_param_count(n->net);
    if (first < 0 || count < 0 || first > params - count)
        return kp_fail(x->error, KP_E_INVALID,
                       "asks for %lld parameters from number %lld on of %lld", (long long)count,
                       (long long)first, (long long)params);
    struct kp_device *d = x->job->device;
    d->ops->download(d, out, (const float *)n->state->params + first,
                     (size_t)count * sizeof(float));
    return KP_OK;
}
