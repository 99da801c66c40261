/* lt.c - label training: the cross-entropy with the labels. */
#include "kappa/plugin.h"

static enum kp_status lt_loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                              struct kp_tensor **loss)
{
    (void)self;
    *loss = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def lt = {
    .size = sizeof(struct kp_objective_def),
    .name = "lt",
    .doc = "Label training: cross-entropy with the labels.",
    .formula = "CE(z, y)",
    .loss = lt_loss,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "lt",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&lt, NULL},
};
