/* case_name.c - what parts a case has and what they are called. */
#include "case.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct gradients {
    enum kp_op op, grad_x, grad_w;
};

/* KP_OP_COUNT where there is none. */
static const struct gradients table[] = {
    {KP_OP_LINEAR, KP_OP_LINEAR_GRAD_X, KP_OP_LINEAR_GRAD_W},
    {KP_OP_CONV2D, KP_OP_CONV2D_GRAD_X, KP_OP_CONV2D_GRAD_W},
    {KP_OP_BATCH_NORM, KP_OP_BATCH_NORM_GRAD, KP_OP_COUNT},
    {KP_OP_BATCH_NORM_EVAL, KP_OP_BATCH_NORM_EVAL_GRAD, KP_OP_COUNT},
    {KP_OP_RELU, KP_OP_RELU_GRAD, KP_OP_COUNT},
    {KP_OP_MAX_POOL, KP_OP_MAX_POOL_GRAD, KP_OP_COUNT},
    {KP_OP_AVG_POOL, KP_OP_AVG_POOL_GRAD, KP_OP_COUNT},
    {KP_OP_SOFTMAX, KP_OP_SOFTMAX_GRAD, KP_OP_COUNT},
    {KP_OP_LOG_SOFTMAX, KP_OP_LOG_SOFTMAX_GRAD, KP_OP_COUNT},
    {KP_OP_MEAN, KP_OP_MEAN_GRAD, KP_OP_COUNT},
    {KP_OP_CROSS_ENTROPY, KP_OP_CROSS_ENTROPY_GRAD, KP_OP_COUNT},
    {KP_OP_KL, KP_OP_KL_GRAD, KP_OP_COUNT},
    {KP_OP_ROW_LOSS, KP_OP_ROW_LOSS, KP_OP_COUNT},
    {KP_OP_HEAD_LOSS, KP_OP_HEAD_LOSS, KP_OP_HEAD_LOSS},
    {KP_OP_WEIGHTED_MEAN, KP_OP_WEIGHTED_MEAN_GRAD, KP_OP_COUNT},
    {KP_OP_LAYER_NORM, KP_OP_LAYER_NORM_GRAD, KP_OP_COUNT},
    {KP_OP_GELU, KP_OP_GELU_GRAD, KP_OP_COUNT},
    {KP_OP_ATTENTION, KP_OP_ATTENTION_GRAD, KP_OP_COUNT},
    {KP_OP_PATCHES, KP_OP_PATCHES_GRAD, KP_OP_COUNT},
    {KP_OP_PREPEND, KP_OP_PREPEND_GRAD, KP_OP_COUNT},
    {KP_OP_ADD_POSITION, KP_OP_ADD_POSITION_GRAD, KP_OP_COUNT},
    {KP_OP_SELECT, KP_OP_SELECT_GRAD, KP_OP_COUNT},
    {KP_OP_EMBEDDING, KP_OP_EMBEDDING_GRAD, KP_OP_COUNT},
};

static const struct gradients *gradients_of(const struct op_case *c)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (table[i].op == c->op)
            return &table[i];
    return NULL;
}

unsigned op_case_parts(const struct op_case *c)
{
    const struct gradients *g = gradients_of(c);
    bool fused_convolution = c->op == KP_OP_CONV2D && (c->act || c->pool);
    if (!g || c->chain || fused_convolution)
        return PART_FORWARD;
    return PART_FORWARD | PART_GRAD_X | (g->grad_w != KP_OP_COUNT ? PART_GRAD_W : 0u);
}

static const char *part_name(const struct op_case *c, unsigned part)
{
    const struct gradients *g = gradients_of(c);
    if (c->chain)
        return c->chain == CHAIN_TRAIN ? "chain_train" : "chain_eval";
    if (!g || part & PART_FORWARD)
        return kp_op_name(c->op);
    return kp_op_name(part == PART_GRAD_W ? g->grad_w : g->grad_x);
}

static void add_window(struct kp_text *t, const char *prefix, const struct kp_window *w)
{
    kp_text_addf(t, " %sk=%lldx%lld %ss=%lldx%lld %sp=%lldx%lld", prefix, (long long)w->size[0],
                 (long long)w->size[1], prefix, (long long)w->stride[0], (long long)w->stride[1],
                 prefix, (long long)w->pad[0], (long long)w->pad[1]);
}

static void add_fill(struct kp_text *t, const struct op_case *c)
{
    static const char *const words[] = {[FILL_COARSE] = " coarse",
                                        [FILL_CONSTANT] = " constant",
                                        [FILL_EXTREME] = " extreme",
                                        [FILL_PEAKED] = " peaked",
                                        [FILL_GIVEN] = NULL};
    if (words[c->fill])
        kp_text_add(t, words[c->fill]);
    if (c->mean != 0)
        kp_text_addf(t, " mean=%g", c->mean);
    if (c->sd != 0)
        kp_text_addf(t, " sd=%g", c->sd);
    if (c->zero_weights)
        kp_text_add(t, " zero-weights");
}

void op_case_name(const struct op_case *c, unsigned part, char *out, size_t size)
{
    struct kp_text t = {0};
    kp_text_addf(&t, "%s n=%lld/%lld c=%lld", part_name(c, part), (long long)c->rows,
                 (long long)c->capacity, (long long)c->channels);
    if (c->width > 0)
        kp_text_addf(&t, " %lldx%lld", (long long)c->height, (long long)c->width);
    else if (c->height > 0)
        kp_text_addf(&t, " t=%lld", (long long)c->height);
    if (c->outputs > 0)
        kp_text_addf(&t, " o=%lld", (long long)c->outputs);
    if (c->window.size[0] > 0)
        add_window(&t, "", &c->window);
    if (c->pool_window.size[0] > 0)
        add_window(&t, "pool-", &c->pool_window);
    if (c->factor != 0)
        kp_text_addf(&t, " factor=%g", c->factor);
    if (kp_op_is_optimizer(c->op))
        kp_text_addf(&t, " mu=%g wd=%g", c->momentum, c->weight_decay);
    if (c->clip_norm > 0)
        kp_text_addf(&t, " clip=%g", c->clip_norm);
    kp_text_add(&t, c->decoupled ? " decoupled" : "");
    kp_text_add(&t, c->frozen ? " frozen" : "");
    kp_text_add(&t, c->last ? " last" : "");
    if (c->heads > 0)
        kp_text_addf(&t, " heads=%lld", (long long)c->heads);
    if (c->op == KP_OP_SELECT || c->op == KP_OP_ROW_LOSS || c->op == KP_OP_HEAD_LOSS)
        kp_text_addf(&t, " index=%lld", (long long)c->index);
    kp_text_add(&t, c->causal ? " causal" : "");
    kp_text_add(&t, c->approximate ? " tanh" : "");
    kp_text_add(&t, c->bf16 ? " bf16" : "");
    kp_text_add(&t, c->bias ? " bias" : "");
    kp_text_add(&t, c->residual ? " add" : "");
    kp_text_add(&t, c->act ? " relu" : "");
    kp_text_add(&t, c->pool ? " pool" : "");
    kp_text_add(&t, c->head ? " head" : "");
    kp_text_add(&t, c->nesterov ? " nesterov" : "");
    add_fill(&t, c);
    (void)snprintf(out, size, "%s", t.failed ? "(out of memory)" : t.s);
    kp_text_finish(&t);
}
