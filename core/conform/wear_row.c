/* wear_row.c - the row function of an objective under guard. */
#include "conform/wear.h"

#include <string.h>

/* Floats of a vector at the highest processor level. */
#define VECTOR_MOST 16

#define KP_ROW_REAL        float
#define KP_ROW_TYPED(name) name##_float
#include "conform/wear_row.inl"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED

#define KP_ROW_REAL        double
#define KP_ROW_TYPED(name) name##_double
#include "conform/wear_row.inl"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED

const struct kp_row_loss kp_worn_row = {
    .size = sizeof(struct kp_row_loss),
    .in_float = worn_row_float,
    .in_double = worn_row_double,
};
