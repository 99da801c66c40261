/* unweighted.c - a loss that counts weights twice, so that it is no weighted mean of its rows. */
#include "fixture.h"

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    struct kp_tensor *row = kp_cross_entropy(t, io->logits, io->labels);

    (void)self;
    *out = kp_weighted_mean(t, kp_mul(t, row, io->weights), io->weights);
    return kp_tape_status(t);
}

KP_OBJECTIVE(unweighted, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .loss = loss);
