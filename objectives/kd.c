/* kd.c - knowledge distillation (Hinton et al. 2015): match the teacher's softened outputs. */
#include "kappa/plugin.h"

enum { TAU_SCALE_NONE, TAU_SCALE_TAU, TAU_SCALE_TAU2 };
enum { REDUCTION_BATCHMEAN, REDUCTION_MEAN };

static const char *const tau_scale_words[] = {"none", "tau", "tau2", NULL};
static const char *const reduction_words[] = {"batchmean", "mean", NULL};

struct kd {
    double tau;
    double label_weight;
    double kd_weight;
    int tau_scale;
    int reduction;
    bool asymmetric;
};

static const struct kp_option kd_options[] = {
    KP_REAL(struct kd, tau, "tau", "20", 1e-3, 1e6, "temperature of teacher and student"),
    KP_REAL(struct kd, label_weight, "label_weight", "0", 0, 1e6, "weight of CE(z, y)"),
    KP_REAL(struct kd, kd_weight, "kd_weight", "1", 0, 1e6, "weight of the distillation term"),
    KP_ENUM(struct kd, tau_scale, "tau_scale", "tau2", tau_scale_words,
            "factor of the distillation term: 1, tau or tau^2; 1 where asymmetric"),
    KP_ENUM(struct kd, reduction, "reduction", "batchmean", reduction_words,
            "sum over the K classes, or divided by K too"),
    KP_BOOL(struct kd, asymmetric, "asymmetric", "false", "the temperature is the teacher's alone"),
};

static double kd_factor(const struct kd *o, double classes)
{
    double scale = 1.0;

    if (!o->asymmetric && o->tau_scale == TAU_SCALE_TAU)
        scale = o->tau;
    else if (!o->asymmetric && o->tau_scale == TAU_SCALE_TAU2)
        scale = o->tau * o->tau;
    return o->kd_weight * (o->reduction == REDUCTION_MEAN ? scale / classes : scale);
}

static enum kp_status kd_loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                              struct kp_tensor **loss)
{
    const struct kd *o = self;
    struct kp_shape shape = kp_tensor_shape(t, io->logits);
    struct kp_tensor *teacher = io->teacher_logits;

    if (o->asymmetric)
        teacher = kp_scale(t, teacher, 1.0 / o->tau);
    struct kp_tensor *row = kp_kl_divergence(t, io->logits, teacher, o->asymmetric ? 1.0 : o->tau);
    row = kp_scale(t, row, kd_factor(o, (double)shape.dim[shape.n - 1]));
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
    .formula = "${label_weight} * CE(z, y) + ${kd_weight} * "
               "${asymmetric?false:${tau_scale?tau:${tau} * ;tau2:${tau}^2 * }}"
               "KL(softmax(t / ${tau}) || softmax(z${asymmetric?false: / ${tau}}))"
               "${reduction?mean: / K}",
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
