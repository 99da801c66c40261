/* element.c - elementwise operations and changes of layout. */
#include "device/cpu/cpu.h"

#include <string.h>

/* Numbers of a task, of a value that no slice has a part of. */
#define BLOCK 65536

static void apply(const struct kp_node *n, const struct kp_lane_ops *lane, int64_t count,
                  const float *a, const float *b, float *y)
{
    if (n->op == KP_OP_RELU)
        lane->relu(count, a, y);
    else if (n->op == KP_OP_RELU_GRAD)
        lane->relu_grad(count, a, b, y);
    else if (n->op == KP_OP_ADD)
        lane->add(count, a, b, y);
    else if (n->op == KP_OP_SUB)
        lane->sub(count, a, b, y);
    else if (n->op == KP_OP_MUL)
        lane->mul(count, a, b, y);
    else if (n->op == KP_OP_ROUND)
        lane->round(count, a, y);
    else if (n->op == KP_OP_GELU)
        lane->gelu(count, n->attrs.approximate, a, y);
    else if (n->op == KP_OP_GELU_GRAD)
        lane->gelu_grad(count, n->attrs.approximate, a, b, y);
    else
        lane->scale(count, (float)n->attrs.factor, a, y);
}

/* The part of a step, a slice's or a task's. */
static struct kp_range part_of(const struct kp_node *n, const struct kp_span *t)
{
    if (!kp_cpu_is_wide(n))
        return kp_span_range(t, n->out[0]);
    const int64_t first = t->index * BLOCK, left = kp_value_rest(n->out[0]) - first;

    return (struct kp_range){first, left < BLOCK ? left : BLOCK};
}

static void element_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_range r = part_of(n, t);
    const float *a = kp_floats(p, n->in[0]) + r.first;
    const float *b = n->in[1] ? kp_floats(p, n->in[1]) + r.first : NULL;
    float *y = kp_floats(p, n->out[0]) + r.first;
    const int64_t whole = r.count / KP_LANES * KP_LANES, rest = r.count - whole;

    apply(n, p->lane, whole, a, b, y);
    if (rest > 0) {
        float last[3][KP_LANES] = {{0}};
        memcpy(last[0], a + whole, (size_t)rest * sizeof(float));
        if (b)
            memcpy(last[1], b + whole, (size_t)rest * sizeof(float));
        apply(n, p->lane, KP_LANES, last[0], last[1], last[2]);
        memcpy(y + whole, last[2], (size_t)rest * sizeof(float));
    }
}

void kp_lower_element(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES, element_slice, NULL,
                  (kp_value_rest(n->out[0]) + BLOCK - 1) / BLOCK);
}

static void convert_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_value *x = s->node->in[0], *y = s->node->out[0];

    for (int64_t g = t->group; g < t->group_end; g++) {
        if (y->layout == KP_LANE)
            kp_lane_pack(y, kp_floats(p, y), kp_floats(p, x), g, p->groups * KP_LANES);
        else
            kp_lane_unpack(x, kp_floats(p, x), kp_floats(p, y), g, p->groups * KP_LANES);
    }
}

void kp_lower_convert(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_SLICES, convert_slice, NULL, 0);
}
