// conv.cu - convolutions as products of matrices: the pixels under each window are gathered, some
// examples at a time.
//
// Images are [N][H][W][C], a weight is turned to [O][kh][kw][C] for a run. A window of one pixel
// without stride or border needs no gathering.
#include "device/cuda/image.cuh"
#include "device/cuda/ops.h"

#define GATHERED_BYTES (64 << 20)

struct conv {
    struct kp_image in, out;
    struct kp_window w;
    int64_t taps;  // kh kw C
    int64_t chunk; // examples whose pixels are gathered at a time
    bool gathers;
};

static struct conv conv_of(const struct kp_value *x, const struct kp_value *y,
                           const struct kp_window *w, int64_t rows)
{
    struct conv c = {};

    c.in = kp_image_of(x, rows);
    c.out = kp_image_of(y, rows);
    c.out.height = (c.in.height + 2 * w->pad[0] - w->size[0]) / w->stride[0] + 1;
    c.out.width = (c.in.width + 2 * w->pad[1] - w->size[1]) / w->stride[1] + 1;
    c.w = *w;
    c.taps = w->size[0] * w->size[1] * c.in.channels;
    c.gathers = w->size[0] != 1 || w->size[1] != 1 || w->stride[0] != 1 || w->stride[1] != 1 ||
                w->pad[0] != 0 || w->pad[1] != 0;
    const int64_t each = c.out.height * c.out.width * c.taps * (int64_t)sizeof(float);
    c.chunk = c.gathers ? GATHERED_BYTES / each : rows;
    if (c.chunk < 1)
        c.chunk = 1;
    if (c.chunk > x->shape.dim[0])
        c.chunk = x->shape.dim[0];
    return c;
}

static int64_t pixels_of(const struct conv &c)
{
    return c.out.height * c.out.width;
}

// Scratch: the weights turned, the gathered pixels, then what else a function needs.
static int64_t weights_floats(const struct conv &c)
{
    return c.out.channels * c.taps;
}

static int64_t gathered_floats(const struct conv &c)
{
    return c.gathers ? c.chunk * pixels_of(c) * c.taps : 0;
}

// (O,C,kh,kw) to [O][kh][kw][C], or back
static __global__ void turn_weights(int64_t n, int64_t channels, int64_t window, bool back,
                                    const float *w, float *to)
{
    KP_MINE (i, n) {
        // i counts [O][kh][kw][C]
        const int64_t channel = i % channels, tap = i / channels % window;
        const int64_t other = (i / channels / window * channels + channel) * window + tap;
        to[back ? other : i] = w[back ? i : other];
    }
}

static void turn(const struct kp_cuda_call *call, const struct conv &c, bool back, const float *w,
                 float *to)
{
    const int64_t n = weights_floats(c);

    KP_LAUNCH(turn_weights, kp_blocks_of(n), KP_THREADS, call->stream, n, c.in.channels,
              c.w.size[0] * c.w.size[1], back, w, to);
}

// The pixels under each window: [examples][H'][W'][kh][kw][C], from example `first` on.
static __global__ void gather(struct conv c, int64_t first, int64_t examples, const float *x,
                              float *to)
{
    KP_MINE (i, examples * c.out.height * c.out.width * c.taps) {
        const int64_t channel = i % c.in.channels, tap = i / c.in.channels;
        const int64_t kx = tap % c.w.size[1], ky = tap / c.w.size[1] % c.w.size[0];
        const int64_t pixel = tap / c.w.size[1] / c.w.size[0];
        const int64_t ox = pixel % c.out.width, oy = pixel / c.out.width % c.out.height;
        const int64_t n = first + pixel / c.out.width / c.out.height;
        const int64_t y = oy * c.w.stride[0] - c.w.pad[0] + ky;
        const int64_t at = ox * c.w.stride[1] - c.w.pad[1] + kx;
        const bool inside = y >= 0 && y < c.in.height && at >= 0 && at < c.in.width;

        to[i] = inside ? x[kp_spot_at(c.in, n, y, at, channel)] : 0;
    }
}

