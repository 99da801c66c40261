/* dataset.c - the formats by name, padding, and what they share. */
#include "base/arena.h"
#include "base/text.h"
#include "data/format.h"
#include "data/gather.h"
#include "data/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that padded copies may take. */
#define PADDED_MAX (INT64_C(64) << 30)

const char *const kp_dataset_formats[] = {"cifar10", "cifar100", "cifar5m", "folder",
                                          "idx",     "list",     NULL};
static kp_format_open_fn *const openers[] = {kp_cifar10_open, kp_cifar100_open, kp_cifar5m_open,
                                             kp_folder_open,  kp_idx_open,      kp_list_open};

enum kp_status kp_labels_parse(const uint8_t *bytes, size_t offset, size_t stride, int64_t count,
                               int64_t classes, const char *name, int32_t *out, struct kp_error *e)
{
    for (int64_t i = 0; i < count; i++) {
        size_t at = offset + (size_t)i * stride;
        if (bytes[at] >= classes)
            return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: label %d, must be 0 to %lld", name, at,
                           bytes[at], (long long)classes - 1);
        out[i] = bytes[at];
    }
    return KP_OK;
}

void kp_note_damage(struct kp_dataset *d, int64_t count, const char *text, size_t size)
{
    const char *end = memchr(text, '\n', size);
    const size_t length = end ? (size_t)(end - text) : size;

    if (d->skipped == 0 && count > 0)
        (void)snprintf(d->damage, sizeof(d->damage), "%.*s", length < 255 ? (int)length : 255,
                       text);
    d->skipped += count;
}

/* Copy the split into a block of its own, each image in the middle of a zero frame. */
static enum kp_status pad_split(struct kp_dataset *d, enum kp_split split, int64_t side,
                                struct kp_error *e)
{
    struct kp_examples *x = &d->split[split];
    int64_t channels = d->shape.dim[0], height = d->shape.dim[1], width = d->shape.dim[2];
    int64_t top = (side - height) / 2, left = (side - width) / 2;
    int64_t padded = channels * side * side;

    if (x->count > PADDED_MAX / padded)
        return kp_fail(e, KP_E_CONFIG,
                       "pad_to = %lld: %lld images would take more than %lld bytes; a smaller "
                       "pad_to would be right",
                       (long long)side, (long long)x->count, (long long)PADDED_MAX);
    size_t bytes = (size_t)(x->count * padded);
    uint8_t *block = kp_pages_alloc(bytes);
    if (!block)
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld images of %lld x %lld",
                       (long long)x->count, (long long)side, (long long)side);
    d->storage->pages[split] = block;
    d->storage->page_bytes[split] = bytes;

    struct kp_gatherer *g = NULL;
    uint8_t *planes = malloc((size_t)(channels * height * width));
    enum kp_status st = planes ? kp_gatherer_create(d, split, &g, e)
                               : kp_fail(e, KP_E_NOMEM, "no memory for an image");
    for (int64_t i = 0; i < x->count && !st; i++) {
        uint8_t *to = block + i * padded;
        st = kp_gather(g, i, NULL, planes, e);
        for (int64_t c = 0; c < channels; c++)
            for (int64_t y = 0; y < height; y++)
                memcpy(to + (c * side + top + y) * side + left, planes + (c * height + y) * width,
                       (size_t)width);
    }
    kp_gatherer_destroy(g);
    free(planes);
    if (st)
        return st;
    x->stride = (size_t)padded;
    x->parts = 1;
    x->part[0] = (struct kp_examples_part){x->count, block, KP_PIXELS_CHW};
    return KP_OK;
}

static void storage_release_files(struct kp_storage *s)
{
    for (int i = 0; i < s->maps; i++)
        kp_file_unmap(&s->map[i]);
    for (int i = 0; i < s->heaps; i++)
        free(s->heap[i]);
    s->maps = s->heaps = 0;
}

static enum kp_status pad(struct kp_dataset *d, int64_t side, struct kp_error *e)
{
    int64_t height = d->shape.dim[1], width = d->shape.dim[2];

    if (side == height && side == width)
        return KP_OK;
    if (side < height || side < width || side > KP_SIDE_MAX)
        return kp_fail(e, KP_E_CONFIG,
                       "pad_to = %lld: the images are %lld x %lld; %lld to %d would be right, or 0 "
                       "for no padding",
                       (long long)side, (long long)height, (long long)width,
                       (long long)(height > width ? height : width), KP_SIDE_MAX);
    for (int split = 0; split < KP_SPLITS; split++) {
        enum kp_status st = pad_split(d, (enum kp_split)split, side, e);
        if (st)
            return st;
    }
    d->shape.dim[1] = d->shape.dim[2] = side;
    storage_release_files(d->storage);
    return KP_OK;
}

