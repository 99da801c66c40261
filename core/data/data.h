/* data.h - a dataset in memory: examples by number, one byte per channel. */
#ifndef KP_DATA_DATA_H
#define KP_DATA_DATA_H

#include "base/error.h"
#include "kappa/shape.h"

enum kp_split {
    KP_SPLIT_TRAIN = 0,
    KP_SPLIT_TEST = 1,
    KP_SPLITS = 2,
};

/* All examples of a split. Bytes may be a mapping of the file (CIFAR, stride > example). */
struct kp_examples {
    int64_t count;
    int32_t *labels;       /* [count], 0 <= label < classes */
    const uint8_t *pixels; /* example i at pixels + i * stride: [channels][height][width] */
    size_t stride;
};

struct kp_dataset {
    const char *name; /* "cifar10", "fashion_mnist" */
    int64_t classes;
    struct kp_shape shape; /* of one example: (C, H, W), after padding */
    struct kp_examples split[KP_SPLITS];
    void *storage; /* what the fields above point into */
};

/* Where and how. */
struct kp_dataset_config {
    const char *format; /* "idx" or "cifar10" */
    const char *root;   /* folder */
    int64_t pad_to;     /* height and width after centred padding with byte 0; 0: as they are */
};

/* Read a dataset. Labels and sizes are checked here; errors read `file: offset: what is wrong`, and
 * a missing file names the package or folder that would supply it. idx
 * train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-...; 10 classes cifar10
 * data_batch_1.bin .. 5, test_batch.bin; root or root/cifar-10-batches-bin */
KP_NODISCARD enum kp_status kp_dataset_open(const struct kp_dataset_config *config,
                                            struct kp_dataset **out, struct kp_error *e);
void kp_dataset_close(struct kp_dataset *d);

/* Names of the formats, ends with NULL. */
extern const char *const kp_dataset_formats[];

#endif