// dx from the gradients of the gathered pixels, of examples from `first` on.
static __global__ void scatter(struct conv c, int64_t first, int64_t examples, const float *from,
                               float *dx)
{
    KP_MINE (i, examples * c.in.height * c.in.width * c.in.channels) {
        const struct kp_spot s = kp_spot_of(c.in, i);
        int64_t y0, y1, x0, x1;
        double sum = 0;

        kp_windows_over(s.y, c.w.size[0], c.w.stride[0], c.w.pad[0], c.out.height, &y0, &y1);
        kp_windows_over(s.x, c.w.size[1], c.w.stride[1], c.w.pad[1], c.out.width, &x0, &x1);
        for (int64_t oy = y0; oy <= y1; oy++)
            for (int64_t ox = x0; ox <= x1; ox++) {
                const int64_t ky = s.y + c.w.pad[0] - oy * c.w.stride[0];
                const int64_t kx = s.x + c.w.pad[1] - ox * c.w.stride[1];
                const int64_t pixel = (s.n * c.out.height + oy) * c.out.width + ox;
                sum += (double)
                    from[((pixel * c.w.size[0] + ky) * c.w.size[1] + kx) * c.in.channels + s.c];
            }
        dx[i + first * c.in.height * c.in.width * c.in.channels] = (float)sum;
    }
}

// Adds the bias, where there is one, and does the ReLU.
static __global__ void finish(int64_t n, int64_t channels, const float *b, bool act, float *y)
{
    KP_MINE (i, n) {
        const float u = b ? y[i] + b[i % channels] : y[i];
        y[i] = act && u <= 0 ? 0 : u;
    }
}

// Max-pool of the finished image.
static __global__ void pool(struct kp_image in, struct kp_image out, struct kp_window w,
                            const float *x, float *y)
{
    KP_MINE (i, kp_image_count(out)) {
        const struct kp_spot o = kp_spot_of(out, i);
        const struct kp_reach r = kp_reach_of(in, w, o.y, o.x);
        float most = -INFINITY;

        for (int64_t row = r.y0; row < r.y1; row++)
            for (int64_t at = r.x0; at < r.x1; at++) {
                const float u = x[kp_spot_at(in, o.n, row, at, o.c)];
                most = u > most ? u : most;
            }
        y[i] = most;
    }
}

size_t kp_cuda_conv_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct conv c = conv_of(n->in[0], n->out[0], &n->attrs.window, g->capacity);
    const int64_t whole = n->attrs.pool ? kp_image_count(c.out) : 0;

    return (size_t)(weights_floats(c) + gathered_floats(c) + whole) * sizeof(float);
}

void kp_cuda_conv(const struct kp_cuda_call *call)
{
    const struct kp_node *n = call->node;
    const struct conv c = conv_of(n->in[0], n->out[0], &n->attrs.window, call->rows);
    const float *x = kp_cuda_in(call, 0), *b = kp_cuda_in(call, 2);
    float *weights = (float *)kp_cuda_scratch(call), *gathered = weights + weights_floats(c);
    float *y = n->attrs.pool ? gathered + gathered_floats(c) : kp_cuda_out(call, 0);

    turn(call, c, false, kp_cuda_in(call, 1), weights);
    for (int64_t first = 0; first < call->rows; first += c.chunk) {
        const int64_t examples = call->rows - first < c.chunk ? call->rows - first : c.chunk;
        struct kp_cuda_gemm g = {};

        if (c.gathers)
            KP_LAUNCH(gather, kp_blocks_of(examples * pixels_of(c) * c.taps), KP_THREADS,
                      call->stream, c, first, examples, x, gathered);
        g.m = examples * pixels_of(c);
        g.n = c.out.channels;
        g.k = c.taps;
        g.turned_b = true;
        g.a = c.gathers ? gathered : x + first * pixels_of(c) * c.taps;
        g.b = weights;
        g.c = y + first * pixels_of(c) * c.out.channels;
        g.ld_a = g.ld_b = c.taps;
        g.ld_c = g.n;
        g.batch = 1;
        g.alpha = 1;
        kp_cuda_gemm(call, &g);
    }
    const int64_t count = kp_image_count(c.out);
    if (b || n->attrs.act)
        KP_LAUNCH(finish, kp_blocks_of(count), KP_THREADS, call->stream, count, c.out.channels, b,
                  n->attrs.act, y);
    if (n->attrs.pool) {
        const struct kp_image out = kp_image_of(n->out[0], call->rows);
        KP_LAUNCH(pool, kp_blocks_of(kp_image_count(out)), KP_THREADS, call->stream, c.out, out,
                  n->attrs.pool_window, y, kp_cuda_out(call, 0));
    }
}

