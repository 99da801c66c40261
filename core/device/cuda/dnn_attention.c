/* dnn_attention.c - attention as a graph of cuDNN.
 *
 * The graphs are those for which cuDNN has engines that keep no scores in memory forward. Backward
 * the gradient of q is one product whose result is a matrix in bf16: the engines then keep the
 * gradient of the scores in the workspace. With a result in fp32 they have no room for it, so they
 * would add to the result in an order of their own. */
#include "device/cuda/dnn_plan.h"

#include <inttypes.h>
#include <stdio.h>

/* The engines' tiles of queries and keys are no larger. */
#define TILE 128

typedef cudnnBackendDescriptor_t descriptor;

bool kp_dnn_attention_of(const struct kp_node *n, struct kp_dnn_attention *out)
{
    const struct kp_value *q = n->in[0];

    if (n->op != KP_OP_ATTENTION && n->op != KP_OP_ATTENTION_GRAD)
        return false;
    out->backward = n->op == KP_OP_ATTENTION_GRAD;
    out->causal = n->attrs.causal;
    out->examples = q->shape.dim[0];
    out->tokens = q->shape.dim[1];
    out->heads = n->attrs.heads;
    out->width = q->shape.dim[2] / out->heads;
    return true;
}

void kp_dnn_attention_text(const struct kp_dnn_attention *a, char out[KP_DNN_TEXT_SIZE])
{
    (void)snprintf(out, KP_DNN_TEXT_SIZE,
                   "bf16 attention%s (%" PRId64 ",%" PRId64 ",%" PRId64 "x%" PRId64 ")%s",
                   a->backward ? "_grad" : "", a->examples, a->tokens, a->heads, a->width,
                   a->causal ? ", causal" : "");
}

/* A graph on its way. */
struct attending {
    struct kp_dnn_making *m;
    const struct kp_dnn_attention *a;
};

/* (N,heads,T,width) of (N,T,E); turned: (N,heads,width,T). */
static descriptor matrix(const struct attending *g, int place, bool turned)
{
    const struct kp_dnn_attention *a = g->a;
    const int64_t all = a->heads * a->width;
    struct kp_dnn_tensor t = {
        .type = CUDNN_DATA_BFLOAT16,
        .dims = {a->examples, a->heads, a->tokens, a->width},
        .strides = {a->tokens * all, a->width, all, 1},
        .alignment = KP_DNN_ALIGNMENT,
    };

    if (turned) {
        t.dims[2] = a->width;
        t.dims[3] = a->tokens;
        t.strides[2] = 1;
        t.strides[3] = all;
    }
    return kp_dnn_tensor(g->m, place, &t);
}

/* (N,heads,T,T), never in memory; turned: keys before queries. */
static descriptor scores(const struct attending *g, cudnnDataType_t type, bool turned)
{
    const struct kp_dnn_attention *a = g->a;
    const int64_t square = a->tokens * a->tokens;
    const struct kp_dnn_tensor t = {
        .type = type,
        .dims = {a->examples, a->heads, a->tokens, a->tokens},
        .strides = {a->heads * square, square, turned ? 1 : a->tokens, turned ? a->tokens : 1},
        .alignment = KP_DNN_ALIGNMENT,
    };

    return kp_dnn_tensor(g->m, KP_DNN_BETWEEN, &t);
}

/* A number for each query, (N,heads,T,1). */
static descriptor queries(const struct attending *g, int place)
{
    const struct kp_dnn_attention *a = g->a;
    const struct kp_dnn_tensor t = {
        .dims = {a->examples, a->heads, a->tokens, 1},
        .strides = {a->heads * a->tokens, a->tokens, 1, 1},
        .alignment = KP_DNN_ALIGNMENT,
    };

    return kp_dnn_tensor(g->m, place, &t);
}

static descriptor number(const struct attending *g, int place)
{
    const struct kp_dnn_tensor t = {
        .dims = {1, 1, 1, 1},
        .strides = {1, 1, 1, 1},
        .alignment = KP_DNN_NUMBER_ALIGNMENT,
        .host = true,
    };

    return kp_dnn_tensor(g->m, place, &t);
}

