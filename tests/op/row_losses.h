/* row_losses.h - the row functions of cases: one of the helpers that add losses, one of the others.
 */
#ifndef KP_TESTS_OP_ROW_LOSSES_H
#define KP_TESTS_OP_ROW_LOSSES_H

#include "kappa/row.h"

struct row_options {
    double tau;
};

KP_ROW_LOSS(added, struct row_options, {
    kp_real *q = row->work[KP_ROW_WORK - 1];

    kp_row_one_hot(row, row->label, 0.8, 0.1, q);
    kp_row_add_soft_cross_entropy(row, 0.75, q);
    kp_row_add_cross_entropy(row, 0.5, row->label);
    kp_row_add_kl(row, 1.5, self->tau, row->teacher_logits, 2 * self->tau);
    kp_row_add_kl(row, 0.25, 1, q, self->tau);
    kp_row_add_kl(row, 0, 1, row->work[0], 1);
})

/* log(sum_k e^(z_k / tau))^2 + log sum_k e^(z_k / (2 tau)) + |z - t|^2 / 2 + sum_k e^(-(z_k/9)^2)
 */
KP_ROW_LOSS(written, struct row_options, {
    const double tau = self->tau;
    const double top = kp_row_max(row, row->logits);
    const double sum = kp_row_exp(row, 1 / tau, row->logits, top, row->work[0]);
    const double log_sum = top / tau + log(sum);
    kp_real *d = row->work[2];

    row->loss += log_sum * log_sum;
    kp_row_mix(row, 2 * log_sum / (tau * sum), row->work[0], 1, row->grad, row->grad);
    row->loss += kp_row_soften(row, row->logits, 2 * tau, row->work[1]);
    kp_row_mix(row, 0.5 / tau, row->work[1], 1, row->grad, row->grad);
    kp_row_mix(row, 1, row->logits, -1, row->teacher_logits, d);
    row->loss += kp_row_dot(row, d, d) / 2;
    kp_row_mix(row, 1, d, 1, row->grad, row->grad);
    KP_EACH (row, k) {
        const kp_real z = row->logits[k] / 9;
        d[k] = kp_exp(-z * z);
        row->grad[k] -= 2 * z * d[k] / 9;
    }
    row->loss += kp_row_sum(row, d);
})

#endif
