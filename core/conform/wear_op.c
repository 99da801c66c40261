/* wear_op.c - an operation under guard: each call gets copies of its operands and of what it
 * writes, in memory of their own. */
#include "conform/wear.h"

#include <string.h>

/* Numbers between rows of KP_ROWS. */
#define ROWS_APART 3

#define KP_OP_REAL        float
#define KP_OP_TYPED(name) name##_float
#include "conform/wear_op.inl"
#undef KP_OP_REAL
#undef KP_OP_TYPED

#define KP_OP_REAL        double
#define KP_OP_TYPED(name) name##_double
#include "conform/wear_op.inl"
#undef KP_OP_REAL
#undef KP_OP_TYPED

static enum kp_status worn_shape(const void *self, struct kp_op_shapes *s)
{
    const struct kp_worn *w = self;
    enum kp_status st;

    kp_worn_call(w, "shape");
    st = w->real_op->shape(w->self, s);
    kp_worn_call(w, NULL);
    return st;
}

static int64_t worn_scratch(const void *self, const struct kp_op_shapes *s, int64_t examples)
{
    const struct kp_worn *w = self;

    return w->real_op->scratch(w->self, s, examples);
}

static double worn_flops(const void *self, const struct kp_op_shapes *s)
{
    const struct kp_worn *w = self;

    return w->real_op->flops(w->self, s);
}

enum kp_status kp_wear_op(const struct kp_trial *t, const struct kp_use *u, struct kp_worn *out,
                          struct kp_error *e)
{
    const struct kp_op_def *d = t->def;
    enum kp_status st = kp_wear(t, u, &d->options, d->self_size, out, e);

    memcpy(&out->op, d, d->size < sizeof(out->op) ? d->size : sizeof(out->op));
    out->real_op = d;
    out->op.shape = d->shape ? worn_shape : NULL;
    out->op.scratch = d->scratch ? worn_scratch : NULL;
    out->op.flops = d->flops ? worn_flops : NULL;
    out->op.forward_float = worn_forward_float;
    out->op.forward_double = worn_forward_double;
    out->op.backward_float = d->backward_float ? worn_backward_float : NULL;
    out->op.backward_double = d->backward_double ? worn_backward_double : NULL;
    return st;
}
