/* ls.c - label smoothing in three forms: a hand-made teacher that knows only the label. */
#include "kappa/plugin.h"

enum { DED, YUAN_REG, PLAIN };

static const char *const variants[] = {"ded", "yuan_reg", "plain", NULL};

struct ls {
    int variant;
    double a, tau, label_weight, kd_weight, multiplier, smoothing;
};

static const struct kp_option ls_options[] = {
    KP_ENUM(struct ls, variant, "variant", "ded", variants,
            "ded: the study's; yuan_reg: Yuan et al. (2020); plain: the usual one"),
    KP_REAL(struct ls, a, "a", "0.99", 0, 1, "not plain: q of the label's class"),
    KP_REAL(struct ls, tau, "tau", "20", 1e-3, 1e6, "not plain: temperature of q"),
    KP_REAL(struct ls, label_weight, "label_weight", "0.9", 0, 1e6, "not plain: of CE(z, y)"),
    KP_REAL(struct ls, kd_weight, "kd_weight", "0.1", 0, 1e6, "not plain: weight of the rest"),
    KP_REAL(struct ls, multiplier, "multiplier", "0", 0, 1e6, "yuan_reg: factor of the mean; 0: K"),
    KP_REAL(struct ls, smoothing, "smoothing", "0.1", 0, 1, "plain: probability for other classes"),
};

KP_ROW_LOSS(ls_row, struct ls, {
    const bool ded = self->variant == DED;
    const double classes = (double)row->classes, tau = self->tau;
    const double q_y = self->variant == PLAIN ? 1 - self->smoothing : self->a;
    const double part = self->multiplier > 0 ? self->multiplier / classes : 1;
    kp_real *q = row->work[0];

    kp_row_one_hot(row, row->label, q_y, (1 - q_y) / (ded ? 1 - classes : classes - 1), q);
    if (self->variant == PLAIN) {
        kp_row_add_soft_cross_entropy(row, 1, q);
    } else {
        kp_row_add_cross_entropy(row, self->label_weight, row->label);
        kp_row_add_kl(row, self->kd_weight * (ded ? tau * tau : part), ded ? tau : 1, q, tau);
    }
})

/* The usual smoothing tempers nothing. */
KP_TEMPERATURE(ls_temperature, struct ls, self->variant == PLAIN ? (double)NAN : self->tau)

KP_OBJECTIVE(ls, "1", .doc = "Label smoothing: a hand-made teacher that knows only the label.",
             .formula = "${variant?plain:- sum_k q_k log softmax(z)_k;*:${label_weight} * CE(z, y) "
                        "+ ${kd_weight} * ${variant?ded:${tau}^2 * ;*:${multiplier?0:;*:"
                        "${multiplier} / K * }}KL(softmax(q / ${tau}) || softmax(z${variant?ded: / "
                        "${tau}}))}, q_y = ${variant?plain:1 - ${smoothing};*:${a}}, "
                        "q_k = (1 - q_y) / ${variant?ded:(1 - K);*:(K - 1)}",
             .self_size = sizeof(struct ls), .options = KP_OPTIONS(ls_options), .row = &ls_row,
             .temperature = ls_temperature);
