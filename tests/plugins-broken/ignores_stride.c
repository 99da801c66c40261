/* ignores_stride.c - an operation that takes the rows of an operand to lie together. */
#include "fixture.h"

KP_OP_TEXT(forward, void, {
    for (int64_t i = 0; i < call->y.rows * call->y.width; i++)
        call->y.v[i] = 2 * call->in[0].v[i];
})

KP_OP_TEXT(backward, void, {
    for (int64_t r = 0; r < call->dy.rows && call->grad[0].v; r++)
        for (int64_t k = 0; k < call->dy.width; k++)
            call->grad[0].v[r * call->grad[0].stride + k] = 2 * call->dy.v[r * call->dy.stride + k];
})

static enum kp_status shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    s->result = s->in[0];
    return KP_OK;
}

static const struct kp_operand operands[] = {{"x", KP_ROWS, false}};

BROKEN_OP(ignores_stride, .formula = "2 x", .operands = operands, .operand_count = 1,
          .result = KP_ROWS, .shape = shape);
