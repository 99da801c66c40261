// norm.cu - batch normalisation of NHWC images, with addition, ReLU and max-pool behind it.
//
// Sums over the batch are in fp64, of differences from the first pixel, in slices whose number
// depends on the batch alone.
#include "device/cuda/image.cuh"
#include "device/cuda/lane.cuh"
#include "device/cuda/ops.h"
#include "kernels/norm.h"

#include "kernels/norm.inl"
#include "kernels/relu.inl"

#define NORM_CHANNELS 32
#define NORM_LINES    8

struct norm {
    struct kp_image in, out; // out: after the pool
    struct kp_window w;
    bool act, pool, eval;
    double eps, momentum;
    const float *x, *gamma, *beta, *r, *dy;
    float *mean, *var; // the buffers
    float *m, *s;      // of the batch: written forward, read backward
    float *y, *dx, *dgamma, *dbeta, *dr;
    float *du;     // scratch [in]
    double *parts; // scratch [slices][2][channels]
    float *slope;  // scratch [2][channels]: slope and offset of kernels/norm.h
    int64_t slices;
};

static int64_t slices_of(const struct kp_image &i)
{
    const int64_t pixels = i.examples * i.height * i.width, slices = (pixels + 511) / 512;

    return slices < 1 ? 1 : slices > 64 ? 64 : slices;
}

static inline __device__ float centre(const struct norm &n, int64_t c)
{
    return n.eval ? n.mean[c] : n.m[c];
}

static inline __device__ float sharpness(const struct norm &n, int64_t c)
{
    return n.eval ? kp_norm_inverse((double)n.var[c], n.eps) : n.s[c];
}

// What is behind the normalisation, before the pool, at element i.
static inline __device__ float normalised(const struct norm &n, int64_t i, int64_t c)
{
    float u = kp_norm_u(n.x[i], centre(n, c), sharpness(n, c) * n.gamma[c], n.beta[c]);

    if (n.r)
        u += n.r[i];
    return n.act ? v_relu(u) : u;
}

// Two sums over the pixels of each channel: forward of x less the first pixel and its square,
// backward of du and du (x - mean).
template <bool backward> static __global__ void norm_sums(struct norm n)
{
    __shared__ double part[2][NORM_LINES][NORM_CHANNELS];
    const int64_t channels = n.in.channels, pixels = kp_image_count(n.in) / channels;
    const int64_t tiles = (channels + NORM_CHANNELS - 1) / NORM_CHANNELS;
    const unsigned across = threadIdx.x % NORM_CHANNELS, down = threadIdx.x / NORM_CHANNELS;

    KP_OURS (task, tiles * n.slices) {
        const int64_t c = task % tiles * NORM_CHANNELS + across, slice = task / tiles;
        const int64_t end = pixels * (slice + 1) / n.slices;
        double first = 0, second = 0;

        for (int64_t p = pixels * slice / n.slices + down; c < channels && p < end;
             p += NORM_LINES) {
            const int64_t i = p * channels + c;
            if (backward) {
                first += (double)n.du[i];
                second += (double)n.du[i] * (double)(n.x[i] - centre(n, c));
            } else {
                const double d = (double)n.x[i] - (double)n.x[c];
                first += d;
                second += d * d;
            }
        }
        part[0][down][across] = first;
        part[1][down][across] = second;
        __syncthreads();
        if (down == 0 && c < channels) {
            for (int k = 1; k < NORM_LINES; k++) {
                first += part[0][k][across];
                second += part[1][k][across];
            }
            n.parts[2 * slice * channels + c] = first;
            n.parts[(2 * slice + 1) * channels + c] = second;
        }
        __syncthreads();
    }
}

static inline __device__ double whole(const struct norm &n, int which, int64_t c)
{
    double sum = 0;

    for (int64_t slice = 0; slice < n.slices; slice++)
        sum += n.parts[(2 * slice + which) * n.in.channels + c];
    return sum;
}

// m, s and the buffers.
static __global__ void norm_statistics(struct norm n)
{
    const double count = (double)(kp_image_count(n.in) / n.in.channels);

    KP_MINE (c, n.in.channels) {
        const double away = whole(n, 0, c) / count;
        const double spread = whole(n, 1, c) / count - away * away, var = spread > 0 ? spread : 0;
        const double mean = (double)n.x[c] + away;

        n.m[c] = (float)mean;
        n.s[c] = kp_norm_inverse(var, n.eps);
        n.mean[c] = kp_norm_running_mean(n.mean[c], n.momentum, mean);
        n.var[c] = kp_norm_running_var(n.var[c], n.momentum, var * count, count);
    }
}

