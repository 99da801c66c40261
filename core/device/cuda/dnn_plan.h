/* dnn_plan.h - how a graph of cuDNN is put together, for the files that know what belongs in it.
 *
 * A descriptor is made by kp_dnn_part(), told its attributes and finalized. None of these calls
 * does anything once one has failed. */
#ifndef KP_CUDA_DNN_PLAN_H
#define KP_CUDA_DNN_PLAN_H

#include "device/cuda/dnn.h"

/* Operations of the largest graph, the backward pass of causal attention. */
#define KP_DNN_OPERATIONS 24

/* A plan on its way. */
struct kp_dnn_making {
    struct kp_dnn_plan *plan;
    cudnnBackendDescriptor_t device;
    cudnnStatus_t status; /* of the first call that failed */
    cudnnBackendDescriptor_t operations[KP_DNN_OPERATIONS];
    int64_t operation_count;
    int between_count;
    /* by the graph */
    uint32_t refused;       /* notes that an engine must not have, beside those that none must */
    int64_t most_workspace; /* bytes */
};

/* A descriptor that the plan keeps. */
cudnnBackendDescriptor_t kp_dnn_part(struct kp_dnn_making *m, cudnnBackendDescriptorType_t type);
void kp_dnn_set(struct kp_dnn_making *m, cudnnBackendDescriptor_t d,
                cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                const void *values);
void kp_dnn_set_part(struct kp_dnn_making *m, cudnnBackendDescriptor_t d,
                     cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value);
void kp_dnn_finalize(struct kp_dnn_making *m, cudnnBackendDescriptor_t d);

/* The place of a tensor that is never in memory. */
#define KP_DNN_BETWEEN (-1)

/* A tensor of rank 4, finalized. */
struct kp_dnn_tensor {
    cudnnDataType_t type;
    int64_t dims[4], strides[4], alignment;
    bool host; /* a number on the host */
};
cudnnBackendDescriptor_t kp_dnn_tensor(struct kp_dnn_making *m, int place,
                                       const struct kp_dnn_tensor *t);

/* y = mode(x, b), of x alone where b is NULL; select: where it is true x, else b. Computed in
 * `type` (0: fp32). axis: of CUDNN_POINTWISE_GEN_INDEX, y = the place of an element along it. */
struct kp_dnn_pointwise {
    cudnnPointwiseMode_t mode;
    cudnnDataType_t type;
    cudnnBackendDescriptor_t x, b, select, y;
    int64_t axis;
};

/* The next operation of the graph. */
void kp_dnn_add(struct kp_dnn_making *m, cudnnBackendDescriptor_t operation);
void kp_dnn_add_pointwise(struct kp_dnn_making *m, const struct kp_dnn_pointwise *p);

/* All operations of a graph, and the limits for its engine. */
void kp_dnn_conv_graph(struct kp_dnn_making *m, const struct kp_dnn_conv *c);
void kp_dnn_attention_graph(struct kp_dnn_making *m, const struct kp_dnn_attention *a);

#endif