size_t kp_cuda_conv_grad_x_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct conv c = conv_of(n->out[0], n->in[0], &n->attrs.window, g->capacity);

    return (size_t)(weights_floats(c) + gathered_floats(c)) * sizeof(float);
}

void kp_cuda_conv_grad_x(const struct kp_cuda_call *call)
{
    const struct kp_node *n = call->node;
    const struct conv c = conv_of(n->out[0], n->in[0], &n->attrs.window, call->rows);
    const float *dy = kp_cuda_in(call, 0);
    float *weights = (float *)kp_cuda_scratch(call), *gathered = weights + weights_floats(c);
    float *dx = kp_cuda_out(call, 0);

    turn(call, c, false, kp_cuda_in(call, 1), weights);
    for (int64_t first = 0; first < call->rows; first += c.chunk) {
        const int64_t examples = call->rows - first < c.chunk ? call->rows - first : c.chunk;
        struct kp_cuda_gemm g = {};

        g.m = examples * pixels_of(c);
        g.n = c.taps;
        g.k = c.out.channels;
        g.a = dy + first * pixels_of(c) * c.out.channels;
        g.b = weights;
        g.c = c.gathers ? gathered : dx + first * pixels_of(c) * c.taps;
        g.ld_a = g.k;
        g.ld_b = g.ld_c = c.taps;
        g.batch = 1;
        g.alpha = 1;
        kp_cuda_gemm(call, &g);
        if (c.gathers)
            KP_LAUNCH(scatter, kp_blocks_of(examples * c.in.height * c.in.width * c.in.channels),
                      KP_THREADS, call->stream, c, first, examples, gathered, dx);
    }
}

size_t kp_cuda_conv_grad_w_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct conv c = conv_of(n->in[0], n->in[1], &n->attrs.window, g->capacity);
    const size_t sums =
        n->out[1] ? kp_cuda_sums_scratch(g->capacity * pixels_of(c), c.out.channels) : 0;

    return sums + (size_t)(weights_floats(c) + gathered_floats(c)) * sizeof(float);
}

// dw = sum over the examples, chunk after chunk
void kp_cuda_conv_grad_w(const struct kp_cuda_call *call)
{
    const struct kp_node *n = call->node;
    const struct conv c = conv_of(n->in[0], n->in[1], &n->attrs.window, call->rows);
    const int64_t capacity = n->in[0]->shape.dim[0];
    const size_t sums =
        n->out[1] ? kp_cuda_sums_scratch(capacity * pixels_of(c), c.out.channels) : 0;
    const float *x = kp_cuda_in(call, 0), *dy = kp_cuda_in(call, 1);
    float *weights = (float *)((char *)kp_cuda_scratch(call) + sums);
    float *gathered = weights + weights_floats(c);

    for (int64_t first = 0; first < call->rows; first += c.chunk) {
        const int64_t examples = call->rows - first < c.chunk ? call->rows - first : c.chunk;
        struct kp_cuda_gemm g = {};

        if (c.gathers)
            KP_LAUNCH(gather, kp_blocks_of(examples * pixels_of(c) * c.taps), KP_THREADS,
                      call->stream, c, first, examples, x, gathered);
        g.m = c.out.channels;
        g.n = c.taps;
        g.k = examples * pixels_of(c);
        g.turned_a = true;
        g.a = dy + first * pixels_of(c) * c.out.channels;
        g.b = c.gathers ? gathered : x + first * pixels_of(c) * c.taps;
        g.c = weights;
        g.ld_a = g.m;
        g.ld_b = g.ld_c = c.taps;
        g.batch = 1;
        g.alpha = 1;
        g.beta = first > 0 ? 1.0f : 0.0f;
        kp_cuda_gemm(call, &g);
    }
    turn(call, c, true, weights, kp_cuda_out(call, 0));
    if (n->out[1])
        kp_cuda_sums(call, dy, call->rows * pixels_of(c), c.out.channels, c.out.channels,
                     kp_cuda_out(call, 1), kp_cuda_scratch(call));
}
