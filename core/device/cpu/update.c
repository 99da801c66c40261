/* update.c - what changes parameters: the optimizer step; and batch norm folded into weights. */
#include "device/cpu/cpu.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"

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

/* What CLIP found for the gradients. */
static float clip_factor(const struct kp_pass *p, const struct kp_node *n)
{
    return n->in[0] ? *kp_floats(p, n->in[0]) : 1.0f;
}

static void sgd_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_attrs *a = &s->node->attrs;
    const struct kp_extent *block = (const struct kp_extent *)s->data + t->index;
    const struct kp_sgd sgd = {.rate = (float)p->m->scalars[KP_SCALAR_LR],
                               .clip = clip_factor(p, s->node),
                               .momentum = (float)a->momentum,
                               .decay = (float)a->weight_decay,
                               .nesterov = a->nesterov};
    float *v = sgd.momentum == 0.0f ? NULL : (float *)p->m->slots + block->first;

    if (!is_part(p))
        p->lane->sgd(block->count, &sgd, (const float *)p->m->grads + block->first, v,
                     (float *)p->m->params + block->first);
}

static void adam_block(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_attrs *a = &s->node->attrs;
    const struct kp_extent *block = (const struct kp_extent *)s->data + t->index;
    const struct kp_adam adam =
        kp_adam_at(p->m->scalars[KP_SCALAR_STEP], p->m->scalars[KP_SCALAR_LR], a->beta1, a->beta2,
                   a->eps, a->weight_decay, a->decoupled, clip_factor(p, s->node));
    float *m = (float *)p->m->slots + block->first, *v = m + param_count(p->code->graph);

    if (!is_part(p))
        p->lane->adam(block->count, &adam, (const float *)p->m->grads + block->first, m, v,
                      (float *)p->m->params + block->first);
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

static void clip_combine(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const double *sums = kp_scratch(p, s->node);
    double sum = 0.0;

    (void)t;
    for (int64_t i = 0; i < block_count(param_count(p->code->graph)); i++)
        sum += sums[i];
    *kp_floats(p, s->node->out[0]) = kp_clip_factor(s->node->attrs.clip_norm, sum);
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
        const double by = kp_norm_fold(gamma[o], var[o], n->attrs.eps);
        b_out[o] = kp_norm_fold_bias(b ? b[o] : 0.0f, beta[o], mean[o], by);
        for (int64_t i = 0; i < rest; i++)
            w_out[o * rest + i] = kp_norm_fold_weight(w[o * rest + i], by);
    }
}

void kp_lower_fold(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, fold, NULL, 1);
}
