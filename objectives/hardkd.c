/* hardkd.c - hard distillation: the teacher's decision in place of the label. */
#include "kappa/plugin.h"

static enum kp_status hardkd_loss(const void *self, struct kp_tape *t,
                                  const struct kp_objective_io *io, struct kp_tensor **loss)
{
    struct kp_tensor *decision = kp_argmax(t, io->teacher_logits);

    (void)self;
    *loss = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, decision), io->weights);
    return kp_tape_status(t);
}

KP_OBJECTIVE(hardkd, "1",
             .doc = "Hard distillation: cross-entropy with the class that the teacher decides for.",
             .formula = "CE(z, argmax t)", .needs = KP_NEED_TEACHER_LOGITS, .loss = hardkd_loss);
