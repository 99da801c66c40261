/* fuzz_idx.c - any bytes as an IDX file of images and as one of labels. */
#include "data/format.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_idx x;
    struct kp_error e;

    if (!kp_idx_parse_images(bytes, size, "images", &x, &e)) {
        /* All that was promised can be read. */
        KP_ASSERT(x.count >= 1 && x.height >= 1 && x.width >= 1);
        KP_ASSERT(x.data + x.count * x.height * x.width == bytes + size);
        unsigned sum = 0;
        for (int64_t i = 0; i < x.count * x.height * x.width; i++)
            sum += x.data[i];
        *(volatile unsigned *)&sum = sum;
    }
    if (!kp_idx_parse_labels(bytes, size, "labels", &x, &e)) {
        KP_ASSERT(x.data + x.count == bytes + size);
        int32_t *labels = malloc((size_t)x.count * sizeof *labels);
        if (labels && !kp_labels_parse(bytes, x.offset, 1, x.count, 10, "labels", labels, &e)) {
            for (int64_t i = 0; i < x.count; i++)
                KP_ASSERT(labels[i] >= 0 && labels[i] < 10);
        }
        free(labels);
    }
    return 0;
}
