/* differentiate.c - reverse-mode differentiation of a graph, operation by operation. */
#include "tensor/differentiate.h"

#include <stdlib.h>

/* grad[v->id] is the sum so far of what flows into v; NULL: nothing yet. */
struct reverse {
    struct kp_graph *g;
    struct kp_value **grad;
    bool *wanted;  /* see kp_mark_trained() */
    int64_t count; /* of values when differentiation began */
    bool failed;   /* out of memory */
};

static struct kp_value *like(struct reverse *r, const struct kp_value *v)
{
    struct kp_value *y = kp_graph_value(r->g, v->dtype, v->shape, v->batched);

    r->failed |= !y;
    return y;
}

static struct kp_node *append(struct reverse *r, enum kp_op op, struct kp_value *a,
                              struct kp_value *b, struct kp_value *c)
{
    struct kp_node *n = kp_graph_node(r->g, op);

    r->failed |= !n;
    if (n) {
        n->in[0] = a;
        n->in[1] = b;
        n->in[2] = c;
    }
    return n;
}

/* An operation of up to three operands with one result shaped as `shape_of`. */
static struct kp_value *apply(struct reverse *r, enum kp_op op, const struct kp_attrs *attrs,
                              const struct kp_value *shape_of, struct kp_value *a,
                              struct kp_value *b, struct kp_value *c)
{
    struct kp_node *n = append(r, op, a, b, c);
    struct kp_value *y = like(r, shape_of);

    if (n && y) {
        if (attrs)
            n->attrs = *attrs;
        n->out[0] = y;
    }
    return y;
}

static bool wanted(const struct reverse *r, const struct kp_value *v)
{
    return v && r->wanted[v->id];
}

/* `d` flows into v. */
static void flow(struct reverse *r, struct kp_value *v, struct kp_value *d)
{
    if (!wanted(r, v) || !d)
        return;
    struct kp_value *sum = r->grad[v->id];
    r->grad[v->id] = sum ? apply(r, KP_OP_ADD, NULL, v, sum, d, NULL) : d;
}

static void reshape_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    struct kp_value *dx = apply(r, KP_OP_RESHAPE, NULL, n->in[0], dy, NULL, NULL);

    if (dx)
        dx->alias = dy->alias ? dy->alias : dy;
    flow(r, n->in[0], dx);
}

/* conv2d and linear: dx from (dy, w); dw and db from (x, dy). */
static void weighted_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy,
                          enum kp_op grad_x, enum kp_op grad_w)
{
    struct kp_value *x = n->in[0], *w = n->in[1], *b = n->in[2];

    if (wanted(r, w) || wanted(r, b)) {
        struct kp_node *g = append(r, grad_w, x, dy, NULL);
        if (g) {
            g->attrs = n->attrs;
            g->out[0] = like(r, w);
            g->out[1] = b ? like(r, b) : NULL;
            flow(r, w, g->out[0]);
            flow(r, b, g->out[1]);
        }
    }
    if (wanted(r, x))
        flow(r, x, apply(r, grad_x, &n->attrs, x, dy, w, NULL));
}

/* TRAIN: x gamma beta m s r dy;  EVAL_GRAD: x gamma beta mean var r dy. */
static void batch_norm_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    bool train = n->op == KP_OP_BATCH_NORM;
    struct kp_node *g = append(r, train ? KP_OP_BATCH_NORM_GRAD : KP_OP_BATCH_NORM_EVAL_GRAD,
                               n->in[0], n->in[1], n->in[2]);

    if (!g)
        return;
    g->attrs = n->attrs;
    g->in[3] = train ? n->out[1] : n->in[3];
    g->in[4] = train ? n->out[2] : n->in[4];
    g->in[5] = n->in[5];
    g->in[6] = dy;
    g->out[0] = like(r, n->in[0]);
    g->out[1] = like(r, n->in[1]);
    g->out[2] = like(r, n->in[2]);
    g->out[3] = n->in[5] ? like(r, n->in[5]) : NULL;
    for (int i = 0; i < 3; i++)
        flow(r, n->in[i], g->out[i]);
    flow(r, n->in[5], g->out[3]);
}

