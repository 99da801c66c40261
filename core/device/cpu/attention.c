/* attention.c - attention, forward and backward: each head of each example by itself.
 *
 * Heads are shared out over the whole batch, not by slices: a batch of few long sequences has many
 * heads but few slices, and heads write to disjoint memory. */
#include "device/cpu/cpu.h"

#include <string.h>

static int64_t work_floats(const struct kp_node *n)
{
    const struct kp_shape *q = &n->in[0]->shape;
    return KP_ATT_WORK(q->dim[1], q->dim[2] / n->attrs.heads);
}

size_t kp_scratch_attention(const struct kp_cpu *cpu, const struct kp_graph *g,
                            const struct kp_node *n)
{
    (void)g;
    return (size_t)(kp_pool_threads(cpu->pool) * work_floats(n)) * sizeof(float);
}

static struct kp_lane_head head_of(const struct kp_node *n)
{
    const struct kp_shape *q = &n->in[0]->shape;
    struct kp_lane_head h = {
        .tokens = q->dim[1],
        .size = q->dim[2] / n->attrs.heads,
        .row = q->dim[2],
        .scale = (float)n->attrs.factor,
        .causal = n->attrs.causal,
    };
    return h;
}

/* Zeros in place of a head of an example that does not count. */
static void clear(const struct kp_lane_head *h, float *y)
{
    for (int64_t i = 0; i < h->tokens; i++)
        memset(y + i * h->row, 0, (size_t)h->size * sizeof(float));
}

static void forward_head(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_lane_head h = head_of(n);
    const int64_t e = t->index / n->attrs.heads, head = t->index % n->attrs.heads;
    const int64_t at = e * h.tokens * h.row + head * h.size;
    float *y = kp_floats(p, n->out[0]) + at;
    float *l = kp_floats(p, n->out[1]) + t->index * h.tokens;
    float *work = (float *)kp_scratch(p, n) + t->worker * work_floats(n);

    if (e >= p->examples)
        return;
    if (e >= p->rows) {
        clear(&h, y);
        memset(l, 0, (size_t)h.tokens * sizeof(float));
        return;
    }
    p->lane->attention(&h, kp_floats(p, n->in[0]) + at, kp_floats(p, n->in[1]) + at,
                       kp_floats(p, n->in[2]) + at, y, l, work);
}

static void grad_head(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_lane_head h = head_of(n);
    const int64_t e = t->index / n->attrs.heads, head = t->index % n->attrs.heads;
    const int64_t at = e * h.tokens * h.row + head * h.size;
    const struct kp_lane_head_grad g = {
        .q = kp_floats(p, n->in[0]) + at,
        .k = kp_floats(p, n->in[1]) + at,
        .v = kp_floats(p, n->in[2]) + at,
        .y = kp_floats(p, n->in[3]) + at,
        .l = kp_floats(p, n->in[4]) + t->index * h.tokens,
        .dy = kp_floats(p, n->in[5]) + at,
        .dq = kp_floats(p, n->out[0]) + at,
        .dk = kp_floats(p, n->out[1]) + at,
        .dv = kp_floats(p, n->out[2]) + at,
    };

    if (e >= p->examples)
        return;
    if (e >= p->rows) {
        clear(&h, g.dq);
        clear(&h, g.dk);
        clear(&h, g.dv);
        return;
    }
    p->lane->attention_grad(&h, &g, (float *)kp_scratch(p, n) + t->worker * work_floats(n));
}

void kp_lower_attention(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, KP_BEFORE, n->op == KP_OP_ATTENTION ? forward_head : grad_head, NULL,
                  l->code->graph->capacity * n->attrs.heads);
}
