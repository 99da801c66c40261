// conv.cu - convolutions by cuDNN, and what is done around them.
//
// Images are [N][H][W][C]; a weight is turned to [O][kh][kw][C] for a run. The plan of cuDNN does
// all examples of the capacity: what it makes of those behind the batch nobody reads. Of operands
// in two bytes cuDNN makes a result in two bytes, which is widened to fp32.
#include "device/cuda/image.cuh"
#include "device/cuda/ops.h"
#include "kernels/bf16.h"

static inline __device__ void give(float x, float *to)
{
    *to = x;
}

static inline __device__ void give(uint16_t x, uint16_t *to)
{
    *to = x;
}

static inline __device__ void give(uint16_t x, float *to)
{
    *to = kp_bf16_number(x);
}

// (O,C,kh,kw) to [O][kh][kw][C], or back
template <class T, class U>
static __global__ void turn_weights(int64_t n, int64_t channels, int64_t window, bool back,
                                    const T *w, U *to)
{
    KP_MINE (i, n) {
        // i counts [O][kh][kw][C]
        const int64_t channel = i % channels, tap = i / channels % window;
        const int64_t other = (i / channels / window * channels + channel) * window + tap;
        give(w[back ? i : other], &to[back ? other : i]);
    }
}

template <class T, class U>
static void turn(const struct kp_cuda_call *c, const struct kp_value *w, bool back,
                 const void *from, void *to)
{
    const int64_t n = kp_shape_count(w->shape), window = w->shape.dim[2] * w->shape.dim[3];

    KP_LAUNCH((turn_weights<T, U>), kp_blocks_of(n), KP_THREADS, c->stream, n, w->shape.dim[1],
              window, back, (const T *)from, (U *)to);
}

// x + b, then ReLU where `act`; b NULL: none.
static inline __device__ float finished(uint16_t x, const float *b, int64_t channel, bool act)
{
    const float u = kp_bf16_number(x) + (b ? b[channel] : 0);

    return act && u <= 0 ? 0 : u;
}

// y (n) is what the halves x become; b (channels). Both begin at multiples of 16.
static __global__ void widen(int64_t n, int64_t channels, const uint16_t *x, const float *b,
                             bool act, float *y)
{
    const int64_t quads = n / 4;

    KP_MINE (i, quads) {
        const ushort4 h = reinterpret_cast<const ushort4 *>(x)[i];
        const int64_t at = 4 * i;
        reinterpret_cast<float4 *>(y)[i] = make_float4(
            finished(h.x, b, at % channels, act), finished(h.y, b, (at + 1) % channels, act),
            finished(h.z, b, (at + 2) % channels, act), finished(h.w, b, (at + 3) % channels, act));
    }
    KP_MINE (i, n - 4 * quads) {
        const int64_t at = 4 * quads + i;
        y[at] = finished(x[at], b, at % channels, act);
    }
}

// The ReLU of a convolution without a bias, for which cuDNN has no plan.
static __global__ void rectify(int64_t n, float *y)
{
    KP_MINE (i, n)
        y[i] = y[i] <= 0 ? 0 : y[i];
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

static int64_t pixels_of(const struct kp_value *v)
{
    return v->shape.dim[2] * v->shape.dim[3];
}

// What the convolution gives before its pool.
static struct kp_image image_before(const struct kp_node *n, int64_t rows)
{
    const struct kp_window *w = &n->attrs.window;
    const struct kp_image in = kp_image_of(n->in[0], rows);
    struct kp_image out = kp_image_of(n->out[0], rows);

    out.height = (in.height + 2 * w->pad[0] - w->size[0]) / w->stride[0] + 1;
    out.width = (in.width + 2 * w->pad[1] - w->size[1]) / w->stride[1] + 1;
    return out;
}

// What a call has in its scratch, one behind the other.
struct places {
    void *weights; // turned, as the plan reads or makes them
    void *product; // in bf16: the image that the plan makes, before it is widened
    float *whole;  // the image before its pool
    void *sums;    // for the gradient of the bias
    size_t bytes;
};

// `at`: behind the workspace of the plan.
static struct places places_of(const struct kp_node *n, char *at)
{
    const bool makes_weights = n->op == KP_OP_CONV2D_GRAD_W, half = n->in[0]->half;
    const struct kp_value *w = makes_weights ? n->out[0] : n->in[1], *dy = n->in[1];
    const int64_t capacity = n->in[0]->shape.dim[0];
    const size_t image = n->op == KP_OP_CONV2D ? (size_t)kp_image_count(image_before(n, capacity))
                         : makes_weights       ? 0
                                               : (size_t)kp_shape_count(n->out[0]->shape);
    const char *scratch = at;
    struct places p = {};

    p.weights = at;
    at += kp_cuda_whole((size_t)kp_shape_count(w->shape) * kp_cuda_size(n->in[0]));
    p.product = at;
    at += half ? kp_cuda_whole(image * sizeof(uint16_t)) : 0;
    p.whole = (float *)at;
    at += n->attrs.pool ? kp_cuda_whole(image * sizeof(float)) : 0;
    p.sums = at;
    if (makes_weights && n->out[1])
        at += kp_cuda_sums_scratch(capacity * pixels_of(dy), dy->shape.dim[1]);
    p.bytes = (size_t)(at - scratch);
    return p;
}

static struct places places_of_call(const struct kp_cuda_call *c)
{
    return places_of(c->node, (char *)kp_cuda_scratch(c) + kp_dnn_workspace(c->plan));
}

size_t kp_cuda_conv_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    return places_of(n, NULL).bytes;
}

