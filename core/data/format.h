/* format.h - the file formats as parsers of bytes, inside this room and for its fuzzers.
 *
 * `name` is what messages call the file: "NAME: offset N: what is wrong". */
#ifndef KP_DATA_FORMAT_H
#define KP_DATA_FORMAT_H

#include "base/file.h"
#include "data/catalogue.h"

/* Limits on what a file may claim: height or width in pixels, examples in a file. */
#define KP_SIDE_MAX     1024
#define KP_EXAMPLES_MAX INT64_C(100000000)

/* What a dataset's fields point into. */
#define KP_STORAGE_MAX 16
struct kp_storage {
    struct kp_mapping map[KP_STORAGE_MAX];
    int maps;
    uint8_t *heap[KP_STORAGE_MAX]; /* free() */
    int heaps;
    uint8_t *pages[KP_SPLITS]; /* kp_pages_free() */
    size_t page_bytes[KP_SPLITS];
    struct kp_catalogue files; /* of images */
};

/* Fill shape, classes, split and skipped of *d, whose storage exists. On failure the caller closes
 * d. */
typedef enum kp_status kp_format_open_fn(const struct kp_dataset_config *c, struct kp_dataset *d,
                                         struct kp_error *e);
kp_format_open_fn kp_idx_open;
kp_format_open_fn kp_cifar10_open;
kp_format_open_fn kp_cifar100_open;
kp_format_open_fn kp_cifar5m_open;
kp_format_open_fn kp_folder_open;
kp_format_open_fn kp_list_open;
kp_format_open_fn kp_made_open;

/* `count` more files of the dataset are left out. text [size]: a line for each, of which the first
 * ever is kept. */
void kp_note_damage(struct kp_dataset *d, int64_t count, const char *text, size_t size);

/* Contents of an IDX file of unsigned bytes. */
struct kp_idx {
    int64_t count, height, width; /* labels: height = width = 1 */
    const uint8_t *data;          /* [count][height][width], inside the bytes given */
    size_t offset;                /* of data in the file */
};

KP_NODISCARD enum kp_status kp_idx_parse_images(const uint8_t *bytes, size_t size, const char *name,
                                                struct kp_idx *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_idx_parse_labels(const uint8_t *bytes, size_t size, const char *name,
                                                struct kp_idx *out, struct kp_error *e);

/* A CIFAR record: the label (CIFAR-100: coarse, then fine), then 3 planes (red, green, blue) of
 * 32 x 32. */
#define KP_CIFAR_SIDE      32
#define KP_CIFAR_RECORD    ((size_t)3073)
#define KP_CIFAR_CLASSES   10
#define KP_CIFAR100_RECORD ((size_t)3074)

/* Records of `record` bytes in a file of `size` bytes. */
KP_NODISCARD enum kp_status kp_cifar_parse(size_t size, size_t record, const char *name,
                                           int64_t *count, struct kp_error *e);

/* One byte at each bytes[offset + i * stride] as a label out[i], i < count; all below `classes`. */
KP_NODISCARD enum kp_status kp_labels_parse(const uint8_t *bytes, size_t offset, size_t stride,
                                            int64_t count, int64_t classes, const char *name,
                                            int32_t *out, struct kp_error *e);

#endif
