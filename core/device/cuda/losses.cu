// losses.cu - cross-entropy, divergence, weighted means and row functions of objectives.
//
// The losses of rows are those of kappa/row_cuda.h, which are accurate where they are small.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"
#include "kappa/row.h"

// A row of logits with memory for its gradient; all of a block come here.
static inline __device__ void begin_row(struct kp_row_cuda *row, const struct kp_row_block *fn,
                                        const float *logits, int64_t classes, float *grad,
                                        float *scratch)
{
    row->fn = fn;
    row->classes = classes;
    row->label = -1;
    row->logits = logits;
    row->teacher_logits = nullptr;
    row->loss = 0;
    row->grad = grad;
    row->scratch = scratch;
    for (int64_t k = threadIdx.x; k < classes; k += blockDim.x)
        grad[k] = 0;
}

struct loss {
    int64_t rows, classes;
    const float *z, *t;
    const int32_t *labels;
    const float *dl; // NULL forward
    double tau;
    float *out;  // l [rows], or dz [rows][classes]
    float *work; // [gridDim.x][3 classes]
};

// labels: cross-entropy; t: divergence
static __global__ void losses(struct loss l)
{
    float *work = l.work + (int64_t)blockIdx.x * 3 * l.classes;
    const struct kp_row_block fn = {};

    KP_OURS (r, l.rows) {
        struct kp_row_cuda row;
        begin_row(&row, &fn, l.z + r * l.classes, l.classes,
                  l.dl ? l.out + r * l.classes : work + 2 * l.classes, work);
        if (l.labels)
            kp_row_block::add_cross_entropy(&row, 1, l.labels[r]);
        else
            kp_row_block::add_kl(&row, 1, l.tau, l.t + r * l.classes, l.tau);
        if (l.dl)
            kp_row_block::mix(l.classes, (double)l.dl[r], row.grad, 0, row.grad, row.grad);
        else if (threadIdx.x == 0)
            l.out[r] = (float)row.loss;
    }
}

size_t kp_cuda_losses_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_value *z = n->in[0];

    (void)g;
    return (size_t)(kp_blocks(kp_cuda_lines(z, g->capacity)) * 3 * kp_cuda_width(z)) *
           sizeof(float);
}

static void launch_losses(const struct kp_cuda_call *c, struct loss l)
{
    const struct kp_value *z = c->node->in[0];

    l.rows = kp_cuda_lines(z, c->rows);
    l.classes = kp_cuda_width(z);
    l.z = kp_cuda_in(c, 0);
    l.dl = kp_cuda_in(c, 2);
    l.out = kp_cuda_out(c, 0);
    l.work = (float *)kp_cuda_scratch(c);
    KP_LAUNCH(losses, kp_blocks(l.rows), kp_row_threads(l.classes), c->stream, l);
}

void kp_cuda_cross_entropy(const struct kp_cuda_call *c)
{
    struct loss l = {};

    l.labels = (const int32_t *)kp_cuda_in(c, 1);
    launch_losses(c, l);
}

void kp_cuda_kl(const struct kp_cuda_call *c)
{
    struct loss l = {};

    l.t = kp_cuda_in(c, 1);
    l.tau = c->node->attrs.factor;
    launch_losses(c, l);
}

// One block: sum(w x) / sum(w), 0 where sum(w) = 0. `x` in float or in double.
template <class T>
static __global__ void weighted_mean(int64_t n, const T *x, const float *w, float *out)
{
    double sum = 0, weights = 0;

    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
        sum += (double)w[i] * (double)x[i];
        weights += (double)w[i];
    }
    sum = kp_block_sum(sum);
    weights = kp_block_sum(weights);
    if (threadIdx.x == 0)
        *out = (float)(weights != 0 ? sum / weights : 0);
}

// One block: dy / sum(w), 0 where sum(w) = 0.   dy NULL: 1
static __global__ void weight_share(int64_t n, const float *w, const float *dy, double *share)
{
    double weights = 0;

    for (int64_t i = threadIdx.x; i < n; i += blockDim.x)
        weights += (double)w[i];
    weights = kp_block_sum(weights);
    if (threadIdx.x == 0)
        *share = weights != 0 ? (dy ? (double)*dy : 1) / weights : 0;
}

static __global__ void weighted_mean_grad(int64_t n, const float *w, const double *share, float *dx)
{
    KP_MINE (i, n)
        dx[i] = (float)((double)w[i] * *share);
}