// The weights that a call reads.
static void turn_in(const struct kp_cuda_call *c, const struct places *p)
{
    const struct kp_value *w = c->node->in[1];

    if (w->half)
        turn<uint16_t, uint16_t>(c, w, false, kp_cuda_in(c, 1), p->weights);
    else
        turn<float, float>(c, w, false, kp_cuda_in(c, 1), p->weights);
}

// In bf16 the bias and the ReLU come with the widening, else from cuDNN.
void kp_cuda_conv(const struct kp_cuda_call *c)
{
    const struct kp_node *n = c->node;
    const struct kp_image image = image_before(n, c->rows);
    const struct places p = places_of_call(c);
    const int64_t count = kp_image_count(image);
    const float *b = kp_cuda_in(c, 2);
    float *y = n->attrs.pool ? p.whole : kp_cuda_out(c, 0);

    turn_in(c, &p);
    if (n->in[0]->half) {
        kp_dnn_run(c, kp_cuda_in(c, 0), p.weights, p.product, NULL);
        KP_LAUNCH(widen, kp_blocks_of(count / 4), KP_THREADS, c->stream, count, image.channels,
                  (const uint16_t *)p.product, b, n->attrs.act, y);
    } else {
        kp_dnn_run(c, kp_cuda_in(c, 0), p.weights, y, b);
        if (n->attrs.act && !b)
            KP_LAUNCH(rectify, kp_blocks_of(count), KP_THREADS, c->stream, count, y);
    }
    if (n->attrs.pool) {
        const struct kp_image out = kp_image_of(n->out[0], c->rows);
        KP_LAUNCH(pool, kp_blocks_of(kp_image_count(out)), KP_THREADS, c->stream, image, out,
                  n->attrs.pool_window, y, kp_cuda_out(c, 0));
    }
}

void kp_cuda_conv_grad_x(const struct kp_cuda_call *c)
{
    const struct places p = places_of_call(c);
    const int64_t count = kp_cuda_count(c->node->out[0], c->rows);
    const bool half = c->node->in[0]->half;
    float *dx = kp_cuda_out(c, 0);

    turn_in(c, &p);
    kp_dnn_run(c, half ? p.product : dx, p.weights, kp_cuda_in(c, 0), NULL);
    if (half)
        KP_LAUNCH(widen, kp_blocks_of(count / 4), KP_THREADS, c->stream, count, 1,
                  (const uint16_t *)p.product, nullptr, false, dx);
}

// The examples behind the batch are nobody's, but the plan adds them up: they count as 0.
static void clear_behind(const struct kp_cuda_call *c, int i)
{
    const struct kp_value *v = c->node->in[i];
    const int64_t all = kp_shape_count(v->shape), mine = kp_cuda_count(v, c->rows);
    const size_t each = kp_cuda_size(v);

    if (mine < all)
        kp_cuda_clear(c, (char *)kp_cuda_at(c->memory, v) + (size_t)mine * each,
                      (size_t)(all - mine) * each);
}

void kp_cuda_conv_grad_w(const struct kp_cuda_call *c)
{
    const struct kp_value *dw = c->node->out[0], *dy = c->node->in[1];
    const struct places p = places_of_call(c);
    const int64_t channels = dy->shape.dim[1], lines = c->rows * pixels_of(dy);
    float *db = kp_cuda_out(c, 1);

    clear_behind(c, 0);
    clear_behind(c, 1);
    kp_dnn_run(c, kp_cuda_in(c, 0), p.weights, kp_cuda_in(c, 1), NULL);
    if (dy->half)
        turn<uint16_t, float>(c, dw, true, p.weights, kp_cuda_out(c, 0));
    else
        turn<float, float>(c, dw, true, p.weights, kp_cuda_out(c, 0));
    if (db && dy->half)
        kp_cuda_half_sums(c, (const uint16_t *)kp_cuda_at(c->memory, dy), lines, channels, channels,
                          false, db, p.sums);
    else if (db)
        kp_cuda_sums(c, kp_cuda_in(c, 1), lines, channels, channels, db, p.sums);
}
