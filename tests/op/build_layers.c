/* build_layers.c - graphs of linear, convolution and batch norm cases. */
#include "builder.h"

#include <math.h>
#include <string.h>

void op_build_linear(struct op_builder *b)
{
    const struct op_case *c = b->c;
    int64_t in = c->channels, out = c->outputs;
    struct kp_shape shape = op_input_shape(c), y = shape;
    double rows = b->count * op_each(shape) / (double)in;
    struct kp_value *x = op_main_input(b, shape);
    struct kp_value *w = op_normal(b, kp_shape2(out, in), KP_AT_PARAMS, 0, c->zero_weights ? 0 : 1);
    struct kp_value *bias = c->bias ? op_normal(b, kp_shape1(out), KP_AT_PARAMS, 0, 1) : NULL;
    struct kp_value *dy = NULL;
    double sums = sqrt(rows);
    y.dim[y.n - 1] = out;

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_LINEAR);
        n->in[0] = x;
        n->in[1] = w;
        n->in[2] = bias;
        n->out[0] = b->out->y = op_result_add(b, op_value(b, KP_F32, y, KP_AT_ARENA),
                                              op_sum_ulps((double)in), sqrt((double)in));
    }
    if (b->parts & (PART_GRAD_X | PART_GRAD_W))
        dy = b->out->dy = op_normal(b, y, KP_AT_ARENA, 0, 1);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_LINEAR_GRAD_X);
        n->in[0] = dy;
        n->in[1] = w;
        n->out[0] = op_gradient(b, x, op_sum_ulps((double)out), sqrt((double)out));
    }
    if (b->parts & PART_GRAD_W) {
        struct kp_node *n = op_node(b, KP_OP_LINEAR_GRAD_W);
        n->in[0] = x;
        n->in[1] = dy;
        n->out[0] = op_gradient(b, w, op_sum_ulps(rows), sums);
        n->out[1] = bias ? op_gradient(b, bias, op_sum_ulps(rows), sums) : NULL;
    }
    b->out->flops = 2 * rows * (double)(in * out);
}

void op_build_conv(struct op_builder *b)
{
    const struct op_case *c = b->c;
    const struct kp_window *k = &c->window;
    struct kp_shape shape = op_input_shape(c), full = op_shape_after(k, shape, c->outputs);
    int64_t area = k->size[0] * k->size[1];
    double fan_in = (double)(c->channels * area), fan_out = (double)(c->outputs * area);
    double pixels = b->count * (double)(full.dim[2] * full.dim[3]);
    struct kp_value *x = op_main_input(b, shape);
    struct kp_value *w = op_normal(b, kp_shape4(c->outputs, c->channels, k->size[0], k->size[1]),
                                   KP_AT_PARAMS, 0, c->zero_weights ? 0 : 1);
    struct kp_value *bias =
        c->bias ? op_normal(b, kp_shape1(c->outputs), KP_AT_PARAMS, 0, 1) : NULL;
    struct kp_value *dy = NULL;

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_CONV2D);
        struct kp_shape y = c->pool ? op_shape_after(&c->pool_window, full, c->outputs) : full;
        n->attrs.act = c->act;
        n->attrs.pool = c->pool;
        n->attrs.pool_window = c->pool_window;
        n->in[0] = x;
        n->in[1] = w;
        n->in[2] = bias;
        n->out[0] = b->out->y = op_result_add(b, op_value(b, KP_F32, y, KP_AT_ARENA),
                                              op_sum_ulps(fan_in), sqrt(fan_in));
    }
    if (b->parts & (PART_GRAD_X | PART_GRAD_W))
        dy = b->out->dy = op_normal(b, full, KP_AT_ARENA, 0, 1);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_CONV2D_GRAD_X);
        n->in[0] = dy;
        n->in[1] = w;
        n->out[0] = op_gradient(b, x, op_sum_ulps(fan_out), sqrt(fan_out));
    }
    if (b->parts & PART_GRAD_W) {
        struct kp_node *n = op_node(b, KP_OP_CONV2D_GRAD_W);
        n->in[0] = x;
        n->in[1] = dy;
        n->out[0] = op_gradient(b, w, op_sum_ulps(pixels), sqrt(pixels));
        n->out[1] = bias ? op_gradient(b, bias, op_sum_ulps(pixels), sqrt(pixels)) : NULL;
    }
    for (int i = 0; i < b->out->result_count; i++) /* y, dx, dw */
        b->out->results[i].rounded = c->bf16 && b->out->results[i].v->shape.n == 4;
    b->out->flops = 2 * pixels * fan_in * (double)c->outputs;
}

