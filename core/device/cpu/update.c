/* update.c - what changes parameters: the optimizer step; and batch norm folded into weights. */
#include "device/cpu/cpu.h"

#include <math.h>

/* Floats of one task. */
#define UPDATE_BLOCK 16384

static int64_t param_count(const struct kp_graph *g)
{
    return (int64_t)(g->param_bytes / sizeof(float));
}

static int64_t block_count(int64_t floats)
{
    return (floats + UPDATE_BLOCK - 1) / UPDATE_BLOCK;
}

/* Parts of the batch follow: gradients are added up, nothing is updated. */
static bool is_part(const struct kp_pass *p)
{
    return p->m->scalars[KP_SCALAR_MORE] != 0;
}

/* memory.sums over the parts of a batch, and back to memory.grads after the last */
static void accumulate_block(const struct kp_step *s, const struct kp_pass *p,
                             const struct kp_span *t)
{
    const int64_t all = param_count(p->code->graph), from = t->index * UPDATE_BLOCK;
    const int64_t to = from + UPDATE_BLOCK < all ? from + UPDATE_BLOCK : all;
    const bool first = p->m->scalars[KP_SCALAR_PART] == 0, more = is_part(p);
    float *sums = p->m->sums, *g = p->m->grads;

    (void)s;
    for (int64_t i = from; i < to; i++)
        sums[i] = first ? g[i] : sums[i] + g[i];
    for (int64_t i = from; i < to && !more; i++)
        g[i] = sums[i];
}

void kp_lower_accumulate(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, accumulate_block, NULL, block_count(param_count(l->code->graph)));
}

/* The scale that CLIP found for the gradients. */
static float clip_scale(const struct kp_pass *p, const struct kp_node *n)
{
    return n->in[0] ? *kp_floats(p, n->in[0]) : 1.0f;
}

/* g' = c g + wd p;  v = mu v + g';  p -= lr (nesterov ? g' + mu v : v);  mu = 0: v = g' is not kept
 */
static void sgd_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_attrs *a = &s->node->attrs;
    const struct kp_extent *block = (const struct kp_extent *)s->data + t->index;
    const float lr = (float)p->m->scalars[KP_SCALAR_LR], c = clip_scale(p, s->node);
    const float mu = (float)a->momentum, wd = (float)a->weight_decay;
    const int64_t from = block->first, to = block->first + block->count;
    float *w = p->m->params, *v = p->m->slots;
    const float *g = p->m->grads;

    if (is_part(p))
        return;
    if (mu == 0.0f) {
        for (int64_t i = from; i < to; i++)
            w[i] -= lr * (c * g[i] + wd * w[i]);
    } else if (a->nesterov) {
        for (int64_t i = from; i < to; i++) {
            const float d = c * g[i] + wd * w[i];
            v[i] = mu * v[i] + d;
            w[i] -= lr * (d + mu * v[i]);
        }
    } else {
        for (int64_t i = from; i < to; i++) {
            v[i] = mu * v[i] + c * g[i] + wd * w[i];
            w[i] -= lr * v[i];
        }
    }
}

/* decoupled: p -= lr wd p, g' = c g;  else: g' = c g + wd p
 * m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2
 * p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
static void adam_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_attrs *a = &s->node->attrs;
    const struct kp_extent *block = (const struct kp_extent *)s->data + t->index;
    const double lr = p->m->scalars[KP_SCALAR_LR], number = p->m->scalars[KP_SCALAR_STEP];
    const float b1 = (float)a->beta1, b1_rest = (float)(1.0 - a->beta1);
    const float b2 = (float)a->beta2, b2_rest = (float)(1.0 - a->beta2);
    const float step = (float)(lr / (1.0 - pow(a->beta1, number)));
    const float correction = (float)sqrt(1.0 - pow(a->beta2, number));
    const float wd = a->decoupled ? 0.0f : (float)a->weight_decay;
    const float keep = a->decoupled ? (float)(1.0 - lr * a->weight_decay) : 1.0f;
    const float eps = (float)a->eps, c = clip_scale(p, s->node);
    float *w = (float *)p->m->params + block->first;
    float *m = (float *)p->m->slots + block->first;
    float *v = m + param_count(p->code->graph);
    const float *g = (const float *)p->m->grads + block->first;

    if (is_part(p))
        return;
    for (int64_t i = 0; i < block->count; i++) {
        const float d = c * g[i] + wd * w[i];
        m[i] = b1 * m[i] + b1_rest * d;
        v[i] = b2 * v[i] + b2_rest * d * d;
        w[i] = keep * w[i] - step * (m[i] / (sqrtf(v[i]) / correction + eps));
    }
}

/* All parameters but the frozen ones, in blocks; the number of blocks. `out` NULL: only count. */
static int64_t trained_blocks(const struct kp_node *n, int64_t all, struct kp_extent *out)
{
    int64_t at = 0, blocks = 0;

    for (int64_t i = 0; i <= n->attrs.frozen_count; i++) {
        const bool last = i == n->attrs.frozen_count;
        const int64_t end = last ? all : n->attrs.frozen[i].first;
        for (; at < end; at += UPDATE_BLOCK, blocks++)
            if (out)
                out[blocks] =
                    (struct kp_extent){at, end - at < UPDATE_BLOCK ? end - at : UPDATE_BLOCK};
        at = last ? end : end + n->attrs.frozen[i].count;
    }
    return blocks;
}

void kp_lower_optimizer(struct kp_lowering *l, const struct kp_node *n)
{
    const int64_t all = param_count(l->code->graph);
    const int64_t count = trained_blocks(n, all, NULL);
    struct kp_extent *blocks = kp_lower_alloc(l, (size_t)(count + 1) * sizeof(*blocks));

    if (!blocks || count == 0)
        return;
    (void)trained_blocks(n, all, blocks);
    kp_lower_step(l, KP_BEFORE, n->op == KP_OP_ADAM ? adam_block : sgd_block, blocks, count);
}

/* scratch[block] = sum of g^2 */
static void clip_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const int64_t all = param_count(p->code->graph);
    const int64_t from = t->index * UPDATE_BLOCK;
    const int64_t to = from + UPDATE_BLOCK < all ? from + UPDATE_BLOCK : all;
    const float *g = p->m->grads;
    double sum = 0.0;

    for (int64_t i = from; i < to && !is_part(p); i++)
        sum += (double)g[i] * (double)g[i];
    ((double *)kp_scratch(p, s->node))[t->index] = sum;
}

/* c = min(1, clip_norm / (|g| + 1e-6)); NaN stays NaN, so that it is seen */
static void clip_combine(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const double *sums = kp_scratch(p, s->node);
    double sum = 0.0;

    (void)t;
    for (int64_t i = 0; i < block_count(param_count(p->code->graph)); i++)
        sum += sums[i];
    const double c = s->node->attrs.clip_norm / (sqrt(sum) + 1e-6);
    *kp_floats(p, s->node->out[0]) = c > 1.0 ? 1.0f : (float)c;
}

size_t kp_scratch_clip(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n)
{
    (void)cpu;
    (void)n;
    return (size_t)block_count(param_count(g)) * sizeof(double);
}

void kp_lower_clip(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, clip_block, NULL, block_count(param_count(l->code->graph)));
    kp_lower_step(l, KP_BEFORE, clip_combine, NULL, 1);
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
