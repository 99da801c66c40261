/* head.c - finds the last linear layer of a model. */
#include "tensor/head.h"

const struct kp_node *kp_head_find(const struct kp_recording *r, const struct kp_value *logits)
{
    const struct kp_node *head = NULL;

    for (int64_t i = 0; i < r->graph->node_count; i++) {
        const struct kp_node *n = r->graph->nodes[i];
        for (int k = 0; k < KP_NODE_IN; k++)
            if (n->in[k] == logits)
                return NULL;
        if (n->op == KP_OP_LINEAR && n->out[0] == logits)
            head = n;
    }
    for (int i = 0; i < r->tap_count; i++)
        if (r->taps[i].value == logits)
            return NULL;
    return logits == r->features ? NULL : head;
}

bool kp_head_is_of_parameters(const struct kp_node *head)
{
    return head->in[1]->place == KP_AT_PARAMS &&
           (!head->in[2] || head->in[2]->place == KP_AT_PARAMS);
}

bool kp_head_teaches(const struct kp_program *teacher, int64_t classes, struct kp_shape rows)
{
    if (!teacher || !teacher->head_weight || teacher->classes != classes)
        return false;
    struct kp_shape features = teacher->features->shape;
    if (features.n != rows.n + 1)
        return false;
    for (int32_t i = 1; i < rows.n; i++)
        if (features.dim[i] != rows.dim[i])
            return false;
    return true;
}
