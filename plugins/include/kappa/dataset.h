/* dataset.h - what a dataset plugin provides: examples by number.
 *
 *   [data]
 *   set = gaussians          ; in place of format
 *   [data.gaussians]         ; its options, part of a run's hash
 *   dimensions = 16
 */
#ifndef KAPPA_DATASET_H
#define KAPPA_DATASET_H

#include "kappa/option.h"
#include "kappa/shape.h"

enum kp_dataset_split {
    KP_DATASET_TRAIN = 0,
    KP_DATASET_TEST = 1,
    KP_DATASET_SPLITS = 2,
};

#define KP_DATASET_EXAMPLES_MAX (INT64_C(1) << 48)

/* While a dataset is opened or read: where errors go. The text of fail() should begin with the file
 * and offset, where there is one: "train.npy: offset 80: what is wrong". The first error counts. */
struct kp_data {
    size_t size;
    const char *root; /* data.root, a folder; "" if none is given */
    enum kp_status (*fail)(struct kp_data *d, enum kp_status st, const char *fmt, ...)
        KP_PRINTF(3, 4);
};

/* Record why, return `st`:  return kp_data_fail(d, KP_E_FORMAT, "%s: %s", path, what); */
#define kp_data_fail(d, st, ...) (((d)->fail)((d), (st), __VA_ARGS__))

struct kp_dataset_info {
    size_t size;
    /* Of an example as it is read. KP_U8: an image of bytes (C, H, W), which data.mean and data.sd
     * normalise and augmentation changes. KP_F32: numbers that a model sees as they are. KP_I32:
     * tokens, below `classes`. */
    enum kp_dtype dtype;
    struct kp_shape shape;  /* of one example, 1 to 4 dims */
    int64_t classes;        /* the width of the logits, >= 2 */
    struct kp_shape labels; /* of one example's labels: () for one class, (T) of (T) tokens */
    /* Examples, 1 to KP_DATASET_EXAMPLES_MAX. */
    int64_t count[KP_DATASET_SPLITS];
    /* Training examples are independent draws from one distribution, made when they are asked for,
     * and count only says how far their numbers go. Then no list of them is ever kept. */
    bool endless;
    /* What tells these data from others that the same options describe, such as the sha256 of files
     * (at most 127 characters); recorded with a run. "" for none. */
    char identity[128];
    /* [classes] Of a dataset of text: characters that each token stands for in the text (of UTF-8,
     * not bytes), by which normalised perplexity is counted. Lives until close. NULL: not known.
     * Since 1.3. */
    const float *length;
};

struct kp_dataset_def {
    size_t size;         /* sizeof(struct kp_dataset_def) */
    const char *name;    /* [a-z0-9_]+, value of data.set */
    const char *doc;     /* one sentence */
    const char *version; /* part of a run's hash: change it when an example changes */
    size_t self_size;    /* of the state struct: zeroed, then options filled in */
    struct kp_option_table options;

    /* Check options and files, fill *info (zeroed but for its size), keep in self what read needs.
     */
    enum kp_status (*open)(void *self, struct kp_data *d, struct kp_dataset_info *info);

    /* Write the examples `number[0..count)` of a split (any order, also one twice):
     *   example [count][shape...] of the info's dtype       label [count][labels...], -1 for none
     * Either may be NULL: not wanted. What is written is a function of options, split and number
     * alone. Called from several threads at once on one self, which it must not change. */
    enum kp_status (*read)(const void *self, struct kp_data *d, enum kp_dataset_split split,
                           const int64_t *number, int64_t count, void *example, int32_t *label);

    /* Give back what open took; also after an open that failed. NULL: nothing to do. */
    void (*close)(void *self);
};

#endif
