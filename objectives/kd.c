/* kd.c - knowledge distillation (Hinton et al. 2015): match the teacher's softened outputs. */
#include "kappa/plugin.h"

enum { TAU_SCALE_NONE, TAU_SCALE_TAU, TAU_SCALE_TAU2 };

static const char *const tau_scale_words[] = {"none", "tau", "tau2", NULL};

struct kd {
    double tau;
    double label_weight;
    double kd_weight;
    int tau_scale;
};

static const struct kp_option kd_options[] = {
    KP_REAL(struct kd, tau, "tau", "20", 1e-3, 1e6, "temperature of teacher and student"),
    KP_REAL(struct kd, label_weight, "label_weight", "0", 0, 1e6, "weight of CE(z, y)"),
    KP_REAL(struct kd, kd_weight, "kd_weight", "1", 0, 1e6, "weight of the distillation term"),
    KP_ENUM(struct kd, tau_scale, "tau_scale", "tau2", tau_scale_words,
            "factor s of the distillation term: 1, tau or tau^2"),
};

static double kd_scale(const struct kd *o)
{
    switch (o->tau_scale) {
    case TAU_SCALE_TAU:
        return o->tau;
    case TAU_SCALE_TAU2:
        return o->tau * o->tau;
    default:
        return 1.0;
    }
}

static enum kp_status kd_loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                              struct kp_tensor **loss)
{
    const struct kd *o = self;
    struct kp_tensor *row = kp_kl_divergence(t, io->logits, io->teacher_logits, o->tau);

    row = kp_scale(t, row, o->kd_weight * kd_scale(o));
    if (o->label_weight > 0) {
        struct kp_tensor *ce = kp_cross_entropy(t, io->logits, io->labels);
        row = kp_add(t, row, kp_scale(t, ce, o->label_weight));
    }
    *loss = kp_weighted_mean(t, row, io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def kd = {
    .size = sizeof(struct kp_objective_def),
    .name = "kd",
    .doc = "Knowledge distillation: KL divergence to the teacher at a temperature.",
    .formula = "label_weight CE(z, y) + kd_weight s(tau) KL(softmax(t / tau) || softmax(z / tau)), "
               "s = 1, tau or tau^2 by tau_scale",
    .needs = KP_NEED_TEACHER_LOGITS,
    .self_size = sizeof(struct kd),
    .options = KP_OPTIONS(kd_options),
    .loss = kd_loss,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "kd",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&kd, NULL},
};
