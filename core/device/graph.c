/* graph.c - growing a graph. */
#include "device/graph.h"

#include <string.h>

/* Room for one more pointer in an arena-backed array. */
static bool grow(struct kp_arena *a, void ***v, int64_t count, int64_t *room)
{
    if (count < *room)
        return true;
    int64_t larger = *room > 0 ? 2 * *room : 64;
    void **moved = kp_arena_new(a, void *, larger);
    if (!moved)
        return false;
    if (count > 0)
        memcpy(moved, *v, (size_t)count * sizeof(void *));
    *v = moved;
    *room = larger;
    return true;
}

struct kp_value *kp_graph_value(struct kp_graph *g, enum kp_dtype dtype, struct kp_shape shape,
                                bool batched)
{
    struct kp_value *v = kp_arena_new(&g->memory, struct kp_value, 1);
    if (!v || !grow(&g->memory, (void ***)&g->values, g->value_count, &g->value_room))
        return NULL;
    v->id = (int32_t)g->value_count;
    v->dtype = dtype;
    v->shape = shape;
    v->batched = batched;
    g->values[g->value_count++] = v;
    return v;
}

struct kp_node *kp_graph_node(struct kp_graph *g, enum kp_op op)
{
    return kp_graph_node_insert(g, g->node_count, op);
}

struct kp_node *kp_graph_node_insert(struct kp_graph *g, int64_t at, enum kp_op op)
{
    struct kp_node *n = kp_arena_new(&g->memory, struct kp_node, 1);
    if (!n || !grow(&g->memory, (void ***)&g->nodes, g->node_count, &g->node_room))
        return NULL;
    n->op = op;
    memmove(&g->nodes[at + 1], &g->nodes[at], (size_t)(g->node_count - at) * sizeof(*g->nodes));
    g->nodes[at] = n;
    g->node_count++;
    return n;
}

const char *kp_op_name(enum kp_op op)
{
    static const char *const names[] = {
        [KP_OP_LINEAR] = "linear",
        [KP_OP_LINEAR_GRAD_X] = "linear_grad_x",
        [KP_OP_LINEAR_GRAD_W] = "linear_grad_w",
        [KP_OP_CONV2D] = "conv2d",
        [KP_OP_CONV2D_GRAD_X] = "conv2d_grad_x",
        [KP_OP_CONV2D_GRAD_W] = "conv2d_grad_w",
        [KP_OP_BATCH_NORM] = "batch_norm",
        [KP_OP_BATCH_NORM_GRAD] = "batch_norm_grad",
        [KP_OP_BATCH_NORM_EVAL] = "batch_norm_eval",
        [KP_OP_BATCH_NORM_EVAL_GRAD] = "batch_norm_eval_grad",
        [KP_OP_FOLD_BATCH_NORM] = "fold_batch_norm",
        [KP_OP_RELU] = "relu",
        [KP_OP_RELU_GRAD] = "relu_grad",
        [KP_OP_MAX_POOL] = "max_pool",
        [KP_OP_MAX_POOL_GRAD] = "max_pool_grad",
        [KP_OP_AVG_POOL] = "avg_pool",
        [KP_OP_AVG_POOL_GRAD] = "avg_pool_grad",
        [KP_OP_RESHAPE] = "reshape",
        [KP_OP_ADD] = "add",
        [KP_OP_SUB] = "sub",
        [KP_OP_MUL] = "mul",
        [KP_OP_SCALE] = "scale",
        [KP_OP_SOFTMAX] = "softmax",
        [KP_OP_SOFTMAX_GRAD] = "softmax_grad",
        [KP_OP_LOG_SOFTMAX] = "log_softmax",
        [KP_OP_LOG_SOFTMAX_GRAD] = "log_softmax_grad",
        [KP_OP_MEAN] = "mean",
        [KP_OP_MEAN_GRAD] = "mean_grad",
        [KP_OP_CROSS_ENTROPY] = "cross_entropy",
        [KP_OP_CROSS_ENTROPY_GRAD] = "cross_entropy_grad",
        [KP_OP_KL] = "kl_divergence",
        [KP_OP_KL_GRAD] = "kl_divergence_grad",
        [KP_OP_WEIGHTED_MEAN] = "weighted_mean",
        [KP_OP_WEIGHTED_MEAN_GRAD] = "weighted_mean_grad",
        [KP_OP_ROW_LOSS] = "row_loss",
        [KP_OP_HEAD_LOSS] = "head_loss",
        [KP_OP_ONE_HOT] = "one_hot",
        [KP_OP_ARGMAX] = "argmax",
        [KP_OP_ACCUMULATE] = "accumulate",
        [KP_OP_CLIP] = "clip",
        [KP_OP_SGD] = "sgd",
        [KP_OP_ADAM] = "adam",
        [KP_OP_ROUND] = "round",
        [KP_OP_CONVERT] = "convert",
        [KP_OP_BATCH_NORM_SUMS] = "batch_norm_sums",
        [KP_OP_BATCH_NORM_GRAD_SUMS] = "batch_norm_grad_sums",
        [KP_OP_LAYER_NORM] = "layer_norm",
        [KP_OP_LAYER_NORM_GRAD] = "layer_norm_grad",
        [KP_OP_GELU] = "gelu",
        [KP_OP_GELU_GRAD] = "gelu_grad",
        [KP_OP_ATTENTION] = "attention",
        [KP_OP_ATTENTION_GRAD] = "attention_grad",
        [KP_OP_PATCHES] = "patches",
        [KP_OP_PATCHES_GRAD] = "patches_grad",
        [KP_OP_PREPEND] = "prepend",
        [KP_OP_PREPEND_GRAD] = "prepend_grad",
        [KP_OP_ADD_POSITION] = "add_position",
        [KP_OP_ADD_POSITION_GRAD] = "add_position_grad",
        [KP_OP_SELECT] = "select",
        [KP_OP_SELECT_GRAD] = "select_grad",
        [KP_OP_EMBEDDING] = "embedding",
        [KP_OP_EMBEDDING_GRAD] = "embedding_grad",
        [KP_OP_DROPOUT] = "dropout",
        [KP_OP_FOREIGN] = "foreign",
        [KP_OP_FOREIGN_GRAD] = "foreign_grad",
    };
    return names[op];
}