static void mul_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    if (wanted(r, n->in[0]))
        flow(r, n->in[0], apply(r, KP_OP_MUL, NULL, n->in[0], dy, n->in[1], NULL));
    if (wanted(r, n->in[1]))
        flow(r, n->in[1], apply(r, KP_OP_MUL, NULL, n->in[1], dy, n->in[0], NULL));
}

static void sub_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    const struct kp_attrs minus = {.factor = -1.0};

    flow(r, n->in[0], dy);
    if (wanted(r, n->in[1]))
        flow(r, n->in[1], apply(r, KP_OP_SCALE, &minus, n->in[1], dy, NULL, NULL));
}

/* Operations whose only differentiable operand is the first. */
static void first_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    struct kp_value *x = n->in[0], *y = n->out[0], *dx = NULL;

    if (!wanted(r, x))
        return;
    switch (n->op) {
    case KP_OP_RELU:
        dx = apply(r, KP_OP_RELU_GRAD, NULL, x, y, dy, NULL);
        break;
    case KP_OP_MAX_POOL:
        dx = apply(r, KP_OP_MAX_POOL_GRAD, &n->attrs, x, x, dy, NULL);
        break;
    case KP_OP_AVG_POOL:
        dx = apply(r, KP_OP_AVG_POOL_GRAD, &n->attrs, x, dy, NULL, NULL);
        break;
    case KP_OP_SCALE:
        dx = apply(r, KP_OP_SCALE, &n->attrs, x, dy, NULL, NULL);
        break;
    case KP_OP_SOFTMAX:
        dx = apply(r, KP_OP_SOFTMAX_GRAD, NULL, x, y, dy, NULL);
        break;
    case KP_OP_LOG_SOFTMAX:
        dx = apply(r, KP_OP_LOG_SOFTMAX_GRAD, NULL, x, y, dy, NULL);
        break;
    case KP_OP_GELU:
        dx = apply(r, KP_OP_GELU_GRAD, &n->attrs, x, x, dy, NULL);
        break;
    case KP_OP_PATCHES:
        dx = apply(r, KP_OP_PATCHES_GRAD, &n->attrs, x, dy, NULL, NULL);
        break;
    case KP_OP_SELECT:
        dx = apply(r, KP_OP_SELECT_GRAD, &n->attrs, x, dy, NULL, NULL);
        break;
    case KP_OP_DROPOUT:
        dx = apply(r, KP_OP_DROPOUT, &n->attrs, x, dy, NULL, NULL);
        break;
    case KP_OP_MEAN:
        dx = apply(r, KP_OP_MEAN_GRAD, NULL, x, dy, NULL, NULL);
        break;
    case KP_OP_CROSS_ENTROPY:
        dx = apply(r, KP_OP_CROSS_ENTROPY_GRAD, NULL, x, x, n->in[1], dy);
        break;
    case KP_OP_KL:
        dx = apply(r, KP_OP_KL_GRAD, &n->attrs, x, x, n->in[1], dy);
        break;
    case KP_OP_WEIGHTED_MEAN:
        dx = apply(r, KP_OP_WEIGHTED_MEAN_GRAD, NULL, x, x, n->in[1], dy);
        break;
    default:
        KP_ASSERT(false && "operation without a gradient");
    }
    flow(r, x, dx);
}

/* A gradient node with operands in[0..count) whose results are the gradients of n's operands
 * of[0..3), -1 for none; those that nobody wants are left out where `optional`. */
static void several_back(struct reverse *r, const struct kp_node *n, enum kp_op op,
                         struct kp_value *const *in, int count, const int of[3], bool optional)
{
    bool any = false;

    for (int i = 0; i < 3; i++)
        any |= of[i] >= 0 && wanted(r, n->in[of[i]]);
    struct kp_node *g = any ? kp_graph_node(r->g, op) : NULL;
    r->failed |= any && !g;
    if (!g)
        return;
    g->attrs = n->attrs;
    for (int i = 0; i < count; i++)
        g->in[i] = in[i];
    for (int i = 0; i < 3; i++)
        if (of[i] >= 0 && (!optional || wanted(r, n->in[of[i]]))) {
            g->out[i] = like(r, n->in[of[i]]);
            flow(r, n->in[of[i]], g->out[i]);
        }
}

