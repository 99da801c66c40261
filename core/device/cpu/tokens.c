/* tokens.c - a token before the others, positions, one token of each example; with gradients. */
#include "device/cpu/cpu.h"

#include <string.h>

/* Numbers of a table's gradient that one task sums up. */
#define SUM_BLOCK 512

static void copy(float *to, const float *from, int64_t count)
{
    memcpy(to, from, (size_t)count * sizeof(float));
}

static void prepend_example(const struct kp_node *n, const struct kp_pass *p, int64_t e)
{
    const int64_t width = n->out[0]->shape.dim[2], rest = kp_value_rest(n->in[0]);
    float *y = kp_floats(p, n->out[0]) + e * (rest + width);

    copy(y, kp_floats(p, n->in[1]), width);
    copy(y + width, kp_floats(p, n->in[0]) + e * rest, rest);
}

static void prepend_grad_example(const struct kp_node *n, const struct kp_pass *p, int64_t e)
{
    const int64_t width = n->in[0]->shape.dim[2], rest = kp_value_rest(n->in[0]);
    float *dx = kp_floats(p, n->out[0]);

    if (dx)
        copy(dx + e * (rest - width), kp_floats(p, n->in[0]) + e * rest + width, rest - width);
}

static void position_example(const struct kp_node *n, const struct kp_pass *p, int64_t e)
{
    const int64_t rest = kp_value_rest(n->out[0]);
    const float *x = kp_floats(p, n->in[0]) + e * rest, *table = kp_floats(p, n->in[1]);
    float *y = kp_floats(p, n->out[0]) + e * rest;

    for (int64_t i = 0; i < rest; i++)
        y[i] = x[i] + table[i];
}

static void select_example(const struct kp_node *n, const struct kp_pass *p, int64_t e)
{
    const bool back = n->op == KP_OP_SELECT_GRAD;
    const struct kp_value *x = back ? n->out[0] : n->in[0], *y = back ? n->in[0] : n->out[0];
    const int64_t width = x->shape.dim[2], rest = kp_value_rest(x);
    float *all = kp_floats(p, x) + e * rest, *one = kp_floats(p, y) + e * width;

    if (back)
        memset(all, 0, (size_t)rest * sizeof(float));
    copy(back ? all + n->attrs.index * width : one, back ? one : all + n->attrs.index * width,
         width);
}

static void tokens_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;

    for (int64_t e = t->first; e < t->end; e++) {
        if (n->op == KP_OP_PREPEND)
            prepend_example(n, p, e);
        else if (n->op == KP_OP_PREPEND_GRAD)
            prepend_grad_example(n, p, e);
        else if (n->op == KP_OP_ADD_POSITION)
            position_example(n, p, e);
        else
            select_example(n, p, e);
    }
}

/* A block of the table's gradient: the sum over examples of the first numbers of dy; zero where dy
 * has no more. */
static void table_sum(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_value *to = n->op == KP_OP_PREPEND_GRAD ? n->out[1] : n->out[0];
    const int64_t rest = kp_value_rest(n->in[0]), all = kp_shape_count(to->shape);
    const int64_t from = t->index * SUM_BLOCK;
    const int64_t count = all - from < SUM_BLOCK ? all - from : SUM_BLOCK;
    const int64_t real = rest - from < count ? rest - from : count;
    const float *dy = kp_floats(p, n->in[0]) + from;
    double sums[SUM_BLOCK] = {0};

    for (int64_t e = 0; e < p->rows; e++)
        for (int64_t i = 0; i < real; i++)
            sums[i] += (double)dy[e * rest + i];
    for (int64_t i = 0; i < count; i++)
        kp_floats(p, to)[from + i] = (float)sums[i];
}

void kp_lower_tokens(struct kp_lowering *l, const struct kp_node *n)
{
    const struct kp_value *table = n->op == KP_OP_PREPEND_GRAD        ? n->out[1]
                                   : n->op == KP_OP_ADD_POSITION_GRAD ? n->out[0]
                                                                      : NULL;

    if (n->op != KP_OP_ADD_POSITION_GRAD)
        kp_lower_step(l, KP_SLICES, tokens_slice, NULL, 0);
    if (table)
        kp_lower_step(l, KP_AFTER, table_sum, NULL,
                      (kp_shape_count(table->shape) + SUM_BLOCK - 1) / SUM_BLOCK);
}
