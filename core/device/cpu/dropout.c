/* dropout.c - dropout, which is its own gradient. */
#include "device/dropout.h"
#include "device/cpu/cpu.h"

/* Draws come in fours, whatever element a slice begins with. */
static void dropout_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_dropout d = kp_dropout_of(&n->attrs, p->m->scalars);
    const struct kp_range r = kp_span_range(t, n->out[0]);
    const float *x = kp_floats(p, n->in[0]);
    const float scale = (float)d.scale;
    float *y = kp_floats(p, n->out[0]);
    bool kept[4];

    for (int64_t i = r.first; i < r.first + r.count; i++) {
        if (i == r.first || i % 4 == 0)
            kp_dropout_kept(&d, (uint64_t)i / 4, kept);
        y[i] = kept[i % 4] ? scale * x[i] : 0.0f;
    }
}

void kp_lower_dropout(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_SLICES, dropout_slice, NULL, 0);
}