static void layer_norm_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    struct kp_value *in[] = {n->in[0], n->in[1], n->out[1], n->out[2], dy};

    several_back(r, n, KP_OP_LAYER_NORM_GRAD, in, 5, (const int[3]){0, 1, 2}, false);
}

static void attention_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    struct kp_value *in[] = {n->in[0], n->in[1], n->in[2], n->out[0], n->out[1], dy};

    several_back(r, n, KP_OP_ATTENTION_GRAD, in, 6, (const int[3]){0, 1, 2}, false);
}

/* Operands, result and what was kept, as far as the plugin reads them; gradients as far as somebody
 * wants them. */
static void foreign_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    const struct kp_op_def *d = n->attrs.foreign->def;
    const int count = (int)d->operand_count;
    bool any = false;

    for (int i = 0; i < count; i++)
        any |= !kp_op_operand(d, (uint32_t)i)->constant && wanted(r, n->in[i]);
    struct kp_node *g = any ? append(r, KP_OP_FOREIGN_GRAD, NULL, NULL, NULL) : NULL;
    if (!g)
        return;
    g->attrs = n->attrs;
    for (int i = 0; i < count; i++)
        g->in[i] = d->needs >> i & 1 ? n->in[i] : NULL;
    g->in[KP_FOREIGN_Y] = d->needs & KP_OP_NEEDS_RESULT ? n->out[0] : NULL;
    for (int i = 0; i < (int)d->kept_count; i++)
        g->in[KP_FOREIGN_KEPT + i] = n->out[1 + i];
    g->in[KP_FOREIGN_DY] = dy;
    for (int i = 0; i < count; i++)
        if (!kp_op_operand(d, (uint32_t)i)->constant && wanted(r, n->in[i])) {
            g->out[i] = like(r, n->in[i]);
            flow(r, n->in[i], g->out[i]);
        }
}

/* Tables of rows that every example uses. */
static void table_back(struct reverse *r, const struct kp_node *n, struct kp_value *dy)
{
    struct kp_value *ids[] = {n->in[0], dy};

    if (n->op == KP_OP_PREPEND)
        several_back(r, n, KP_OP_PREPEND_GRAD, &dy, 1, (const int[3]){0, 1, -1}, true);
    else if (n->op == KP_OP_EMBEDDING)
        several_back(r, n, KP_OP_EMBEDDING_GRAD, ids, 2, (const int[3]){1, -1, -1}, true);
    else {
        several_back(r, n, KP_OP_ADD_POSITION_GRAD, &dy, 1, (const int[3]){1, -1, -1}, true);
        flow(r, n->in[0], dy);
    }
}

/* Like a row loss, and it leaves out the gradients that nobody wants. */
static void head_loss_back(struct reverse *r, struct kp_node *n, const struct kp_value *dy)
{
    static const int of[] = {
        [KP_HEAD_DX] = KP_HEAD_X, [KP_HEAD_DW] = KP_HEAD_W, [KP_HEAD_DB] = KP_HEAD_B};

    KP_ASSERT(dy == n->in[KP_HEAD_DY]);
    for (int k = KP_HEAD_DX; k <= KP_HEAD_DB; k++)
        if (wanted(r, n->in[of[k]])) {
            n->out[k] = like(r, n->in[of[k]]);
            flow(r, n->in[of[k]], n->out[k]);
        }
}

