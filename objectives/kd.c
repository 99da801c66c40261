/* kd.c - knowledge distillation (Hinton et al. 2015): match the teacher's softened outputs. */
#include "kappa/plugin.h"

enum { TAU_SCALE_NONE, TAU_SCALE_TAU, TAU_SCALE_TAU2 };
enum { REDUCTION_BATCHMEAN, REDUCTION_MEAN };

static const char *const tau_scale_words[] = {"none", "tau", "tau2", NULL};
static const char *const reduction_words[] = {"batchmean", "mean", NULL};

struct kd {
    double tau, label_weight, kd_weight;
    int tau_scale, reduction;
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

KP_ROW_LOSS(kd_row, struct kd, {
    const double tau = self->asymmetric ? 1 : self->tau; /* the student's */
    const double scales[] = {1, tau, tau * tau};
    const double share = self->reduction == REDUCTION_MEAN ? 1 / (double)row->classes : 1;

    kp_row_add_cross_entropy(row, self->label_weight, row->label);
    kp_row_add_kl(row, self->kd_weight * scales[self->tau_scale] * share, tau, row->teacher_logits,
                  self->tau);
})

KP_OBJECTIVE(kd, "1",
             .doc = "Knowledge distillation: KL divergence to the teacher at a temperature.",
             .formula = "${label_weight} * CE(z, y) + ${kd_weight} * "
                        "${asymmetric?false:${tau_scale?tau:${tau} * ;tau2:${tau}^2 * }}"
                        "KL(softmax(t / ${tau}) || softmax(z${asymmetric?false: / ${tau}}))"
                        "${reduction?mean: / K}",
             .needs = KP_NEED_TEACHER_LOGITS, .self_size = sizeof(struct kd),
             .options = KP_OPTIONS(kd_options), .row = &kd_row);
