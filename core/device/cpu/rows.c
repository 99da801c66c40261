/* rows.c - softmax and log-softmax over the last dimension, and their gradients. */
#include "device/cpu/cpu.h"
#include "kernels/softmax.h"

#include <math.h>

/* y = x - max - log(sum exp(x - max)), or its exponential */
static void softmax_row(const float *x, float *y, int64_t k, bool log_form)
{
    float top = x[0];
    double sum = 0.0;

    for (int64_t i = 1; i < k; i++)
        top = x[i] > top ? x[i] : top;
    for (int64_t i = 0; i < k; i++) {
        y[i] = expf(x[i] - top);
        sum += (double)y[i];
    }
    if (log_form) {
        const double log_sum = log(sum);
        for (int64_t i = 0; i < k; i++)
            y[i] = kp_log_softmax_y(x[i], top, log_sum);
    } else {
        for (int64_t i = 0; i < k; i++)
            y[i] = (float)((double)y[i] / sum);
    }
}

static void softmax_grad_row(const float *y, const float *dy, float *dx, int64_t k, bool log_form)
{
    double sum = 0.0;

    for (int64_t i = 0; i < k; i++)
        sum += log_form ? (double)dy[i] : (double)y[i] * (double)dy[i];
    for (int64_t i = 0; i < k; i++)
        dx[i] = log_form ? kp_log_softmax_dx(y[i], dy[i], sum) : kp_softmax_dx(y[i], dy[i], sum);
}

static void rows_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_range r = kp_span_range(t, n->out[0]);
    const struct kp_shape *shape = &n->out[0]->shape;
    const int64_t k = shape->n > 0 ? shape->dim[shape->n - 1] : 1;
    const bool log_form = n->op == KP_OP_LOG_SOFTMAX || n->op == KP_OP_LOG_SOFTMAX_GRAD;
    const float *a = kp_floats(p, n->in[0]), *b = kp_floats(p, n->in[1]);
    float *y = kp_floats(p, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i += k) {
        if (b)
            softmax_grad_row(a + i, b + i, y + i, k, log_form);
        else
            softmax_row(a + i, y + i, k, log_form);
    }
}

void kp_lower_rows(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES, rows_slice, NULL, 1);
}
