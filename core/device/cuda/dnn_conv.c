/* dnn_conv.c - a convolution as a graph of cuDNN. */
#include "device/cuda/dnn_plan.h"

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

static cudnnBackendDescriptor_t sliding(struct kp_dnn_making *m, const struct kp_window *w)
{
    const int64_t spatial = 2, dilations[] = {1, 1};
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t d = kp_dnn_part(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &spatial);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, w->pad);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, w->pad);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, w->stride);
    kp_dnn_set(m, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilations);
    kp_dnn_finalize(m, d);
    return d;
}

/* What cuDNN calls the attributes of each operation. */
struct pass {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, x, w, y, alpha, beta;
};

static const struct pass passes[] = {
    [KP_DNN_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [KP_DNN_GRAD_X] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [KP_DNN_GRAD_W] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static int64_t outputs_along(const struct kp_dnn_conv *c, int axis)
{
    const struct kp_window *k = &c->window;
    const int64_t size = axis == 0 ? c->height : c->width;

    return (size + 2 * k->pad[axis] - k->size[axis]) / k->stride[axis] + 1;
}

/* A tensor (n,c,h,w), the channels innermost. */
static cudnnBackendDescriptor_t tensor(struct kp_dnn_making *m, int place, int64_t n, int64_t c,
                                       int64_t h, int64_t w)
{
    const struct kp_dnn_tensor t = {
        .type = m->plan->work.conv.type,
        .dims = {n, c, h, w},
        .strides = {h * w * c, 1, w * c, c},
        .alignment = place == KP_DNN_BIAS ? KP_DNN_NUMBER_ALIGNMENT : KP_DNN_ALIGNMENT,
    };

    return kp_dnn_tensor(m, place, &t);
}

/* An image as large as y, never in memory. */
static cudnnBackendDescriptor_t between(struct kp_dnn_making *m, const struct kp_dnn_conv *c)
{
    const int64_t h = outputs_along(c, 0), w = outputs_along(c, 1), n = c->outputs;
    const struct kp_dnn_tensor t = {
        .type = CUDNN_DATA_FLOAT,
        .dims = {c->examples, n, h, w},
        .strides = {h * w * n, 1, w * n, n},
        .alignment = KP_DNN_ALIGNMENT,
    };

    return kp_dnn_tensor(m, KP_DNN_BETWEEN, &t);
}

/* The convolution; the pass says which of x, w and y it makes. */
static void add_conv(struct kp_dnn_making *m, const struct kp_dnn_conv *c,
                     cudnnBackendDescriptor_t y)
{
    const struct pass *p = &passes[c->pass];
    const float one = 1, zero = 0;
    cudnnBackendDescriptor_t x = tensor(m, KP_DNN_X, c->examples, c->channels, c->height, c->width);
    cudnnBackendDescriptor_t w =
        tensor(m, KP_DNN_W, c->outputs, c->channels, c->window.size[0], c->window.size[1]);
    cudnnBackendDescriptor_t window = sliding(m, &c->window), op = kp_dnn_part(m, p->type);

    kp_dnn_set_part(m, op, p->window, window);
    kp_dnn_set_part(m, op, p->x, x);
    kp_dnn_set_part(m, op, p->w, w);
    kp_dnn_set_part(m, op, p->y, y);
    kp_dnn_set(m, op, p->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    kp_dnn_set(m, op, p->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    kp_dnn_add(m, op);
}

/* With fp32 operands the tensor cores would be TF32. Engines without a kernel for the layout turn
 * the images first; that much they may ask for. */
static void set_limits(struct kp_dnn_making *m, const struct kp_dnn_conv *c)
{
    const int64_t x = c->examples * c->channels * c->height * c->width;
    const int64_t w = c->outputs * c->channels * c->window.size[0] * c->window.size[1];
    const int64_t y = c->examples * c->outputs * outputs_along(c, 0) * outputs_along(c, 1);

    if (c->type == CUDNN_DATA_FLOAT)
        m->refused = 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    m->most_workspace = (x + w + y) * (int64_t)sizeof(float) + ((int64_t)64 << 20);
}

/* The convolution, its bias, its ReLU. */
void kp_dnn_conv_graph(struct kp_dnn_making *m, const struct kp_dnn_conv *c)
{
    cudnnBackendDescriptor_t y =
        tensor(m, KP_DNN_Y, c->examples, c->outputs, outputs_along(c, 0), outputs_along(c, 1));
    cudnnBackendDescriptor_t product = c->bias ? between(m, c) : y;
    cudnnBackendDescriptor_t sum = c->act ? between(m, c) : y;

    set_limits(m, c);
    add_conv(m, c, product);
    if (c->bias)
        kp_dnn_add_pointwise(m, &(struct kp_dnn_pointwise){
                                    .mode = CUDNN_POINTWISE_ADD,
                                    .x = product,
                                    .b = tensor(m, KP_DNN_BIAS, 1, c->outputs, 1, 1),
                                    .y = sum,
                                });
    if (c->act)
        kp_dnn_add_pointwise(
            m, &(struct kp_dnn_pointwise){.mode = CUDNN_POINTWISE_RELU_FWD, .x = sum, .y = y});
}
