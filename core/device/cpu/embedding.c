/* embedding.c - rows of a table by their number, and the table's gradient. */
#include "device/cpu/cpu.h"

#include <string.h>

/* Columns of the table's gradient that one task makes, from all ids in their order. */
#define GRAD_COLUMNS 32

static void lookup_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t width = n->out[0]->shape.dim[2];
    const int64_t rows = kp_shape_count(n->in[1]->shape) / width;
    const struct kp_range r = kp_span_range(t, n->in[0]);
    const int32_t *ids = kp_value_at(p->m, n->in[0]);
    const float *table = kp_floats(p, n->in[1]);
    float *y = kp_floats(p, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i++) {
        if (ids[i] >= 0 && ids[i] < rows)
            memcpy(y + i * width, table + ids[i] * width, (size_t)width * sizeof(float));
        else
            memset(y + i * width, 0, (size_t)width * sizeof(float));
    }
}

static void grad_columns(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t width = n->in[1]->shape.dim[2], column = t->index * GRAD_COLUMNS;
    const int64_t count = width - column < GRAD_COLUMNS ? width - column : GRAD_COLUMNS;
    const int64_t rows = kp_shape_count(n->out[0]->shape) / width;
    const int32_t *ids = kp_value_at(p->m, n->in[0]);
    const float *dy = kp_floats(p, n->in[1]) + column;
    float *dtable = kp_floats(p, n->out[0]) + column;

    for (int64_t i = 0; i < rows; i++)
        memset(dtable + i * width, 0, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < p->rows * kp_value_rest(n->in[0]); i++) {
        if (ids[i] < 0 || ids[i] >= rows)
            continue;
        for (int64_t d = 0; d < count; d++)
            dtable[ids[i] * width + d] += dy[i * width + d];
    }
}

void kp_lower_embedding(struct kp_lowering *l, const struct kp_node *n)
{
    if (n->op == KP_OP_EMBEDDING)
        kp_lower_step(l, KP_SLICES, lookup_slice, NULL, 0);
    else
        kp_lower_step(l, KP_AFTER, grad_columns, NULL,
                      (n->in[1]->shape.dim[2] + GRAD_COLUMNS - 1) / GRAD_COLUMNS);
}
