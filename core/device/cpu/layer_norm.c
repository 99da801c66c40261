/* layer_norm.c - layer normalisation of rows, and its gradient. */
#include "device/cpu/cpu.h"

#include <string.h>

static int64_t width_of(const struct kp_value *x)
{
    return x->shape.dim[x->shape.n - 1];
}

static void forward_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t k = width_of(n->in[0]);
    const struct kp_range r = kp_span_range(t, n->in[0]);
    const float *x = kp_floats(p, n->in[0]);
    float *y = kp_floats(p, n->out[0]), *m = kp_floats(p, n->out[1]), *d = kp_floats(p, n->out[2]);

    for (int64_t i = r.first / k; i < (r.first + r.count) / k; i++) {
        float moments[2];
        p->lane->layer_norm(k, (float)n->attrs.eps, x + i * k, kp_floats(p, n->in[1]),
                            kp_floats(p, n->in[2]), y + i * k, moments);
        m[i] = moments[0];
        d[i] = moments[1];
    }
}

/* Sums of one slice: dgamma and dbeta next to each other. */
static float *part(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    return (float *)kp_scratch(p, n) + slice * 2 * width_of(n->in[0]);
}

size_t kp_scratch_layer_norm(const struct kp_cpu *cpu, const struct kp_graph *g,
                             const struct kp_node *n)
{
    (void)cpu;
    return (size_t)(kp_cpu_slices(g, g->capacity) * 2 * width_of(n->in[0])) * sizeof(float);
}

static void grad_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t k = width_of(n->in[0]), rows = p->rows * kp_value_rest(n->in[0]) / k;
    const struct kp_range r = kp_span_range(t, n->in[0]);
    const float *x = kp_floats(p, n->in[0]), *gamma = kp_floats(p, n->in[1]);
    const float *m = kp_floats(p, n->in[2]), *d = kp_floats(p, n->in[3]);
    const float *dy = kp_floats(p, n->in[4]);
    float *dx = kp_floats(p, n->out[0]), *sums = part(n, p, t->index);

    memset(sums, 0, (size_t)(2 * k) * sizeof(float));
    for (int64_t i = r.first / k; i < (r.first + r.count) / k; i++)
        p->lane->layer_norm_grad(k, m[i], d[i], x + i * k, gamma, dy + i * k, dx + i * k,
                                 i < rows ? sums : NULL, sums + k);
}

static void grad_sum(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t k = width_of(n->in[0]);
    float *dgamma = kp_floats(p, n->out[1]), *dbeta = kp_floats(p, n->out[2]);

    (void)t;
    for (int64_t i = 0; i < k; i++) {
        double sums[2] = {0.0, 0.0};
        for (int64_t j = 0; j < p->slices; j++) {
            sums[0] += (double)part(n, p, j)[i];
            sums[1] += (double)part(n, p, j)[k + i];
        }
        dgamma[i] = (float)sums[0];
        dbeta[i] = (float)sums[1];
    }
}

void kp_lower_layer_norm(struct kp_lowering *l, const struct kp_node *n)
{
    if (n->op == KP_OP_LAYER_NORM) {
        kp_lower_step(l, KP_SLICES, forward_slice, NULL, 0);
        return;
    }
    kp_lower_step(l, KP_SLICES, grad_slice, NULL, 0);
    kp_lower_step(l, KP_AFTER, grad_sum, NULL, 1);
}
