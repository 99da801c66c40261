/* linear.c - y = x w^T + b and its gradients, row-major.
 *
 *   x (N, .., I)   w (O, I)   b (O)   y (N, .., O)     dx = dy w     dw = dy^T x     db = sum of dy
 *
 * An example has one row or several (tokens). */
#include "device/cpu/cpu.h"
#include "device/cpu/gemm.h"

#include <string.h>

/* Rows of dw that one task makes, from the whole batch. Fewer slow the product down, more leave
 * threads without work. */
#define GRAD_ROWS 96
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
    const int64_t group = KP_LANES * each(v, width);
    struct kp_range r = {t->group * group, (t->group_end - t->group) * group};
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

/* db = sums of the columns of dy, rows `stride` floats apart */
static void column_sums(const float *dy, int64_t rows, int64_t columns, int64_t stride, float *db)
{
    double sums[GRAD_ROWS] = {0};

    for (int64_t e = 0; e < rows; e++) {
        const float *row = dy + e * stride;
        int64_t i = 0;
        for (; i + SUM_COLUMNS <= columns; i += SUM_COLUMNS)
            for (int j = 0; j < SUM_COLUMNS; j++)
                sums[i + j] += (double)row[i + j];
        for (; i < columns; i++)
            sums[i] += (double)row[i];
    }
    for (int64_t i = 0; i < columns; i++)
        db[i] = (float)sums[i];
}

static void grad_w_rows(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t in = n->out[0]->shape.dim[1], out = n->out[0]->shape.dim[0];
    const int64_t o = t->index * GRAD_ROWS;
    const int64_t rows = out - o < GRAD_ROWS ? out - o : GRAD_ROWS;
    const int64_t all = p->rows * each(n->in[0], in);
    const float *dy = kp_floats(p, n->in[1]) + o;
    float *db = kp_floats(p, n->out[1]);

    kp_gemm(true, false, rows, in, all, dy, out, kp_floats(p, n->in[0]), in, 0.0f,
            kp_floats(p, n->out[0]) + o * in, in);
    if (db)
        column_sums(dy, all, rows, out, db + o);
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
