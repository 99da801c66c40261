// image.cuh - images as the kernels see them: [N][H][W][C].
#ifndef KP_CUDA_IMAGE_CUH
#define KP_CUDA_IMAGE_CUH

#include "device/cuda/device.cuh"

struct kp_image {
    int64_t examples, channels, height, width;
};

// A value (N,C,H,W), or (N,C) as an image of one pixel; `rows` of it.
static inline struct kp_image kp_image_of(const struct kp_value *v, int64_t rows)
{
    struct kp_image i = {};

    i.examples = rows;
    i.channels = v->shape.dim[1];
    i.height = v->shape.n > 2 ? v->shape.dim[2] : 1;
    i.width = v->shape.n > 3 ? v->shape.dim[3] : 1;
    return i;
}

static inline __host__ __device__ int64_t kp_image_count(const struct kp_image &i)
{
    return i.examples * i.channels * i.height * i.width;
}

// A place in an image.
struct kp_spot {
    int64_t n, y, x, c;
};

static inline __device__ struct kp_spot kp_spot_of(const struct kp_image &i, int64_t at)
{
    struct kp_spot s;

    s.c = at % i.channels;
    at /= i.channels;
    s.x = at % i.width;
    at /= i.width;
    s.y = at % i.height;
    s.n = at / i.height;
    return s;
}

static inline __device__ int64_t kp_spot_at(const struct kp_image &i, int64_t n, int64_t y,
                                            int64_t x, int64_t c)
{
    return ((n * i.height + y) * i.width + x) * i.channels + c;
}

// What the window at output (oy, ox) covers of the image: rows y0 to y1 - 1, columns alike.
struct kp_reach {
    int64_t y0, y1, x0, x1;
};

static inline __device__ struct kp_reach
kp_reach_of(const struct kp_image &i, const struct kp_window &w, int64_t oy, int64_t ox)
{
    struct kp_reach r;

    r.y0 = oy * w.stride[0] - w.pad[0];
    r.x0 = ox * w.stride[1] - w.pad[1];
    r.y1 = r.y0 + w.size[0] < i.height ? r.y0 + w.size[0] : i.height;
    r.x1 = r.x0 + w.size[1] < i.width ? r.x0 + w.size[1] : i.width;
    r.y0 = r.y0 > 0 ? r.y0 : 0;
    r.x0 = r.x0 > 0 ? r.x0 : 0;
    return r;
}

// Outputs from `first` to `last` whose windows cover position `at` of one axis.
static inline __device__ void kp_windows_over(int64_t at, int64_t size, int64_t stride, int64_t pad,
                                              int64_t outputs, int64_t *first, int64_t *last)
{
    const int64_t low = at + pad - size + 1;

    *first = low > 0 ? (low + stride - 1) / stride : 0;
    *last = (at + pad) / stride;
    if (*last > outputs - 1)
        *last = outputs - 1;
}

#endif