/* y = mode(x, b); y */
static descriptor map(const struct attending *g, cudnnPointwiseMode_t mode, descriptor x,
                      descriptor b, descriptor y)
{
    kp_dnn_add_pointwise(g->m, &(struct kp_dnn_pointwise){.mode = mode, .x = x, .b = b, .y = y});
    return y;
}

/* c = a b; c */
static descriptor multiply(const struct attending *g, descriptor a, descriptor b, descriptor c)
{
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    descriptor how = kp_dnn_part(g->m, CUDNN_BACKEND_MATMUL_DESCRIPTOR), op;

    kp_dnn_set(g->m, how, CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    kp_dnn_finalize(g->m, how);
    op = kp_dnn_part(g->m, CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
    kp_dnn_add(g->m, op);
    return c;
}

/* y (N,heads,T,1): over the last dimension of x; y */
static descriptor reduce(const struct attending *g, cudnnReduceTensorOp_t by, descriptor x,
                         descriptor y)
{
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    descriptor how = kp_dnn_part(g->m, CUDNN_BACKEND_REDUCTION_DESCRIPTOR), op;

    kp_dnn_set(g->m, how, CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1,
               &by);
    kp_dnn_set(g->m, how, CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    kp_dnn_finalize(g->m, how);
    op = kp_dnn_part(g->m, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
    kp_dnn_add(g->m, op);
    return y;
}

/* y = x with other strides; y */
static descriptor reshape(const struct attending *g, descriptor x, descriptor y)
{
    descriptor op = kp_dnn_part(g->m, CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);

    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x);
    kp_dnn_set_part(g->m, op, CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y);
    kp_dnn_add(g->m, op);
    return y;
}

static descriptor fp32_scores(const struct attending *g)
{
    return scores(g, CUDNN_DATA_FLOAT, false);
}

/* The place of each score along an axis. */
static descriptor places(const struct attending *g, descriptor like, int64_t axis)
{
    descriptor y = scores(g, CUDNN_DATA_INT32, false);

    kp_dnn_add_pointwise(g->m, &(struct kp_dnn_pointwise){.mode = CUDNN_POINTWISE_GEN_INDEX,
                                                          .type = CUDNN_DATA_INT32,
                                                          .x = like,
                                                          .y = y,
                                                          .axis = axis});
    return y;
}

/* Where causal, what a query does not see becomes -inf. */
static descriptor hide(const struct attending *g, descriptor s)
{
    descriptor query, key, seen, y;

    if (!g->a->causal)
        return s;
    query = places(g, s, 2);
    key = places(g, s, 3);
    seen = scores(g, CUDNN_DATA_BOOLEAN, false);
    kp_dnn_add_pointwise(g->m, &(struct kp_dnn_pointwise){.mode = CUDNN_POINTWISE_CMP_GE,
                                                          .type = CUDNN_DATA_BOOLEAN,
                                                          .x = query,
                                                          .b = key,
                                                          .y = seen});
    y = fp32_scores(g);
    kp_dnn_add_pointwise(g->m, &(struct kp_dnn_pointwise){.mode = CUDNN_POINTWISE_BINARY_SELECT,
                                                          .x = s,
                                                          .b = number(g, KP_DNN_HIDDEN),
                                                          .select = seen,
                                                          .y = y});
    return y;
}

/* a = factor q k^T;  e = exp(a - max);  l = max + log sum e;  y = (e / sum e) v */
static void forward(const struct attending *g)
{
    descriptor q = matrix(g, KP_DNN_Q, false), k = matrix(g, KP_DNN_K, true);
    descriptor a, most, e, sum, logarithm, p;

    a = multiply(g, q, k, fp32_scores(g));
    a = map(g, CUDNN_POINTWISE_MUL, a, number(g, KP_DNN_FACTOR), fp32_scores(g));
    a = hide(g, a);
    most = reduce(g, CUDNN_REDUCE_TENSOR_MAX, a, queries(g, KP_DNN_BETWEEN));
    e = map(g, CUDNN_POINTWISE_SUB, a, most, fp32_scores(g));
    e = map(g, CUDNN_POINTWISE_EXP, e, NULL, fp32_scores(g));
    sum = reduce(g, CUDNN_REDUCE_TENSOR_ADD, e, queries(g, KP_DNN_BETWEEN));
    logarithm = map(g, CUDNN_POINTWISE_LOG, sum, NULL, queries(g, KP_DNN_BETWEEN));
    (void)map(g, CUDNN_POINTWISE_ADD, most, logarithm, queries(g, KP_DNN_L));
    p = map(g, CUDNN_POINTWISE_DIV, e, sum, scores(g, CUDNN_DATA_BFLOAT16, false));
    (void)multiply(g, p, matrix(g, KP_DNN_V, false), matrix(g, KP_DNN_O, false));
}

/* inner = sum of dy y over a head, times 1 as cuDNN's graph has it */
static descriptor inner_products(const struct attending *g, descriptor dy)
{
    const struct kp_dnn_attention *a = g->a;
    const struct kp_dnn_tensor t = {
        .dims = {a->examples, a->heads, a->tokens, a->width},
        .strides = {a->heads * a->tokens * a->width, a->tokens * a->width, a->width, 1},
        .alignment = KP_DNN_ALIGNMENT,
    };
    descriptor y = matrix(g, KP_DNN_O, false), product = kp_dnn_tensor(g->m, KP_DNN_BETWEEN, &t),
               sum;

    (void)map(g, CUDNN_POINTWISE_MUL, dy, y, product);
    sum = reduce(g, CUDNN_REDUCE_TENSOR_ADD, product, queries(g, KP_DNN_BETWEEN));
    return map(g, CUDNN_POINTWISE_MUL, sum, number(g, KP_DNN_ONE), queries(g, KP_DNN_INNER));
}

/* p = exp(factor q k^T - l);  dv = p^T dy;  d = factor p (dy v^T - inner);  dk = d^T q;  dq = d k
 */
static void backward(const struct attending *g)
{
    descriptor q = matrix(g, KP_DNN_Q, false), k = matrix(g, KP_DNN_K, true);
    descriptor dy = matrix(g, KP_DNN_DO, false), factor = number(g, KP_DNN_FACTOR);
    descriptor inner = inner_products(g, dy), p, d, turned;

    p = multiply(g, q, k, fp32_scores(g));
    p = map(g, CUDNN_POINTWISE_MUL, p, factor, fp32_scores(g));
    p = map(g, CUDNN_POINTWISE_SUB, p, queries(g, KP_DNN_L), fp32_scores(g));
    p = map(g, CUDNN_POINTWISE_EXP, hide(g, p), NULL, fp32_scores(g));
    turned = reshape(g, p, scores(g, CUDNN_DATA_BFLOAT16, true));
    (void)multiply(g, turned, dy, matrix(g, KP_DNN_DV, false));

    d = multiply(g, dy, matrix(g, KP_DNN_V, true), fp32_scores(g));
    d = map(g, CUDNN_POINTWISE_SUB, d, inner, fp32_scores(g));
    d = map(g, CUDNN_POINTWISE_MUL, d, p, fp32_scores(g));
    d = map(g, CUDNN_POINTWISE_MUL, d, factor, scores(g, CUDNN_DATA_BFLOAT16, false));
    turned = reshape(g, d, scores(g, CUDNN_DATA_BFLOAT16, true));
    (void)multiply(g, turned, q, matrix(g, KP_DNN_DK, false));
    (void)multiply(g, d, reshape(g, k, matrix(g, KP_DNN_BETWEEN, false)),
                   matrix(g, KP_DNN_DQ, false));
}

/* The scores in bf16, in whole tiles, and what all the engines may ask for. */
static int64_t most_workspace(const struct kp_dnn_attention *a)
{
    const int64_t padded = (a->tokens + TILE - 1) / TILE * TILE, heads = a->examples * a->heads;

    return heads * padded * padded * 2 + ((int64_t)64 << 20);
}

void kp_dnn_attention_graph(struct kp_dnn_making *m, const struct kp_dnn_attention *a)
{
    const struct attending g = {m, a};

    m->most_workspace = most_workspace(a);
    if (a->backward)
        backward(&g);
    else
        forward(&g);
}
