/* build_sequence.c - graphs of layer norm, attention, token and table cases. */
#include "builder.h"

#include <math.h>

static struct kp_value *main_gradient(struct op_builder *b, const struct kp_value *y)
{
    return b->out->dy = op_normal(b, y->shape, KP_AT_ARENA, 0, 1);
}

/* y of shape `s`, the node's first result. */
static struct kp_value *forward_result(struct op_builder *b, struct kp_node *n, struct kp_shape s,
                                       double ulps, double floor)
{
    n->out[0] = op_value(b, KP_F32, s, KP_AT_ARENA);
    return b->out->y = op_result_add(b, n->out[0], ulps, floor);
}

void op_build_layer_norm(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape s = op_input_shape(c), rows = s, k = kp_shape1(c->channels);
    double width = (double)c->channels, count = b->count * op_each(s) / width;
    double sd = c->fill == FILL_CONSTANT ? sqrt(1e-5) : b->sd;
    /* A rounded mean shifts every normalised number by |mean| / sd roundings. */
    double condition = 1 + fabs(c->mean) / sd, ulps = 2 * op_sum_ulps(width) * condition;
    struct kp_node *f = op_node(b, KP_OP_LAYER_NORM);

    rows.dim[--rows.n] = 0;
    f->in[0] = op_main_input(b, s);
    f->in[1] = op_normal(b, k, KP_AT_PARAMS, 1, 0.3);
    f->in[2] = op_normal(b, k, KP_AT_PARAMS, 0, 0.3);
    (void)forward_result(b, f, s, ulps, 1);
    f->out[1] = op_result_add(b, op_value(b, KP_F32, rows, KP_AT_ARENA), op_sum_ulps(width), b->sd);
    f->out[2] = op_result_add(b, op_value(b, KP_F32, rows, KP_AT_ARENA), ulps, 1);
    b->out->flops = 8 * b->count * op_each(s);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *g = op_node(b, KP_OP_LAYER_NORM_GRAD);
        g->in[0] = f->in[0];
        g->in[1] = f->in[1];
        g->in[2] = f->out[1];
        g->in[3] = f->out[2];
        g->in[4] = main_gradient(b, b->out->y);
        g->out[0] = op_gradient(b, f->in[0], ulps, c->channels < 3 ? 1 / sd : 0);
        g->out[1] = op_gradient(b, f->in[1], op_sum_ulps(count) * condition + ulps, sqrt(count));
        g->out[2] = op_gradient(b, f->in[2], op_sum_ulps(count), sqrt(count));
    }
}

void op_build_attention(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape s = op_input_shape(c);
    double size = (double)(c->channels / c->heads), tokens = (double)c->height;
    /* A score's rounding is relative to its terms and multiplies what the softmax gives. */
    double ulps = op_sum_ulps(tokens) + op_sum_ulps(size) * (1 + c->factor * size * b->sd * b->sd);
    double l_ulps = ulps;
    struct kp_node *f = op_node(b, KP_OP_ATTENTION);

    /* Heads of such a width are cuDNN's on cuda: it rounds the softmax and the result to bf16, by
     * 2^-8 each. Backward it is one matrix more, for which 4 times that has room. */
    if (c->bf16 && c->channels / c->heads % 8 == 0)
        ulps += 2 * 0x1p16;
    f->attrs.heads = c->heads;
    f->attrs.causal = c->causal;
    for (int i = 0; i < 3; i++)
        f->in[i] = op_main_input(b, s);
    (void)forward_result(b, f, s, ulps, b->sd);
    f->out[1] =
        op_value(b, KP_F32, (struct kp_shape){3, {c->capacity, c->heads, c->height}}, KP_AT_ARENA);
    (void)op_result_add(b, f->out[1], l_ulps, 1);
    b->out->flops = 4 * b->count * tokens * tokens * (double)c->channels * (c->causal ? 0.5 : 1);
    if (b->parts & PART_GRAD_X) {
        struct kp_node *g = op_node(b, KP_OP_ATTENTION_GRAD);
        g->attrs = f->attrs;
        for (int i = 0; i < 3; i++)
            g->in[i] = f->in[i];
        g->in[3] = f->out[0];
        g->in[4] = f->out[1];
        g->in[5] = main_gradient(b, b->out->y);
        for (int i = 0; i < 3; i++)
            g->out[i] = op_gradient(b, f->in[i], 4 * ulps, i < 2 ? b->sd * sqrt(size) : 1);
        b->out->flops *= 3.5;
    }
}

