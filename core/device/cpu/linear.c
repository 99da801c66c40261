/* linear.c - y = x w^T + b and its gradients, row-major.
 *
 *   x (N, I)   w (O, I)   b (O)   y (N, O)     dx = dy w     dw = dy^T x     db = sum of dy */
#include "device/cpu/cpu.h"
#include "device/cpu/gemm.h"

#include <string.h>

/* Rows of dw that one task makes, from the whole batch. */
#define GRAD_ROWS 64

static void forward_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t rows = (t->group_end - t->group) * KP_LANES;
    const int64_t in = n->in[1]->shape.dim[1], out = n->in[1]->shape.dim[0];
    const float *x = kp_floats(p, n->in[0]) + t->group * KP_LANES * in;
    const float *b = kp_floats(p, n->in[2]);
    float *y = kp_floats(p, n->out[0]) + t->group * KP_LANES * out;

    for (int64_t e = 0; b && e < rows; e++)
        memcpy(y + e * out, b, (size_t)out * sizeof(float));
    kp_gemm(false, true, rows, out, in, x, in, kp_floats(p, n->in[1]), in, b ? 1.0f : 0.0f, y, out);
}

static void grad_x_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t rows = (t->group_end - t->group) * KP_LANES;
    const int64_t in = n->in[1]->shape.dim[1], out = n->in[1]->shape.dim[0];

    kp_gemm(false, false, rows, in, out, kp_floats(p, n->in[0]) + t->group * KP_LANES * out, out,
            kp_floats(p, n->in[1]), in, 0.0f, kp_floats(p, n->out[0]) + t->group * KP_LANES * in,
            in);
}

static void grad_w_rows(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t in = n->out[0]->shape.dim[1], out = n->out[0]->shape.dim[0];
    const int64_t o = t->index * GRAD_ROWS;
    const int64_t rows = out - o < GRAD_ROWS ? out - o : GRAD_ROWS;
    const float *dy = kp_floats(p, n->in[1]) + o;
    float *db = kp_floats(p, n->out[1]);

    kp_gemm(true, false, rows, in, p->rows, dy, out, kp_floats(p, n->in[0]), in, 0.0f,
            kp_floats(p, n->out[0]) + o * in, in);
    for (int64_t i = 0; db && i < rows; i++) {
        double sum = 0.0;
        for (int64_t e = 0; e < p->rows; e++)
            sum += (double)dy[e * out + i];
        db[o + i] = (float)sum;
    }
}

void kp_lower_linear(struct kp_lowering *l, const struct kp_node *n)
{
    if (n->op == KP_OP_LINEAR)
        kp_lower_step(l, KP_SLICES, forward_slice, NULL, 0);
    else if (n->op == KP_OP_LINEAR_GRAD_X)
        kp_lower_step(l, KP_SLICES, grad_x_slice, NULL, 0);
    else
        kp_lower_step(l, KP_AFTER, grad_w_rows, NULL,
                      (n->out[0]->shape.dim[0] + GRAD_ROWS - 1) / GRAD_ROWS);
}
