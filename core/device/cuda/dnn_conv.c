/* dnn_conv.c - what a node of a graph asks cuDNN for. */
#include "device/cuda/dnn.h"

#include <inttypes.h>
#include <stdio.h>

bool kp_dnn_conv_of(const struct kp_node *n, struct kp_dnn_conv *out)
{
    const struct kp_value *x, *w;

    switch (n->op) {
    case KP_OP_CONV2D:
        out->pass = KP_DNN_FORWARD;
        x = n->in[0];
        w = n->in[1];
        break;
    case KP_OP_CONV2D_GRAD_X:
        out->pass = KP_DNN_GRAD_X;
        x = n->out[0];
        w = n->in[1];
        break;
    case KP_OP_CONV2D_GRAD_W:
        out->pass = KP_DNN_GRAD_W;
        x = n->in[0];
        w = n->out[0];
        break;
    default:
        return false;
    }
    out->type = n->in[0]->half ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    out->bias = n->op == KP_OP_CONV2D && n->in[2] && !n->in[0]->half;
    out->act = out->bias && n->attrs.act;
    out->examples = x->shape.dim[0];
    out->channels = x->shape.dim[1];
    out->height = x->shape.dim[2];
    out->width = x->shape.dim[3];
    out->outputs = w->shape.dim[0];
    out->window = n->attrs.window;
    return true;
}

void kp_dnn_conv_text(const struct kp_dnn_conv *c, char out[KP_DNN_TEXT_SIZE])
{
    static const char *const names[] = {
        [KP_DNN_FORWARD] = "forward", [KP_DNN_GRAD_X] = "grad_x", [KP_DNN_GRAD_W] = "grad_w"};
    const struct kp_window *k = &c->window;

    (void)snprintf(out, KP_DNN_TEXT_SIZE,
                   "%s %s (%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ") by (%" PRId64
                   ",%" PRId64 ",%" PRId64 ",%" PRId64 "), stride %" PRId64 "x%" PRId64
                   ", padding %" PRId64 "x%" PRId64 "%s%s",
                   c->type == CUDNN_DATA_FLOAT ? "fp32" : "bf16", names[c->pass], c->examples,
                   c->channels, c->height, c->width, c->outputs, c->channels, k->size[0],
                   k->size[1], k->stride[0], k->stride[1], k->pad[0], k->pad[1],
                   c->bias ? ", bias" : "", c->act ? ", relu" : "");
}