static void node_back(struct reverse *r, struct kp_node *n, struct kp_value *dy)
{
    switch (n->op) {
    case KP_OP_LAYER_NORM:
        layer_norm_back(r, n, dy);
        break;
    case KP_OP_ATTENTION:
        attention_back(r, n, dy);
        break;
    case KP_OP_FOREIGN:
        foreign_back(r, n, dy);
        break;
    case KP_OP_PREPEND:
    case KP_OP_ADD_POSITION:
    case KP_OP_EMBEDDING:
        table_back(r, n, dy);
        break;
    case KP_OP_LINEAR:
        weighted_back(r, n, dy, KP_OP_LINEAR_GRAD_X, KP_OP_LINEAR_GRAD_W);
        break;
    case KP_OP_CONV2D:
        weighted_back(r, n, dy, KP_OP_CONV2D_GRAD_X, KP_OP_CONV2D_GRAD_W);
        break;
    case KP_OP_BATCH_NORM:
    case KP_OP_BATCH_NORM_EVAL:
        batch_norm_back(r, n, dy);
        break;
    case KP_OP_ROW_LOSS:
        KP_ASSERT(dy == n->in[4]); /* dz is made with the loss, for this dy */
        flow(r, n->in[0], n->out[1]);
        break;
    case KP_OP_HEAD_LOSS:
        head_loss_back(r, n, dy);
        break;
    case KP_OP_RESHAPE:
        reshape_back(r, n, dy);
        break;
    case KP_OP_ADD:
        flow(r, n->in[0], dy);
        flow(r, n->in[1], dy);
        break;
    case KP_OP_ROUND:
        flow(r, n->in[0], dy);
        break;
    case KP_OP_SUB:
        sub_back(r, n, dy);
        break;
    case KP_OP_MUL:
        mul_back(r, n, dy);
        break;
    default:
        first_back(r, n, dy);
    }
}

/* May a gradient flow to operand k? None flows to a teacher. */
static bool is_differentiable(const struct kp_node *n, int k)
{
    if (n->op == KP_OP_FOREIGN)
        return !kp_op_operand(n->attrs.foreign->def, (uint32_t)k)->constant;
    if (n->op == KP_OP_HEAD_LOSS)
        return k <= KP_HEAD_B;
    return n->op == KP_OP_KL || n->op == KP_OP_ROW_LOSS ? k == 0 : n->op != KP_OP_ARGMAX;
}

void kp_mark_trained(const struct kp_graph *g, bool *trained)
{
    for (int64_t i = 0; i < g->value_count; i++)
        trained[i] = g->values[i]->place == KP_AT_PARAMS && !g->values[i]->frozen;
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        bool any = false;

        for (int k = 0; k < KP_NODE_IN; k++)
            any |= n->in[k] && trained[n->in[k]->id] && is_differentiable(n, k);
        for (int k = 0; k < KP_NODE_OUT; k++)
            if (n->out[k])
                trained[n->out[k]->id] = any;
    }
}

/* The sum that flowed into parameter p becomes the block of memory.grads. A value that already has
 * another purpose (a gradient of two parameters, an alias) is copied. */
static void keep_gradient(struct reverse *r, const struct kp_value *p)
{
    const struct kp_attrs copy = {.factor = 1.0};
    struct kp_value *d = r->grad[p->id];

    if (!d)
        return;
    if (d->place != KP_AT_ARENA || d->alias || d->input || d->id < r->count)
        d = apply(r, KP_OP_SCALE, &copy, p, d, NULL, NULL);
    if (!d)
        return;
    d->place = KP_AT_GRADS;
    d->offset = p->offset;
    d->name = p->name;
}

enum kp_status kp_differentiate(struct kp_graph *g, struct kp_value *loss, struct kp_value *seed,
                                struct kp_error *e)
{
    enum kp_status st = KP_OK;
    int64_t nodes = g->node_count;
    struct reverse r = {.g = g, .count = g->value_count};

    /* Values appended here get ids beyond count; only the first `count` have a gradient. */
    r.grad = calloc((size_t)r.count, sizeof(*r.grad));
    r.wanted = calloc((size_t)r.count, sizeof(*r.wanted));
    if (!r.grad || !r.wanted) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to differentiate");
        goto out;
    }
    kp_mark_trained(g, r.wanted);
    if (!r.wanted[loss->id]) {
        st = kp_fail(e, KP_E_INVALID, "the loss depends on no parameter");
        goto out;
    }
    r.grad[loss->id] = seed;
    for (int64_t i = nodes - 1; i >= 0; i--) {
        struct kp_node *n = g->nodes[i];
        struct kp_value *dy = n->out[0] ? r.grad[n->out[0]->id] : NULL;
        if (dy)
            node_back(&r, n, dy);
    }
    for (int64_t i = 0; i < r.count; i++)
        if (g->values[i]->place == KP_AT_PARAMS)
            keep_gradient(&r, g->values[i]);
    if (r.failed)
        st = kp_fail(e, KP_E_NOMEM, "no memory to differentiate");
out:
    free(r.grad);
    free(r.wanted);
    return st;
}
