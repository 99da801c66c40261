// load.cu - a batch of bytes as the input of a graph, and scalars on their way to the device.
#include "device/cuda/device.cuh"

// Where crop, mirror and rotation take pixel (y, x) from; see struct kp_load. -1: outside.
static inline __device__ int64_t source_of(const struct kp_cuda_image &i, int64_t n, int64_t y,
                                           int64_t x)
{
    if (i.draws) {
        const struct kp_draw draw = i.draws[n];
        if (draw.angle < 0 || draw.angle > 0) {
            // these need no local memory to reduce their argument
            const double c = cospi((double)draw.angle / 180), s = sinpi((double)draw.angle / 180);
            const double middle_y = (double)i.height / 2, middle_x = (double)i.width / 2;
            const double v = (double)y + 0.5 - middle_y, u = (double)x + 0.5 - middle_x;
            y = (int64_t)floor(c * v + s * u + middle_y);
            x = (int64_t)floor(c * u - s * v + middle_x);
        }
        if (y < 0 || y >= i.height || x < 0 || x >= i.width)
            return -1;
        x = (draw.flip ? i.width - 1 - x : x) + draw.dx;
        y += draw.dy;
    }
    return y >= 0 && y < i.height && x >= 0 && x < i.width ? y * i.width + x : -1;
}

static __global__ void load(struct kp_cuda_image image)
{
    const int64_t plane = image.height * image.width;

    KP_MINE (i, image.rows * plane) {
        const int64_t n = i / plane, pixel = i % plane, stored = image.index ? image.index[n] : n;
        const int64_t from = source_of(image, n, pixel / image.width, pixel % image.width);

        for (int64_t c = 0; c < image.channels; c++) {
            const int64_t at = (stored * image.channels + c) * plane + from;
            const double byte = from >= 0 ? (double)image.bytes[at] : 0;
            image.to[image.nhwc ? i * image.channels + c
                                : (n * image.channels + c) * plane + pixel] =
                (float)((byte / 255 - image.mean[c]) / image.sd[c]);
        }
    }
}

void kp_cuda_load(cudaStream_t stream, const struct kp_cuda_image *image)
{
    KP_LAUNCH(load, kp_blocks_of(image->rows * image->height * image->width), KP_THREADS, stream,
              *image);
}

struct scalars {
    double v[KP_SCALARS];
};

static __global__ void set_scalars(struct scalars from, double *to)
{
    for (int i = 0; i < KP_SCALARS; i++)
        to[i] = from.v[i];
}

void kp_cuda_set_scalars(cudaStream_t stream, const double *from, double *to)
{
    struct scalars s;

    for (int i = 0; i < KP_SCALARS; i++)
        s.v[i] = from[i];
    KP_LAUNCH(set_scalars, 1, 1, stream, s, to);
}