/* gamma, beta, mean, var of a batch norm over `channels`, into in[at..]. */
static void norm_operands(struct op_builder *b, struct kp_node *n, int at, int64_t channels)
{
    struct kp_shape s = kp_shape1(channels);
    n->in[at] = op_normal(b, s, KP_AT_PARAMS, 1, 0.3);
    n->in[at + 1] = op_normal(b, s, KP_AT_PARAMS, 0, 0.3);
    n->in[at + 2] = op_normal(b, s, KP_AT_BUFFERS, b->c->mean, b->sd);
    n->in[at + 3] = op_special(b, KP_F32, s, KP_AT_BUFFERS, FILL_VARIANCE);
}

/* What follows from rounding the mean m to f32: (x - m) s is off by |m| s ulp, in units of a
 * normalised value's rounding. Fixed statistics have a variance of at least 0.1. */
static double norm_condition(const struct op_builder *b, bool batch_statistics)
{
    double sd = batch_statistics ? b->sd : 0.3;
    if (b->c->fill == FILL_CONSTANT && batch_statistics)
        sd = sqrt(1e-5);
    return 1 + fabs(b->c->mean) / sd;
}

void op_build_norm(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool batch_statistics = c->op == KP_OP_BATCH_NORM;
    struct kp_shape shape = op_input_shape(c);
    struct kp_shape y_shape = c->pool ? op_shape_after(&c->window, shape, c->channels) : shape;
    struct kp_shape per_channel = kp_shape1(c->channels);
    double n_each = b->count * op_each(shape) / (double)c->channels;
    double condition = norm_condition(b, batch_statistics);
    /* Statistics are taken in fp64 or in two passes, so their number of terms hardly matters; s
     * errs by the statistics' own rounding and, quadratically, by the mean's. */
    double s_ulps = 8 + condition * condition / 0x1p24;
    double u_ulps = 16 * condition;
    struct kp_node *f = op_node(b, c->op);

    f->attrs.act = c->act;
    f->attrs.pool = c->pool;
    f->in[0] = op_main_input(b, shape);
    norm_operands(b, f, 1, c->channels);
    f->in[5] = c->residual ? op_normal(b, shape, KP_AT_ARENA, 0, 1) : NULL;
    f->out[0] = b->out->y = op_result_add(b, op_value(b, KP_F32, y_shape, KP_AT_ARENA), u_ulps, 1);
    if (batch_statistics) {
        f->out[1] = op_result_add(b, op_fixed(b, per_channel), 8, b->sd);
        f->out[2] = op_result_add(b, op_fixed(b, per_channel), s_ulps, 0);
        (void)op_result_add(b, f->in[3], 8, b->sd);
        (void)op_result_add(b, f->in[4], s_ulps, 0.1);
    }
    b->out->flops = 8 * b->count * op_each(shape);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *g =
            op_node(b, batch_statistics ? KP_OP_BATCH_NORM_GRAD : KP_OP_BATCH_NORM_EVAL_GRAD);
        g->attrs = f->attrs;
        memcpy(g->in, f->in, sizeof(g->in));
        if (batch_statistics) {
            g->in[3] = f->out[1];
            g->in[4] = f->out[2];
        }
        g->in[6] = b->out->dy = op_normal(b, y_shape, KP_AT_ARENA, 0, 1);
        g->out[0] = op_gradient(b, f->in[0], u_ulps, 0);
        g->out[1] = op_gradient(b, f->in[1], op_sum_ulps(n_each) * condition, sqrt(n_each));
        g->out[2] = op_gradient(b, f->in[2], op_sum_ulps(n_each), sqrt(n_each));
        g->out[3] = c->residual ? op_gradient(b, f->in[5], 1, 0) : NULL;
        b->out->flops *= 3;
    }
}

