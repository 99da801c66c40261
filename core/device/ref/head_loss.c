/* head_loss.c - a linear layer and the row loss of its results on the reference device, row by row.
 */
#include "device/ref/ref.h"

#include <string.h>

/* z = x w^T + b, one row; b may be NULL. */
static void layer(const struct kp_shape *w_shape, const double *x, const double *w, const double *b,
                  double *z)
{
    const int64_t out = w_shape->dim[0], in = w_shape->dim[1];

    for (int64_t o = 0; o < out; o++) {
        z[o] = b ? b[o] : 0;
        for (int64_t i = 0; i < in; i++)
            z[o] += x[i] * w[o * in + i];
    }
}

/* What a row's dz adds to the gradients, those that are wanted. */
static void add_gradients(const struct kp_ref_call *c, int64_t row, const double *dz)
{
    const struct kp_shape *shape = &c->node->in[KP_HEAD_W]->shape;
    const int64_t out = shape->dim[0], in = shape->dim[1];
    const double *x = kp_ref_in(c, KP_HEAD_X) + row * in, *w = kp_ref_in(c, KP_HEAD_W);
    double *dx = kp_ref_out(c, KP_HEAD_DX), *dw = kp_ref_out(c, KP_HEAD_DW);
    double *db = kp_ref_out(c, KP_HEAD_DB);

    for (int64_t o = 0; o < out; o++) {
        for (int64_t i = 0; i < in; i++) {
            if (dx)
                dx[row * in + i] += dz[o] * w[o * in + i];
            if (dw)
                dw[o * in + i] += dz[o] * x[i];
        }
        if (db)
            db[o] += dz[o];
    }
}

/* The logits, the teacher's, their gradient, and what the row function works in. */
size_t kp_ref_head_loss_scratch(const struct kp_node *n)
{
    const int64_t classes = n->in[KP_HEAD_W]->shape.dim[0];

    return (size_t)(3 * classes + KP_REF_ROW_WORK(classes)) * sizeof(float);
}

void kp_ref_head_loss(const struct kp_ref_call *c)
{
    const struct kp_node *n = c->node;
    const struct kp_value *tw = n->in[KP_HEAD_TW];
    const int64_t k = n->in[KP_HEAD_W]->shape.dim[0], in = n->in[KP_HEAD_W]->shape.dim[1];
    const int64_t rows = kp_ref_count(n->in[KP_HEAD_WEIGHTS], c->rows);
    const double *labels = kp_ref_in(c, KP_HEAD_LABELS), *w = kp_ref_in(c, KP_HEAD_WEIGHTS);
    const double *dy = kp_ref_in(c, KP_HEAD_DY), *t = kp_ref_in(c, KP_HEAD_T);
    double *z = (double *)c->memory->arena + n->scratch_offset / sizeof(float);
    double *made = z + k, *grad = made + k, *work = grad + k;
    double weights = 0, sum = 0;

    for (int64_t i = 0; i < rows; i++)
        weights += w[i];
    for (int64_t i = 0; i < rows; i++) {
        const double *teacher = tw ? made : t ? t + i * k : NULL;
        if (!(w[i] != 0))
            continue;
        layer(&n->in[KP_HEAD_W]->shape, kp_ref_in(c, KP_HEAD_X) + i * in, kp_ref_in(c, KP_HEAD_W),
              kp_ref_in(c, KP_HEAD_B), z);
        if (tw)
            layer(&tw->shape, t + i * tw->shape.dim[1], kp_ref_in(c, KP_HEAD_TW),
                  kp_ref_in(c, KP_HEAD_TB), made);
        memset(grad, 0, (size_t)k * sizeof(*grad));
        sum += w[i] * kp_ref_row(n, k, labels[i], z, teacher, grad, work);
        for (int64_t o = 0; o < k; o++) {
            grad[o] *= (dy ? dy[0] : 1) * w[i] / weights;
            if (n->in[KP_HEAD_W]->bf16)
                grad[o] = kp_ref_bf16(grad[o]);
        }
        add_gradients(c, i, grad);
    }
    kp_ref_out(c, KP_HEAD_LOSS)[0] = weights != 0 ? sum / weights : 0;
}
