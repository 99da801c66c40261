/* optimize.c - gradient clipping and the optimizers of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

static bool is_part(const struct kp_ref_call *c)
{
    return c->memory->scalars[KP_SCALAR_MORE] != 0;
}

/* sums over the parts of a batch, and back after the last */
void kp_ref_accumulate(const struct kp_ref_call *c, int64_t count)
{
    double *g = c->memory->grads, *sums = c->memory->sums;
    for (int64_t i = 0; i < count; i++) {
        sums[i] = c->memory->scalars[KP_SCALAR_PART] > 0 ? sums[i] + g[i] : g[i];
        if (!is_part(c))
            g[i] = sums[i];
    }
}

/* c = min(1, clip_norm / (|g| + 1e-6)) */
void kp_ref_clip(const struct kp_ref_call *c, int64_t count)
{
    const double *g = c->memory->grads;
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += g[i] * g[i];
    double scale = c->node->attrs.clip_norm / (sqrt(sum) + 1e-6);
    kp_ref_out(c, 0)[0] = scale > 1 ? 1 : scale;
}

static bool is_frozen(const struct kp_attrs *a, int64_t i)
{
    for (int64_t k = 0; k < a->frozen_count; k++)
        if (i >= a->frozen[k].first && i < a->frozen[k].first + a->frozen[k].count)
            return true;
    return false;
}

/* g' = c g + wd p;  v = mu v + g';  p -= lr (nesterov ? g' + mu v : v) */
static void sgd(const struct kp_attrs *a, const struct kp_memory *m, int64_t i, double g)
{
    double *p = m->params, *slot = m->slots;
    double step = g + a->weight_decay * p[i], v = step;
    if (a->momentum > 0) {
        v += a->momentum * slot[i];
        slot[i] = v;
    }
    p[i] -= m->scalars[KP_SCALAR_LR] * (a->nesterov ? step + a->momentum * v : v);
}

/* The formula of ADAM in graph.h. */
static void adam(const struct kp_attrs *a, const struct kp_memory *memory, int64_t count, int64_t i,
                 double g)
{
    double lr = memory->scalars[KP_SCALAR_LR], t = memory->scalars[KP_SCALAR_STEP];
    double *p = memory->params, *m = memory->slots, *v = m + count;
    if (a->decoupled)
        p[i] -= lr * a->weight_decay * p[i];
    else
        g += a->weight_decay * p[i];
    m[i] = a->beta1 * m[i] + (1 - a->beta1) * g;
    v[i] = a->beta2 * v[i] + (1 - a->beta2) * g * g;
    p[i] -= lr / (1 - pow(a->beta1, t)) * m[i] / (sqrt(v[i]) / sqrt(1 - pow(a->beta2, t)) + a->eps);
}

void kp_ref_optimize(const struct kp_ref_call *c, int64_t count)
{
    const struct kp_attrs *a = &c->node->attrs;
    const double *g = c->memory->grads, *scale = kp_ref_in(c, 0);
    for (int64_t i = 0; i < count && !is_part(c); i++) {
        double gradient = scale ? scale[0] * g[i] : g[i];
        if (is_frozen(a, i))
            continue;
        if (c->node->op == KP_OP_ADAM)
            adam(a, c->memory, count, i, gradient);
        else
            sgd(a, c->memory, i, gradient);
    }
}
