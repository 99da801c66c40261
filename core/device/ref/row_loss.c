/* row_loss.c - the row function of an objective on the reference device: its double form, and the
 * helpers of kappa/row.h for it as plain loops. */
#include "base/running.h"
#include "device/ref/ref.h"
#include "device/ref/soft.h"

static double row_max(int64_t n, const double *x)
{
    double most = x[0];
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    return most;
}

static double row_sum(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static double row_dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void row_mix(int64_t n, double a, const double *x, double b, const double *y, double *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = b != 0 ? a * x[i] + b * y[i] : a * x[i];
}

static double row_exps(int64_t n, double a, const double *x, double x0, double *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = exp(a * (x[i] - x0));
    return row_sum(n, out);
}

static void row_one_hot(int64_t n, int64_t label, double on, double off, double *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = i == label ? on : off;
}

static double row_soften(int64_t n, const double *x, double tau, double *out)
{
    struct soft p = soft_of(x, n, tau);
    for (int64_t i = 0; i < n; i++)
        out[i] = soft_share(&p, i);
    return p.largest / tau + log(p.sum);
}

static void row_add_cross_entropy(struct kp_row_double *row, double weight, int64_t label)
{
    struct soft p = soft_of(row->logits, row->classes, 1);
    if (label < 0 || weight == 0)
        return;
    row->loss -= weight * soft_log(&p, label);
    for (int64_t i = 0; i < row->classes; i++)
        row->grad[i] += weight * (soft_share(&p, i) - (i == label ? 1 : 0));
}

static void row_add_soft_cross_entropy(struct kp_row_double *row, double weight, const double *q)
{
    struct soft p = soft_of(row->logits, row->classes, 1);
    const double mass = row_sum(row->classes, q);
    for (int64_t i = 0; i < row->classes && weight != 0; i++) {
        row->loss -= weight * q[i] * soft_log(&p, i);
        row->grad[i] += weight * (mass * soft_share(&p, i) - q[i]);
    }
}

static void row_add_kl(struct kp_row_double *row, double weight, double tau, const double *target,
                       double target_tau)
{
    const int64_t n = row->classes;
    struct soft q = soft_of(row->logits, n, tau), p = soft_of(target, n, target_tau);
    if (weight == 0)
        return;
    row->loss += weight * divergence(row->logits, tau, target, target_tau, n);
    for (int64_t i = 0; i < n; i++)
        row->grad[i] += weight * (soft_share(&q, i) - soft_share(&p, i)) / tau;
}

static const struct kp_row_fn_double row_fn = {
    .size = sizeof(struct kp_row_fn_double),
    .max = row_max,
    .sum = row_sum,
    .dot = row_dot,
    .mix = row_mix,
    .exps = row_exps,
    .one_hot = row_one_hot,
    .soften = row_soften,
    .add_cross_entropy = row_add_cross_entropy,
    .add_soft_cross_entropy = row_add_soft_cross_entropy,
    .add_kl = row_add_kl,
};

static int64_t classes_of(const struct kp_node *n)
{
    const struct kp_shape *z = &n->in[0]->shape;
    return z->dim[z->n - 1];
}

size_t kp_ref_row_loss_scratch(const struct kp_node *n)
{
    return (size_t)KP_REF_ROW_WORK(classes_of(n)) * sizeof(float);
}

double kp_ref_row(const struct kp_node *n, int64_t classes, double label, const double *z,
                  const double *t, double *grad, double *work)
{
    struct kp_row_double row = {
        .fn = &row_fn,
        .classes = classes,
        .label = (int32_t)label,
        .logits = z,
        .teacher_logits = t,
        .grad = grad,
        .scratch = work + KP_ROW_WORK * classes,
    };

    KP_ASSERT(row.label >= -1 && row.label < classes);
    for (int j = 0; j < KP_ROW_WORK; j++)
        row.work[j] = work + j * classes;
    KP_IN_PLUGIN("objective", n->attrs.row_name, "row",
                 n->attrs.row->in_double(n->attrs.row_self, &row));
    return row.loss;
}

void kp_ref_row_loss(const struct kp_ref_call *c)
{
    const struct kp_node *n = c->node;
    const double *z = kp_ref_in(c, 0), *labels = kp_ref_in(c, 1), *t = kp_ref_in(c, 2);
    const double *w = kp_ref_in(c, 3), *dy = kp_ref_in(c, 4);
    double *work = (double *)c->memory->arena + n->scratch_offset / sizeof(float);
    const int64_t k = classes_of(n), rows = kp_ref_count(n->in[3], c->rows);
    const double weights = row_sum(rows, w);
    double sum = 0;

    for (int64_t i = 0; i < rows; i++) {
        double *grad = kp_ref_out(c, 1) + i * k;
        if (!(w[i] != 0))
            continue;
        sum += w[i] * kp_ref_row(n, k, labels[i], z + i * k, t ? t + i * k : NULL, grad, work);
        row_mix(k, (dy ? dy[0] : 1) * w[i] / weights, grad, 0, grad, grad);
    }
    kp_ref_out(c, 0)[0] = weights != 0 ? sum / weights : 0;
}