void op_build_gelu(struct op_builder *b)
{
    struct kp_shape s = op_input_shape(b->c);
    struct kp_value *x = op_main_input(b, s);

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_GELU);
        n->attrs.approximate = b->c->approximate;
        n->in[0] = x;
        (void)forward_result(b, n, s, 12, 1);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_GELU_GRAD);
        n->attrs.approximate = b->c->approximate;
        n->in[0] = x;
        n->in[1] = b->out->dy = op_normal(b, s, KP_AT_ARENA, 0, 1);
        n->out[0] = op_gradient(b, x, 12, 1);
    }
    b->out->flops = 20 * b->count * op_each(s);
}

void op_build_patches(struct op_builder *b)
{
    const struct op_case *c = b->c;
    int64_t p = c->window.size[0];
    struct kp_shape s = op_input_shape(c);
    struct kp_shape cut = {3, {c->capacity, c->height / p * (c->width / p), p * p * c->channels}};
    struct kp_value *x = op_main_input(b, s);

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_PATCHES);
        n->in[0] = x;
        (void)forward_result(b, n, cut, 0, 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_PATCHES_GRAD);
        n->in[0] = b->out->dy = op_normal(b, cut, KP_AT_ARENA, 0, 1);
        n->out[0] = op_gradient(b, x, 0, 0);
    }
    b->out->flops = b->count * op_each(s);
}

/* PREPEND, ADD_POSITION: x (N, T, D) and a table of `outputs` rows. */
void op_build_table(struct op_builder *b)
{
    const struct op_case *c = b->c;
    bool prepend = c->op == KP_OP_PREPEND;
    struct kp_shape s = op_input_shape(c), longer = s;
    struct kp_value *x = op_main_input(b, s);
    struct kp_value *table =
        op_normal(b, prepend ? kp_shape1(c->channels) : kp_shape2(c->outputs, c->channels),
                  KP_AT_PARAMS, 0, 1);
    longer.dim[1] += prepend;

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, c->op);
        n->in[0] = x;
        n->in[1] = table;
        (void)forward_result(b, n, longer, prepend ? 0 : 1, 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, prepend ? KP_OP_PREPEND_GRAD : KP_OP_ADD_POSITION_GRAD);
        n->in[0] = b->out->dy = op_normal(b, longer, KP_AT_ARENA, 0, 1);
        if (prepend)
            n->out[0] = op_gradient(b, x, 0, 0);
        n->out[prepend ? 1 : 0] = op_gradient(b, table, op_sum_ulps(b->count), sqrt(b->count));
    }
    b->out->flops = b->count * op_each(s);
}

void op_build_select(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape s = op_input_shape(c), one = kp_shape2(c->capacity, c->channels);
    struct kp_value *x = op_main_input(b, s);

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_SELECT);
        n->attrs.index = c->index;
        n->in[0] = x;
        (void)forward_result(b, n, one, 0, 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_SELECT_GRAD);
        n->attrs.index = c->index;
        n->in[0] = b->out->dy = op_normal(b, one, KP_AT_ARENA, 0, 1);
        n->out[0] = op_gradient(b, x, 0, 0);
    }
}

/* ids (N, height) among `outputs` rows of `channels` numbers */
void op_build_embedding(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape s = op_input_shape(c);
    struct kp_value *ids =
        op_special(b, KP_I32, kp_shape2(c->capacity, c->height), KP_AT_ARENA, FILL_LABELS);
    b->out->operands[b->out->operand_count - 1].classes = c->outputs;
    struct kp_value *table = op_normal(b, kp_shape2(c->outputs, c->channels), KP_AT_PARAMS, 0, 1);
    double uses = b->count * (double)c->height;

    if (b->parts & PART_FORWARD) {
        struct kp_node *n = op_node(b, KP_OP_EMBEDDING);
        n->in[0] = ids;
        n->in[1] = table;
        (void)forward_result(b, n, s, 0, 0);
    }
    if (b->parts & PART_GRAD_X) {
        struct kp_node *n = op_node(b, KP_OP_EMBEDDING_GRAD);
        n->in[0] = ids;
        n->in[1] = b->out->dy = op_normal(b, s, KP_AT_ARENA, 0, 1);
        n->out[0] = op_gradient(b, table, op_sum_ulps(uses), sqrt(uses));
    }
    b->out->flops = b->count * op_each(s);
}

void op_build_dropout(struct op_builder *b)
{
    struct kp_shape s = op_input_shape(b->c);
    struct kp_node *n = op_node(b, KP_OP_DROPOUT);

    n->attrs.number = 5;
    n->in[0] = op_main_input(b, s);
    (void)forward_result(b, n, s, 2, 0);
}
