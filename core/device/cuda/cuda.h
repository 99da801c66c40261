/* cuda.h - what the files of the cuda backend share: the device, lowered code, one call of an
 * operation. For C, and for the kernels' C++. */
#ifndef KP_CUDA_CUDA_H
#define KP_CUDA_CUDA_H

#include "base/arena.h"
#include "device/device.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of an allocation and of a value in the arena; 256 is what the libraries' fast paths ask for. */
#define KP_CUDA_ALIGNMENT 64

/* Bytes up to where the next block of memory may begin. */
static inline size_t kp_cuda_whole(size_t bytes)
{
    return (bytes + KP_CUDA_ALIGNMENT - 1) / KP_CUDA_ALIGNMENT * KP_CUDA_ALIGNMENT;
}

/* Pinned host memory on the way to the device, and where it arrives. */
struct kp_cuda_staging {
    void *host, *device;
    size_t bytes;
    cudaEvent_t copied; /* the copy has read `host` */
    cudaEvent_t used;   /* the kernel has read `device` */
};

/* Taken in turn. A step sends one batch, and labels, weights and a teacher's logits: while it does
 * its work the next one is filled. */
#define KP_CUDA_STAGINGS 6
struct kp_cuda_ring {
    struct kp_cuda_staging stagings[KP_CUDA_STAGINGS];
    int count, next;
};

struct kp_dnn;
struct kp_dnn_plan;

struct kp_cuda {
    struct kp_device base;
    int index;
    char name[64];
    int capability; /* 80 is 8.0 */
    cudaStream_t compute, copy;
    cublasHandle_t blas;
    bool tf32;                           /* products of fp32 round their operands */
    void *workspace;                     /* of cuBLAS */
    struct kp_dnn *dnn;                  /* cuDNN; NULL before the first plan */
    struct kp_cuda_ring batches, values; /* images, and everything else */
    pthread_mutex_t busy;                /* one thread at a time issues work */
    bool busy_made;
    struct kp_error failed; /* the first failure of a call that cannot return one */
    void *group;            /* of NCCL; NULL: it works alone */
};

/* A captured run: the same addresses and rows give the same work. */
struct kp_cuda_replay {
    const void *blocks[6]; /* of the memory */
    int64_t rows;
    int64_t runs; /* before it was captured */
    cudaGraphExec_t exec;
    struct kp_cuda_replay *next;
};

/* An operation of a plugin at work on the host, on the first `rows` examples; foreign.c. */
struct kp_cuda_host_call {
    const struct kp_node *node;
    char *memory; /* kp_code.pinned */
    int64_t rows;
};

struct kp_code {
    struct kp_cuda *cuda;
    const struct kp_graph *graph;
    struct kp_arena memory;
    struct kp_value *scalars;         /* in the arena: memory.scalars on the device */
    void **constants;                 /* [node] on the device, or NULL; see kp_cuda_op.constant */
    cudaLibrary_t *libraries;         /* [node] of an objective's image, or NULL */
    cudaKernel_t *kernels;            /* [node] */
    const struct kp_dnn_plan **plans; /* [node] or NULL, see kp_dnn_plan_of() */
    void *pinned; /* of operations of plugins, one after the other; NULL: there are none */
    struct kp_cuda_host_call **host_calls; /* [node][rows] of an operation of a plugin, or NULL */
    struct kp_cuda_replay *replays;
};

/* One operation at work. All pointers that kp_cuda_at() and its like give are the device's. */
struct kp_cuda_call {
    struct kp_cuda *cuda;
    cudaStream_t stream;
    const struct kp_node *node;
    const struct kp_memory *memory;
    int64_t rows;          /* examples that count */
    int64_t params;        /* floats of all parameters */
    const double *scalars; /* [KP_SCALARS] */
    const void *constant;
    cudaKernel_t kernel;
    const struct kp_dnn_plan *plan;
    struct kp_cuda_host_call *host_calls; /* [rows] */
};

