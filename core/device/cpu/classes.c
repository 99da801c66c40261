/* classes.c - from labels to rows of classes and back. */
#include "device/cpu/cpu.h"

/* labels (..) -> y (..,K) */
static void one_hot_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_shape *shape = &n->out[0]->shape;
    const int64_t k = shape->dim[shape->n - 1];
    const struct kp_range r = kp_span_range(t, n->in[0]);
    const float on = (float)n->attrs.on, off = (float)n->attrs.off;
    const int32_t *labels = kp_value_at(p->m, n->in[0]);
    float *y = kp_floats(p, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i++)
        for (int64_t c = 0; c < k; c++)
            y[i * k + c] = c == labels[i] ? on : off;
}

/* x (..,K) -> y (..) */
static void argmax_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_shape *shape = &n->in[0]->shape;
    const int64_t k = shape->dim[shape->n - 1];
    const struct kp_range r = kp_span_range(t, n->out[0]);
    const float *x = kp_floats(p, n->in[0]);
    int32_t *y = kp_value_at(p->m, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i++) {
        int64_t largest = 0;
        for (int64_t c = 1; c < k; c++)
            if (x[i * k + c] > x[i * k + largest])
                largest = c;
        y[i] = (int32_t)largest;
    }
}

void kp_lower_classes(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES,
                  n->op == KP_OP_ONE_HOT ? one_hot_slice : argmax_slice, NULL, 1);
}
