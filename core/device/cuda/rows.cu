// rows.cu - softmax, classes and means: a block has a row of the last dimension.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"
#include "kernels/softmax.h"

// The largest of a row and sum exp(x - largest).
struct softness {
    float largest;
    double sum;
};

static inline __device__ struct softness softness_of(const float *x, int64_t width)
{
    struct softness s;
    float most = -INFINITY;
    double sum = 0;

    for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
        most = x[k] > most ? x[k] : most;
    s.largest = kp_block_max(most);
    for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
        sum += (double)expf(x[k] - s.largest);
    s.sum = kp_block_sum(sum);
    return s;
}

static __global__ void softmax(int64_t rows, int64_t width, const float *x, float *y)
{
    KP_OURS (r, rows) {
        const struct softness s = softness_of(x + r * width, width);
        const float share = (float)(1 / s.sum);
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            y[r * width + k] = share * expf(x[r * width + k] - s.largest);
    }
}

static __global__ void log_softmax(int64_t rows, int64_t width, const float *x, float *y)
{
    KP_OURS (r, rows) {
        const struct softness s = softness_of(x + r * width, width);
        const double log_sum = log(s.sum);
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            y[r * width + k] = kp_log_softmax_y(x[r * width + k], s.largest, log_sum);
    }
}

static __global__ void softmax_grad(int64_t rows, int64_t width, const float *y, const float *dy,
                                    float *dx)
{
    KP_OURS (r, rows) {
        double sum = 0;
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            sum += (double)(y[r * width + k] * dy[r * width + k]);
        const double inner = kp_block_sum(sum);
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            dx[r * width + k] = kp_softmax_dx(y[r * width + k], dy[r * width + k], inner);
    }
}

static __global__ void log_softmax_grad(int64_t rows, int64_t width, const float *y,
                                        const float *dy, float *dx)
{
    KP_OURS (r, rows) {
        double sum = 0;
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            sum += (double)dy[r * width + k];
        const double all = kp_block_sum(sum);
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            dx[r * width + k] = kp_log_softmax_dx(y[r * width + k], dy[r * width + k], all);
    }
}

template <class... A>
static void launch_rows(const struct kp_cuda_call *c, void (*kernel)(int64_t, int64_t, A...),
                        A... arguments)
{
    const struct kp_value *v = c->node->in[0];
    const int64_t rows = kp_cuda_lines(v, c->rows), width = kp_cuda_width(v);

    KP_LAUNCH(kernel, kp_blocks(rows), kp_row_threads(width), c->stream, rows, width, arguments...);
}

void kp_cuda_softmax(const struct kp_cuda_call *c)
{
    launch_rows<const float *, float *>(c, softmax, kp_cuda_in(c, 0), kp_cuda_out(c, 0));
}

void kp_cuda_log_softmax(const struct kp_cuda_call *c)
{
    launch_rows<const float *, float *>(c, log_softmax, kp_cuda_in(c, 0), kp_cuda_out(c, 0));
}

void kp_cuda_softmax_grad(const struct kp_cuda_call *c)
{
    launch_rows<const float *, const float *, float *>(c, softmax_grad, kp_cuda_in(c, 0),
                                                       kp_cuda_in(c, 1), kp_cuda_out(c, 0));
}

void kp_cuda_log_softmax_grad(const struct kp_cuda_call *c)
{
    launch_rows<const float *, const float *, float *>(c, log_softmax_grad, kp_cuda_in(c, 0),
                                                       kp_cuda_in(c, 1), kp_cuda_out(c, 0));
}

// The first largest. A thread sees rising k, so the threads' candidates differ in k.
static __global__ void argmax(int64_t rows, int64_t width, const float *x, int32_t *y)
{
    KP_OURS (r, rows) {
        float most = -INFINITY;
        int64_t at = width;
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x)
            if (at == width || x[r * width + k] > most) {
                most = x[r * width + k];
                at = k;
            }
        const float largest = kp_block_max(most);
        const int64_t candidate = most == largest ? -at : -width;
        const int64_t first = -kp_block_max(candidate);
        if (threadIdx.x == 0)
            y[r] = (int32_t)(first < width ? first : 0);
    }
}

void kp_cuda_argmax(const struct kp_cuda_call *c)
{
    launch_rows<const float *, int32_t *>(c, argmax, kp_cuda_in(c, 0),
                                          (int32_t *)kp_cuda_out(c, 0));
}

static __global__ void one_hot(int64_t n, int64_t classes, const int32_t *labels, float on,
                               float off, float *y)
{
    KP_MINE (i, n)
        y[i] = labels[i / classes] == i % classes ? on : off;
}

void kp_cuda_one_hot(const struct kp_cuda_call *c)
{
    const struct kp_value *v = c->node->out[0];
    const int64_t n = kp_cuda_count(v, c->rows);

    KP_LAUNCH(one_hot, kp_blocks_of(n), KP_THREADS, c->stream, n, kp_cuda_width(v),
              (const int32_t *)kp_cuda_in(c, 0), (float)c->node->attrs.on,
              (float)c->node->attrs.off, kp_cuda_out(c, 0));
}

static __global__ void mean(int64_t rows, int64_t each, const float *x, float *y)
{
    KP_OURS (r, rows) {
        double sum = 0;
        for (int64_t k = threadIdx.x; k < each; k += blockDim.x)
            sum += (double)x[r * each + k];
        sum = kp_block_sum(sum);
        if (threadIdx.x == 0)
            y[r] = (float)(sum / (double)each);
    }
}

static __global__ void mean_grad(int64_t n, int64_t each, const float *dy, float *dx)
{
    const float share = 1 / (float)each;

    KP_MINE (i, n)
        dx[i] = dy[i / each] * share;
}

void kp_cuda_mean(const struct kp_cuda_call *c)
{
    const int64_t rows = kp_cuda_count(c->node->out[0], c->rows);
    const int64_t each =
        kp_shape_count(c->node->in[0]->shape) / kp_shape_count(c->node->out[0]->shape);

    KP_LAUNCH(mean, kp_blocks(rows), kp_row_threads(each), c->stream, rows, each, kp_cuda_in(c, 0),
              kp_cuda_out(c, 0));
}

void kp_cuda_mean_grad(const struct kp_cuda_call *c)
{
    const int64_t n = kp_cuda_count(c->node->out[0], c->rows);
    const int64_t each =
        kp_shape_count(c->node->out[0]->shape) / kp_shape_count(c->node->in[0]->shape);

    KP_LAUNCH(mean_grad, kp_blocks_of(n), KP_THREADS, c->stream, n, each, kp_cuda_in(c, 0),
              kp_cuda_out(c, 0));
}
