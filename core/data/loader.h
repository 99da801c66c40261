/* loader.h - batches of an epoch, gathered ahead by a thread of its own, or several for images. */
#ifndef KP_DATA_LOADER_H
#define KP_DATA_LOADER_H

#include "data/data.h"
#include "data/draw.h"

enum kp_order {
    KP_ORDER_EPOCH = 0, /* a new permutation each epoch */
    KP_ORDER_FIXED = 1, /* index order, every epoch */
};

struct kp_loader_config {
    const struct kp_dataset *data;
    enum kp_split split;
    const int64_t *index; /* [count] examples of the split; NULL: 0..count-1. Outlives the loader */
    int64_t count;
    int64_t batch; /* examples per batch; the last batch of an epoch has what is left */
    enum kp_order order;
    bool flip;        /* mirror with probability 1/2 */
    int64_t crop_pad; /* crop offsets are uniform in [-crop_pad, crop_pad], each axis; 0: none */
    double rotate;    /* angles are uniform in [-rotate, rotate], in degrees; 0: none */
    bool random_resized_crop; /* see kp_draw_cut(); of images only */
    bool without_pixels;      /* batches have none: the examples are where the batch is wanted */
    enum kp_rng_role role;
    uint64_t seed_order, seed_augment;
};

/* One batch. Owned by the loader; valid until the next call. Draws are functions of (seed_augment,
 * role, epoch, example number), so they do not depend on the batch, the order or the threads. */
struct kp_batch {
    int64_t rows;
    const uint8_t *pixels;       /* [rows][C][H][W], gathered; numbers of the dataset's type.
                                  * NULL: config.without_pixels */
    const int32_t *labels;       /* [rows][labels...] as the dataset has them, -1: none */
    const float *weights;        /* the same: 1, of tokens without a label 0 */
    const struct kp_draw *draws; /* [rows]; NULL without augmentation */
    const int64_t *position; /* [rows] position of the example in config.index (or its number) */
};

/* What kp_exec_load() takes of it; mean and sd of the channels, of images only. */
struct kp_load kp_batch_load(const struct kp_dataset *d, const struct kp_batch *b,
                             const float *mean, const float *sd);

struct kp_loader;

KP_NODISCARD enum kp_status kp_loader_create(const struct kp_loader_config *config,
                                             struct kp_loader **out, struct kp_error *e);
void kp_loader_destroy(struct kp_loader *l);

int64_t kp_loader_batches(const struct kp_loader *l); /* per epoch */

/* Begin at batch `batch` of `epoch`; batches then follow each other through the epochs without end.
 * May be called again. The thread starts here. */
KP_NODISCARD enum kp_status kp_loader_start(struct kp_loader *l, int64_t epoch, int64_t batch,
                                            struct kp_error *e);

/* The next batch; waits for it if need be. Image files that are decoded only now may be bad: the
 * batch with the first such file is not given, but the error of the file (see kp_gather()), now and
 * at every further call until the next kp_loader_start(). No allocation. */
KP_NODISCARD enum kp_status kp_loader_next(struct kp_loader *l, const struct kp_batch **out,
                                           struct kp_error *e);

#endif
