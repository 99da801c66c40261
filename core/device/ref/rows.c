/* rows.c - softmax, losses and means of the reference device. */
#include "device/ref/ref.h"
#include "device/ref/soft.h"

/* Rows of the last dimension of v (.., K). */
static int64_t width_of(const struct kp_value *v)
{
    return v->shape.dim[v->shape.n - 1];
}

static int64_t rows_of(const struct kp_ref_call *c, const struct kp_value *v)
{
    return kp_ref_count(v, c->rows) / width_of(v);
}

void kp_ref_softmax(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        struct soft p = soft_of(x + r * k, k, 1);
        for (int64_t i = 0; i < k; i++)
            y[r * k + i] = soft_share(&p, i);
    }
}

/* dx = y (dy - sum(y dy)) */
void kp_ref_softmax_grad(const struct kp_ref_call *c)
{
    const double *y = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t i = r * k; i < (r + 1) * k; i++)
            sum += y[i] * dy[i];
        for (int64_t i = r * k; i < (r + 1) * k; i++)
            dx[i] = y[i] * (dy[i] - sum);
    }
}

void kp_ref_log_softmax(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        struct soft p = soft_of(x + r * k, k, 1);
        for (int64_t i = 0; i < k; i++)
            y[r * k + i] = soft_log(&p, i);
    }
}

/* dx = dy - exp(y) sum(dy) */
void kp_ref_log_softmax_grad(const struct kp_ref_call *c)
{
    const double *y = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t i = r * k; i < (r + 1) * k; i++)
            sum += dy[i];
        for (int64_t i = r * k; i < (r + 1) * k; i++)
            dx[i] = dy[i] - exp(y[i]) * sum;
    }
}

void kp_ref_mean(const struct kp_ref_call *c)
{
    const struct kp_value *v = c->node->in[0];
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    int64_t each = kp_shape_count(v->shape) / kp_shape_count(c->node->out[0]->shape);
    for (int64_t i = 0; i < kp_ref_count(v, c->rows); i++)
        y[i / each] += x[i];
    for (int64_t n = 0; n < kp_ref_count(c->node->out[0], c->rows); n++)
        y[n] /= (double)each;
}

void kp_ref_mean_grad(const struct kp_ref_call *c)
{
    const struct kp_value *v = c->node->out[0];
    const double *dy = kp_ref_in(c, 0);
    double *dx = kp_ref_out(c, 0);
    int64_t each = kp_shape_count(v->shape) / kp_shape_count(c->node->in[0]->shape);
    for (int64_t i = 0; i < kp_ref_count(v, c->rows); i++)
        dx[i] = dy[i / each] / (double)each;
}

/* The class of row r, or -1 for none. */
static int64_t label_of(const struct kp_ref_call *c, int64_t r, int64_t classes)
{
    int64_t label = (int64_t)kp_ref_in(c, 1)[r];
    KP_ASSERT(label >= -1 && label < classes);
    return label;
}

/* l = -log softmax(z)[label] */
void kp_ref_cross_entropy(const struct kp_ref_call *c)
{
    const double *z = kp_ref_in(c, 0);
    double *l = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        struct soft p = soft_of(z + r * k, k, 1);
        int64_t label = label_of(c, r, k);
        if (label >= 0)
            l[r] = -soft_log(&p, label);
    }
}

/* dz = (softmax(z) - onehot(label)) dl */
void kp_ref_cross_entropy_grad(const struct kp_ref_call *c)
{
    const double *z = kp_ref_in(c, 0), *dl = kp_ref_in(c, 2);
    double *dz = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        struct soft p = soft_of(z + r * k, k, 1);
        int64_t label = label_of(c, r, k);
        for (int64_t i = 0; label >= 0 && i < k; i++)
            dz[r * k + i] = (soft_share(&p, i) - (i == label ? 1 : 0)) * dl[r];
    }
}

void kp_ref_kl(const struct kp_ref_call *c)
{
    const double *z = kp_ref_in(c, 0), *t = kp_ref_in(c, 1);
    double *l = kp_ref_out(c, 0);
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++)
        l[r] = divergence(z + r * k, c->node->attrs.factor, t + r * k, c->node->attrs.factor, k);
}

/* dz = (softmax(z / tau) - softmax(t / tau)) dl / tau */
void kp_ref_kl_grad(const struct kp_ref_call *c)
{
    const double *z = kp_ref_in(c, 0), *t = kp_ref_in(c, 1), *dl = kp_ref_in(c, 2);
    double *dz = kp_ref_out(c, 0), tau = c->node->attrs.factor;
    int64_t k = width_of(c->node->in[0]), rows = rows_of(c, c->node->in[0]);
    for (int64_t r = 0; r < rows; r++) {
        struct soft q = soft_of(z + r * k, k, tau), p = soft_of(t + r * k, k, tau);
        for (int64_t i = 0; i < k; i++)
            dz[r * k + i] = (soft_share(&q, i) - soft_share(&p, i)) * dl[r] / tau;
    }
}

static double weight_sum(const struct kp_ref_call *c)
{
    const double *w = kp_ref_in(c, 1);
    double sum = 0;
    for (int64_t i = 0; i < kp_ref_count(c->node->in[1], c->rows); i++)
        sum += w[i];
    return sum;
}

void kp_ref_weighted_mean(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0), *w = kp_ref_in(c, 1);
    double weights = weight_sum(c), sum = 0;
    for (int64_t i = 0; i < kp_ref_count(c->node->in[0], c->rows); i++)
        sum += w[i] * x[i];
    kp_ref_out(c, 0)[0] = weights != 0 ? sum / weights : 0;
}

/* dx = dy w / sum(w) */
void kp_ref_weighted_mean_grad(const struct kp_ref_call *c)
{
    const double *w = kp_ref_in(c, 1), *dy = kp_ref_in(c, 2);
    double *dx = kp_ref_out(c, 0), weights = weight_sum(c);
    for (int64_t i = 0; weights != 0 && i < kp_ref_count(c->node->in[0], c->rows); i++)
        dx[i] = (dy ? dy[0] : 1) * w[i] / weights;
}
