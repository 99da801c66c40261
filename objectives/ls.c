/* ls.c - label smoothing in three forms: a hand-made teacher that knows only the label. */
#include "kappa/plugin.h"

#include <math.h>

enum { VARIANT_DED, VARIANT_YUAN_REG, VARIANT_PLAIN };

static const char *const variant_words[] = {"ded", "yuan_reg", "plain", NULL};

struct ls {
    int variant;
    double a;
    double tau;
    double label_weight;
    double kd_weight;
    double multiplier;
    double smoothing;
};

static const struct kp_option ls_options[] = {
    KP_ENUM(struct ls, variant, "variant", "ded", variant_words,
            "ded: the study's; yuan_reg: Yuan et al. (2020); plain: the usual one"),
    KP_REAL(struct ls, a, "a", "0.99", 0, 1, "ded, yuan_reg: q of the label's class"),
    KP_REAL(struct ls, tau, "tau", "20", 1e-3, 1e6, "ded, yuan_reg: temperature of q"),
    KP_REAL(struct ls, label_weight, "label_weight", "0.9", 0, 1e6,
            "ded, yuan_reg: weight of CE(z, y)"),
    KP_REAL(struct ls, kd_weight, "kd_weight", "0.1", 0, 1e6, "ded, yuan_reg: weight of the rest"),
    KP_REAL(struct ls, multiplier, "multiplier", "0", 0, 1e6,
            "yuan_reg: times the mean over the K classes; 0: K, which makes it their sum"),
    KP_REAL(struct ls, smoothing, "smoothing", "0.1", 0, 1,
            "plain: probability taken from the label's class and shared by the others"),
};

/* CE(z, y) weighted, and the divergence from the tempered q weighted. */
static struct kp_tensor *taught_row(struct kp_tape *t, const struct kp_objective_io *io,
                                    const struct ls *o, double classes)
{
    const bool ded = o->variant == VARIANT_DED;
    const double rest = (1 - o->a) / (ded ? 1 - classes : classes - 1);
    const double multiplier = o->multiplier > 0 ? o->multiplier : classes;
    struct kp_tensor *ce = kp_cross_entropy(t, io->logits, io->labels), *q, *kl;

    /* the student is tempered as its teacher is, or not at all */
    if (ded) {
        q = kp_one_hot(t, io->labels, (int64_t)classes, o->a, rest);
        kl = kp_scale(t, kp_kl_divergence(t, io->logits, q, o->tau), o->tau * o->tau);
    } else {
        q = kp_one_hot(t, io->labels, (int64_t)classes, o->a / o->tau, rest / o->tau);
        kl = kp_scale(t, kp_kl_divergence(t, io->logits, q, 1), multiplier / classes);
    }
    return kp_add(t, kp_scale(t, ce, o->label_weight), kp_scale(t, kl, o->kd_weight));
}

/* - sum_k q_k log softmax(z)_k */
static struct kp_tensor *plain_row(struct kp_tape *t, const struct kp_objective_io *io,
                                   const struct ls *o, double classes)
{
    struct kp_tensor *q =
        kp_one_hot(t, io->labels, (int64_t)classes, 1 - o->smoothing, o->smoothing / (classes - 1));

    return kp_scale(t, kp_row_mean(t, kp_mul(t, q, kp_log_softmax(t, io->logits))), -classes);
}

static enum kp_status ls_loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                              struct kp_tensor **loss)
{
    const struct ls *o = self;
    const struct kp_shape shape = kp_tensor_shape(t, io->logits);
    const int64_t classes = shape.dim[shape.n - 1];

    if (classes < 2)
        return kp_tape_fail(t, KP_E_SHAPE, "label smoothing needs at least 2 classes, got %lld",
                            (long long)classes);
    struct kp_tensor *row = o->variant == VARIANT_PLAIN ? plain_row(t, io, o, (double)classes)
                                                        : taught_row(t, io, o, (double)classes);
    *loss = kp_weighted_mean(t, row, io->weights);
    return kp_tape_status(t);
}

/* The usual smoothing tempers nothing. */
static double ls_temperature(const void *self)
{
    const struct ls *o = self;
    return o->variant == VARIANT_PLAIN ? (double)NAN : o->tau;
}

static const struct kp_objective_def ls = {
    .size = sizeof(struct kp_objective_def),
    .name = "ls",
    .doc = "Label smoothing: a hand-made teacher that knows only the label.",
    .formula = "${variant?ded:${label_weight} * CE(z, y) + ${kd_weight} * ${tau}^2 * "
               "KL(softmax(q / ${tau}) || softmax(z / ${tau})), "
               "q_y = ${a}, q_k = (1 - ${a}) / (1 - K)"
               ";yuan_reg:${label_weight} * CE(z, y) + ${kd_weight} * "
               "${multiplier?0:;*:${multiplier} / K * }"
               "KL(softmax(q / ${tau}) || softmax(z)), q_y = ${a}, q_k = (1 - ${a}) / (K - 1)"
               ";plain:- sum_k q_k log softmax(z)_k, "
               "q_y = 1 - ${smoothing}, q_k = ${smoothing} / (K - 1)}",
    .self_size = sizeof(struct ls),
    .options = KP_OPTIONS(ls_options),
    .loss = ls_loss,
    .temperature = ls_temperature,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "ls",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&ls, NULL},
};
