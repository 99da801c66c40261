// load.cu - a batch of bytes as the input of a graph, and scalars on their way to the device.
#include "device/cuda/device.cuh"

// See kp_draw_source().
static inline __device__ int64_t source_of(const struct kp_cuda_image &i, int64_t n, int64_t y,
                                           int64_t x)
{
    const struct kp_draw none = {}, draw = i.draws ? i.draws[n] : none;
    const bool turns = kp_draw_turns(&draw);
    const double angle = (double)draw.angle / 180;

    // cospi and sinpi need no local memory to reduce their argument
    return kp_draw_source(&draw, turns ? cospi(angle) : 1, turns ? sinpi(angle) : 0, i.height,
                          i.width, y, x);
}

static __global__ void load(struct kp_cuda_image image)
{
    const int64_t plane = image.height * image.width;

    KP_MINE (i, image.rows * plane) {
        const int64_t n = i / plane, pixel = i % plane, stored = image.index ? image.index[n] : n;
        const int64_t from = source_of(image, n, pixel / image.width, pixel % image.width);

        for (int64_t c = 0; c < image.channels; c++) {
            const int64_t at = (stored * image.channels + c) * plane + from;
            image.to[image.nhwc ? i * image.channels + c
                                : (n * image.channels + c) * plane + pixel] =
                kp_draw_number(from >= 0 ? image.bytes[at] : 0, image.mean[c], image.sd[c]);
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
