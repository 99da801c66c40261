/* dnn_prepare.c - a convolution in oneDNN's terms: formats, primitives, memory objects.
 *
 * A LANE image of 16 examples is to oneDNN an ordinary tensor with strides, so its reorders read
 * and write the graph's values themselves. */
#include "device/cpu/dnn_internal.h"

#include <string.h>

static int64_t lines(size_t bytes)
{
    return (int64_t)((bytes + 63) / 64 * 16);
}

static int64_t floats_of(const dnnl_memory_desc_t *d)
{
    return lines(dnnl_memory_desc_get_size(d));
}

/* 16 examples of v, every step[d]-th row and column. */
static dnnl_status_t lane_images(dnnl_memory_desc_t *d, const struct kp_value *v,
                                 const int64_t step[2])
{
    const int64_t *size = &v->shape.dim[2];
    const dnnl_dims_t dims = {KP_LANES, v->shape.dim[1], (size[0] - 1) / step[0] + 1,
                              (size[1] - 1) / step[1] + 1};
    const dnnl_dims_t strides = {1, kp_lane_plane(v), size[1] * KP_LANES * step[0],
                                 KP_LANES * step[1]};

    return dnnl_memory_desc_init_by_strides(d, 4, dims, dnnl_f32, strides);
}

/* A 1x1 window with a stride is one of stride 1 on every few pixels, if those can be told by
 * strides that oneDNN takes: it wants the last step to end within the image. */
static bool is_sampled(const struct kp_window *w, const int64_t *size, const int64_t *out_size)
{
    for (int d = 0; d < 2; d++)
        if (w->size[d] != 1 || w->pad[d] != 0 || out_size[d] * w->stride[d] > size[d])
            return false;
    return true;
}

/* The graph's side of all three tensors, and the same with the format left to oneDNN. */
static dnnl_status_t describe(struct kp_dnn_conv *c, const struct kp_node *n)
{
    static const int64_t each[2] = {1, 1};
    const bool to_x = n->op == KP_OP_CONV2D_GRAD_X, to_w = n->op == KP_OP_CONV2D_GRAD_W;
    const struct kp_value *x = to_x ? n->out[0] : n->in[0];
    const struct kp_value *w = to_w ? n->out[0] : n->in[1];
    const struct kp_value *y = to_x ? n->in[0] : to_w ? n->in[1] : n->out[0];
    const struct kp_window *win = &n->attrs.window;
    const int64_t *dim = w->shape.dim;
    const dnnl_dims_t weights = {dim[0], dim[1], dim[2], dim[3]}, outputs = {dim[0]};
    struct kp_dnn_tensor *t = c->t;
    dnnl_status_t st;

    c->op = n->op;
    c->has_bias = n->op == KP_OP_CONV2D ? n->in[2] != NULL : to_w && n->out[1];
    c->sampled = is_sampled(win, &x->shape.dim[2], &y->shape.dim[2]);
    t[KP_DNN_X].argument = to_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
    t[KP_DNN_W].argument = to_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
    t[KP_DNN_Y].argument = to_x || to_w ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST;
    t[to_x ? KP_DNN_X : to_w ? KP_DNN_W : KP_DNN_Y].result = true;
    st = lane_images(&t[KP_DNN_X].outer, x, c->sampled ? win->stride : each);
    if (st == dnnl_success)
        st = lane_images(&t[KP_DNN_Y].outer, y, each);
    if (st == dnnl_success)
        st = dnnl_memory_desc_init_by_tag(&t[KP_DNN_W].outer, 4, weights, dnnl_f32, dnnl_abcd);
    if (st == dnnl_success && c->has_bias)
        st = dnnl_memory_desc_init_by_tag(&c->bias, 1, outputs, dnnl_f32, dnnl_a);
    for (int i = 0; i < KP_DNN_TENSORS && st == dnnl_success; i++)
        st = dnnl_memory_desc_init_by_tag(&t[i].inner, 4, t[i].outer.dims, dnnl_f32,
                                          dnnl_format_tag_any);
    return st;
}

/* The convolution's own description; a gradient's needs that of the forward one as a hint. */
static dnnl_status_t choose(const struct kp_dnn_conv *c, const struct kp_node *n,
                            const dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *out)
{
    const struct kp_window *w = &n->attrs.window;
    const dnnl_dims_t strides = {c->sampled ? 1 : w->stride[0], c->sampled ? 1 : w->stride[1]};
    const dnnl_dims_t pads = {w->pad[0], w->pad[1]};
    const dnnl_memory_desc_t *x = &c->t[KP_DNN_X].inner, *y = &c->t[KP_DNN_Y].inner;
    const dnnl_memory_desc_t *weights = &c->t[KP_DNN_W].inner;
    const dnnl_memory_desc_t *bias = c->has_bias ? &c->bias : NULL;
    const bool forward = c->op == KP_OP_CONV2D;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_convolution_desc_t d;

    dnnl_status_t st = dnnl_convolution_forward_desc_init(
        &d, n->attrs.act ? dnnl_forward_inference : dnnl_forward_training, dnnl_convolution_direct,
        x, weights, forward ? bias : NULL, y, strides, pads, pads);
    if (st == dnnl_success)
        st = dnnl_primitive_desc_create(forward ? out : &hint, &d, attr, kp_dnn_engine(), NULL);
    if (forward || st != dnnl_success)
        return st;
    st = c->op == KP_OP_CONV2D_GRAD_X
             ? dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, x, weights, y,
                                                        strides, pads, pads)
             : dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, x, weights,
                                                           bias, y, strides, pads, pads);
    if (st == dnnl_success)
        st = dnnl_primitive_desc_create(out, &d, attr, kp_dnn_engine(), hint);
    (void)dnnl_primitive_desc_destroy(hint);
    return st;
}

