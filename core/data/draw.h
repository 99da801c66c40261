/* draw.h - random choices for one example: functions of where they are used. */
#ifndef KP_DATA_DRAW_H
#define KP_DATA_DRAW_H

#include "base/rng.h"
#include "device/device.h"

/* What is chosen. */
struct kp_augment {
    bool flip;        /* mirror with probability 1/2 */
    int64_t crop_pad; /* crop offsets are uniform in [-crop_pad, crop_pad], each axis; 0: none */
    double rotate;    /* angles are uniform in [-rotate, rotate], in degrees; 0: none */
};

/* `key`: stream AUGMENT, with the epoch. */
struct kp_draw kp_draw_example(const struct kp_augment *a, struct kp_rng_key key, int64_t example);

/* A piece of an image, which is resized to what the dataset loads. */
struct kp_cut {
    int64_t top, left, height, width;
};

/* A piece of an image for a random resized crop: 8 to 100 % of its area, width over height from 3/4
 * to 4/3, uniform in area, in the logarithm of the ratio and in place; what does not fit is drawn
 * again, and after ten times the largest piece in the middle is taken (Szegedy et al., Going Deeper
 * with Convolutions, 2015, as torchvision does it). */
struct kp_cut kp_draw_cut(struct kp_rng_key key, int64_t example, int64_t height, int64_t width);

#endif
