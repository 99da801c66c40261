/* dropout.h - the dropout of a graph's operation, from the scalars of a step. */
#ifndef KP_DEVICE_DROPOUT_H
#define KP_DEVICE_DROPOUT_H

#include "device/graph.h"
#include "kernels/dropout.h"

/* More than a graph has dropouts: where the numbers of a batch's next part begin. */
#define KP_DROPOUT_NUMBERS 65536u

KP_BOTH struct kp_dropout kp_dropout_at(uint32_t number, double rate, const double *scalars)
{
    const uint32_t part = (uint32_t)scalars[KP_SCALAR_PART];

    return kp_dropout_make((uint64_t)scalars[KP_SCALAR_SEED], (uint32_t)scalars[KP_SCALAR_STEP],
                           number + part * KP_DROPOUT_NUMBERS, rate);
}

static inline struct kp_dropout kp_dropout_of(const struct kp_attrs *a, const double *scalars)
{
    return kp_dropout_at(a->number, a->factor, scalars);
}

#endif
