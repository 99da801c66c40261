/* idx.c - the IDX format of the MNIST family: big-endian header, then unsigned bytes. */
#include "data/format.h"

#include <stdio.h>
#include <stdlib.h>

#define CLASSES 10

/* Byte 2 of the magic number is the element type (8: unsigned byte), byte 3 the dimensions. */
#define MAGIC_LABELS 0x00000801u
#define MAGIC_IMAGES 0x00000803u

/* Largest inflated file that is accepted. */
#define SIZE_LIMIT ((size_t)1 << 30)

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum kp_status parse(const uint8_t *bytes, size_t size, const char *name, uint32_t magic,
                            struct kp_idx *out, struct kp_error *e)
{
    static const char *const extents[] = {"examples", "height", "width"};
    static const int64_t limits[] = {KP_EXAMPLES_MAX, KP_SIDE_MAX, KP_SIDE_MAX};
    size_t dims = magic & 0xff;
    size_t header = 4 + 4 * dims;
    int64_t extent[3] = {1, 1, 1};

    if (size < 4)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: the header has %zu bytes", name,
                       size, header);
    uint32_t found = read_u32(bytes);
    if (found != magic)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: offset 0: magic number 0x%08x, must be 0x%08x (unsigned bytes in %zu "
                       "dimension%s)",
                       name, (unsigned)found, (unsigned)magic, dims, dims == 1 ? "" : "s");
    if (size < header)
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: the header has %zu bytes", name,
                       size, header);
    for (size_t i = 0; i < dims; i++) {
        extent[i] = read_u32(bytes + 4 + 4 * i);
        if (extent[i] < 1 || extent[i] > limits[i])
            return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: %s %lld, must be 1 to %lld", name,
                           4 + 4 * i, extents[i], (long long)extent[i], (long long)limits[i]);
    }

    /* At most 1e8 * 2^20 + 16: no overflow in 64 bits. */
    uint64_t whole = header + (uint64_t)(extent[0] * extent[1] * extent[2]);
    if (size < whole)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: offset %zu: truncated: %lld examples of %lld x %lld need %llu bytes",
                       name, size, (long long)extent[0], (long long)extent[1], (long long)extent[2],
                       (unsigned long long)whole);
    if (size > whole)
        return kp_fail(
            e, KP_E_FORMAT,
            "%s: offset %llu: %llu bytes too many: %lld examples of %lld x %lld end here", name,
            (unsigned long long)whole, (unsigned long long)(size - whole), (long long)extent[0],
            (long long)extent[1], (long long)extent[2]);
    out->count = extent[0];
    out->height = extent[1];
    out->width = extent[2];
    out->data = bytes + header;
    out->offset = header;
    return KP_OK;
}

enum kp_status kp_idx_parse_images(const uint8_t *bytes, size_t size, const char *name,
                                   struct kp_idx *out, struct kp_error *e)
{
    return parse(bytes, size, name, MAGIC_IMAGES, out, e);
}

enum kp_status kp_idx_parse_labels(const uint8_t *bytes, size_t size, const char *name,
                                   struct kp_idx *out, struct kp_error *e)
{
    return parse(bytes, size, name, MAGIC_LABELS, out, e);
}

/* A file of the folder, plain or packed; its bytes belong to `s`. *path is for messages: free(). */
static enum kp_status file_open(const char *root, const char *name, struct kp_storage *s,
                                char **path, const uint8_t **bytes, size_t *size,
                                struct kp_error *e)
{
    enum kp_status st;
    char packed[64];

    (void)snprintf(packed, sizeof packed, "%s.gz", name);
    *path = kp_path_join(root, name);
    if (!*path)
        return kp_fail(e, KP_E_NOMEM, "no memory to open %s", name);
    if (kp_file_exists(*path)) {
        st = kp_file_map(*path, &s->map[s->maps], e);
        if (st)
            return st;
        *bytes = s->map[s->maps].bytes;
        *size = s->map[s->maps++].size;
        return KP_OK;
    }

    char *plain = *path;
    *path = kp_path_join(root, packed);
    if (!*path) {
        *path = plain;
        return kp_fail(e, KP_E_NOMEM, "no memory to open %s", name);
    }
    if (!kp_file_exists(*path)) {
        st = kp_fail(e, KP_E_IO,
                     "%s: no such file, nor with .gz; [data] root (now '%s') must be a folder with "
                     "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
                     "t10k-labels-idx1-ubyte: the Debian package dataset-fashion-mnist installs "
                     "them in /usr/share/datasets/fashion-mnist",
                     plain, root);
        free(plain);
        return st;
    }
    free(plain);
    st = kp_file_read(*path, SIZE_LIMIT, &s->heap[s->heaps], size, e);
    if (st)
        return st;
    *bytes = s->heap[s->heaps++];
    return KP_OK;
}

static enum kp_status split_open(const char *root, const char *prefix, struct kp_storage *s,
                                 struct kp_examples *x, struct kp_shape *shape, struct kp_error *e)
{
    enum kp_status st;
    char image_name[48], label_name[48];
    char *image_path = NULL, *label_path = NULL;
    struct kp_idx images, labels;
    const uint8_t *bytes;
    size_t size;

    (void)snprintf(image_name, sizeof image_name, "%s-images-idx3-ubyte", prefix);
    (void)snprintf(label_name, sizeof label_name, "%s-labels-idx1-ubyte", prefix);
    st = file_open(root, image_name, s, &image_path, &bytes, &size, e);
    if (st)
        goto out;
    st = kp_idx_parse_images(bytes, size, image_path, &images, e);
    if (st)
        goto out;
    st = file_open(root, label_name, s, &label_path, &bytes, &size, e);
    if (st)
        goto out;
    st = kp_idx_parse_labels(bytes, size, label_path, &labels, e);
    if (st)
        goto out;
    if (labels.count != images.count) {
        st = kp_fail(e, KP_E_FORMAT, "%s: offset 4: %lld labels, but %s has %lld images",
                     label_path, (long long)labels.count, image_path, (long long)images.count);
        goto out;
    }
    x->labels = malloc((size_t)labels.count * sizeof *x->labels);
    if (!x->labels) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for %lld labels", label_path,
                     (long long)labels.count);
        goto out;
    }
    st = kp_labels_parse(bytes, labels.offset, 1, labels.count, CLASSES, label_path, x->labels, e);
    if (st)
        goto out;

    x->count = images.count;
    x->stride = (size_t)(images.height * images.width);
    x->parts = 1;
    x->part[0] = (struct kp_examples_part){images.count, images.data, KP_PIXELS_CHW};
    *shape = (struct kp_shape){3, {1, images.height, images.width}};

out:
    free(image_path);
    free(label_path);
    return st;
}

enum kp_status kp_idx_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                           struct kp_error *e)
{
    const char *root = c->root;
    struct kp_shape test;

    d->classes = CLASSES;
    enum kp_status st =
        split_open(root, "train", d->storage, &d->split[KP_SPLIT_TRAIN], &d->shape, e);
    if (st)
        return st;
    st = split_open(root, "t10k", d->storage, &d->split[KP_SPLIT_TEST], &test, e);
    if (st)
        return st;
    if (!kp_shape_equal(d->shape, test))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: training images are %lld x %lld, test images %lld x %lld; they must be "
                       "of one size",
                       root, (long long)d->shape.dim[1], (long long)d->shape.dim[2],
                       (long long)test.dim[1], (long long)test.dim[2]);
    return KP_OK;
}
