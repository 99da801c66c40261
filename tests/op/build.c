/* build.c - turns a case into a graph. */
#include "builder.h"

#include "device/precision.h"

#include <math.h>
#include <string.h>

static void build_pool(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool max = c->op == KP_OP_MAX_POOL;
    struct kp_shape shape = op_input_shape(c),
                    small = op_shape_after(&c->window, shape, c->channels);
    double size = (double)(c->window.size[0] * c->window.size[1]);
    double ulps = max ? 0 : op_sum_ulps(size);
    struct kp_value *x = op_main_input(b, shape);

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, c->op);
        n->in[0] = x;
        n->out[0] = b->out->y = op_result_add(b, op_value(b, KP_F32, small, KP_AT_ARENA), ulps, 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, max ? KP_OP_MAX_POOL_GRAD : KP_OP_AVG_POOL_GRAD);
        struct kp_value *dy = op_normal(b, small, KP_AT_ARENA, 0, 1);
        n->in[0] = max ? x : dy;
        n->in[1] = max ? dy : NULL;
        /* Overlapping windows add up: at most `size` of them. */
        n->out[0] = op_gradient(b, x, op_sum_ulps(size), 0);
        b->out->dy = dy;
    }
    b->out->flops = b->count * op_each(shape);
}

static enum kp_op unary_gradient(enum kp_op op)
{
    if (op == KP_OP_RELU)
        return KP_OP_RELU_GRAD;
    if (op == KP_OP_SOFTMAX)
        return KP_OP_SOFTMAX_GRAD;
    return op == KP_OP_MEAN ? KP_OP_MEAN_GRAD : KP_OP_LOG_SOFTMAX_GRAD;
}

/* RELU, MEAN, SOFTMAX, LOG_SOFTMAX: the gradients of all but MEAN take the result. */
static void build_unary(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool exact = c->op == KP_OP_RELU, mean = c->op == KP_OP_MEAN;
    struct kp_shape shape = op_input_shape(c);
    double ulps = exact ? 0 : op_sum_ulps(op_each(shape));
    struct kp_node *f = op_node(b, c->op);

    f->in[0] = op_main_input(b, shape);
    struct kp_shape y = mean && !c->last ? kp_shape1(c->capacity) : shape;
    if (c->last)
        y.dim[--y.n] = 0;
    f->out[0] = b->out->y = op_value(b, KP_F32, y, KP_AT_ARENA);
    (void)op_result_add(b, b->out->y, ulps, mean ? b->sd : 0);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *g = op_node(b, unary_gradient(c->op));
        b->out->dy = op_normal(b, b->out->y->shape, KP_AT_ARENA, 0, 1);
        g->in[0] = mean ? b->out->dy : b->out->y;
        g->in[1] = mean ? NULL : b->out->dy;
        /* A saturated softmax gives a gradient near zero from terms of order 1. */
        bool saturated = c->op == KP_OP_SOFTMAX && (b->sd > 1 || c->fill != FILL_NORMAL);
        g->out[0] = op_gradient(b, f->in[0], ulps, saturated ? 1 : 0);
    }
    b->out->flops = b->count * op_each(shape);
}

/* ADD, SUB, MUL, SCALE, ROUND, RESHAPE: no gradient of their own. */
static void build_elementwise(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool two = c->op == KP_OP_ADD || c->op == KP_OP_SUB || c->op == KP_OP_MUL;
    bool alias = c->op == KP_OP_RESHAPE, exact = alias || c->op == KP_OP_ROUND;
    struct kp_shape shape = op_input_shape(c);
    struct kp_node *n = op_node(b, c->op);

    n->in[0] = op_main_input(b, shape);
    n->in[1] = two ? op_main_input(b, shape) : NULL;
    n->out[0] = op_value(
        b, KP_F32, alias ? kp_shape2(c->capacity, kp_shape_count(shape) / c->capacity) : shape,
        KP_AT_ARENA);
    n->out[0]->alias = alias ? n->in[0] : NULL;
    b->out->y = op_result_add(b, n->out[0], exact ? 0 : 1, 0);
    b->out->flops = b->count * op_each(shape);
}

static void build_loss(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool kl = c->op == KP_OP_KL;
    struct kp_shape shape = op_input_shape(c), rows = shape;
    rows.dim[--rows.n] = 0;
    struct kp_value *z = op_main_input(b, shape);
    struct kp_value *other =
        kl ? op_main_input(b, shape) : op_special(b, KP_I32, rows, KP_AT_ARENA, FILL_LABELS);
    /* A divergence at a large temperature is the small difference of large sums: fp64 inside. */
    double ulps = op_sum_ulps((double)c->channels);

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, c->op);
        n->in[0] = z;
        n->in[1] = other;
        n->out[0] = b->out->y =
            op_result_add(b, op_value(b, KP_F32, rows, KP_AT_ARENA), ulps, kl ? 1e-9 : 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, kl ? KP_OP_KL_GRAD : KP_OP_CROSS_ENTROPY_GRAD);
        n->in[0] = z;
        n->in[1] = other;
        n->in[2] = b->out->dy = op_normal(b, rows, KP_AT_ARENA, 0, 1);
        n->out[0] = op_gradient(b, z, ulps, kl ? 1e-6 / c->factor : 0);
    }
    b->out->flops = b->count * op_each(shape);
}

