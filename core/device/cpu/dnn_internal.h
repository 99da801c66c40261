/* dnn_internal.h - what the files on oneDNN share. */
#ifndef KP_CPU_DNN_INTERNAL_H
#define KP_CPU_DNN_INTERNAL_H

#include "device/cpu/dnn.h"

#include <dnnl.h>

/* The one engine of this process, or NULL if it could not be made. */
dnnl_engine_t kp_dnn_engine(void);

/* The thread that calls runs oneDNN alone from now on: OpenMP keeps that number per thread. */
void kp_dnn_thread(void);

enum kp_dnn_tensor_name {
    KP_DNN_X = 0,
    KP_DNN_W = 1,
    KP_DNN_Y = 2,
    KP_DNN_TENSORS = 3,
};

/* x, w or y of a convolution, or their gradients, for 16 examples. */
struct kp_dnn_tensor {
    dnnl_memory_desc_t outer; /* as the graph has it: LANE images, row-major weights */
    dnnl_memory_desc_t inner; /* as the convolution wants it */
    dnnl_memory_desc_t pad;   /* scratchpad of `turn` */
    dnnl_primitive_t turn;    /* outer to inner; of the result, inner to outer */
    bool result;
    int argument;   /* of the convolution */
    int64_t floats; /* of inner, in whole lines */
};

/* What one thread holds. The memory objects are there from the start and are told where to look. */
struct kp_dnn_worker {
    dnnl_stream_t stream;
    dnnl_memory_t outer[KP_DNN_TENSORS], inner[KP_DNN_TENSORS], pad[KP_DNN_TENSORS];
    dnnl_memory_t bias, conv_pad;
};

/* One convolution. Scratch: the inner weights, or for the gradient of w one part per slice; then of
 * each worker x, y, (dw and db of one group), scratchpad. */
struct kp_dnn_conv {
    enum kp_op op;
    struct kp_dnn_tensor t[KP_DNN_TENSORS];
    dnnl_primitive_t conv;
    dnnl_memory_desc_t pad, bias;
    bool has_bias;
    bool sampled;  /* a 1x1 window with a stride: stride 1 on every few pixels of x */
    int64_t part;  /* floats of w, or of dw and db */
    int64_t pads;  /* floats of the largest scratchpad */
    int64_t parts; /* slices that the scratch has room for; 1 but for the gradient of w */
    int workers;
    struct kp_dnn_worker *worker;
    const struct kp_node *sums; /* takes statistics of y, or NULL */
};

/* Geometry, formats and sizes; with `make` also the primitives, which belong to c even where the
 * rest fails. */
dnnl_status_t kp_dnn_conv_prepare(struct kp_dnn_conv *c, const struct kp_node *n, bool make);
dnnl_status_t kp_dnn_conv_add_workers(struct kp_dnn_conv *c);
/* Everything of oneDNN in c, half-built or not. */
void kp_dnn_conv_release(struct kp_dnn_conv *c);

/* Floats of scratch. */
int64_t kp_dnn_conv_floats(const struct kp_dnn_conv *c, int workers);

#endif
