/* wrong_op_gradient.c - an operation whose backward has the wrong sign for one of its operands. */
#include "fixture.h"

KP_OP_TEXT(forward, void, {
    for (int64_t i = 0; i < call->y.width; i++)
        call->y.v[i] = call->in[0].v[i] - call->in[1].v[i] / 2;
})

KP_OP_TEXT(backward, void, {
    for (int64_t i = 0; i < call->dy.width; i++) {
        if (call->grad[0].v)
            call->grad[0].v[i] = call->dy.v[i];
        if (call->grad[1].v)
            call->grad[1].v[i] = call->dy.v[i] / 2;
    }
})

static const struct kp_operand operands[] = {{"a", KP_FLAT, false}, {"b", KP_FLAT, false}};

BROKEN_OP(wrong_op_gradient, .formula = "a - b / 2", .operands = operands, .operand_count = 2,
          .result = KP_FLAT);