void op_build_fold(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape w = kp_shape4(c->outputs, c->channels, c->window.size[0], c->window.size[1]);
    struct kp_node *n = op_node(b, KP_OP_FOLD_BATCH_NORM);
    n->in[0] = op_normal(b, w, KP_AT_PARAMS, 0, 1);
    n->in[1] = c->bias ? op_normal(b, kp_shape1(c->outputs), KP_AT_PARAMS, 0, 1) : NULL;
    norm_operands(b, n, 2, c->outputs);
    n->out[0] = op_result_add(b, op_fixed(b, w), 8, 0);
    n->out[1] = op_result_add(b, op_fixed(b, kp_shape1(c->outputs)), 8, 1);
}

/* flatten and linear after a chain; 10 outputs */
static struct kp_value *head(struct op_builder *b, struct kp_value *x)
{
    int64_t features = kp_shape_count(x->shape) / x->shape.dim[0];
    struct kp_value *flat = op_value(b, KP_F32, kp_shape2(x->shape.dim[0], features), KP_AT_ARENA);
    struct kp_value *y = op_value(b, KP_F32, kp_shape2(x->shape.dim[0], 10), KP_AT_ARENA);
    struct kp_node *n = op_node(b, KP_OP_RESHAPE);
    n->in[0] = x;
    n->out[0] = flat;
    flat->alias = x;
    n = op_node(b, KP_OP_LINEAR);
    n->in[0] = flat;
    n->in[1] = op_normal(b, kp_shape2(10, features), KP_AT_PARAMS, 0, 1);
    n->in[2] = op_normal(b, kp_shape1(10), KP_AT_PARAMS, 0, 1);
    n->out[0] = y;
    return y;
}

/* conv2d, batch_norm, (add), (relu), (max_pool), (head), for the device to fuse. */
void op_build_chain(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool eval = c->chain == CHAIN_EVAL;
    struct kp_shape shape = op_input_shape(c), full = op_shape_after(&c->window, shape, c->outputs);
    double fan_in = (double)(c->channels * c->window.size[0] * c->window.size[1]);
    double pixels = b->count * (double)(full.dim[2] * full.dim[3]);
    double ulps = op_sum_ulps(fan_in) + op_sum_ulps(pixels);
    struct kp_node *n = op_node(b, KP_OP_CONV2D);
    struct kp_value *y = op_value(b, KP_F32, full, KP_AT_ARENA);

    b->out->g.mode = eval ? KP_EVAL : KP_TRAIN;
    n->in[0] = op_main_input(b, shape);
    n->in[1] =
        op_normal(b, kp_shape4(c->outputs, c->channels, c->window.size[0], c->window.size[1]),
                  KP_AT_PARAMS, 0, 1);
    n->in[2] = c->bias ? op_normal(b, kp_shape1(c->outputs), KP_AT_PARAMS, 0, 1) : NULL;
    n->out[0] = y;

    n = op_node(b, eval ? KP_OP_BATCH_NORM_EVAL : KP_OP_BATCH_NORM);
    n->in[0] = y;
    norm_operands(b, n, 1, c->outputs);
    n->out[0] = y = op_value(b, KP_F32, full, KP_AT_ARENA);
    if (!eval) {
        n->out[1] = op_fixed(b, kp_shape1(c->outputs));
        n->out[2] = op_fixed(b, kp_shape1(c->outputs));
        (void)op_result_add(b, n->in[3], ulps, sqrt(fan_in));
        (void)op_result_add(b, n->in[4], ulps, fan_in);
    }
    if (c->residual) {
        n = op_node(b, KP_OP_ADD);
        n->in[0] = y;
        n->in[1] = op_normal(b, full, KP_AT_ARENA, 0, 1);
        n->out[0] = y = op_value(b, KP_F32, full, KP_AT_ARENA);
    }
    if (c->act) {
        n = op_node(b, KP_OP_RELU);
        n->in[0] = y;
        n->out[0] = y = op_value(b, KP_F32, full, KP_AT_ARENA);
    }
    if (c->pool) {
        n = op_node(b, KP_OP_MAX_POOL);
        n->attrs.window = c->pool_window;
        n->in[0] = y;
        n->out[0] = y =
            op_value(b, KP_F32, op_shape_after(&c->pool_window, full, c->outputs), KP_AT_ARENA);
    }
    if (c->head)
        y = head(b, y);
    b->out->y = op_result_add(b, y, ulps, 1);
    b->out->flops = 2 * pixels * fan_in * (double)c->outputs;
}