static dnnl_memory_desc_t queried(dnnl_primitive_desc_t pd, dnnl_query_t what, int index)
{
    return *dnnl_primitive_desc_query_md(pd, what, index);
}

/* The reorder of one tensor between the graph's format and the convolution's. */
static dnnl_status_t add_turn(struct kp_dnn_tensor *t, const dnnl_primitive_attr_t attr, bool make)
{
    const dnnl_memory_desc_t *from = t->result ? &t->inner : &t->outer;
    const dnnl_memory_desc_t *to = t->result ? &t->outer : &t->inner;
    const dnnl_engine_t engine = kp_dnn_engine();
    dnnl_primitive_desc_t pd = NULL;

    dnnl_status_t st = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attr);
    if (st == dnnl_success) {
        t->floats = floats_of(&t->inner);
        t->pad = queried(pd, dnnl_query_scratchpad_md, 0);
        if (make)
            st = dnnl_primitive_create(&t->turn, pd);
    }
    (void)dnnl_primitive_desc_destroy(pd);
    return st;
}

dnnl_status_t kp_dnn_conv_prepare(struct kp_dnn_conv *c, const struct kp_node *n, bool make)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t st = dnnl_primitive_attr_create(&attr);

    kp_dnn_thread();
    if (st == dnnl_success)
        st = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (st == dnnl_success)
        st = describe(c, n);
    if (st == dnnl_success)
        st = choose(c, n, attr, &pd);
    if (st != dnnl_success)
        goto out;
    for (int i = 0; i < KP_DNN_TENSORS; i++)
        c->t[i].inner = queried(pd, dnnl_query_exec_arg_md, c->t[i].argument);
    c->pad = queried(pd, dnnl_query_scratchpad_md, 0);
    c->pads = floats_of(&c->pad);
    if (make)
        st = dnnl_primitive_create(&c->conv, pd);
    for (int i = 0; i < KP_DNN_TENSORS && st == dnnl_success; i++) {
        st = add_turn(&c->t[i], attr, make);
        if (floats_of(&c->t[i].pad) > c->pads)
            c->pads = floats_of(&c->t[i].pad);
    }
    c->parts = 1;
    c->part = c->t[KP_DNN_W].floats;
    if (c->op == KP_OP_CONV2D_GRAD_W && c->has_bias)
        c->part += floats_of(&c->bias);
out:
    (void)dnnl_primitive_desc_destroy(pd);
    (void)dnnl_primitive_attr_destroy(attr);
    return st;
}

int64_t kp_dnn_conv_floats(const struct kp_dnn_conv *c, int workers)
{
    const int64_t own = c->op == KP_OP_CONV2D_GRAD_W ? c->part : 0;
    return c->parts * c->part +
           workers * (c->t[KP_DNN_X].floats + c->t[KP_DNN_Y].floats + own + c->pads);
}

static dnnl_status_t add_memory(dnnl_memory_t *m, const dnnl_memory_desc_t *d)
{
    return dnnl_memory_create(m, d, kp_dnn_engine(), DNNL_MEMORY_NONE);
}

dnnl_status_t kp_dnn_conv_add_workers(struct kp_dnn_conv *c)
{
    dnnl_status_t st = dnnl_success;

    for (int k = 0; k < c->workers && st == dnnl_success; k++) {
        struct kp_dnn_worker *w = &c->worker[k];
        st = dnnl_stream_create(&w->stream, kp_dnn_engine(), dnnl_stream_in_order);
        for (int i = 0; i < KP_DNN_TENSORS && st == dnnl_success; i++) {
            st = add_memory(&w->outer[i], &c->t[i].outer);
            if (st == dnnl_success)
                st = add_memory(&w->inner[i], &c->t[i].inner);
            if (st == dnnl_success)
                st = add_memory(&w->pad[i], &c->t[i].pad);
        }
        if (st == dnnl_success && c->has_bias)
            st = add_memory(&w->bias, &c->bias);
        if (st == dnnl_success)
            st = add_memory(&w->conv_pad, &c->pad);
    }
    return st;
}

void kp_dnn_conv_release(struct kp_dnn_conv *c)
{
    for (int k = 0; k < c->workers && c->worker; k++) {
        struct kp_dnn_worker *w = &c->worker[k];
        for (int i = 0; i < KP_DNN_TENSORS; i++) {
            (void)dnnl_memory_destroy(w->outer[i]);
            (void)dnnl_memory_destroy(w->inner[i]);
            (void)dnnl_memory_destroy(w->pad[i]);
        }
        (void)dnnl_memory_destroy(w->bias);
        (void)dnnl_memory_destroy(w->conv_pad);
        (void)dnnl_stream_destroy(w->stream);
    }
    for (int i = 0; i < KP_DNN_TENSORS; i++)
        (void)dnnl_primitive_destroy(c->t[i].turn);
    (void)dnnl_primitive_destroy(c->conv);
}
