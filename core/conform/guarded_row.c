/* guarded_row.c - the row function of an objective under guard. */
#include "conform/guarded.h"

#include <string.h>

/* Floats of a vector at the highest processor level. */
#define VECTOR_MOST 16

#define KP_ROW_REAL        float
#define KP_ROW_TYPED(name) name##_float
#include "conform/guarded_row.inl"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED

#define KP_ROW_REAL        double
#define KP_ROW_TYPED(name) name##_double
#include "conform/guarded_row.inl"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED

const struct kp_row_loss kp_guarded_row = {
    .size = sizeof(struct kp_row_loss),
    .in_float = call_float,
    .in_double = call_double,
};
