/* my_objective.c - cross-entropy with the labels, less a bonus for doubt (Pereyra et al. 2017).
 *
 * An objective is the loss of one row, an example or a token, with its gradient to the row's
 * logits. kappa/row.h has the rules and the helpers. With .needs = KP_NEED_TEACHER_LOGITS there are
 * row->teacher_logits too. A loss that is easier said with operations on whole batches, or that
 * looks at features, is recorded instead: see .loss in kappa/objective.h. */
#include <kappa/plugin.h>

/* The keys of [objective.my_objective]. */
struct my_objective_options {
    double doubt;
};

/* Field, key, default, least, most, what it means. */
static const struct kp_option my_objective_table[] = {
    KP_REAL(struct my_objective_options, doubt, "doubt", "0.1", 0, 10, "weight of the entropy"),
};

/* CE(z, y) - doubt H(p) with p = softmax(z);   d(-H) / dz_k = p_k (log p_k + H) */
KP_ROW_LOSS(my_objective_row, struct my_objective_options, {
    kp_real *p = row->work[0];
    const double log_sum = kp_row_soften(row, row->logits, 1, p); /* log p_k = z_k - log_sum */
    const double entropy = log_sum - kp_row_dot(row, p, row->logits);

    kp_row_add_cross_entropy(row, 1, row->label);
    row->loss -= self->doubt * entropy;
    KP_EACH (row, k)
        row->grad[k] +=
            (kp_real)self->doubt * p[k] * (row->logits[k] - (kp_real)(log_sum - entropy));
})

KP_OBJECTIVE(my_objective, "1", .doc = "Cross-entropy with a bonus for outputs of high entropy.",
             .formula = "CE(z, y) - ${doubt} * H(softmax(z))",
             .self_size = sizeof(struct my_objective_options),
             .options = KP_OPTIONS(my_objective_table), .row = &my_objective_row);
