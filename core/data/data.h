/* data.h - a dataset: examples by number, one byte per channel, in memory or mapped. */
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

/* How the bytes of an example lie. */
enum kp_pixel_order {
    KP_PIXELS_CHW = 0, /* [channels][height][width] */
    KP_PIXELS_HWC = 1, /* [height][width][channels] */
};

/* Examples that lie in one piece of memory: a mapped file, or a block. */
struct kp_examples_part {
    int64_t count;
    const uint8_t *pixels; /* example i of the part at pixels + i * stride */
    enum kp_pixel_order order;
};

/* An image of a size of its own: red, green, blue [height][width][3] at image_bytes + offset. */
struct kp_image_entry {
    uint64_t offset;
    uint32_t height, width;
    int32_t label;
    uint32_t file; /* its number among the files of the split */
};

/* All examples of a split: one part after another, or images. Mapped files are not touched until
 * their pixels are read. */
struct kp_examples {
    int64_t count;
    int32_t *labels; /* [count], 0 <= label < classes */
    size_t stride;   /* bytes from one example to the next */
    int parts;
    struct kp_examples_part part[KP_PARTS_MAX];

    const struct kp_image_entry *images; /* [count], in place of parts; NULL: there are parts */
    const uint8_t *image_bytes;
};

/* The part of example *i < count, and in *i its number there. */
static inline const struct kp_examples_part *kp_examples_find(const struct kp_examples *x,
                                                              int64_t *i)
{
    const struct kp_examples_part *p = x->part;

    while (*i >= p->count)
        *i -= (p++)->count;
    return p;
}

/* The stored bytes of example i < count, where there are parts. */
static inline const uint8_t *kp_examples_pixels(const struct kp_examples *x, int64_t i)
{
    const struct kp_examples_part *p = kp_examples_find(x, &i);

    return p->pixels + (size_t)i * x->stride;
}

struct kp_dataset {
    char *name; /* "cifar10", "fashion_mnist" */
    int64_t classes;
    struct kp_shape shape; /* of one example as it is loaded: (C, H, W) */
    int64_t box[2];        /* rows and columns of stored pixels that are averaged into one: the
                            * stored height is box[0] * H; 0 is 1 */
    struct kp_examples split[KP_SPLITS];
    int64_t skipped;            /* bad image files that were left out (skip_bad) */
    int decoders;               /* threads for work on images, >= 1; 0 is 1 */
    struct kp_storage *storage; /* what the fields above point into */
};

/* Where and how. Zero everywhere but in format and root is a good choice. */
struct kp_dataset_config {
    const char *format; /* one of kp_dataset_formats */
    const char *name;   /* of the dataset; NULL or "": the format's */
    const char *root;   /* folder */
    int64_t pad_to;     /* height and width after centred padding with byte 0; 0: as they are. An
                         * odd byte goes to the bottom and the right */
    int64_t downsample; /* height and width after averaging boxes of pixels, rounded to the nearest
                         * byte; comes after padding; 0: as they are */
    int64_t test_limit; /* test examples, the first ones; 0: all, but 10 000 of cifar5m */
    bool coarse;        /* cifar100: the 20 superclasses are the labels */

    /* Of image files: */
    const char *list;  /* the list's name, as seen from root; NULL or "": list.txt */
    const char *cache; /* folder of the packed cache; NULL or "": root if it can be written, else
                        * $XDG_CACHE_HOME/kappa or ~/.cache/kappa */
    int64_t resize;    /* the shorter side after resizing; 0: as they are */
    int64_t crop;      /* height and width of the square in the middle that is loaded; 0: the whole
                        * image, all of one size */
    int64_t decoders;  /* threads; 0: as many as cores */
    bool skip_bad;     /* leave bad files out and count them; else they are an error */
    bool count_only;   /* counts, classes and shape alone: nothing can be loaded, and no cache is
                        * made */

    /* While a cache is made, with images done and in all; false: stop, KP_E_INTERRUPTED. May be
     * NULL. Called by the thread that opens. */
    bool (*progress)(void *arg, int64_t done, int64_t total);
    void *arg;
};

/* Read a dataset. Labels and sizes are checked here; errors read `file: offset: what is wrong`, and
 * a missing file names the package or folder that would supply it.
 *   idx       train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-...; 10 classes
 *   cifar10   data_batch_1.bin .. 5, test_batch.bin; root or root/cifar-10-batches-bin
 *   cifar100  train.bin, test.bin; root or root/cifar-100-binary
 *   cifar5m   part0.npz .. part5.npz (or cifar5m-part0.npz, cifar5m_part0.npz); the last is test.
 *             Packed members are unpacked once into the cache
 *   folder    train/CLASS/FILE and val/CLASS/FILE (or test/CLASS/FILE); a class's number is its
 *             rank among the sorted names; files are those named .jpeg, .jpg or .png
 *   list      a text file, per line `path label split`; label 0, 1, ..., split train or test; paths
 *             as seen from the list's folder; '#' begins a comment line
 * Images of folder and list are decoded once into a packed cache, which is made anew when a file,
 * its size or its time changed. JPEG or PNG is told by content. Grey becomes RGB, CMYK is taken as
 * Adobe writes it, alpha is laid on black. */
KP_NODISCARD enum kp_status kp_dataset_open(const struct kp_dataset_config *config,
                                            struct kp_dataset **out, struct kp_error *e);
void kp_dataset_close(struct kp_dataset *d);

/* Names of the formats, ends with NULL. */
extern const char *const kp_dataset_formats[];

#endif