void kp_cuda_weighted_mean(const struct kp_cuda_call *c)
{
    const int64_t n = kp_cuda_count(c->node->in[0], c->rows);

    KP_LAUNCH(weighted_mean<float>, 1, KP_THREADS, c->stream, n, kp_cuda_in(c, 0), kp_cuda_in(c, 1),
              kp_cuda_out(c, 0));
}

size_t kp_cuda_share_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    (void)n;
    return sizeof(double);
}

void kp_cuda_weighted_mean_grad(const struct kp_cuda_call *c)
{
    const int64_t n = kp_cuda_count(c->node->out[0], c->rows);
    double *share = (double *)kp_cuda_scratch(c);

    kp_cuda_rows_share(c, n, kp_cuda_in(c, 1), kp_cuda_in(c, 2), share);
    KP_LAUNCH(weighted_mean_grad, kp_blocks_of(n), KP_THREADS, c->stream, n, kp_cuda_in(c, 1),
              share, kp_cuda_out(c, 0));
}

// One block: the losses of rows are weighted already.
static __global__ void loss_of_rows(int64_t n, const double *losses, const float *w, float *out)
{
    double sum = 0, weights = 0;

    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
        sum += losses[i];
        weights += (double)w[i];
    }
    sum = kp_block_sum(sum);
    weights = kp_block_sum(weights);
    if (threadIdx.x == 0)
        *out = (float)(weights != 0 ? sum / weights : 0);
}

void kp_cuda_rows_share(const struct kp_cuda_call *c, int64_t n, const float *w, const float *dy,
                        double *share)
{
    KP_LAUNCH(weight_share, 1, KP_THREADS, c->stream, n, w, dy, share);
}

void kp_cuda_rows_mean(const struct kp_cuda_call *c, int64_t n, const double *losses,
                       const float *w, float *out)
{
    KP_LAUNCH(loss_of_rows, 1, KP_THREADS, c->stream, n, losses, w, out);
}

// Blocks have memory of their own to work in: fewer of them where rows are long.
#define WORK_FLOATS (16 << 20)

static int64_t row_work(int64_t classes)
{
    return (KP_ROW_WORK + 2) * classes;
}

static unsigned row_blocks(int64_t rows, int64_t classes)
{
    const int64_t fit = WORK_FLOATS / row_work(classes);

    return kp_blocks(rows < fit ? rows : fit);
}

int64_t kp_cuda_rows_work(int64_t rows, int64_t classes)
{
    return row_blocks(rows, classes) * row_work(classes);
}

void kp_cuda_rows(const struct kp_cuda_call *c, const struct kp_row_batch *b)
{
    struct kp_row_batch batch = *b;
    const void *options = c->constant;
    void *arguments[] = {&batch, &options};

    kp_cuda_note(c->cuda,
                 cudaLaunchKernel((const void *)c->kernel, dim3(row_blocks(b->rows, b->classes)),
                                  dim3(kp_row_threads(b->classes)), arguments, 0, c->stream),
                 c->node->attrs.row_name);
}

// Scratch: the share, the losses of rows, work for each block.
size_t kp_cuda_row_loss_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_value *z = n->in[0];
    const int64_t rows = kp_cuda_lines(z, g->capacity);

    return (size_t)(1 + rows) * sizeof(double) +
           (size_t)kp_cuda_rows_work(rows, kp_cuda_width(z)) * sizeof(float);
}

void kp_cuda_row_loss(const struct kp_cuda_call *c)
{
    const struct kp_value *z = c->node->in[0];
    double *share = (double *)kp_cuda_scratch(c);
    struct kp_row_batch b = {};

    b.rows = kp_cuda_lines(z, c->rows);
    b.classes = kp_cuda_width(z);
    b.logits = kp_cuda_in(c, 0);
    b.labels = (const int32_t *)kp_cuda_in(c, 1);
    b.teacher_logits = kp_cuda_in(c, 2);
    b.weights = kp_cuda_in(c, 3);
    b.share = share;
    b.grads = kp_cuda_out(c, 1);
    b.losses = share + 1;
    b.work = (float *)(share + 1 + kp_cuda_lines(z, z->shape.dim[0]));
    kp_cuda_rows_share(c, b.rows, b.weights, kp_cuda_in(c, 4), share);
    kp_cuda_rows(c, &b);
    kp_cuda_rows_mean(c, b.rows, b.losses, b.weights, kp_cuda_out(c, 0));
}
