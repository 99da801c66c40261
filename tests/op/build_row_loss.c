/* build_row_loss.c - graphs of row functions: one of the helpers that add losses, one of the
 * others. */
#include "builder.h"
#include "kappa/row.h"

struct options {
    double tau;
};

KP_ROW_LOSS(added, struct options, {
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
KP_ROW_LOSS(written, struct options, {
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

void op_build_row_loss(struct op_builder *b)
{
    static const struct kp_row_loss *const functions[] = {&added, &written};
    const struct op_case *c = b->c;
    struct kp_shape shape = op_input_shape(c), rows = shape;
    struct options *o = kp_arena_new(&b->out->g.memory, struct options, 1);
    struct kp_node *n = op_node(b, KP_OP_ROW_LOSS);
    const double ulps = 2 * op_sum_ulps((double)c->channels);

    b->ok &= o != NULL;
    if (!o)
        return;
    o->tau = c->factor;
    rows.dim[--rows.n] = 0;
    n->attrs.row = functions[c->index];
    n->attrs.row_self = o;
    n->in[0] = op_main_input(b, shape);
    n->in[1] = op_special(b, KP_I32, rows, KP_AT_ARENA, FILL_LABELS);
    n->in[2] = op_main_input(b, shape);
    n->in[3] = c->zero_weights ? op_normal(b, rows, KP_AT_ARENA, 0, 0)
                               : op_special(b, KP_F32, rows, KP_AT_ARENA, FILL_WEIGHTS);
    n->in[4] = b->out->dy = op_normal(b, (struct kp_shape){0}, KP_AT_ARENA, 0, 1);
    b->out->dy->batched = false;
    n->out[0] = b->out->y = op_fixed(b, (struct kp_shape){0});
    (void)op_result_add(b, b->out->y, ulps, 0);
    n->out[1] = op_gradient(b, n->in[0], ulps, 0);
    b->out->flops = b->count * op_each(shape);
}