static __global__ void norm_result(struct norm n)
{
    KP_MINE (i, kp_image_count(n.out)) {
        const struct kp_spot o = kp_spot_of(n.out, i);
        if (!n.pool) {
            n.y[i] = normalised(n, i, o.c);
            continue;
        }
        const struct kp_reach r = kp_reach_of(n.in, n.w, o.y, o.x);
        float most = -INFINITY;
        for (int64_t y = r.y0; y < r.y1; y++)
            for (int64_t x = r.x0; x < r.x1; x++) {
                const float u = normalised(n, kp_spot_at(n.in, o.n, y, x, o.c), o.c);
                most = u > most ? u : most;
            }
        n.y[i] = most;
    }
}

// The gradient behind the pool that reaches element i. Windows do not overlap.
static inline __device__ float through_pool(const struct norm &n, int64_t i)
{
    if (!n.pool)
        return n.dy[i];
    const struct kp_spot s = kp_spot_of(n.in, i);
    const int64_t oy = s.y / n.w.size[0], ox = s.x / n.w.size[1];
    if (oy >= n.out.height || ox >= n.out.width)
        return 0;
    const struct kp_reach r = kp_reach_of(n.in, n.w, oy, ox);
    const float own = normalised(n, i, s.c);
    for (int64_t y = r.y0; y < r.y1; y++)
        for (int64_t x = r.x0; x < r.x1; x++) {
            const int64_t at = kp_spot_at(n.in, s.n, y, x, s.c);
            const float other = normalised(n, at, s.c);
            if (other > own || (other == own && at < i))
                return 0;
        }
    return n.dy[kp_spot_at(n.out, s.n, oy, ox, s.c)];
}

// du: to what was normalised, through pool and ReLU; dr is the same.
static __global__ void norm_inner(struct norm n)
{
    KP_MINE (i, kp_image_count(n.in)) {
        const float g = through_pool(n, i);
        const float du = n.act ? kp_relu_dx(normalised(n, i, i % n.in.channels), g) : g;
        n.du[i] = du;
        if (n.dr)
            n.dr[i] = du;
    }
}

static __global__ void norm_slopes(struct norm n)
{
    const double count = (double)(kp_image_count(n.in) / n.in.channels);

    KP_MINE (c, n.in.channels) {
        const double sum = whole(n, 0, c), inner = whole(n, 1, c);
        const float inverse = sharpness(n, c), scale = inverse * n.gamma[c];
        if (n.dbeta)
            n.dbeta[c] = (float)sum;
        if (n.dgamma)
            n.dgamma[c] = (float)(inner * (double)inverse);
        n.slope[c] = n.eval ? 0 : kp_norm_slope(scale, inverse, inner, count);
        n.slope[n.in.channels + c] = n.eval ? 0 : kp_norm_offset(scale, sum, count);
    }
}

static __global__ void norm_grad(struct norm n)
{
    KP_MINE (i, kp_image_count(n.in)) {
        const int64_t c = i % n.in.channels;
        n.dx[i] = kp_norm_dx(n.x[i], n.du[i], centre(n, c), sharpness(n, c) * n.gamma[c],
                             n.slope[c], n.slope[n.in.channels + c]);
    }
}

static struct norm norm_of(const struct kp_cuda_call *c, const struct kp_value *behind)
{
    const struct kp_attrs *a = &c->node->attrs;
    struct norm n = {};

    n.in = kp_image_of(c->node->in[0], c->rows);
    n.out = kp_image_of(behind, c->rows);
    n.slices = slices_of(n.in);
    n.w = a->window;
    n.act = a->act;
    n.pool = a->pool;
    n.eps = a->eps;
    n.momentum = a->momentum;
    n.x = kp_cuda_in(c, 0);
    n.gamma = kp_cuda_in(c, 1);
    n.beta = kp_cuda_in(c, 2);
    n.r = kp_cuda_in(c, 5);
    return n;
}

static size_t parts_bytes(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_image in = kp_image_of(n->in[0], g->capacity);

    return (size_t)(2 * slices_of(in) * in.channels) * sizeof(double);
}

size_t kp_cuda_norm_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    return parts_bytes(g, n);
}

