/* tape.c - a recording: its values, names and errors. */
#include "tensor/freeze.h"
#include "tensor/record.h"

#include <stdarg.h>
#include <string.h>

static enum kp_status tape_status(const struct kp_tape *t)
{
    return ((const struct kp_recording *)t)->error->status;
}

static enum kp_status tape_fail(struct kp_tape *t, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status tape_fail(struct kp_tape *t, enum kp_status st, const char *fmt, ...)
{
    struct kp_recording *r = kp_recording_of(t);
    va_list args;

    if (r->error->status != KP_OK)
        return r->error->status;
    va_start(args, fmt);
    st = kp_fail_v(r->error, st, fmt, args);
    va_end(args);
    return st;
}

static enum kp_mode tape_mode(const struct kp_tape *t)
{
    return ((const struct kp_recording *)t)->graph->mode;
}

static struct kp_shape tensor_shape(const struct kp_tensor *x)
{
    if (!x)
        return (struct kp_shape){.n = -1};
    if (x->value)
        return x->value->shape;
    return (x->buffer ? x->net->buffers.v : x->net->params.v)[x->index]->shape;
}

void kp_record_out_of_memory(struct kp_recording *r)
{
    (void)kp_tape_fail(&r->tape, KP_E_NOMEM, "no memory for the tape");
}

/* The value of a tensor on this tape; parameters and buffers appear on first use. */
struct kp_value *kp_record_value(struct kp_recording *r, const struct kp_tensor *x)
{
    if (!x || r->error->status != KP_OK)
        return NULL;
    if (r->fail_at > 0 && --r->fail_at == 0) {
        if (r->failed)
            *r->failed = true;
        kp_record_out_of_memory(r);
        return NULL;
    }
    if (x->value)
        return x->value;
    if (x->net != r->net) {
        (void)kp_tape_fail(&r->tape, KP_E_INVALID, "a tensor of another model on this tape");
        return NULL;
    }
    struct kp_value **slot = (x->buffer ? r->buffers : r->params) + x->index;
    if (*slot)
        return *slot;
    const struct kp_net_block *block = (x->buffer ? r->net->buffers.v : r->net->params.v)[x->index];
    struct kp_value *v = kp_graph_value(r->graph, KP_F32, block->shape, false);
    if (!v) {
        kp_record_out_of_memory(r);
        return NULL;
    }
    v->place = x->buffer ? KP_AT_BUFFERS : KP_AT_PARAMS;
    v->name = block->name;
    v->offset = block->offset;
    v->frozen = !x->buffer && kp_has_prefix_of(r->freeze, block->name);
    *slot = v;
    return v;
}

struct kp_tensor *kp_record_wrap(struct kp_recording *r, struct kp_value *v)
{
    struct kp_tensor *x = v ? kp_arena_new(&r->graph->memory, struct kp_tensor, 1) : NULL;

    if (!x) {
        kp_record_out_of_memory(r);
        return NULL;
    }
    x->value = v;
    return x;
}

/* One node with one result. Operands that are NULL stay so. */
struct kp_node *kp_record_node(struct kp_recording *r, enum kp_op op, struct kp_shape shape,
                               bool batched, int count, struct kp_value *const *in)
{
    struct kp_node *n = kp_graph_node(r->graph, op);
    struct kp_value *y = kp_graph_value(r->graph, KP_F32, shape, batched);

    if (!n || !y) {
        kp_record_out_of_memory(r);
        return NULL;
    }
    for (int i = 0; i < count; i++)
        n->in[i] = in[i];
    n->out[0] = y;
    return n;
}

struct kp_tensor *kp_record_result(struct kp_recording *r, const struct kp_node *n)
{
    return n ? kp_record_wrap(r, n->out[0]) : NULL;
}

static void tape_features(struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return;
    if (v->shape.n < 2 || !v->batched)
        (void)kp_tape_fail(t, KP_E_SHAPE, "features must be (N, D) or (N, T, D), not of %d dims",
                           (int)v->shape.n);
    r->features = v;
}

static void tape_tap(struct kp_tape *t, struct kp_tensor *x, const char *name)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);
    char *copy = kp_arena_strdup(&r->graph->memory, name);

    if (!v)
        return;
    if (r->tap_count == KP_TAP_LIMIT || !copy) {
        (void)kp_tape_fail(t, KP_E_INVALID, "tap '%s': more than %d taps", name, KP_TAP_LIMIT);
        return;
    }
    r->taps[r->tap_count++] = (struct kp_tap){copy, v};
}

static const struct kp_tape_fn tape_fn = {
    .size = sizeof(struct kp_tape_fn),
    .status = tape_status,
    .fail = tape_fail,
    .mode = tape_mode,
    .shape = tensor_shape,
    .features = tape_features,
    .tap = tape_tap,
    .linear = kp_record_linear,
    .conv2d = kp_record_conv2d,
    .batch_norm = kp_record_batch_norm,
    .relu = kp_record_relu,
    .max_pool = kp_record_max_pool,
    .avg_pool = kp_record_avg_pool,
    .flatten = kp_record_flatten,
    .add = kp_record_add,
    .sub = kp_record_sub,
    .mul = kp_record_mul,
    .scale = kp_record_scale,
    .softmax = kp_record_softmax,
    .log_softmax = kp_record_log_softmax,
    .mean = kp_record_mean,
    .cross_entropy = kp_record_cross_entropy,
    .kl_divergence = kp_record_kl_divergence,
    .weighted_mean = kp_record_weighted_mean,
    .layer_norm = kp_record_layer_norm,
    .gelu = kp_record_gelu,
    .attention = kp_record_attention,
    .patches = kp_record_patches,
    .prepend = kp_record_prepend,
    .add_position = kp_record_add_position,
    .select = kp_record_select,
    .embedding = kp_record_embedding,
    .dropout = kp_record_dropout,
    .row_mean = kp_record_row_mean,
    .one_hot = kp_record_one_hot,
    .argmax = kp_record_argmax,
    .apply = kp_record_apply,
};

enum kp_status kp_recording_init(struct kp_recording *r, struct kp_graph *g,
                                 const struct kp_net *net, struct kp_error *e)
{
    *r = (struct kp_recording){.tape = {&tape_fn}, .graph = g, .net = net, .error = e};
    r->params = kp_arena_new(&g->memory, struct kp_value *, net->params.count);
    r->buffers = kp_arena_new(&g->memory, struct kp_value *, net->buffers.count + 1);
    if (!r->params || !r->buffers)
        return kp_fail(e, KP_E_NOMEM, "no memory for the tape");
    return KP_OK;
}

struct kp_tensor *kp_recording_input(struct kp_recording *r, const char *name, enum kp_dtype dtype,
                                     struct kp_shape shape, bool batched)
{
    struct kp_value *v = kp_graph_value(r->graph, dtype, shape, batched);

    if (!v) {
        kp_record_out_of_memory(r);
        return NULL;
    }
    v->input = true;
    v->name = name;
    return kp_record_wrap(r, v);
}
