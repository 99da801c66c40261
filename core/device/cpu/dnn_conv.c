/* dnn_conv.c - the steps of a convolution by oneDNN, 16 examples a call.
 *
 *   y = conv(x, w) + b     dx = conv(dy, w turned)     dw, db = sums over the batch
 *
 * dw and db of a slice stay in the convolution's own format until the slices are added up. */
#include "device/cpu/dnn_internal.h"

#include <string.h>

/* Floats of one task of the sum over slices. */
#define COMBINE_BLOCK 4096

/* A worker's part of the scratch. */
struct place {
    const struct kp_dnn_conv *c;
    const struct kp_dnn_worker *w;
    float *x, *y, *dw, *pad;
};

static struct place place_of(const struct kp_step *s, const struct kp_pass *p, int worker)
{
    const struct kp_dnn_conv *c = s->data;
    const int64_t first = kp_dnn_conv_floats(c, 0), each = kp_dnn_conv_floats(c, 1) - first;
    struct place at = {.c = c, .w = &c->worker[worker]};

    kp_dnn_thread();
    at.x = (float *)kp_scratch(p, s->node) + first + worker * each;
    at.y = at.x + c->t[KP_DNN_X].floats;
    at.dw = at.y + c->t[KP_DNN_Y].floats;
    at.pad = at.x + each - c->pads;
    return at;
}

/* Telling a memory object where to look also zeroes what its format pads, so only on a change. */
static void look_at(dnnl_memory_t m, float *at)
{
    void *now = NULL;

    KP_ASSERT(dnnl_memory_get_data_handle(m, &now) == dnnl_success);
    if (now != at)
        KP_ASSERT(dnnl_memory_set_data_handle(m, at) == dnnl_success);
}

/* Between the graph's memory and the convolution's, in the tensor's direction. */
static void turn(const struct place *at, enum kp_dnn_tensor_name i, float *outer, float *inner)
{
    const struct kp_dnn_tensor *t = &at->c->t[i];
    const dnnl_memory_t from = t->result ? at->w->inner[i] : at->w->outer[i];
    const dnnl_memory_t to = t->result ? at->w->outer[i] : at->w->inner[i];
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, at->w->pad[i]}};

    look_at(at->w->outer[i], outer);
    look_at(at->w->inner[i], inner);
    look_at(at->w->pad[i], at->pad);
    KP_ASSERT(dnnl_primitive_execute(t->turn, at->w->stream, 3, args) == dnnl_success);
}

static void convolve(const struct place *at, dnnl_memory_t w, dnnl_memory_t bias)
{
    const struct kp_dnn_conv *c = at->c;
    const dnnl_exec_arg_t args[] = {
        {c->t[KP_DNN_X].argument, at->w->inner[KP_DNN_X]},
        {c->t[KP_DNN_W].argument, w},
        {c->t[KP_DNN_Y].argument, at->w->inner[KP_DNN_Y]},
        {DNNL_ARG_SCRATCHPAD, at->w->conv_pad},
        {c->op == KP_OP_CONV2D ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, bias}};

    look_at(at->w->inner[KP_DNN_X], at->x);
    look_at(at->w->inner[KP_DNN_Y], at->y);
    look_at(at->w->conv_pad, at->pad);
    KP_ASSERT(dnnl_primitive_execute(c->conv, at->w->stream, bias ? 5 : 4, args) == dnnl_success);
}

/* w for all workers, held by the memory objects of the first one. */
static void pack_weights(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct place at = place_of(s, p, 0);

    (void)t;
    turn(&at, KP_DNN_W, kp_floats(p, s->node->in[1]), kp_scratch(p, s->node));
    if (at.w->bias)
        look_at(at.w->bias, kp_floats(p, s->node->in[2]));
}

/* x (N, C, H, W) -> y (N, O, H', W'), or dy -> dx, the groups of one slice */
static void images_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct place at = place_of(s, p, t->worker);
    const struct kp_node *n = s->node;
    const bool forward = n->op == KP_OP_CONV2D;
    const enum kp_dnn_tensor_name from = forward ? KP_DNN_X : KP_DNN_Y;
    const enum kp_dnn_tensor_name to = forward ? KP_DNN_Y : KP_DNN_X;
    const int64_t in_group = kp_value_group(n->in[0]), group = kp_value_group(n->out[0]);

    for (int64_t g = t->group; g < t->group_end; g++) {
        float *out = kp_floats(p, n->out[0]) + g * group;
        turn(&at, from, kp_floats(p, n->in[0]) + g * in_group, forward ? at.x : at.y);
        convolve(&at, at.c->worker[0].inner[KP_DNN_W], at.c->worker[0].bias);
        if (at.c->sampled && !forward) /* pixels that no window sees */
            memset(out, 0, (size_t)group * sizeof(*out));
        turn(&at, to, out, forward ? at.y : at.x);
        if (n->attrs.act)
            p->lane->relu(group, out, out);
        if (at.c->sums)
            kp_norm_group_sums(at.c->sums, p, g, 0, n->out[0]->shape.dim[1]);
    }
}

