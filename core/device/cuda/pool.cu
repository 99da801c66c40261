// pool.cu - pooling of NHWC images; a gradient gathers from the windows that cover its pixel.
#include "device/cuda/image.cuh"
#include "device/cuda/ops.h"

struct pool {
    struct kp_image in, out;
    struct kp_window w;
    const float *x, *dy;
    float *y; // or dx
};

// The first largest pixel of a window, in row-major order.
static inline __device__ int64_t largest(const struct pool &p, const struct kp_spot &o)
{
    const struct kp_reach r = kp_reach_of(p.in, p.w, o.y, o.x);
    int64_t best = kp_spot_at(p.in, o.n, r.y0, r.x0, o.c);

    for (int64_t y = r.y0; y < r.y1; y++)
        for (int64_t x = r.x0; x < r.x1; x++) {
            const int64_t at = kp_spot_at(p.in, o.n, y, x, o.c);
            if (p.x[at] > p.x[best])
                best = at;
        }
    return best;
}

static __global__ void max_pool(struct pool p)
{
    KP_MINE (i, kp_image_count(p.out))
        p.y[i] = p.x[largest(p, kp_spot_of(p.out, i))];
}

static __global__ void avg_pool(struct pool p)
{
    const float share = 1 / (float)(p.w.size[0] * p.w.size[1]);

    KP_MINE (i, kp_image_count(p.out)) {
        const struct kp_spot o = kp_spot_of(p.out, i);
        const struct kp_reach r = kp_reach_of(p.in, p.w, o.y, o.x);
        double sum = 0;
        for (int64_t y = r.y0; y < r.y1; y++)
            for (int64_t x = r.x0; x < r.x1; x++)
                sum += (double)p.x[kp_spot_at(p.in, o.n, y, x, o.c)];
        p.y[i] = (float)sum * share;
    }
}

template <bool max> static __global__ void pool_grad(struct pool p)
{
    KP_MINE (i, kp_image_count(p.in)) {
        const struct kp_spot s = kp_spot_of(p.in, i);
        int64_t y0, y1, x0, x1;
        double sum = 0;

        kp_windows_over(s.y, p.w.size[0], p.w.stride[0], p.w.pad[0], p.out.height, &y0, &y1);
        kp_windows_over(s.x, p.w.size[1], p.w.stride[1], p.w.pad[1], p.out.width, &x0, &x1);
        for (int64_t y = y0; y <= y1; y++)
            for (int64_t x = x0; x <= x1; x++)
                if (!max || largest(p, {s.n, y, x, s.c}) == i)
                    sum += (double)p.dy[kp_spot_at(p.out, s.n, y, x, s.c)];
        p.y[i] = (float)sum * (max ? 1 : 1 / (float)(p.w.size[0] * p.w.size[1]));
    }
}

void kp_cuda_pool(const struct kp_cuda_call *c)
{
    struct pool p = {};

    p.in = kp_image_of(c->node->in[0], c->rows);
    p.out = kp_image_of(c->node->out[0], c->rows);
    p.w = c->node->attrs.window;
    p.x = kp_cuda_in(c, 0);
    p.y = kp_cuda_out(c, 0);
    if (c->node->op == KP_OP_MAX_POOL)
        KP_LAUNCH(max_pool, kp_blocks_of(kp_image_count(p.out)), KP_THREADS, c->stream, p);
    else
        KP_LAUNCH(avg_pool, kp_blocks_of(kp_image_count(p.out)), KP_THREADS, c->stream, p);
}

void kp_cuda_pool_grad(const struct kp_cuda_call *c)
{
    const bool max = c->node->op == KP_OP_MAX_POOL_GRAD;
    struct pool p = {};

    p.in = kp_image_of(c->node->out[0], c->rows);
    p.out = kp_image_of(c->node->in[max ? 1 : 0], c->rows);
    p.w = c->node->attrs.window;
    p.x = max ? kp_cuda_in(c, 0) : nullptr;
    p.dy = kp_cuda_in(c, max ? 1 : 0);
    p.y = kp_cuda_out(c, 0);
    if (max)
        KP_LAUNCH(pool_grad<true>, kp_blocks_of(kp_image_count(p.in)), KP_THREADS, c->stream, p);
    else
        KP_LAUNCH(pool_grad<false>, kp_blocks_of(kp_image_count(p.in)), KP_THREADS, c->stream, p);
}
