/* op.h - what an operation plugin provides: a layer that the tape lacks, forward and backward.
 *
 * A model asks for it by name in build() and applies it in forward():
 *
 *   m->norm = kp_build_operation_with(b, "group_norm", "groups = %lld", (long long)m->groups);
 *   ...
 *   struct kp_tensor *in[] = {x, m->gamma, m->beta};
 *   x = kp_apply(t, m->norm, in, 3);
 *
 * Parameters of an operation are tensors of kp_param(), handed to it like any other operand. */
#ifndef KAPPA_OP_H
#define KAPPA_OP_H

#include "kappa/option.h"
#include "kappa/shape.h"

#define KP_OP_OPERANDS 4
#define KP_OP_KEPT     2

/* How an operand is seen; all are float32. Devices keep tensors in layouts of their own; the host
 * converts where an operation cannot take one. */
enum kp_form {
    /* Elementwise: the elements come in any order, the same in all FLAT operands, whose shapes are
     * equal. Nothing is converted if all operands are FLAT. */
    KP_FLAT = 0,
    KP_ROWS = 1,      /* (N, .., K): the last dimension lies together, rows are a stride apart */
    KP_CANONICAL = 2, /* row-major, whole examples */
    /* Without a batch dimension, such as a parameter: row-major, all of it in every call. */
    KP_SHARED = 3,
};

struct kp_operand {
    const char *name; /* [a-z0-9_]+, for messages and documentation */
    enum kp_form form;
    bool constant; /* no gradient flows to it; grad of a call is NULL */
};

/* The shapes that an operation is used with. Batched ones begin with N, the batch's capacity. */
struct kp_op_shapes {
    size_t size;
    int32_t count;                      /* of operands */
    struct kp_shape in[KP_OP_OPERANDS]; /* [count] */
    struct kp_shape result;
    struct kp_shape kept[KP_OP_KEPT];

    void *host; /* of fail */
    enum kp_status (*fail)(struct kp_op_shapes *s, enum kp_status st, const char *fmt, ...)
        KP_PRINTF(3, 4);
};

/* Record why the shapes do not fit, return `st`. Only in def.shape(). */
#define kp_op_fail(s, st, ...) (((s)->fail)((s), (st), __VA_ARGS__))

/* struct kp_view_float, kp_target_float, kp_op_call_float, and the same with double. */
#define KP_OP_REAL        float
#define KP_OP_TYPED(name) name##_float
#include "kappa/op_call.h"
#undef KP_OP_REAL
#undef KP_OP_TYPED
#define KP_OP_REAL        double
#define KP_OP_TYPED(name) name##_double
#include "kappa/op_call.h"
#undef KP_OP_REAL
#undef KP_OP_TYPED

/* The arithmetic is one text, compiled for float, which devices run, and for double, which the
 * reference device and finite differences need:
 *
 *   KP_OP_TEXT(forward, struct swish, {
 *       for (int64_t i = 0; i < call->y.width; i++) {
 *           const kp_real x = call->in[0].v[i];
 *           call->y.v[i] = x / (1 + exp(-(kp_real)self->beta * x));
 *       }
 *   })
 *
 * gives forward_float and forward_double for the definition. `self` are the options, constant,
 * `call` has the members of op_call.h, kp_real is float or double; with <tgmath.h> exp(x) is the
 * function of x's type. */
#define KP_OP_UNUSED __attribute__((unused))
#define KP_OP_INSTANCE(NAME, REAL, SELF, ...)                                            \
    static void NAME##_##REAL(const void *kp_self, const struct kp_op_call_##REAL *call) \
    {                                                                                    \
        typedef REAL kp_real KP_OP_UNUSED;                                               \
        KP_OP_UNUSED const SELF *self = (const SELF *)kp_self;                           \
        __VA_ARGS__                                                                      \
    }
#define KP_OP_TEXT(NAME, SELF, ...)                \
    KP_OP_INSTANCE(NAME, float, SELF, __VA_ARGS__) \
    KP_OP_INSTANCE(NAME, double, SELF, __VA_ARGS__)

/* What backward reads besides dy and what was kept. Combine with |. What it does not need is NULL
 * in the call and takes no memory. */
enum kp_op_need {
    KP_OP_NEEDS_IN0 = 1,
    KP_OP_NEEDS_IN1 = 2,
    KP_OP_NEEDS_IN2 = 4,
    KP_OP_NEEDS_IN3 = 8,
    KP_OP_NEEDS_RESULT = 16,
};

/* An operation of one result. Examples are independent: a call covers some of a batch, as many as
 * the host likes, and what it writes of an example must not depend on the others. Calls come from
 * several threads at once; functions must not change self, start threads or call the host. */
struct kp_op_def {
    size_t size;      /* sizeof(struct kp_op_def) */
    const char *name; /* [a-z0-9_]+ */
    const char *doc;  /* one sentence */
    /* y of the operands, for `kappa info`; ${...} as in struct kp_objective_def */
    const char *formula;
    size_t self_size; /* of the state struct: zeroed, then options filled in */
    struct kp_option_table options;

    const struct kp_operand *operands; /* [operand_count], 1 to KP_OP_OPERANDS, one not SHARED */
    uint32_t operand_count;
    uint32_t operand_size; /* sizeof(struct kp_operand) */
    enum kp_form result;   /* not SHARED. FLAT: of the shape of the FLAT operands */
    /* Values that forward keeps for backward, each with a shape that begins with N. */
    enum kp_form kept[KP_OP_KEPT]; /* ROWS or CANONICAL */
    uint32_t kept_count;           /* 0 to KP_OP_KEPT */
    uint32_t needs;                /* enum kp_op_need */

    /* Check s->in, set s->result and s->kept. Called where a model is recorded; that operands are
     * batched or not, as their form says, and FLAT ones equal has been checked, and a FLAT result
     * is set. May be NULL where all is FLAT and nothing is kept. */
    enum kp_status (*shape)(const void *self, struct kp_op_shapes *s);

    /* Numbers of scratch for a call on `examples`. NULL: none. */
    int64_t (*scratch)(const void *self, const struct kp_op_shapes *s, int64_t examples);

    /* Floating-point operations of one example, forward; a training step counts three times as
     * many. NULL: not counted, as elementwise work is not. */
    double (*flops)(const void *self, const struct kp_op_shapes *s);

    void (*forward_float)(const void *self, const struct kp_op_call_float *c);
    void (*forward_double)(const void *self, const struct kp_op_call_double *c);
    /* NULL if all operands are constant. */
    void (*backward_float)(const void *self, const struct kp_op_call_float *c);
    void (*backward_double)(const void *self, const struct kp_op_call_double *c);
};

/* An operation with its options, as a model uses it. The host's. */
struct kp_operation {
    const struct kp_op_def *def;
    const void *self;
};

/* Operand number i of a definition whose element size may differ from ours. */
static inline const struct kp_operand *kp_op_operand(const struct kp_op_def *d, uint32_t i)
{
    return (const struct kp_operand *)(const void *)((const char *)d->operands +
                                                     (size_t)i * d->operand_size);
}

#endif