/* Boxes are averaged when examples are gathered; here only the shapes change. */
static enum kp_status downsample(struct kp_dataset *d, int64_t side, struct kp_error *e)
{
    int64_t *height = &d->shape.dim[1], *width = &d->shape.dim[2];

    if (side < 1 || *height % side != 0 || *width % side != 0)
        return kp_fail(e, KP_E_CONFIG,
                       "downsample = %lld: the images are %lld x %lld; a number that divides both "
                       "would be right, or 0 to leave them as they are",
                       (long long)side, (long long)*height, (long long)*width);
    d->box[0] = *height / side;
    d->box[1] = *width / side;
    *height = *width = side;
    return KP_OK;
}

/* What all formats share, after one of them filled the dataset. */
static enum kp_status finish_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                                  struct kp_error *e)
{
    struct kp_examples *test = &d->split[KP_SPLIT_TEST];
    enum kp_status st = KP_OK;

    if (c->test_limit > 0 && c->test_limit < test->count)
        test->count = c->test_limit;
    if (c->count_only && c->pad_to != 0)
        d->shape.dim[1] = d->shape.dim[2] = c->pad_to;
    else if (c->pad_to != 0)
        st = pad(d, c->pad_to, e);
    if (st == KP_OK && c->downsample != 0)
        st = downsample(d, c->downsample, e);
    return st;
}

/* Number of the format, or an error that names the nearest one. */
static enum kp_status find_format(const char *name, int *out, struct kp_error *e)
{
    struct kp_text known = {0};
    int nearest = 0;

    for (int i = 0; kp_dataset_formats[i]; i++) {
        if (strcmp(name, kp_dataset_formats[i]) == 0) {
            *out = i;
            kp_text_finish(&known);
            return KP_OK;
        }
        kp_text_addf(&known, "%s%s", i ? ", " : "", kp_dataset_formats[i]);
        if (kp_text_distance(name, kp_dataset_formats[i]) <
            kp_text_distance(name, kp_dataset_formats[nearest]))
            nearest = i;
    }
    bool near = kp_text_distance(name, kp_dataset_formats[nearest]) <= 3;
    enum kp_status st =
        kp_fail(e, KP_E_CONFIG, "'%s' is no dataset format; %s%s%sthere is: %s", name,
                near ? "did you mean '" : "", near ? kp_dataset_formats[nearest] : "",
                near ? "'? " : "", known.s ? known.s : "");
    kp_text_finish(&known);
    return st;
}

enum kp_status kp_dataset_open(const struct kp_dataset_config *config, struct kp_dataset **out,
                               struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_dataset *d = NULL;
    int format = 0;

    if (!config->def)
        st = find_format(config->format, &format, e);
    if (st)
        return st;
    if (!config->def && (!config->root || !config->root[0]))
        return kp_fail(e, KP_E_CONFIG,
                       "no folder is given for the %s dataset; set [data] root or KAPPA_DATA",
                       config->format);
    d = calloc(1, sizeof *d);
    if (!d)
        return kp_fail(e, KP_E_NOMEM, "no memory for a dataset");
    d->storage = calloc(1, sizeof *d->storage);
    d->name = strdup(config->name && config->name[0] ? config->name
                     : config->def                   ? config->def->name
                                                     : config->format);
    d->dtype = KP_U8;
    if (!d->storage || !d->name) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for a dataset");
        goto out;
    }
    st = (config->def ? kp_made_open : openers[format])(config, d, e);
    if (st)
        goto out;
    st = finish_open(config, d, e);
    if (st)
        goto out;
    *out = d;
    d = NULL;

out:
    kp_dataset_close(d);
    return st;
}

void kp_dataset_close(struct kp_dataset *d)
{
    if (!d)
        return;
    kp_made_close(&d->made);
    for (int split = 0; split < KP_SPLITS; split++)
        free(d->split[split].labels);
    if (d->storage) {
        storage_release_files(d->storage);
        kp_catalogue_finish(&d->storage->files);
        for (int split = 0; split < KP_SPLITS; split++)
            kp_pages_free(d->storage->pages[split], d->storage->page_bytes[split]);
    }
    free(d->storage);
    free(d->name);
    free(d);
}
