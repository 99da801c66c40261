/* foreign.h - operations of plugins, as the devices that call them on the host do. */
#ifndef KP_DEVICE_FOREIGN_H
#define KP_DEVICE_FOREIGN_H

#include "device/graph.h"

/* Where the values of a node lie in the host's memory, row-major (in any layout, the same of all,
 * where the operation is FLAT); NULL where there is none. */
struct kp_foreign_places {
    float *in[KP_NODE_IN], *out[KP_NODE_OUT];
    float *scratch; /* what def.scratch() asked for; NULL: nothing */
    float *part;    /* kp_foreign_part_floats() to which the gradients of SHARED operands are added,
                       one after another; out[] of these is not looked at */
};

/* What one call covers of the values with a batch dimension. */
struct kp_foreign_piece {
    int64_t first;    /* example; with floats > 0 the first float */
    int64_t examples; /* > 0 */
    int64_t floats;   /* 0: whole examples; else so many elements of each value, all being FLAT */
};

/* One call of the plugin, forward or backward as the node says; kp_foreign.call. */
void kp_foreign_call(const struct kp_node *n, const struct kp_foreign_places *at,
                     const struct kp_foreign_piece *piece);

/* All operands and the result are FLAT: any layout will do. */
static inline bool kp_foreign_is_flat(const struct kp_foreign *f)
{
    bool flat = f->def->result == KP_FLAT && f->def->kept_count == 0;

    for (uint32_t i = 0; i < f->def->operand_count; i++)
        flat &= kp_op_operand(f->def, i)->form == KP_FLAT;
    return flat;
}

/* Whether the gradient of this operand is a sum over the batch. */
static inline bool kp_foreign_is_shared(const struct kp_foreign *f, int operand)
{
    return kp_op_operand(f->def, (uint32_t)operand)->form == KP_SHARED;
}

/* Floats of what one call adds to the gradients of SHARED operands. */
static inline int64_t kp_foreign_part_floats(const struct kp_node *n)
{
    int64_t floats = 0;

    for (int i = 0; n->op == KP_OP_FOREIGN_GRAD && i < KP_OP_OPERANDS; i++)
        if (n->out[i] && kp_foreign_is_shared(n->attrs.foreign, i))
            floats += kp_shape_count(n->out[i]->shape);
    return floats;
}

/* Floats of scratch of a call on `examples`. */
static inline int64_t kp_foreign_scratch_floats(const struct kp_foreign *f, int64_t examples)
{
    return f->def->scratch ? f->def->scratch(f->self, &f->shapes, examples) : 0;
}

#endif
