/* dkd.c - decoupled knowledge distillation (Zhao et al. 2022). */
#include <kappa/plugin.h>
#include <kappa/row.h>

#include <math.h>

/* With p, q = softmax of student and teacher at the temperature, y the label, and ^p, ^q the same
 * without y (softmax over the other classes):
 *   TCKD = KL((q_y, 1 - q_y) || (p_y, 1 - p_y))     NCKD = KL(^q || ^p)
 *   loss = tau^2 (alpha TCKD + beta NCKD) + label_weight CE(z, y)
 * KL(q || p) is TCKD + (1 - q_y) NCKD: a confident teacher says little of the other classes there;
 * here both parts have a weight of their own. */
struct dkd {
    double alpha, beta, tau, label_weight;
};

static const struct kp_option dkd_options[] = {
    KP_REAL(struct dkd, alpha, "alpha", "1", 0, 1e6, "weight of the label's class (TCKD)"),
    KP_REAL(struct dkd, beta, "beta", "8", 0, 1e6, "weight of the other classes (NCKD)"),
    KP_REAL(struct dkd, tau, "tau", "4", 1e-3, 1e6, "temperature"),
    KP_REAL(struct dkd, label_weight, "label_weight", "1", 0, 1e6,
            "weight of the cross-entropy with the label"),
};

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    return fmax(a, b) + log1p(exp(-fabs(a - b)));
}

/* A logit this far below the others, in units of tau, leaves a softmax. */
#define GONE 1000.0

/* Gradients:  dTCKD/dz = (q_y - p_y) (^p - onehot) / tau     dNCKD/dz = (^p - ^q) / tau */
KP_ROW_LOSS(dkd_row, struct dkd, {
    if (row->label < 0)
        return;
    const double tau = self->tau;
    kp_real *onehot = row->work[0], *p = row->work[1], *q = row->work[2];

    kp_row_one_hot(row, row->label, 1, 0, onehot);
    const double z_y = kp_row_dot(row, row->logits, onehot) / tau;
    const double t_y = kp_row_dot(row, row->teacher_logits, onehot) / tau;

    /* Logarithms of the sums of exp(z_k / tau) and exp(t_k / tau) over the other classes. */
    kp_row_mix(row, 1, row->logits, -GONE * tau, onehot, p);
    const double z_rest = kp_row_soften(row, p, tau, p), z_all = log_add(z_rest, z_y);
    kp_row_mix(row, 1, row->teacher_logits, -GONE * tau, onehot, q);
    const double t_rest = kp_row_soften(row, q, tau, q), t_all = log_add(t_rest, t_y);

    const double p_y = exp(z_y - z_all), q_y = exp(t_y - t_all);
    const double tckd =
        q_y * (t_y - t_all - z_y + z_all) + exp(t_rest - t_all) * (t_rest - t_all - z_rest + z_all);
    const double nckd =
        (kp_row_dot(row, q, row->teacher_logits) - kp_row_dot(row, q, row->logits)) / tau -
        (t_rest - z_rest);
    row->loss += tau * tau * (self->alpha * tckd + self->beta * nckd);

    const kp_real label = (kp_real)(self->alpha * tau * (q_y - p_y));
    const kp_real others = (kp_real)(self->beta * tau);
    KP_EACH (row, k)
        row->grad[k] += label * (p[k] - onehot[k]) + others * (p[k] - q[k]);

    kp_row_add_cross_entropy(row, self->label_weight, row->label);
})

KP_OBJECTIVE(dkd, "1",
             .doc = "Decoupled distillation: the label's class and the others, each with a weight.",
             .formula = "${tau}^2 (${alpha} TCKD + ${beta} NCKD) + ${label_weight} CE(z, y)",
             .needs = KP_NEED_TEACHER_LOGITS, .self_size = sizeof(struct dkd),
             .options = KP_OPTIONS(dkd_options), .row = &dkd_row);
