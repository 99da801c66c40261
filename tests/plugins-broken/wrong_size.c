/* wrong_size.c - a definition whose size field is that of another struct. */
#include "fixture.h"

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def objective = {
    .size = sizeof(struct kp_objective_io),
    .name = "wrong_size",
    .doc = "Cross-entropy.",
    .formula = "CE(z, y)",
    .loss = loss,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "wrong_size",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&objective, NULL},
};
