/* builder.c - values, nodes, operands and results of a case under construction. */
#include "builder.h"

#include <math.h>

double op_sum_ulps(double terms)
{
    return 8 + 2 * sqrt(terms);
}

struct kp_value *op_value(struct op_builder *b, enum kp_dtype dtype, struct kp_shape shape,
                          enum kp_place place)
{
    static struct kp_value nowhere;
    struct kp_value *v = kp_graph_value(&b->out->g, dtype, shape, place == KP_AT_ARENA);
    if (!v) {
        b->ok = false;
        return &nowhere;
    }
    v->place = place;
    return v;
}

struct kp_value *op_fixed(struct op_builder *b, struct kp_shape shape)
{
    struct kp_value *v = op_value(b, KP_F32, shape, KP_AT_ARENA);
    v->batched = false;
    return v;
}

struct kp_node *op_node(struct op_builder *b, enum kp_op op)
{
    static struct kp_node nowhere;
    struct kp_node *n = kp_graph_node(&b->out->g, op);
    if (!n) {
        b->ok = false;
        return &nowhere;
    }
    n->attrs.window = b->c->window;
    n->attrs.factor = b->c->factor;
    n->attrs.eps = 1e-5;
    n->attrs.momentum = b->c->momentum;
    n->attrs.weight_decay = b->c->weight_decay;
    n->attrs.nesterov = b->c->nesterov;
    return n;
}

void op_operand_add(struct op_builder *b, struct kp_value *v, int slot, enum op_fill fill,
                    double mean, double sd)
{
    struct op_operand o = {v, slot, fill, mean, sd, b->c->channels, NULL};
    KP_ASSERT(b->out->operand_count < OP_OPERANDS);
    v->input = v->place == KP_AT_ARENA;
    b->out->operands[b->out->operand_count++] = o;
}

struct kp_value *op_normal(struct op_builder *b, struct kp_shape shape, enum kp_place place,
                           double mean, double sd)
{
    struct kp_value *v = op_value(b, KP_F32, shape, place);
    op_operand_add(b, v, 0, sd > 0 ? FILL_NORMAL : FILL_CONSTANT, mean, sd);
    return v;
}

struct kp_value *op_special(struct op_builder *b, enum kp_dtype dtype, struct kp_shape shape,
                            enum kp_place place, enum op_fill fill)
{
    struct kp_value *v = op_value(b, dtype, shape, place);
    op_operand_add(b, v, 0, fill, 0, 1);
    return v;
}

struct kp_value *op_main_input(struct op_builder *b, struct kp_shape shape)
{
    struct kp_value *v = op_value(b, KP_F32, shape, KP_AT_ARENA);
    op_operand_add(b, v, 0, b->c->fill, b->c->mean, b->sd);
    return v;
}

struct kp_value *op_result_add(struct op_builder *b, struct kp_value *v, double ulps, double floor)
{
    struct op_result r = {.v = v, .ulps = ulps, .floor = floor};
    KP_ASSERT(b->out->result_count < OP_RESULTS);
    v->output = v->place == KP_AT_ARENA;
    b->out->results[b->out->result_count++] = r;
    return v;
}

struct kp_value *op_gradient(struct op_builder *b, struct kp_value *of, double ulps, double floor)
{
    enum kp_place place = of->place == KP_AT_PARAMS ? KP_AT_GRADS : KP_AT_ARENA;
    struct kp_value *v = op_value(b, KP_F32, of->shape, place);
    struct op_pair p = {of, v};
    KP_ASSERT(b->out->pair_count < OP_PAIRS);
    b->out->pairs[b->out->pair_count++] = p;
    return op_result_add(b, v, ulps, floor);
}

static int64_t windows(const struct kp_window *w, int i, int64_t extent)
{
    return (extent + 2 * w->pad[i] - w->size[i]) / w->stride[i] + 1;
}

struct kp_shape op_shape_after(const struct kp_window *w, struct kp_shape x, int64_t channels)
{
    return kp_shape4(x.dim[0], channels, windows(w, 0, x.dim[2]), windows(w, 1, x.dim[3]));
}

struct kp_shape op_input_shape(const struct op_case *c)
{
    if (c->width > 0)
        return kp_shape4(c->capacity, c->channels, c->height, c->width);
    if (c->height > 0)
        return (struct kp_shape){3, {c->capacity, c->height, c->channels}};
    return kp_shape2(c->capacity, c->channels);
}

double op_each(struct kp_shape s)
{
    return (double)kp_shape_count(s) / (double)s.dim[0];
}
