/* dnn.h - convolutions by cuDNN: what is asked for, and the plan that does it.
 *
 * A plan is made for one shape, before the first step, because that takes time and memory; it never
 * changes. Nothing here needs a GPU except kp_dnn_plan_run(). */
#ifndef KP_CUDA_DNN_H
#define KP_CUDA_DNN_H

#include "base/error.h"
#include "device/graph.h"

#include <cudnn_graph.h>

enum kp_dnn_pass {
    KP_DNN_FORWARD = 0, /* x, w -> y */
    KP_DNN_GRAD_X,      /* w, y -> x: gradients of both images */
    KP_DNN_GRAD_W,      /* x, y -> w: gradients of y and w, summed over the examples */
};

/* Images x (N,C,H,W) and y (N,O,H',W') are stored [N][H][W][C], weights w (O,C,kh,kw) are
 * [O][kh][kw][C]. */
struct kp_dnn_conv {
    enum kp_dnn_pass pass;
    cudnnDataType_t type; /* of x, w and y: CUDNN_DATA_FLOAT or _BFLOAT16; sums in fp32 */
    int bias, act;        /* forward: y += bias (O), then ReLU; 0 or 1, no ReLU without a bias */
    int64_t examples, channels, height, width, outputs;
    struct kp_window window;
};

/* What a CONV2D, CONV2D_GRAD_X or CONV2D_GRAD_W asks for, with all the examples of the capacity, in
 * bf16 where its operands are halves. Left over are its pool, a ReLU without a bias, and in bf16
 * bias and ReLU, as the result is rounded to bf16 before them. False: another operation. */
bool kp_dnn_conv_of(const struct kp_node *n, struct kp_dnn_conv *out);

/* "fp32 forward (128,3,32,32) by (20,3,3,3), stride 1x1, padding 1x1, bias, relu". */
#define KP_DNN_TEXT_SIZE 200
void kp_dnn_conv_text(const struct kp_dnn_conv *c, char out[KP_DNN_TEXT_SIZE]);

/* Of x, w and y in device memory, in bytes; and of the workspace. */
#define KP_DNN_ALIGNMENT           16
#define KP_DNN_WORKSPACE_ALIGNMENT 256

/* Of the bias, which lies among the parameters. */
#define KP_DNN_BIAS_ALIGNMENT 4

/* Descriptors that a plan keeps: 13 of the graph, two lists of engines, the chosen one. */
#define KP_DNN_PARTS 16

struct kp_dnn_plan {
    struct kp_dnn_conv conv;
    cudnnBackendDescriptor_t plan;
    cudnnBackendDescriptor_t parts[KP_DNN_PARTS];
    int part_count;
    int64_t workspace; /* bytes */
    int64_t engine;    /* cuDNN's number of it */
    uint32_t notes;    /* cuDNN's on its numbers: 1 << CUDNN_NUMERICAL_NOTE_... */
    struct kp_dnn_plan *next;
};

/* Of the library: 919 is 9.19. */
int kp_dnn_version(void);

/* The first plan by the order of cuDNN's heuristics that gives the same bits each time, does not
 * round what it multiplies or adds to less than `type` (fp32: no TF32) and needs no more workspace
 * than x, w and y and 64 MiB. `device`: a DEVICEPROP descriptor. KP_E_UNSUPPORTED if there is none.
 */
KP_NODISCARD enum kp_status kp_dnn_plan_create(const struct kp_dnn_conv *c,
                                               cudnnBackendDescriptor_t device,
                                               struct kp_dnn_plan **out, struct kp_error *e);
void kp_dnn_plan_destroy(struct kp_dnn_plan *p);

/* x, w and y as above, one of them is written; bias: NULL unless the plan has one; `workspace` has
 * plan->workspace bytes. All in device memory. */
struct kp_dnn_operands {
    const void *x, *w, *y, *bias;
    void *workspace;
};

/* Queue it on the handle's stream. */
cudnnStatus_t kp_dnn_plan_run(const struct kp_dnn_plan *p, cudnnHandle_t handle,
                              const struct kp_dnn_operands *o);

#endif
