// conv.cu - convolutions by cuDNN, and what is done around them.
//
// Images are [N][H][W][C]; a weight is turned to [O][kh][kw][C] for a run. The plan of cuDNN does
// all examples of the capacity: what it makes of those behind the batch nobody reads.
#include "device/cuda/image.cuh"
#include "device/cuda/ops.h"

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

// The weights of a call, turned, in its scratch behind the workspace of the plan.
static float *turned(const struct kp_cuda_call *c)
{
    return (float *)((char *)kp_cuda_scratch(c) + kp_dnn_workspace(c->plan));
}

static void turn(const struct kp_cuda_call *c, const struct kp_value *w, bool back,
                 const float *from, float *to)
{
    const int64_t n = kp_shape_count(w->shape), window = w->shape.dim[2] * w->shape.dim[3];

    KP_LAUNCH(turn_weights, kp_blocks_of(n), KP_THREADS, c->stream, n, w->shape.dim[1], window,
              back, from, to);
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

size_t kp_cuda_conv_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const int64_t weights = kp_shape_count(n->in[1]->shape);
    const int64_t whole = n->attrs.pool ? kp_image_count(image_before(n, g->capacity)) : 0;

    return kp_cuda_whole((size_t)weights * sizeof(float)) + (size_t)whole * sizeof(float);
}

void kp_cuda_conv(const struct kp_cuda_call *c)
{
    const struct kp_node *n = c->node;
    const struct kp_value *w = n->in[1];
    const struct kp_image image = image_before(n, c->rows);
    const float *b = kp_cuda_in(c, 2);
    float *weights = turned(c), *y = kp_cuda_out(c, 0);

    if (n->attrs.pool)
        y = (float *)((char *)weights +
                      kp_cuda_whole((size_t)kp_shape_count(w->shape) * sizeof(float)));
    turn(c, w, false, kp_cuda_in(c, 1), weights);
    kp_dnn_run(c, kp_cuda_in(c, 0), weights, y, b);
    if (n->attrs.act && !b)
        KP_LAUNCH(rectify, kp_blocks_of(kp_image_count(image)), KP_THREADS, c->stream,
                  kp_image_count(image), y);
    if (n->attrs.pool) {
        const struct kp_image out = kp_image_of(n->out[0], c->rows);
        KP_LAUNCH(pool, kp_blocks_of(kp_image_count(out)), KP_THREADS, c->stream, image, out,
                  n->attrs.pool_window, y, kp_cuda_out(c, 0));
    }
}

size_t kp_cuda_conv_grad_x_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    return (size_t)kp_shape_count(n->in[1]->shape) * sizeof(float);
}

void kp_cuda_conv_grad_x(const struct kp_cuda_call *c)
{
    float *weights = turned(c);

    turn(c, c->node->in[1], false, kp_cuda_in(c, 1), weights);
    kp_dnn_run(c, kp_cuda_out(c, 0), weights, kp_cuda_in(c, 0), NULL);
}

static int64_t pixels_of(const struct kp_value *v)
{
    return v->shape.dim[2] * v->shape.dim[3];
}

static size_t bias_scratch(const struct kp_node *n)
{
    const struct kp_value *dy = n->in[1];
    const int64_t capacity = dy->shape.dim[0];

    return n->out[1] ? kp_cuda_sums_scratch(capacity * pixels_of(dy), dy->shape.dim[1]) : 0;
}

size_t kp_cuda_conv_grad_w_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    return kp_cuda_whole((size_t)kp_shape_count(n->out[0]->shape) * sizeof(float)) +
           bias_scratch(n);
}

// The examples behind the batch are nobody's, but the plan adds them up: they count as 0.
static void clear_behind(const struct kp_cuda_call *c, int i)
{
    const struct kp_value *v = c->node->in[i];
    const int64_t all = kp_shape_count(v->shape), mine = kp_cuda_count(v, c->rows);

    if (mine < all)
        kp_cuda_clear(c, kp_cuda_in(c, i) + mine, all - mine);
}

void kp_cuda_conv_grad_w(const struct kp_cuda_call *c)
{
    const struct kp_value *dw = c->node->out[0], *dy = c->node->in[1];
    const size_t weight_bytes = kp_cuda_whole((size_t)kp_shape_count(dw->shape) * sizeof(float));
    const int64_t channels = dy->shape.dim[1];
    float *weights = turned(c);

    clear_behind(c, 0);
    clear_behind(c, 1);
    kp_dnn_run(c, kp_cuda_in(c, 0), weights, kp_cuda_in(c, 1), NULL);
    turn(c, dw, true, weights, kp_cuda_out(c, 0));
    if (c->node->out[1])
        kp_cuda_sums(c, kp_cuda_in(c, 1), c->rows * pixels_of(dy), channels, channels,
                     kp_cuda_out(c, 1), (char *)weights + weight_bytes);
}
