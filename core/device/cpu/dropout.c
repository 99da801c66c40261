/* dropout.c - dropout, which is its own gradient. */
#include "device/dropout.h"
#include "device/cpu/cpu.h"

/* A slice begins at a multiple of 16 examples, so at a whole group of four elements. */
static void dropout_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_dropout d = kp_dropout_of(&n->attrs, p->m->scalars);
    const struct kp_range r = kp_span_range(t, n->out[0]);
    const float *x = kp_floats(p, n->in[0]);
    const float scale = (float)d.scale;
    float *y = kp_floats(p, n->out[0]);

    for (int64_t i = r.first; i < r.first + r.count; i += 4) {
        bool kept[4];
        kp_dropout_kept(&d, (uint64_t)i / 4, kept);
        for (int64_t k = 0; k < 4; k++)
            y[i + k] = kept[k] ? scale * x[i + k] : 0.0f;
    }
}

void kp_lower_dropout(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_SLICES, dropout_slice, NULL, 0);
}
