/* l2.c - regression of the teacher's logits, the limit of distillation at high temperature. */
#include "kappa/plugin.h"

enum { REDUCTION_MEAN, REDUCTION_SUM };

static const char *const reduction_words[] = {"mean", "sum", NULL};

struct l2 {
    int reduction;
    bool centred;
};

static const struct kp_option l2_options[] = {
    KP_ENUM(struct l2, reduction, "reduction", "mean", reduction_words, "over the K classes"),
    KP_BOOL(struct l2, centred, "centred", "false",
            "compare the logits less their mean over the classes"),
};

KP_ROW_LOSS(l2_row, struct l2, {
    const double share = self->reduction == REDUCTION_MEAN ? 1 / (double)row->classes : 1;
    kp_real *d = row->work[0];

    kp_row_mix(row, 1, row->logits, -1, row->teacher_logits, d);
    if (self->centred) {
        const kp_real mean = (kp_real)(kp_row_sum(row, d) / (double)row->classes);
        KP_EACH (row, k)
            d[k] -= mean;
    }
    row->loss += share * kp_row_dot(row, d, d);
    kp_row_mix(row, 2 * share, d, 1, row->grad, row->grad);
})

KP_OBJECTIVE(l2, "1", .doc = "Logit regression: squared distance to the teacher's logits.",
             .formula = "${reduction?mean:mean;sum:sum}_k ("
                        "${centred?false:z_k - t_k;true:(z_k - mean z) - (t_k - mean t)})^2",
             .needs = KP_NEED_TEACHER_LOGITS, .self_size = sizeof(struct l2),
             .options = KP_OPTIONS(l2_options), .row = &l2_row);
