/* data.h - a dataset: examples by number, one byte per channel, in memory or mapped. */
#ifndef KP_DATA_DATA_H
#define KP_DATA_DATA_H

#include "base/error.h"
#include "kappa/dataset.h"

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

/* What size image files must have after resizing. */
struct kp_image_rule {
    int64_t resize;        /* the shorter side was brought to it; 0: it was not */
    int64_t height, width; /* what is loaded: the middle of the image, or */
    bool whole;            /* the whole image, which has to be exactly so large */
};

/* Image files that are decoded each time they are wanted. */
struct kp_live_files {
    const char *folder;
    const struct kp_catalogue_file *file; /* [count] */
    struct kp_image_rule rule;
    bool checked; /* all could be decoded when the dataset was opened */
};

/* All examples of a split: one part after another, or images, or image files. Mapped files are not
 * touched until their pixels are read. */
struct kp_examples {
    int64_t count;
    int32_t *labels; /* [count], 0 <= label < classes; NULL: a plugin gives them */
    size_t stride;   /* bytes from one example to the next */
    int parts;
    struct kp_examples_part part[KP_PARTS_MAX];

    const struct kp_image_entry *images; /* [count], in place of parts; NULL: there are none */
    const uint8_t *image_bytes;
    struct kp_live_files live; /* in place of both; file NULL: there are none */
};

/* Are the examples images of sizes of their own, of which pieces can be cut? */
static inline bool kp_examples_are_images(const struct kp_examples *x)
{
    return x->images || x->live.file;
}

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

/* Examples that a plugin makes. */
struct kp_made {
    const struct kp_dataset_def *def; /* NULL: they are a format's */
    void *self;                       /* open; as long as the dataset */
    char *root;
    bool endless;
    char identity[sizeof(((struct kp_dataset_info *)0)->identity)];
    const float *length; /* [classes] characters of each token's text; NULL: not known */
};

struct kp_dataset {
    char *name; /* "cifar10", "fashion_mnist" */
    int64_t classes;
    enum kp_dtype dtype;    /* of an example as it is loaded; KP_U8: an image */
    struct kp_shape shape;  /* of an example as it is loaded: (C, H, W) of an image */
    struct kp_shape labels; /* of an example's labels: () for one class, (T) for one a token */
    struct kp_made made;    /* where the examples are a plugin's: splits are counts only */
    int64_t box[2];         /* rows and columns of stored pixels that are averaged into one: the
                             * stored height is box[0] * H; 0 is 1 */
    struct kp_examples split[KP_SPLITS];
    int64_t skipped;            /* damaged files that were left out (skip_bad) */
    char damage[256];           /* the first of them, and what is wrong with it */
    int decoders;               /* threads for work on images, >= 1; 0 is 1 */
    char decoding[256];         /* "live (auto: ...)": what KP_DECODE_AUTO chose; else "" */
    struct kp_storage *storage; /* what the fields above point into */
};

/* When image files are decoded. The pixels are the same. */
enum kp_decode {
    KP_DECODE_AUTO = 0, /* PACKED if its cache is there, or fits into disk and memory; else LIVE */
    KP_DECODE_PACKED = 1, /* once, into a packed cache */
    KP_DECODE_LIVE = 2,   /* each time, when a batch wants them */
};

/* Bytes of an example as it is loaded. */
static inline size_t kp_dataset_bytes(const struct kp_dataset *d)
{
    return (size_t)kp_shape_count(d->shape) * (d->dtype == KP_U8 ? 1 : 4);
}

/* Rows, each with a label and logits, of so many examples: as many, or the tokens of all. */
static inline int64_t kp_dataset_rows(const struct kp_dataset *d, int64_t examples)
{
    return examples * kp_shape_count(d->labels);
}

/* Are the examples text, read once in its order, with a label for each token? */
static inline bool kp_dataset_is_text(const struct kp_dataset *d)
{
    return d->labels.n > 0;
}

/* Where and how. Zero everywhere but in format and root is a good choice. */
struct kp_dataset_config {
    const char *format;               /* one of kp_dataset_formats */
    const struct kp_dataset_def *def; /* a plugin, in place of format */
    void *self;         /* its state struct with the options filled in; outlives the dataset */
    const char *name;   /* of the dataset; NULL or "": the format's */
    const char *root;   /* folder */
    int64_t pad_to;     /* height and width after centred padding with byte 0; 0: as they are. An
                         * odd byte goes to the bottom and the right */
    int64_t downsample; /* height and width after averaging boxes of pixels, rounded to the nearest
                         * byte; comes after padding; 0: as they are */
    int64_t test_limit; /* test examples, the first ones; 0: all, but 10 000 of cifar5m */
    bool coarse;        /* cifar100: the 20 superclasses are the labels */

    /* Of image files: */
    const char *list; /* the list's name, as seen from root; NULL or "": list.txt */
    enum kp_decode decode;
    const char *cache; /* folder of the packed cache; NULL or "": root if it can be written, else
                        * $XDG_CACHE_HOME/kappa or ~/.cache/kappa */
    int64_t resize;    /* the shorter side after resizing; 0: as they are */
    int64_t crop;      /* height and width of the square in the middle that is loaded; 0: the whole
                        * image, all of one size */
    int64_t decoders;  /* threads; 0: as many as cores */
    bool skip_bad;     /* leave bad files out and count them; else they are an error */
    bool count_only;   /* counts, classes and shape alone: nothing can be loaded, and no cache is
                        * made */

    /* While images are decoded, with those done and all; false: stop, KP_E_INTERRUPTED. May be
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
 * its size or its time changed, or whenever they are wanted. In that case bad files are found then;
 * only with skip_bad all are decoded here too, and an index of the good ones is kept where the
 * cache would be. JPEG or PNG is told by content. Grey becomes RGB, CMYK is taken as Adobe writes
 * it, alpha is laid on black. */
KP_NODISCARD enum kp_status kp_dataset_open(const struct kp_dataset_config *config,
                                            struct kp_dataset **out, struct kp_error *e);
void kp_dataset_close(struct kp_dataset *d);

/* Names of the formats, ends with NULL. */
extern const char *const kp_dataset_formats[];

#endif
