/* resize.c - bilinear resizing with antialiasing, in fixed point. */
#include "data/resize.h"

#include <string.h>

/* Weights have 22 bits behind the point: 255 times the sum of them stays below 2^31. */
#define BITS 22

/* Weights of one axis: output i is made of `count` inputs from `first` on. */
struct taps {
    int32_t *first, *count; /* [extent] */
    int32_t *weight;        /* [extent][most] */
    int64_t most;
};

static int64_t taps_most(int64_t in, int64_t out)
{
    return 2 * (in > out ? (in + out - 1) / out : 1) + 1;
}

static size_t taps_words(int64_t in, int64_t out)
{
    return (size_t)(out * (2 + taps_most(in, out)));
}

static double distance(double a, double b)
{
    return a > b ? a - b : b - a;
}

/* Fill the weights for `in` pixels that become `out`; the memory of taps_words() is given. */
static struct taps taps_make(int64_t in, int64_t out, int32_t *words)
{
    struct taps t = {words, words + out, words + 2 * out, taps_most(in, out)};
    const double ratio = (double)in / (double)out;
    const double support = ratio > 1 ? ratio : 1;

    for (int64_t i = 0; i < out; i++) {
        const double centre = ((double)i + 0.5) * ratio;
        int32_t *w = t.weight + i * t.most;
        int64_t from = centre > support ? (int64_t)(centre - support + 0.5) : 0;
        int64_t to = (int64_t)(centre + support + 0.5);
        double sum = 0;
        to = to < in ? to : in;
        from = from < to ? from : to - 1;
        for (int64_t k = from; k < to; k++) {
            double d = distance((double)k + 0.5, centre) / support;
            sum += d < 1 ? 1 - d : 0;
        }
        for (int64_t k = from; k < to; k++) {
            double d = distance((double)k + 0.5, centre) / support;
            w[k - from] = (int32_t)((d < 1 ? 1 - d : 0) / sum * (1 << BITS) + 0.5);
        }
        t.first[i] = (int32_t)from;
        t.count[i] = (int32_t)(to - from);
    }
    return t;
}

static uint8_t rounded(int32_t sum)
{
    const int32_t v = sum >> BITS;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* [height][width][3] -> [height][t][3] */
static void horizontal(const struct kp_rgb *in, const struct taps *t, int64_t width, uint8_t *out)
{
    for (int64_t y = 0; y < in->height; y++) {
        const uint8_t *row = in->rgb + (size_t)y * in->stride;
        for (int64_t x = 0; x < width; x++, out += 3) {
            const uint8_t *p = row + 3 * (size_t)t->first[x];
            const int32_t *w = t->weight + x * t->most;
            int32_t r = 1 << (BITS - 1), g = r, b = r;
            for (int32_t k = 0; k < t->count[x]; k++, p += 3) {
                r += w[k] * p[0];
                g += w[k] * p[1];
                b += w[k] * p[2];
            }
            out[0] = rounded(r);
            out[1] = rounded(g);
            out[2] = rounded(b);
        }
    }
}

/* Sums of a piece of a row, so that they stay in the cache. */
enum { PIECE = 256 };

/* [height][row] -> [t][row], row in bytes */
static void vertical(const uint8_t *in, size_t stride, size_t row, const struct taps *t,
                     int64_t height, uint8_t *out)
{
    for (int64_t y = 0; y < height; y++, out += row) {
        const int32_t *w = t->weight + y * t->most;
        for (size_t at = 0; at < row; at += PIECE) {
            const size_t n = row - at < PIECE ? row - at : PIECE;
            int32_t sum[PIECE];
            for (size_t i = 0; i < n; i++)
                sum[i] = 1 << (BITS - 1);
            for (int32_t k = 0; k < t->count[y]; k++) {
                const uint8_t *p = in + (size_t)(t->first[y] + k) * stride + at;
                for (size_t i = 0; i < n; i++)
                    sum[i] += w[k] * p[i];
            }
            for (size_t i = 0; i < n; i++)
                out[at + i] = rounded(sum[i]);
        }
    }
}

size_t kp_resize_scratch(int64_t in_height, int64_t in_width, int64_t height, int64_t width)
{
    return sizeof(int32_t) * (taps_words(in_width, width) + taps_words(in_height, height)) +
           (size_t)(in_height * width * 3);
}

void kp_resize(const struct kp_rgb *in, int64_t height, int64_t width, void *scratch, uint8_t *out)
{
    int32_t *words = scratch;
    size_t words_x = taps_words(in->width, width), words_y = taps_words(in->height, height);
    uint8_t *between = (uint8_t *)(words + words_x + words_y);
    const uint8_t *rows = in->rgb;
    size_t stride = in->stride;

    /* With equal extents all weights are 0 but one. */
    if (in->width != width) {
        struct taps x = taps_make(in->width, width, words);
        uint8_t *to = in->height == height ? out : between;
        horizontal(in, &x, width, to);
        rows = to;
        stride = (size_t)width * 3;
    }
    if (in->height != height) {
        struct taps y = taps_make(in->height, height, words + words_x);
        vertical(rows, stride, (size_t)width * 3, &y, height, out);
    } else if (in->width == width) {
        for (int64_t y = 0; y < height; y++)
            memcpy(out + (size_t)(y * width) * 3, rows + (size_t)y * stride, (size_t)width * 3);
    }
}
