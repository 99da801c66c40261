// layer_norm.cu - layer normalisation: a block has a row.
#include "device/cuda/lane.cuh"
#include "device/cuda/ops.h"

#include "kernels/layer_norm.inl"

struct layer_norm {
    int64_t rows, width;
    float eps;
    const float *x, *gamma, *beta, *dy;
    float *y, *m, *s;   // m and s: read backward
    float *dx, *scaled; // scaled = dy h
};

static __global__ void forward(struct layer_norm l)
{
    KP_OURS (r, l.rows) {
        const float *x = l.x + r * l.width;
        double sum = 0, square = 0;

        for (int64_t k = threadIdx.x; k < l.width; k += blockDim.x)
            sum += (double)x[k];
        const double mean = kp_block_sum(sum) / (double)l.width;
        for (int64_t k = threadIdx.x; k < l.width; k += blockDim.x)
            square += ((double)x[k] - mean) * ((double)x[k] - mean);
        const double variance = kp_block_sum(square) / (double)l.width;
        const float m = (float)mean, s = (float)(1 / sqrt(variance + (double)l.eps));
        for (int64_t k = threadIdx.x; k < l.width; k += blockDim.x)
            l.y[r * l.width + k] =
                kp_layer_norm_y(kp_layer_norm_h(x[k], m, s), l.gamma[k], l.beta[k]);
        if (threadIdx.x == 0) {
            l.m[r] = m;
            l.s[r] = s;
        }
    }
}

// u = dy gamma, h = (x - m) s
static __global__ void backward(struct layer_norm l)
{
    KP_OURS (r, l.rows) {
        const float *x = l.x + r * l.width, *dy = l.dy + r * l.width;
        const float m = l.m[r], s = l.s[r];
        double sum = 0, inner = 0;

        for (int64_t k = threadIdx.x; k < l.width; k += blockDim.x) {
            const float u = dy[k] * l.gamma[k], h = kp_layer_norm_h(x[k], m, s);
            sum += (double)u;
            inner += (double)u * (double)h;
            l.scaled[r * l.width + k] = dy[k] * h;
        }
        const float mean = (float)(kp_block_sum(sum) / (double)l.width);
        const float slope = (float)(kp_block_sum(inner) / (double)l.width);
        if (!l.dx)
            continue;
        for (int64_t k = threadIdx.x; k < l.width; k += blockDim.x)
            l.dx[r * l.width + k] =
                kp_layer_norm_dx(kp_layer_norm_h(x[k], m, s), dy[k] * l.gamma[k], s, mean, slope);
    }
}

static struct layer_norm layer_norm_of(const struct kp_cuda_call *c)
{
    const struct kp_value *x = c->node->in[0];
    struct layer_norm l = {};

    l.rows = kp_cuda_lines(x, c->rows);
    l.width = kp_cuda_width(x);
    l.eps = (float)c->node->attrs.eps;
    l.x = kp_cuda_in(c, 0);
    l.gamma = kp_cuda_in(c, 1);
    return l;
}

void kp_cuda_layer_norm(const struct kp_cuda_call *c)
{
    struct layer_norm l = layer_norm_of(c);

    l.beta = kp_cuda_in(c, 2);
    l.y = kp_cuda_out(c, 0);
    l.m = kp_cuda_out(c, 1);
    l.s = kp_cuda_out(c, 2);
    KP_LAUNCH(forward, kp_blocks(l.rows), kp_row_threads(l.width), c->stream, l);
}

// Scratch: dy h, then that of the sums over rows.
size_t kp_cuda_layer_norm_grad_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_value *x = n->in[0];
    const size_t scaled = (size_t)kp_cuda_count(x, g->capacity) * sizeof(float);

    return (scaled + 7) / 8 * 8 +
           kp_cuda_sums_scratch(kp_cuda_lines(x, g->capacity), kp_cuda_width(x));
}

void kp_cuda_layer_norm_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *x = c->node->in[0];
    struct layer_norm l = layer_norm_of(c);
    const size_t scaled = (size_t)kp_shape_count(x->shape) * sizeof(float);

    l.m = kp_cuda_in(c, 2);
    l.s = kp_cuda_in(c, 3);
    l.dy = kp_cuda_in(c, 4);
    l.dx = kp_cuda_out(c, 0);
    l.scaled = (float *)kp_cuda_scratch(c);
    void *sums = (char *)kp_cuda_scratch(c) + (scaled + 7) / 8 * 8;
    KP_LAUNCH(backward, kp_blocks(l.rows), kp_row_threads(l.width), c->stream, l);
    if (c->node->out[1])
        kp_cuda_sums(c, l.scaled, l.rows, l.width, l.width, kp_cuda_out(c, 1), sums);
    if (c->node->out[2])
        kp_cuda_sums(c, l.dy, l.rows, l.width, l.width, kp_cuda_out(c, 2), sums);
}
