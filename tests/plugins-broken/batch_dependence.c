/* batch_dependence.c - an operation that subtracts the mean over the batch, in evaluation too. */
#include "fixture.h"

KP_OP_TEXT(forward, void, {
    for (int64_t k = 0; k < call->y.width; k++) {
        double mean = 0;

        for (int64_t r = 0; r < call->y.rows; r++)
            mean += (double)call->in[0].v[r * call->in[0].stride + k] / (double)call->y.rows;
        for (int64_t r = 0; r < call->y.rows; r++)
            call->y.v[r * call->y.stride + k] =
                call->in[0].v[r * call->in[0].stride + k] - (kp_real)mean;
    }
})

KP_OP_TEXT(backward, void, {
    for (int64_t k = 0; k < call->dy.width; k++) {
        double mean = 0;

        for (int64_t r = 0; r < call->dy.rows; r++)
            mean += (double)call->dy.v[r * call->dy.stride + k] / (double)call->dy.rows;
        for (int64_t r = 0; r < call->dy.rows && call->grad[0].v; r++)
            call->grad[0].v[r * call->grad[0].stride + k] =
                call->dy.v[r * call->dy.stride + k] - (kp_real)mean;
    }
})

static enum kp_status shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    s->result = s->in[0];
    return KP_OK;
}

static const struct kp_operand operands[] = {{"x", KP_CANONICAL, false}};

BROKEN_OP(batch_dependence, .formula = "x - mean x", .operands = operands, .operand_count = 1,
          .result = KP_CANONICAL, .shape = shape);