/* Layouts of the batched operands and results of rank 4. */
enum kp_cuda_need {
    KP_NEED_PLAIN = 0,
    KP_NEED_NHWC,
    KP_NEED_SAME, /* any, all the same */
    KP_NEED_FORM, /* of a plugin: as it says of its operands */
};

struct kp_cuda_op {
    enum kp_cuda_need need;
    /* Bytes of scratch; NULL: none. */
    size_t (*scratch)(const struct kp_graph *g, const struct kp_node *n);
    /* Queue it on c->stream. NULL: there is nothing to do. */
    void (*launch)(const struct kp_cuda_call *c);
};

/* An operation that the backend lacks has neither launch nor `need`; kp_cuda_has() tells. */
extern const struct kp_cuda_op kp_cuda_ops[KP_OP_COUNT];
bool kp_cuda_has(enum kp_op op);

extern const struct kp_device_ops kp_cuda_device;

/* Between the two this thread alone issues work for the device, which is the current one. Not
 * nested. */
void kp_cuda_enter(struct kp_cuda *d);
void kp_cuda_leave(struct kp_cuda *d);

/* Records the first failure of the device; run() returns it. Nothing if `status` is success. */
void kp_cuda_note(struct kp_cuda *d, cudaError_t status, const char *what);
void kp_cuda_note_blas(struct kp_cuda *d, cublasStatus_t status, const char *what);

/* First element of a value; NULL for NULL. */
void *kp_cuda_at(const struct kp_memory *m, const struct kp_value *v);

/* Elements of v that count. */
static inline int64_t kp_cuda_count(const struct kp_value *v, int64_t rows)
{
    const int64_t count = kp_shape_count(v->shape);

    return v->batched ? count / v->shape.dim[0] * rows : count;
}

/* Bytes of one of them. */
static inline size_t kp_cuda_size(const struct kp_value *v)
{
    return v->half ? sizeof(uint16_t) : sizeof(float);
}

/* Its last dimension, and the rows of that. */
static inline int64_t kp_cuda_width(const struct kp_value *v)
{
    return v->shape.n > 0 ? v->shape.dim[v->shape.n - 1] : 1;
}

static inline int64_t kp_cuda_lines(const struct kp_value *v, int64_t rows)
{
    return kp_cuda_count(v, rows) / kp_cuda_width(v);
}

static inline float *kp_cuda_in(const struct kp_cuda_call *c, int i)
{
    return (float *)kp_cuda_at(c->memory, c->node->in[i]);
}

static inline float *kp_cuda_out(const struct kp_cuda_call *c, int i)
{
    return (float *)kp_cuda_at(c->memory, c->node->out[i]);
}

static inline void *kp_cuda_scratch(const struct kp_cuda_call *c)
{
    return (char *)c->memory->arena + c->node->scratch_offset;
}

/* Row-major C (m,n) = alpha op(A) (m,k) op(B) (k,n) + beta C, `batch` times (1: strides are not
 * looked at). op turns where `turned`; ld: numbers from row to row, as stored. half: those of A and
 * B are two bytes each (kp_value.half); C and the sums are fp32 either way. */
struct kp_cuda_gemm {
    int64_t m, n, k;
    bool turned_a, turned_b, half;
    const void *a, *b;
    float *c;
    int64_t ld_a, ld_b, ld_c;
    int64_t stride_a, stride_b, stride_c;
    int64_t batch;
    float alpha, beta;
};
void kp_cuda_gemm(const struct kp_cuda_call *c, const struct kp_cuda_gemm *g);

/* sums[j] = sum_i x[i * stride + j] for j < columns, in a fixed order; scratch as told.
 * kp_cuda_add_sums(): += in place of =.  kp_cuda_half_sums(): of halves, += where `add` */
size_t kp_cuda_sums_scratch(int64_t lines, int64_t columns);
void kp_cuda_sums(const struct kp_cuda_call *c, const float *x, int64_t lines, int64_t columns,
                  int64_t stride, float *sums, void *scratch);