/* dw and db of one slice into its part */
static void grad_w_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct place at = place_of(s, p, t->worker);
    const struct kp_dnn_conv *c = at.c;
    const struct kp_node *n = s->node;
    const int64_t x_group = kp_value_group(n->in[0]), dy_group = kp_value_group(n->in[1]);
    float *part = (float *)kp_scratch(p, n) + t->index * c->part;

    for (int64_t g = t->group; g < t->group_end; g++) {
        float *dw = g == t->group ? part : at.dw;
        turn(&at, KP_DNN_X, kp_floats(p, n->in[0]) + g * x_group, at.x);
        turn(&at, KP_DNN_Y, kp_floats(p, n->in[1]) + g * dy_group, at.y);
        look_at(at.w->inner[KP_DNN_W], dw);
        if (at.w->bias)
            look_at(at.w->bias, dw + c->t[KP_DNN_W].floats);
        convolve(&at, at.w->inner[KP_DNN_W], at.w->bias);
        for (int64_t i = 0; dw != part && i < c->part; i++)
            part[i] += dw[i];
    }
}

/* the first part += the others, in the order of the slices */
static void grad_w_combine(const struct kp_step *s, const struct kp_pass *p,
                           const struct kp_span *t)
{
    const struct kp_dnn_conv *c = s->data;
    const int64_t from = t->index * COMBINE_BLOCK;
    const int64_t to = from + COMBINE_BLOCK < c->part ? from + COMBINE_BLOCK : c->part;
    float *sum = kp_scratch(p, s->node);

    for (int64_t k = 1; k < p->slices; k++)
        for (int64_t i = from; i < to; i++)
            sum[i] += sum[k * c->part + i];
}

static void grad_w_finish(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct place at = place_of(s, p, 0);
    const struct kp_node *n = s->node;
    float *sum = kp_scratch(p, n);

    (void)t;
    turn(&at, KP_DNN_W, kp_floats(p, n->out[0]), sum);
    if (n->out[1])
        memcpy(kp_floats(p, n->out[1]), sum + at.c->t[KP_DNN_W].floats,
               (size_t)kp_shape_count(n->out[1]->shape) * sizeof(*sum));
}

static int64_t parts_of(const struct kp_graph *g, const struct kp_node *n)
{
    return n->op == KP_OP_CONV2D_GRAD_W ? kp_cpu_slices(g, g->capacity) : 1;
}

/* 0 where oneDNN refuses: lowering says so. */
size_t kp_scratch_dnn_conv(const struct kp_cpu *cpu, const struct kp_graph *g,
                           const struct kp_node *n)
{
    struct kp_dnn_conv c = {0};

    if (kp_dnn_conv_prepare(&c, n, false) != dnnl_success)
        return 0;
    c.parts = parts_of(g, n);
    return (size_t)kp_dnn_conv_floats(&c, kp_pool_threads(cpu->pool)) * sizeof(float);
}

static void release(void *conv)
{
    kp_dnn_conv_release(conv);
}

void kp_lower_dnn_conv(struct kp_lowering *l, const struct kp_node *n)
{
    const struct kp_cpu *cpu = l->code->cpu;
    const int workers = kp_pool_threads(cpu->pool);
    struct kp_dnn_conv *c = kp_lower_alloc(l, sizeof(*c));
    struct kp_dnn_worker *w = kp_lower_alloc(l, (size_t)workers * sizeof(*w));
    dnnl_status_t st;

    if (!c || !w || !kp_lower_cleanup(l, release, c))
        return;
    c->worker = w;
    c->workers = workers;
    st = kp_dnn_conv_prepare(c, n, true);
    if (st == dnnl_success)
        st = kp_dnn_conv_add_workers(c);
    if (st != dnnl_success) {
        kp_lower_fail(l, st == dnnl_out_of_memory ? KP_E_NOMEM : KP_E_DEVICE,
                      "oneDNN cannot prepare a convolution (its status %d)", (int)st);
        return;
    }
    c->parts = parts_of(l->code->graph, n);
    if (n->op == KP_OP_CONV2D_GRAD_W) {
        kp_lower_step(l, KP_SLICES, grad_w_slice, c, 0);
        kp_lower_step(l, KP_AFTER, grad_w_combine, c,
                      (c->part + COMBINE_BLOCK - 1) / COMBINE_BLOCK);
        kp_lower_step(l, KP_AFTER, grad_w_finish, c, 1);
        return;
    }
    c->sums = kp_norm_sums_of(l->code->graph, n);
    kp_lower_step(l, KP_BEFORE, pack_weights, c, 1);
    kp_lower_step(l, KP_SLICES, images_slice, c, 0);
}
