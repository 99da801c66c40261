/* resize.h - bilinear resizing with antialiasing, as the Pillow library does it. */
#ifndef KP_DATA_RESIZE_H
#define KP_DATA_RESIZE_H

#include "kappa/status.h"

/* Red, green, blue bytes: pixel (y, x) at rgb + y * stride + 3 * x. */
struct kp_rgb {
    const uint8_t *rgb;
    size_t stride;
    int64_t height, width;
};

/* Bytes of scratch for resizing an image of up to (in_height, in_width) to (height, width). */
size_t kp_resize_scratch(int64_t in_height, int64_t in_width, int64_t height, int64_t width);

/* out [height][width][3] = `in` resized, horizontally, then vertically, each pass rounded to bytes:
 *   out[i] = sum_k w_ik in[k],  w_ik ~ max(0, 1 - |k + 1/2 - c_i| / s), sum_k w_ik = 1,
 *   c_i = (i + 1/2) r,  s = max(r, 1),  r = extent of in / extent of out
 * All extents are 1 to 2^20. */
void kp_resize(const struct kp_rgb *in, int64_t height, int64_t width, void *scratch, uint8_t *out);

#endif