void kp_cuda_add_sums(const struct kp_cuda_call *c, const float *x, int64_t lines, int64_t columns,
                      int64_t stride, float *sums, void *scratch);
void kp_cuda_half_sums(const struct kp_cuda_call *c, const uint16_t *x, int64_t lines,
                       int64_t columns, int64_t stride, bool add, float *sums, void *scratch);

/* plan.c: whether all matrices of a node's products are of two bytes for each number. */
bool kp_cuda_multiplies_halves(const struct kp_node *n);

/* dnn.c: cuDNN's plan for a convolution, or for attention between halves if cuDNN has one, kept by
 * the device for all programs; NULL for another operation. What it needs of the node's scratch
 * comes first in it. */
KP_NODISCARD enum kp_status kp_dnn_plan_of(struct kp_cuda *d, const struct kp_node *n,
                                           const struct kp_dnn_plan **out, struct kp_error *e);
size_t kp_dnn_workspace(const struct kp_dnn_plan *p);
void kp_dnn_finish(struct kp_cuda *d);
void kp_dnn_choices(struct kp_device *d, struct kp_text *out);

/* Queue the call's plan between tensors at the places that dnn.h names; o->workspace is filled in.
 * kp_dnn_run(): that of a convolution, see struct kp_dnn_conv: of x, w and y two are read, one is
 * written. bias: NULL for none. */
struct kp_dnn_operands;
void kp_dnn_queue(const struct kp_cuda_call *c, struct kp_dnn_operands *o);
void kp_dnn_run(const struct kp_cuda_call *c, const void *x, const void *w, const void *y,
                const float *bias);

/* foreign.c: pinned memory and what the calls of operations of plugins are told, for the graph of
 * the code. */
KP_NODISCARD enum kp_status kp_cuda_foreign_prepare(struct kp_code *c, struct kp_error *e);

/* plan.c, lower.c, run.c, transfer.c */
enum kp_status kp_cuda_fuse(struct kp_device *d, struct kp_graph *g, struct kp_error *e);
enum kp_status kp_cuda_plan(struct kp_device *d, struct kp_graph *g, struct kp_error *e);
enum kp_status kp_cuda_lower(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                             struct kp_error *e);
void kp_cuda_code_destroy(struct kp_code *c);
enum kp_status kp_cuda_run(const struct kp_code *c, struct kp_memory *m, int64_t rows,
                           struct kp_error *e);
void kp_cuda_write(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                   const void *host, int64_t rows);
void kp_cuda_read(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                  void *host, int64_t rows);
void kp_cuda_put_aside(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                       void *block, int64_t index);
void kp_cuda_load_batch(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                        const struct kp_load *load);
bool kp_cuda_copy_batch(struct kp_device *d, const struct kp_memory *from_memory,
                        const struct kp_value *from, struct kp_memory *to_memory,
                        const struct kp_value *to, int64_t rows);
void kp_cuda_upload(struct kp_device *d, void *device, const void *host, size_t bytes);
void kp_cuda_download(struct kp_device *d, void *host, const void *device, size_t bytes);
void kp_cuda_stagings_finish(struct kp_cuda *d);

/* nccl.c */
extern const struct kp_group_ops kp_cuda_group;
void kp_cuda_group_leave(struct kp_cuda *d);

/* load.cu: what lies on the device becomes an input. */
struct kp_cuda_image {
    const uint8_t *bytes;        /* [..][channels][height][width] */
    const int64_t *index;        /* [rows] which of them; NULL: the first */
    const struct kp_draw *draws; /* NULL: none */
    float *to;
    int64_t rows, channels, height, width;
    bool nhwc;
    const double *mean, *sd; /* [channels] */
};
void kp_cuda_load(cudaStream_t stream, const struct kp_cuda_image *image);

/* load.cu: memory.scalars on their way to the device, as arguments of a kernel. */
void kp_cuda_set_scalars(cudaStream_t stream, const double *from, double *to);

#ifdef __cplusplus
}
#endif

#endif
