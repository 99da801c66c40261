/* infinite_loop.c - an objective whose loss() never returns. */
#include "fixture.h"

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    volatile int64_t turns = 0;

    (void)self;
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    while (turns >= 0)
        turns = turns / 2;
    return kp_tape_status(t);
}

KP_OBJECTIVE(infinite_loop, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .loss = loss);
