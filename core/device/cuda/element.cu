// element.cu - operations element by element, in any layout.
#include "device/cuda/lane.cuh"
#include "device/cuda/ops.h"
#include "device/dropout.h"
#include "kernels/bf16.h"

#include "kernels/gelu.inl"
#include "kernels/relu.inl"

struct relu {
    __device__ float operator()(float x, float) const
    {
        return v_relu(x);
    }
};

struct relu_grad {
    __device__ float operator()(float y, float dy) const
    {
        return kp_relu_dx(y, dy);
    }
};

struct add {
    __device__ float operator()(float a, float b) const
    {
        return a + b;
    }
};

struct sub {
    __device__ float operator()(float a, float b) const
    {
        return a - b;
    }
};

struct mul {
    __device__ float operator()(float a, float b) const
    {
        return a * b;
    }
};

struct scale {
    float factor;
    __device__ float operator()(float x, float) const
    {
        return factor * x;
    }
};

struct round_to_bf16 {
    __device__ float operator()(float x, float) const
    {
        return kp_bf16_round(x);
    }
};

template <bool approximate> struct gelu {
    __device__ float operator()(float x, float) const
    {
        return kp_gelu_y(x, approximate);
    }
};

template <bool approximate> struct gelu_grad {
    __device__ float operator()(float x, float dy) const
    {
        return kp_gelu_dx(x, dy, approximate);
    }
};

// y = f(a, b); `wide`: all addresses are multiples of 16. b may be NULL.
template <class F>
static __global__ void elements(int64_t n, const float *a, const float *b, float *y, bool wide, F f)
{
    const int64_t quads = wide ? n / 4 : 0;

    KP_MINE (i, quads) {
        const float4 p = reinterpret_cast<const float4 *>(a)[i];
        const float4 q = b ? reinterpret_cast<const float4 *>(b)[i] : p;
        reinterpret_cast<float4 *>(y)[i] =
            make_float4(f(p.x, q.x), f(p.y, q.y), f(p.z, q.z), f(p.w, q.w));
    }
    KP_MINE (i, n - 4 * quads) {
        const int64_t at = 4 * quads + i;
        y[at] = f(a[at], b ? b[at] : 0);
    }
}

template <class F> static void each(const struct kp_cuda_call *c, F f)
{
    const int64_t n = kp_cuda_count(c->node->out[0], c->rows);
    const float *a = kp_cuda_in(c, 0), *b = kp_cuda_in(c, 1);
    float *y = kp_cuda_out(c, 0);
    const bool wide = ((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) % 16 == 0;

    KP_LAUNCH(elements<F>, kp_blocks_of(wide ? n / 4 : n), KP_THREADS, c->stream, n, a, b, y, wide,
              f);
}

void kp_cuda_relu(const struct kp_cuda_call *c)
{
    each(c, relu());
}

void kp_cuda_relu_grad(const struct kp_cuda_call *c)
{
    each(c, relu_grad());
}

void kp_cuda_add(const struct kp_cuda_call *c)
{
    each(c, add());
}

void kp_cuda_sub(const struct kp_cuda_call *c)
{
    each(c, sub());
}

void kp_cuda_mul(const struct kp_cuda_call *c)
{
    each(c, mul());
}

void kp_cuda_scale(const struct kp_cuda_call *c)
{
    each(c, scale{(float)c->node->attrs.factor});
}

void kp_cuda_gelu(const struct kp_cuda_call *c)
{
    if (c->node->attrs.approximate)
        each(c, gelu<true>());
    else
        each(c, gelu<false>());
}

void kp_cuda_gelu_grad(const struct kp_cuda_call *c)
{
    if (c->node->attrs.approximate)
        each(c, gelu_grad<true>());
    else
        each(c, gelu_grad<false>());
}

// `wide`: x and y begin at multiples of 16.
static __global__ void halve(int64_t n, const float *x, uint16_t *y, bool wide)
{
    const int64_t quads = wide ? n / 4 : 0;

    KP_MINE (i, quads) {
        const float4 u = reinterpret_cast<const float4 *>(x)[i];
        reinterpret_cast<ushort4 *>(y)[i] =
            make_ushort4(kp_bf16_of(u.x), kp_bf16_of(u.y), kp_bf16_of(u.z), kp_bf16_of(u.w));
    }
    KP_MINE (i, n - 4 * quads)
        y[4 * quads + i] = kp_bf16_of(x[4 * quads + i]);
}

void kp_cuda_halve(const struct kp_cuda_call *c, int64_t n, const float *x, uint16_t *y)
{
    const bool wide = ((uintptr_t)x | (uintptr_t)y) % 16 == 0;

    KP_LAUNCH(halve, kp_blocks_of(wide ? n / 4 : n), KP_THREADS, c->stream, n, x, y, wide);
}

void kp_cuda_round(const struct kp_cuda_call *c)
{
    const struct kp_value *y = c->node->out[0];

    if (y->half)
        kp_cuda_halve(c, kp_cuda_count(y, c->rows), kp_cuda_in(c, 0),
                      (uint16_t *)kp_cuda_at(c->memory, y));
    else
        each(c, round_to_bf16());
}

static __global__ void dropout(int64_t n, const float *x, float *y, uint32_t number, double rate,
                               const double *scalars)
{
    const struct kp_dropout d = kp_dropout_at(number, rate, scalars);

    KP_MINE (i, (n + 3) / 4) {
        bool kept[4];
        kp_dropout_kept(&d, (uint64_t)i, kept);
        for (int64_t k = 0; k < 4 && 4 * i + k < n; k++)
            y[4 * i + k] = kept[k] ? (float)d.scale * x[4 * i + k] : 0;
    }
}

void kp_cuda_dropout(const struct kp_cuda_call *c)
{
    const int64_t n = kp_cuda_count(c->node->out[0], c->rows);

    KP_LAUNCH(dropout, kp_blocks_of(n / 4), KP_THREADS, c->stream, n, kp_cuda_in(c, 0),
              kp_cuda_out(c, 0), c->node->attrs.number, c->node->attrs.factor, c->scalars);
}

// x (N,C,H,W) to [N][H][W][C], or back.
template <class T>
static __global__ void turn(int64_t n, int64_t channels, int64_t plane, bool to_nhwc, const T *x,
                            T *y)
{
    KP_MINE (i, n) {
        // i counts NHWC
        const int64_t channel = i % channels, pixel = i / channels % plane;
        const int64_t other = (i / channels / plane * channels + channel) * plane + pixel;
        y[to_nhwc ? i : other] = x[to_nhwc ? other : i];
    }
}

template <class T> static void turn_value(const struct kp_cuda_call *c)
{
    const struct kp_value *x = c->node->in[0], *y = c->node->out[0];
    const int64_t n = kp_cuda_count(y, c->rows);

    KP_LAUNCH(turn<T>, kp_blocks_of(n), KP_THREADS, c->stream, n, y->shape.dim[1],
              y->shape.dim[2] * y->shape.dim[3], y->layout == KP_NHWC,
              (const T *)kp_cuda_at(c->memory, x), (T *)kp_cuda_at(c->memory, y));
}

void kp_cuda_convert(const struct kp_cuda_call *c)
{
    if (c->node->out[0]->half)
        turn_value<uint16_t>(c);
    else
        turn_value<float>(c);
}
