/* losses.c - cross-entropy and Kullback-Leibler divergence of rows of logits, with gradients. */
#include "device/cpu/cpu.h"

#include <string.h>

static int64_t classes_of(const struct kp_node *n)
{
    const struct kp_shape *z = &n->in[0]->shape;
    return z->dim[z->n - 1];
}

/* Row i of z, labels or t [, dl]. A label outside the classes counts as none. */
static void loss_row(const struct kp_node *n, const struct kp_pass *p, int64_t i, float *scratch)
{
    const bool gradient = n->in[2] != NULL;
    const bool labelled = n->op == KP_OP_CROSS_ENTROPY || n->op == KP_OP_CROSS_ENTROPY_GRAD;
    const struct kp_row_fn_float *fn = &p->lane->row;
    const int64_t k = classes_of(n);
    const void *other = kp_value_at(p->m, n->in[1]);
    const double tau = n->attrs.factor;
    float *out = kp_floats(p, n->out[0]) + (gradient ? i * k : i);
    struct kp_row_float row = {.fn = fn,
                               .classes = k,
                               .logits = kp_floats(p, n->in[0]) + i * k,
                               .grad = gradient ? scratch + 2 * KP_ROW_ROOM(k) : NULL,
                               .scratch = scratch};
    const double weight = gradient ? (double)kp_floats(p, n->in[2])[i] : 1.0;

    if (gradient)
        memset(row.grad, 0, (size_t)KP_ROW_ROOM(k) * sizeof(*row.grad));
    if (labelled)
        fn->add_cross_entropy(&row, weight, ((const int32_t *)other)[i]);
    else
        fn->add_kl(&row, weight, tau, (const float *)other + i * k, tau);
    if (gradient)
        memcpy(out, row.grad, (size_t)k * sizeof(*out));
    else
        *out = (float)row.loss;
}

static void losses_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t k = classes_of(n);
    const struct kp_range r = kp_span_range(t, n->in[0]);
    float *scratch = (float *)kp_scratch(p, n) + t->worker * 3 * KP_ROW_ROOM(k);

    for (int64_t i = r.first / k; i < (r.first + r.count) / k; i++)
        loss_row(n, p, i, scratch);
}

/* What the helpers need, for each thread. */
size_t kp_scratch_losses(const struct kp_cpu *cpu, const struct kp_graph *g,
                         const struct kp_node *n)
{
    (void)g;
    return (size_t)(kp_pool_threads(cpu->pool) * 3 * KP_ROW_ROOM(classes_of(n))) * sizeof(float);
}

void kp_lower_losses(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, kp_cpu_is_wide(n) ? KP_BEFORE : KP_SLICES, losses_slice, NULL, 1);
}
