/* bad_options.c - an option whose default is out of its own range. */
#include "kappa/plugin.h"

struct state {
    double tau;
};

static const struct kp_option options[] = {
    KP_REAL(struct state, tau, "tau", "7", 0, 1, "temperature"),
};

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    *out = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def objective = {
    .size = sizeof(struct kp_objective_def),
    .name = "bad",
    .doc = "Cross-entropy.",
    .formula = "CE(z, y)",
    .self_size = sizeof(struct state),
    .options = KP_OPTIONS(options),
    .loss = loss,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "bad_options",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&objective, NULL},
};
