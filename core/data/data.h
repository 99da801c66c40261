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

/* The most files that hold one split. */
#define KP_PARTS_MAX 8

/* Examples that lie in one piece of memory: a mapped file, or a block. */
struct kp_examples_part {
    int64_t count;
    const uint8_t *pixels; /* example i of the part at pixels + i * stride */
};

/* All examples of a split: one part after another. Mapped files are not touched until their pixels
 * are read. */
struct kp_examples {
    int64_t count;
    int32_t *labels; /* [count], 0 <= label < classes */
    size_t stride;   /* bytes from one example to the next */
    int parts;
    struct kp_examples_part part[KP_PARTS_MAX];
};

/* The bytes of example i < count: [channels][height][width]. */
static inline const uint8_t *kp_examples_pixels(const struct kp_examples *x, int64_t i)
{
    const struct kp_examples_part *p = x->part;

    while (i >= p->count)
        i -= (p++)->count;
    return p->pixels + (size_t)i * x->stride;
}

struct kp_dataset {
    char *name; /* "cifar10", "fashion_mnist" */
    int64_t classes;
    struct kp_shape shape; /* of one example: (C, H, W), after padding */
    struct kp_examples split[KP_SPLITS];
    struct kp_storage *storage; /* what the fields above point into */
};

/* Where and how. */
struct kp_dataset_config {
    const char *format; /* "idx" or "cifar10" */
    const char *name;   /* of the dataset; NULL or "": the format's */
    const char *root;   /* folder */
    int64_t pad_to;     /* height and width after centred padding with byte 0; 0: as they are. An
                         * odd byte goes to the bottom and the right */
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