void kp_cuda_norm(const struct kp_cuda_call *c)
{
    struct norm n = norm_of(c, c->node->out[0]);

    n.eval = c->node->op == KP_OP_BATCH_NORM_EVAL;
    n.mean = kp_cuda_in(c, 3);
    n.var = kp_cuda_in(c, 4);
    n.y = kp_cuda_out(c, 0);
    if (!n.eval) {
        const int64_t tiles = (n.in.channels + NORM_CHANNELS - 1) / NORM_CHANNELS;
        n.m = kp_cuda_out(c, 1);
        n.s = kp_cuda_out(c, 2);
        n.parts = (double *)kp_cuda_scratch(c);
        KP_LAUNCH(norm_sums<false>, kp_blocks(tiles * n.slices), NORM_CHANNELS * NORM_LINES,
                  c->stream, n);
        KP_LAUNCH(norm_statistics, kp_blocks_of(n.in.channels), KP_THREADS, c->stream, n);
    }
    KP_LAUNCH(norm_result, kp_blocks_of(kp_image_count(n.out)), KP_THREADS, c->stream, n);
}

// Scratch: the parts of sums, the slopes, du.
size_t kp_cuda_norm_grad_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_image in = kp_image_of(n->in[0], g->capacity);

    return parts_bytes(g, n) + (size_t)(2 * in.channels + kp_image_count(in)) * sizeof(float);
}

void kp_cuda_norm_grad(const struct kp_cuda_call *c)
{
    const struct kp_image whole_batch = kp_image_of(c->node->in[0], c->node->in[0]->shape.dim[0]);
    struct norm n = norm_of(c, c->node->in[6]);
    const int64_t tiles = (n.in.channels + NORM_CHANNELS - 1) / NORM_CHANNELS;

    n.eval = c->node->op == KP_OP_BATCH_NORM_EVAL_GRAD;
    if (n.eval) {
        n.mean = kp_cuda_in(c, 3);
        n.var = kp_cuda_in(c, 4);
    } else {
        n.m = kp_cuda_in(c, 3);
        n.s = kp_cuda_in(c, 4);
    }
    n.dy = kp_cuda_in(c, 6);
    n.dx = kp_cuda_out(c, 0);
    n.dgamma = kp_cuda_out(c, 1);
    n.dbeta = kp_cuda_out(c, 2);
    n.dr = kp_cuda_out(c, 3);
    n.parts = (double *)kp_cuda_scratch(c);
    n.slope = (float *)(n.parts + 2 * slices_of(whole_batch) * n.in.channels);
    n.du = n.slope + 2 * n.in.channels;
    KP_LAUNCH(norm_inner, kp_blocks_of(kp_image_count(n.in)), KP_THREADS, c->stream, n);
    KP_LAUNCH(norm_sums<true>, kp_blocks(tiles * n.slices), NORM_CHANNELS * NORM_LINES, c->stream,
              n);
    KP_LAUNCH(norm_slopes, kp_blocks_of(n.in.channels), KP_THREADS, c->stream, n);
    if (n.dx)
        KP_LAUNCH(norm_grad, kp_blocks_of(kp_image_count(n.in)), KP_THREADS, c->stream, n);
}

// `each` floats of w for an output
struct fold {
    int64_t outputs, each;
    double eps;
    const float *w, *b, *gamma, *beta, *mean, *var;
    float *to_w, *to_b;
};

static __global__ void fold_norm(struct fold f)
{
    KP_MINE (i, f.outputs * f.each) {
        const int64_t o = i / f.each;
        const double by = kp_norm_fold(f.gamma[o], f.var[o], f.eps);
        f.to_w[i] = kp_norm_fold_weight(f.w[i], by);
        if (i % f.each == 0)
            f.to_b[o] = kp_norm_fold_bias(f.b ? f.b[o] : 0, f.beta[o], f.mean[o], by);
    }
}

void kp_cuda_fold_norm(const struct kp_cuda_call *c)
{
    const struct kp_value *w = c->node->in[0];
    struct fold f = {};

    f.outputs = w->shape.dim[0];
    f.each = kp_shape_count(w->shape) / f.outputs;
    f.eps = c->node->attrs.eps;
    f.w = kp_cuda_in(c, 0);
    f.b = kp_cuda_in(c, 1);
    f.gamma = kp_cuda_in(c, 2);
    f.beta = kp_cuda_in(c, 3);
    f.mean = kp_cuda_in(c, 4);
    f.var = kp_cuda_in(c, 5);
    f.to_w = kp_cuda_out(c, 0);
    f.to_b = kp_cuda_out(c, 1);
    KP_LAUNCH(fold_norm, kp_blocks_of(f.outputs * f.each), KP_THREADS, c->stream, f);
}
