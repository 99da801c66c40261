/* update.c - what changes parameters: the optimizer step; and batch norm folded into weights. */
#include "device/cpu/cpu.h"

#include <math.h>

/* Floats of one task. */
#define UPDATE_BLOCK 16384

/* g' = g + wd p;  v = mu v + g';  p -= lr (nesterov ? g' + mu v : v);  mu = 0: v = g' is not kept
 */
static void sgd_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_attrs *a = &s->node->attrs;
    const float lr = (float)p->m->scalars[KP_SCALAR_LR];
    const float mu = (float)a->momentum, wd = (float)a->weight_decay;
    const int64_t all = (int64_t)(p->code->graph->param_bytes / sizeof(float));
    const int64_t from = t->index * UPDATE_BLOCK;
    const int64_t to = from + UPDATE_BLOCK < all ? from + UPDATE_BLOCK : all;
    float *w = p->m->params, *v = p->m->slots;
    const float *g = p->m->grads;

    if (mu == 0.0f) {
        for (int64_t i = from; i < to; i++)
            w[i] -= lr * (g[i] + wd * w[i]);
    } else if (a->nesterov) {
        for (int64_t i = from; i < to; i++) {
            const float d = g[i] + wd * w[i];
            v[i] = mu * v[i] + d;
            w[i] -= lr * (d + mu * v[i]);
        }
    } else {
        for (int64_t i = from; i < to; i++) {
            v[i] = mu * v[i] + g[i] + wd * w[i];
            w[i] -= lr * v[i];
        }
    }
}

void kp_lower_sgd(struct kp_lowering *l, const struct kp_node *n)
{
    const int64_t all = (int64_t)(l->code->graph->param_bytes / sizeof(float));
    (void)n;
    kp_lower_step(l, KP_BEFORE, sgd_block, NULL, (all + UPDATE_BLOCK - 1) / UPDATE_BLOCK);
}

/* w (O, ..), b? (O), gamma, beta, mean, var -> w' = w gamma / sqrt(var + eps),
 * b' = beta + (b - mean) gamma / sqrt(var + eps) */
static void fold(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const int64_t channels = n->in[0]->shape.dim[0];
    const int64_t rest = kp_shape_count(n->in[0]->shape) / channels;
    const float *w = kp_floats(p, n->in[0]), *b = kp_floats(p, n->in[1]);
    const float *gamma = kp_floats(p, n->in[2]), *beta = kp_floats(p, n->in[3]);
    const float *mean = kp_floats(p, n->in[4]), *var = kp_floats(p, n->in[5]);
    float *w_out = kp_floats(p, n->out[0]), *b_out = kp_floats(p, n->out[1]);

    (void)t;
    for (int64_t o = 0; o < channels; o++) {
        const double scale = (double)gamma[o] / sqrt((double)var[o] + n->attrs.eps);
        const double bias = b ? (double)b[o] : 0.0;
        b_out[o] = (float)((double)beta[o] + (bias - (double)mean[o]) * scale);
        for (int64_t i = 0; i < rest; i++)
            w_out[o * rest + i] = (float)((double)w[o * rest + i] * scale);
    }
}

void kp_lower_fold(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, fold, NULL, 1);
}
