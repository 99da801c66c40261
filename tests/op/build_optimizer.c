/* build_optimizer.c - graphs of optimizer cases, and of those between labels and classes. */
#include "builder.h"

/* One parameter, its gradient, the slots; a third of it frozen if the case says so. */
void op_build_optimizer(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_value *p = op_normal(b, kp_shape1(c->channels), KP_AT_PARAMS, 0, 1);
    struct kp_value *g = op_value(b, KP_F32, p->shape, KP_AT_GRADS);
    struct op_pair pair = {p, g};
    struct kp_node *clip = c->clip_norm > 0 ? op_node(b, KP_OP_CLIP) : NULL;
    struct kp_node *n = op_node(b, c->op);
    struct kp_extent *third = kp_arena_new(&b->out->g.memory, struct kp_extent, 1);

    op_operand_add(b, g, 0, FILL_NORMAL, 0, 1);
    b->out->pairs[b->out->pair_count++] = pair;
    if (clip) {
        clip->attrs.clip_norm = c->clip_norm;
        clip->out[0] = n->in[0] = op_result_add(b, op_fixed(b, (struct kp_shape){0}), 2, 0);
    }
    if (c->frozen && third) {
        *third = (struct kp_extent){c->channels / 3, c->channels / 3};
        n->attrs.frozen = third;
        n->attrs.frozen_count = 1;
    }
    b->ok &= third != NULL;
    n->attrs.decoupled = c->decoupled;
    n->attrs.beta1 = 0.9;
    n->attrs.beta2 = 0.95;
    n->attrs.eps = 1e-8;
    (void)op_result_add(b, p, 8, 0);
    for (int slot = 1; slot <= kp_optimizer_slots(n); slot++) {
        op_operand_add(b, p, slot, slot == 2 ? FILL_VARIANCE : FILL_NORMAL, 0, 1);
        (void)op_result_add(b, p, 8, 0);
        b->out->results[b->out->result_count - 1].slot = slot;
    }
    b->out->flops = 6 * (double)c->channels;
}

/* ONE_HOT: labels -> rows;  ARGMAX: rows -> classes */
void op_build_classes(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape shape = op_input_shape(c), rows = shape;
    struct kp_node *n = op_node(b, c->op);

    rows.dim[--rows.n] = 0;
    n->attrs.on = 0.75;
    n->attrs.off = -1.5;
    if (c->op == KP_OP_ONE_HOT)
        n->in[0] = op_special(b, KP_I32, rows, KP_AT_ARENA, FILL_LABELS);
    else
        n->in[0] = op_main_input(b, shape);
    n->out[0] = c->op == KP_OP_ONE_HOT ? op_value(b, KP_F32, shape, KP_AT_ARENA)
                                       : op_value(b, KP_I32, rows, KP_AT_ARENA);
    b->out->y = op_result_add(b, n->out[0], 0, 0);
    b->out->flops = b->count * op_each(shape);
}
