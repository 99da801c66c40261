/* linear.c - y = x w^T + b and its gradients, row-major.
 *
 *   x (N, .., I)   w (O, I)   b (O)   y (N, .., O)     dx = dy w     dw = dy^T x     db = sum of dy
 *
 * An example has one row or several (tokens). */
#include "device/cpu/cpu.h"
#include "device/cpu/gemm.h"

#include <string.h>

/* Rows of dw that one task makes, from the whole batch: an eighth within limits. Fewer slow the
 * product down, more leave threads without work. */
#define GRAD_ROWS_MIN 96
#define GRAD_ROWS_MAX 256
/* Columns of dy that are added up together: a number that compilers turn into vectors. */
#define SUM_COLUMNS 8

/* Rows of one example of v, whose rows have `width` numbers. */
static int64_t each(const struct kp_value *v, int64_t width)
{
    return kp_value_rest(v) / width;
}

/* First row of a slice and the number of its rows. */
static struct kp_range rows_of(const struct kp_span *t, const struct kp_value *v, int64_t width)
{
    const int64_t rows = each(v, width);
    struct kp_range r = {t->first * rows, (t->end - t->first) * rows};
    return r;
}

static void forward_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t in = n->in[1]->shape.dim[1], out = n->in[1]->shape.dim[0];
    const struct kp_range r = rows_of(t, n->in[0], in);
    const float *x = kp_floats(p, n->in[0]) + r.first * in;
    const float *b = kp_floats(p, n->in[2]);
    float *y = kp_floats(p, n->out[0]) + r.first * out;

    for (int64_t e = 0; b && e < r.count; e++)
        memcpy(y + e * out, b, (size_t)out * sizeof(float));
    kp_gemm(false, true, r.count, out, in, x, in, kp_floats(p, n->in[1]), in, b ? 1.0f : 0.0f, y,
            out);
}

static void grad_x_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t in = n->in[1]->shape.dim[1], out = n->in[1]->shape.dim[0];
    const struct kp_range r = rows_of(t, n->in[0], out);

    kp_gemm(false, false, r.count, in, out, kp_floats(p, n->in[0]) + r.first * out, out,
            kp_floats(p, n->in[1]), in, 0.0f, kp_floats(p, n->out[0]) + r.first * in, in);
}

void kp_column_sums(const float *x, int64_t rows, int64_t columns, int64_t stride, double *sums)
{
    memset(sums, 0, (size_t)columns * sizeof(*sums));
    for (int64_t e = 0; e < rows; e++) {
        const float *row = x + e * stride;
        int64_t i = 0;
        for (; i + SUM_COLUMNS <= columns; i += SUM_COLUMNS)
            for (int j = 0; j < SUM_COLUMNS; j++)
                sums[i + j] += (double)row[i + j];
        for (; i < columns; i++)
            sums[i] += (double)row[i];
    }
}

static int64_t grad_rows(const struct kp_node *n)
{
    const int64_t eighth = n->out[0]->shape.dim[0] / 8;

    return eighth < GRAD_ROWS_MIN ? GRAD_ROWS_MIN : eighth > GRAD_ROWS_MAX ? GRAD_ROWS_MAX : eighth;
}

static void grad_w_rows(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t in = n->out[0]->shape.dim[1], out = n->out[0]->shape.dim[0];
    const int64_t o = t->index * grad_rows(n), left = out - o;
    const int64_t rows = left < grad_rows(n) ? left : grad_rows(n);
    const int64_t all = p->rows * each(n->in[0], in);
    const float *dy = kp_floats(p, n->in[1]) + o;
    float *db = kp_floats(p, n->out[1]);

    kp_gemm(true, false, rows, in, all, dy, out, kp_floats(p, n->in[0]), in, 0.0f,
            kp_floats(p, n->out[0]) + o * in, in);
    if (!db)
        return;
    double sums[GRAD_ROWS_MAX];
    kp_column_sums(dy, all, rows, out, sums);
    for (int64_t i = 0; i < rows; i++)
        db[o + i] = (float)sums[i];
}

void kp_lower_linear(struct kp_lowering *l, const struct kp_node *n)
{
    if (n->op == KP_OP_LINEAR)
        kp_lower_step(l, KP_SLICES, forward_slice, NULL, 0);
    else if (n->op == KP_OP_LINEAR_GRAD_X)
        kp_lower_step(l, KP_SLICES, grad_x_slice, NULL, 0);
    else
        kp_lower_step(l, KP_AFTER, grad_w_rows, NULL,
                      (n->out[0]->shape.dim[0] + grad_rows(n) - 1) / grad_rows(n));
}
