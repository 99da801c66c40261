/* lane_rows.inl - rows of an objective, and the table of the helpers that its row function calls.
 */

/* Rows of an objective: a gradient is made in a row of the thread, and scaled on its way to where
 * it belongs. */
static void lane_rows(const struct kp_lane_rows *r, int64_t first, int64_t end)
{
    struct kp_row_float row = {.fn = &LANE_TABLE.row, .classes = r->classes};

    for (int i = 0; i < KP_ROW_WORK; i++)
        row.work[i] = r->work + i * KP_ROW_ROOM(r->classes);
    row.scratch = r->work + KP_ROW_WORK * KP_ROW_ROOM(r->classes);
    row.grad = row.scratch + 2 * KP_ROW_ROOM(r->classes);
    for (int64_t i = first; i < end; i++) {
        const double weight = (double)r->weights[i];
        float *grad = r->grads + i * r->classes;

        row.loss = 0.0;
        if (weight != 0.0) {
            row.label = r->labels[i] < r->classes ? r->labels[i] : -1;
            row.logits = r->logits + i * r->classes;
            row.teacher_logits = r->teacher ? r->teacher + i * r->classes : NULL;
            for (int64_t k = 0; k < r->classes; k += KP_VEC)
                v_store(row.grad + k, v_zero());
            r->loss->in_float(r->self, &row);
            ROW_PASS(r->classes, scale_pass, (float)(weight * r->share), row.grad, grad);
        } else {
            ROW_PASS(r->classes, fill_pass, 0.0f, grad);
        }
        r->losses[i] = weight * row.loss;
    }
}

#define LANE_ROW                                                                                \
    {                                                                                           \
        .size = sizeof(struct kp_row_fn_float), .max = row_max, .sum = row_sum, .dot = row_dot, \
        .mix = row_mix, .exps = row_exps, .one_hot = row_one_hot, .soften = row_soften,         \
        .add_cross_entropy = row_add_cross_entropy,                                             \
        .add_soft_cross_entropy = row_add_soft_cross_entropy, .add_kl = row_add_kl,             \
    }
