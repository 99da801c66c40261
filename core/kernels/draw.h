/* draw.h - which byte of an image crop, mirror and rotation put at a pixel, and the number that a
 * byte stands for. */
#ifndef KP_KERNELS_DRAW_H
#define KP_KERNELS_DRAW_H

#include "base/both.h"

#include <stdbool.h>
#include <stdint.h>

/* Augmentation of one example. */
struct kp_draw {
    int8_t dy, dx; /* the crop's offset from the unpadded image, in pixels */
    bool flip;     /* mirrored left to right */
    float angle;   /* rotated counter-clockwise about the middle, in degrees */
};

KP_BOTH bool kp_draw_turns(const struct kp_draw *d)
{
    return d->angle < 0 || d->angle > 0;
}

/* Offset in its plane of the byte that belongs at pixel (y, x), -1 for one from outside the image.
 * Rotation takes the nearest pixel of the cropped and mirrored image: (y, x) from
 *   floor(cos(a) (y + 1/2 - H/2) + sin(a) (x + 1/2 - W/2) + H/2),
 *   floor(cos(a) (x + 1/2 - W/2) - sin(a) (y + 1/2 - H/2) + W/2)
 * in double precision. cosine, sine: of the angle, not looked at where it is 0. */
KP_BOTH int64_t kp_draw_source(const struct kp_draw *d, double cosine, double sine, int64_t height,
                               int64_t width, int64_t y, int64_t x)
{
    if (kp_draw_turns(d)) {
        const double middle_y = (double)height / 2, middle_x = (double)width / 2;
        const double v = (double)y + 0.5 - middle_y, u = (double)x + 0.5 - middle_x;
        const double from_y = cosine * v + sine * u + middle_y;
        const double from_x = cosine * u - sine * v + middle_x;

        if (!(from_y >= 0 && from_y < (double)height && from_x >= 0 && from_x < (double)width))
            return -1;
        y = (int64_t)from_y;
        x = (int64_t)from_x;
    }
    y += d->dy;
    x = (d->flip ? width - 1 - x : x) + d->dx;
    return y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
}

/* (byte / 255 - mean) / sd */
KP_BOTH float kp_draw_number(int byte, double mean, double sd)
{
    return (float)(((double)byte / 255.0 - mean) / sd);
}

#endif
