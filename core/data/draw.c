/* draw.c - random choices for one example. */
#include "data/draw.h"

#include <math.h>

#define TRIES     10
#define AREA_MIN  0.08
#define RATIO_MIN (3.0 / 4)
#define RATIO_MAX (4.0 / 3)

/* Uniform in [0, 1). */
static double unit(uint32_t word)
{
    return (double)word / 4294967296.0;
}

/* Uniform in [0, n). Scaling 32 bits favours some by less than n / 2^32. */
static int64_t below(uint32_t word, int64_t n)
{
    return (int64_t)((uint64_t)word * (uint64_t)n >> 32);
}

struct kp_draw kp_draw_example(const struct kp_augment *a, struct kp_rng_key key, int64_t example)
{
    struct kp_draw d = {0};
    uint32_t w[4];

    /* A word for each draw, so that none depends on whether another is wanted. */
    kp_rng_words(key, (uint64_t)example, 0, w);
    d.flip = a->flip && w[0] >> 31;
    d.dy = (int8_t)(below(w[1], 2 * a->crop_pad + 1) - a->crop_pad);
    d.dx = (int8_t)(below(w[2], 2 * a->crop_pad + 1) - a->crop_pad);
    d.angle = (float)(a->rotate * (2 * unit(w[3]) - 1));
    return d;
}

/* The largest piece in the middle whose ratio is allowed. */
static struct kp_cut cut_middle(int64_t height, int64_t width)
{
    struct kp_cut c = {0, 0, height, width};
    const double ratio = (double)width / (double)height;

    if (ratio < RATIO_MIN)
        c.height = (int64_t)rint((double)width / RATIO_MIN);
    else if (ratio > RATIO_MAX)
        c.width = (int64_t)rint((double)height * RATIO_MAX);
    c.height = c.height < height ? c.height : height;
    c.width = c.width < width ? c.width : width;
    c.top = (height - c.height) / 2;
    c.left = (width - c.width) / 2;
    return c;
}

struct kp_cut kp_draw_cut(struct kp_rng_key key, int64_t example, int64_t height, int64_t width)
{
    const double low = log(RATIO_MIN), high = log(RATIO_MAX);

    for (uint32_t i = 1; i <= TRIES; i++) {
        uint32_t w[4];
        kp_rng_words(key, (uint64_t)example, i, w);
        double area = (double)(height * width) * (AREA_MIN + (1 - AREA_MIN) * unit(w[0]));
        double ratio = exp(low + (high - low) * unit(w[1]));
        struct kp_cut c = {.height = (int64_t)rint(sqrt(area / ratio)),
                           .width = (int64_t)rint(sqrt(area * ratio))};
        if (c.height < 1 || c.width < 1 || c.height > height || c.width > width)
            continue;
        c.top = below(w[2], height - c.height + 1);
        c.left = below(w[3], width - c.width + 1);
        return c;
    }
    return cut_middle(height, width);
}
