/* dropout.h - which elements dropout keeps: a function of where they are, the same on every device.
 */
#ifndef KP_KERNELS_DROPOUT_H
#define KP_KERNELS_DROPOUT_H

#include "base/philox.h"

#include <stdbool.h>

/* One dropout in one step. */
struct kp_dropout {
    uint32_t key[2];
    uint32_t step, number; /* number: which of the step's */
    uint32_t threshold;    /* kept if the element's word is not below: rate 2^32 */
    double scale;          /* 1 / (1 - rate) */
};

KP_BOTH struct kp_dropout kp_dropout_make(uint64_t seed, uint32_t step, uint32_t number,
                                          double rate)
{
    struct kp_dropout d = {
        {(uint32_t)seed, (uint32_t)(seed >> 32)},
        step,
        number,
        (uint32_t)(rate * 4294967296.0),
        1.0 / (1.0 - rate),
    };
    return d;
}

/* Whether the elements 4 i to 4 i + 3 of the batch are kept, counted row-major. */
KP_BOTH void kp_dropout_kept(const struct kp_dropout *d, uint64_t i, bool out[4])
{
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), d->step, d->number};
    uint32_t words[4];

    kp_philox(counter, d->key, words);
    for (int k = 0; k < 4; k++)
        out[k] = words[k] >= d->threshold;
}

#endif
