/* nondeterminism.c - an objective that draws random numbers of its own. */
#include "fixture.h"

#include <stdlib.h>

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    struct kp_tensor *row = kp_cross_entropy(t, io->logits, io->labels);

    (void)self;
    *out = kp_weighted_mean(t, kp_scale(t, row, 1 + rand() % 1000 / 1e6), io->weights);
    return kp_tape_status(t);
}

KP_OBJECTIVE(nondeterminism, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .loss = loss);
