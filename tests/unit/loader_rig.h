/* loader_rig.h - single examples and batches of a dataset, as tests want them: without failure. */
#ifndef KP_TESTS_LOADER_RIG_H
#define KP_TESTS_LOADER_RIG_H

#include "data/gather.h"
#include "data/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void gathered(const struct kp_dataset *d, enum kp_split split, int64_t i,
                            uint8_t *out)
{
    struct kp_gatherer *g = NULL;
    struct kp_error e = {0};

    if (kp_gatherer_create(d, split, &g, &e) || kp_gather(g, i, NULL, out, &e))
        fail_msg("%s", e.text);
    kp_gatherer_destroy(g);
}

static inline const struct kp_batch *next_batch(struct kp_loader *l)
{
    const struct kp_batch *b = NULL;
    struct kp_error e = {0};

    if (kp_loader_next(l, &b, &e))
        fail_msg("%s", e.text);
    return b;
}

#endif
