/* gather.h - the bytes of an example as they are loaded: from any layout, cut, averaged. */
#ifndef KP_DATA_GATHER_H
#define KP_DATA_GATHER_H

#include "data/data.h"

/* A piece of an image, which is resized to what the dataset loads. */
struct kp_cut {
    int64_t top, left, height, width;
};

/* Bytes of scratch that kp_gather() needs for cuts of the split's images; 0 without images. */
size_t kp_gather_scratch(const struct kp_dataset *d, const struct kp_examples *x);

/* Write example i to out [C][H][W], the dataset's shape. From an image the square in the middle is
 * taken or, if `cut` is given, that piece is resized; `scratch` is needed then. */
void kp_gather(const struct kp_dataset *d, const struct kp_examples *x, int64_t i,
               const struct kp_cut *cut, void *scratch, uint8_t *out);

#endif