static void build_weighted_mean(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape shape =
        c->channels > 1 ? kp_shape2(c->capacity, c->channels) : kp_shape1(c->capacity);
    struct kp_value *x = op_main_input(b, shape);
    struct kp_value *w = c->zero_weights ? op_normal(b, shape, KP_AT_ARENA, 0, 0)
                                         : op_special(b, KP_F32, shape, KP_AT_ARENA, FILL_WEIGHTS);
    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_WEIGHTED_MEAN);
        n->in[0] = x;
        n->in[1] = w;
        n->out[0] = op_fixed(b, (struct kp_shape){0});
        /* Summed in fp64, rounded once. */
        b->out->y = op_result_add(b, n->out[0], 2, b->sd);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_WEIGHTED_MEAN_GRAD);
        n->in[0] = x;
        n->in[1] = w;
        n->in[2] = b->out->dy = op_normal(b, (struct kp_shape){0}, KP_AT_ARENA, 0, 1);
        b->out->dy->batched = false;
        n->out[0] = op_gradient(b, x, 8, 0);
    }
    b->out->flops = 2 * b->count * op_each(shape);
}

static bool build_sequence(struct op_builder *b)
{
    static const struct {
        enum kp_op op;
        void (*build)(struct op_builder *b);
    } table[] = {
        {KP_OP_LAYER_NORM, op_build_layer_norm},
        {KP_OP_ATTENTION, op_build_attention},
        {KP_OP_GELU, op_build_gelu},
        {KP_OP_PATCHES, op_build_patches},
        {KP_OP_PREPEND, op_build_table},
        {KP_OP_ADD_POSITION, op_build_table},
        {KP_OP_SELECT, op_build_select},
        {KP_OP_EMBEDDING, op_build_embedding},
        {KP_OP_DROPOUT, op_build_dropout},
        {KP_OP_HEAD_LOSS, op_build_head_loss},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (table[i].op == b->c->op) {
            table[i].build(b);
            return true;
        }
    return false;
}

static void build(struct op_builder *b)
{
    if (!b->c->chain && build_sequence(b))
        return;
    if (b->c->chain)
        op_build_chain(b);
    else if (b->c->op == KP_OP_LINEAR)
        op_build_linear(b);
    else if (b->c->op == KP_OP_CONV2D)
        op_build_conv(b);
    else if (b->c->op == KP_OP_BATCH_NORM || b->c->op == KP_OP_BATCH_NORM_EVAL)
        op_build_norm(b);
    else if (b->c->op == KP_OP_FOLD_BATCH_NORM)
        op_build_fold(b);
    else if (b->c->op == KP_OP_MAX_POOL || b->c->op == KP_OP_AVG_POOL)
        build_pool(b);
    else if (b->c->op == KP_OP_CROSS_ENTROPY || b->c->op == KP_OP_KL)
        build_loss(b);
    else if (b->c->op == KP_OP_ONE_HOT || b->c->op == KP_OP_ARGMAX)
        op_build_classes(b);
    else if (b->c->op == KP_OP_ROW_LOSS)
        op_build_row_loss(b);
    else if (b->c->op == KP_OP_WEIGHTED_MEAN)
        build_weighted_mean(b);
    else if (kp_op_is_optimizer(b->c->op))
        op_build_optimizer(b);
    else if (unary_gradient(b->c->op) != KP_OP_LOG_SOFTMAX_GRAD || b->c->op == KP_OP_LOG_SOFTMAX)
        build_unary(b);
    else
        build_elementwise(b);
}

enum kp_status op_graph_init(const struct op_case *c, unsigned parts, struct op_graph *out,
                             struct kp_error *e)
{
    struct op_builder b = {c, parts, out, true, c->sd > 0 ? c->sd : 1, (double)c->rows};
    memset(out, 0, sizeof(*out));
    out->g.capacity = c->capacity;
    out->g.mode = c->op == KP_OP_BATCH_NORM_EVAL ? KP_EVAL_GRAD : KP_TRAIN;
    build(&b);
    if (!b.ok) {
        op_graph_finish(out);
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    return c->bf16 ? kp_graph_round(&out->g, e) : KP_OK;
}

void op_graph_finish(struct op_graph *g)
{
    kp_arena_finish(&g->g.memory);
    memset(g, 0, sizeof(*g));
}
