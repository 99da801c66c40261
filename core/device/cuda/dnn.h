/* dnn.h - convolutions and attention by cuDNN: what is asked for, and the plan that does it.
 *
 * A plan is made for one shape, before the first step, because that takes time and memory; it never
 * changes. Nothing here needs a GPU except kp_dnn_plan_run(). */
#ifndef KP_CUDA_DNN_H
#define KP_CUDA_DNN_H

#include "base/error.h"
#include "device/graph.h"

#include <cudnn_graph.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* KP_OP_ATTENTION, or backward KP_OP_ATTENTION_GRAD, of matrices (N,T,heads x width) in bf16; l and
 * all sums in fp32, what lies between the two products in bf16 where it is multiplied again. */
struct kp_dnn_attention {
    int backward, causal; /* 0 or 1 */
    int64_t examples, tokens, heads, width;
};

enum kp_dnn_kind {
    KP_DNN_CONV = 0,
    KP_DNN_ATTENTION,
};

struct kp_dnn_work {
    enum kp_dnn_kind kind;
    union {
        struct kp_dnn_conv conv;
        struct kp_dnn_attention attention;
    };
};

/* What a CONV2D, CONV2D_GRAD_X or CONV2D_GRAD_W asks for, with all the examples of the capacity, in
 * bf16 where its operands are halves. Left over are its pool, a ReLU without a bias, and in bf16
 * bias and ReLU, as the result is rounded to bf16 before them. What an ATTENTION or ATTENTION_GRAD
 * asks for. False: another operation. */
bool kp_dnn_work_of(const struct kp_node *n, struct kp_dnn_work *out);
bool kp_dnn_conv_of(const struct kp_node *n, struct kp_dnn_conv *out);
bool kp_dnn_attention_of(const struct kp_node *n, struct kp_dnn_attention *out);
bool kp_dnn_work_same(const struct kp_dnn_work *a, const struct kp_dnn_work *b);

/* "fp32 forward (128,3,32,32) by (20,3,3,3), stride 1x1, padding 1x1, bias, relu", "bf16 attention
 * (16,512,12x64), causal". */
#define KP_DNN_TEXT_SIZE 200
void kp_dnn_work_text(const struct kp_dnn_work *w, char out[KP_DNN_TEXT_SIZE]);
void kp_dnn_conv_text(const struct kp_dnn_conv *c, char out[KP_DNN_TEXT_SIZE]);
void kp_dnn_attention_text(const struct kp_dnn_attention *a, char out[KP_DNN_TEXT_SIZE]);

/* Of matrices and images in device memory, in bytes; and of the workspace. */
#define KP_DNN_ALIGNMENT           16
#define KP_DNN_WORKSPACE_ALIGNMENT 256

/* Of the bias, which lies among the parameters, and of numbers on the host. */
#define KP_DNN_NUMBER_ALIGNMENT 4

/* Descriptors that a plan keeps: the backward pass of causal attention has 69. */
#define KP_DNN_PARTS 80

struct kp_dnn_plan {
    struct kp_dnn_work work;
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
 * round what it multiplies or adds to less than is asked for (fp32: no TF32) and needs no more
 * workspace than its operands, the scores of attention, and 64 MiB. `device`: a DEVICEPROP
 * descriptor. KP_E_UNSUPPORTED if there is none. */
KP_NODISCARD enum kp_status kp_dnn_plan_create(const struct kp_dnn_work *w,
                                               cudnnBackendDescriptor_t device,
                                               struct kp_dnn_plan **out, struct kp_error *e);
void kp_dnn_plan_destroy(struct kp_dnn_plan *p);

/* Places of a plan's tensors. Of x, w and y one is written. */
enum kp_dnn_place {
    KP_DNN_X = 0,
    KP_DNN_W,
    KP_DNN_Y,
    KP_DNN_BIAS,
};

/* In bf16 but for l (N,heads,T), `inner` (N,heads,T) and the three numbers, which are floats. */
enum kp_dnn_attention_place {
    KP_DNN_Q = 0,
    KP_DNN_K,
    KP_DNN_V,
    KP_DNN_O,      /* y, written forward */
    KP_DNN_L,      /* written forward */
    KP_DNN_FACTOR, /* a number on the host, as are the two below */
    KP_DNN_HIDDEN, /* causal: the score of a key that a query does not see, -inf */
    KP_DNN_DO,     /* this and all below: backward */
    KP_DNN_DQ,
    KP_DNN_DK,
    KP_DNN_DV,
    KP_DNN_INNER, /* written: sum of dy y over a head */
    KP_DNN_ONE,
};

#define KP_DNN_TENSORS 13

/* Tensors by their places, NULL where the plan has none, and plan->workspace bytes. All in device
 * memory but for numbers on the host. */
struct kp_dnn_operands {
    const void *tensor[KP_DNN_TENSORS];
    void *workspace;
};

/* Queue it on the handle's stream. */
cudnnStatus_t kp_dnn_plan_run(const struct kp_dnn_plan *p, cudnnHandle_t handle,
                              const struct kp_dnn_operands *o);

#ifdef __cplusplus
}
#endif

#endif
