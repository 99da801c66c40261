// fused_attention.cu - attention between halves by a plan of cuDNN (dnn_attention.c).
//
// q, k, v and dy are values of two bytes; results come in two bytes as well, in the scratch behind
// the plan's workspace, and are widened. The plan does all examples of the capacity: what it makes
// of those behind the batch nobody reads, and no example reads another.
#include "device/cuda/device.cuh"
#include "device/cuda/dnn.h"
#include "device/cuda/ops.h"

#include <cmath>

// Numbers of a matrix (N,T,E), and bytes of it in the scratch.
static int64_t size_of(const struct kp_node *n)
{
    return kp_shape_count(n->in[0]->shape);
}

static size_t matrix_bytes(const struct kp_node *n)
{
    return kp_cuda_whole((size_t)size_of(n) * sizeof(uint16_t));
}

// Forward y; backward y, dq, dk, dv and the inner products (N,heads,T).
size_t kp_cuda_fused_attention_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    if (n->op == KP_OP_ATTENTION)
        return matrix_bytes(n);
    return 4 * matrix_bytes(n) + (size_t)kp_shape_count(n->in[4]->shape) * sizeof(float);
}

// The matrix i of the scratch.
static uint16_t *matrix_at(const struct kp_cuda_call *c, int i)
{
    char *first = (char *)kp_cuda_scratch(c) + kp_dnn_workspace(c->plan);

    return (uint16_t *)(first + (size_t)i * matrix_bytes(c->node));
}

// Numbers that a plan takes from the host.
struct numbers {
    float factor, hidden, one;
};

static struct kp_dnn_operands operands_of(const struct kp_cuda_call *c, struct numbers *x)
{
    struct kp_dnn_operands o = {};

    x->factor = (float)c->node->attrs.factor;
    x->hidden = -INFINITY;
    x->one = 1;
    for (int i = 0; i < 3; i++)
        o.tensor[KP_DNN_Q + i] = kp_cuda_in(c, i);
    o.tensor[KP_DNN_O] = matrix_at(c, 0);
    o.tensor[KP_DNN_FACTOR] = &x->factor;
    if (c->node->attrs.causal)
        o.tensor[KP_DNN_HIDDEN] = &x->hidden;
    return o;
}

void kp_cuda_fused_attention(const struct kp_cuda_call *c)
{
    struct numbers x;
    struct kp_dnn_operands o = operands_of(c, &x);

    o.tensor[KP_DNN_L] = kp_cuda_out(c, 1);
    kp_dnn_queue(c, &o);
    kp_cuda_widen(c, kp_cuda_count(c->node->out[0], c->rows), matrix_at(c, 0), kp_cuda_out(c, 0));
}

void kp_cuda_fused_attention_grad(const struct kp_cuda_call *c)
{
    const int64_t count = kp_cuda_count(c->node->in[0], c->rows);
    struct numbers x;
    struct kp_dnn_operands o = operands_of(c, &x);

    // Nothing is lost of y: the forward plan made it in two bytes.
    kp_cuda_halve(c, count, kp_cuda_in(c, 3), matrix_at(c, 0));
    o.tensor[KP_DNN_L] = kp_cuda_in(c, 4);
    o.tensor[KP_DNN_DO] = kp_cuda_in(c, 5);
    for (int i = 0; i < 3; i++)
        o.tensor[KP_DNN_DQ + i] = matrix_at(c, 1 + i);
    o.tensor[KP_DNN_INNER] = matrix_at(c, 4);
    o.tensor[KP_DNN_ONE] = &x.one;
    kp_dnn_queue(c, &o);
    for (int i = 0; i < 3; i++)
        if (c->node->out[i])
            kp_cuda_widen(c, count, matrix_at(c, 1 + i), kp_cuda_out(c, i));
}
