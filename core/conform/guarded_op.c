/* guarded_op.c - an operation under guard: each call gets copies of its operands and of what it
 * writes, in memory of their own. */
#include "conform/guarded.h"

#include <string.h>

/* Numbers between rows of KP_ROWS. */
#define ROWS_APART 3

#define KP_OP_REAL        float
#define KP_OP_TYPED(name) name##_float
#include "conform/guarded_op.inl"
#undef KP_OP_REAL
#undef KP_OP_TYPED

#define KP_OP_REAL        double
#define KP_OP_TYPED(name) name##_double
#include "conform/guarded_op.inl"
#undef KP_OP_REAL
#undef KP_OP_TYPED

static enum kp_status guarded_shape(const void *self, struct kp_op_shapes *s)
{
    const struct kp_guarded *w = self;
    enum kp_status st;

    kp_guarded_call(w, "shape");
    st = w->real_op->shape(w->self, s);
    kp_guarded_call(w, NULL);
    return st;
}

static int64_t guarded_scratch(const void *self, const struct kp_op_shapes *s, int64_t examples)
{
    const struct kp_guarded *w = self;

    return w->real_op->scratch(w->self, s, examples);
}

static double guarded_flops(const void *self, const struct kp_op_shapes *s)
{
    const struct kp_guarded *w = self;

    return w->real_op->flops(w->self, s);
}

enum kp_status kp_guarded_op(const struct kp_trial *t, const struct kp_use *u,
                             struct kp_guarded *out, struct kp_error *e)
{
    const struct kp_op_def *d = t->def;
    enum kp_status st = kp_guarded_open(t, u, &d->options, d->self_size, out, e);

    memcpy(&out->op, d, d->size < sizeof(out->op) ? d->size : sizeof(out->op));
    out->real_op = d;
    out->op.shape = d->shape ? guarded_shape : NULL;
    out->op.scratch = d->scratch ? guarded_scratch : NULL;
    out->op.flops = d->flops ? guarded_flops : NULL;
    out->op.forward_float = guarded_forward_float;
    out->op.forward_double = guarded_forward_double;
    out->op.backward_float = d->backward_float ? guarded_backward_float : NULL;
    out->op.backward_double = d->backward_double ? guarded_backward_double : NULL;
    return st;
}
