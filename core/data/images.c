/* images.c - image files as a dataset: their cache found or made, mapped and checked. */
#include "data/images.h"

#include "base/pool.h"
#include "data/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bad files that a message lists. */
#define LISTED 10

/* Map the first cache that is sound. */
static bool find_cache(const struct kp_cache_places *places, const char *key,
                       const struct kp_catalogue *c, struct kp_mapping *out)
{
    for (int i = 0; i < 2 && places->path[i]; i++) {
        struct kp_error unreadable = {0};
        struct kp_mapping m = {0};
        if (!kp_file_exists(places->path[i]) ||
            kp_file_map(places->path[i], &m, &unreadable) != KP_OK)
            continue;
        if (kp_pack_valid(&m, key, c)) {
            *out = m;
            return true;
        }
        kp_file_unmap(&m);
    }
    return false;
}

static enum kp_status map_cache(const struct kp_dataset_config *config,
                                const struct kp_catalogue *c, const char *key,
                                const struct kp_cache_places *places, struct kp_mapping *out,
                                struct kp_error *e)
{
    const char *path = NULL;

    if (find_cache(places, key, c, out))
        return KP_OK;
    enum kp_status st = kp_pack_make(c, key, config, places, &path, e);
    if (st == KP_OK)
        st = kp_file_map(path, out, e);
    if (st == KP_OK && !kp_pack_valid(out, key, c)) {
        kp_file_unmap(out);
        st = kp_fail(e, KP_E_IO, "%s: was written, but reads back otherwise", path);
    }
    return st;
}

/* An error that lists the first of the bad files. */
static enum kp_status fail_bad(const struct kp_mapping *m, struct kp_error *e)
{
    const struct kp_pack_header *h = (const void *)m->bytes;
    const char *text = (const char *)m->bytes + h->text_offset;
    size_t length = 0;

    for (int lines = 0; length < h->text_size && lines < LISTED; length++)
        lines += text[length] == '\n';
    while (length > 0 && text[length - 1] == '\n')
        length--;
    return kp_fail(e, KP_E_FORMAT,
                   "%llu image files are bad (data.skip_bad = true leaves them out); the first%s:\n"
                   "%.*s",
                   (unsigned long long)h->bad, h->bad > LISTED ? " ten" : "",
                   length < 1800 ? (int)length : 1800, text);
}

/* The examples of a split; every class has to be left with a training image. */
static enum kp_status take_split(const struct kp_mapping *m, const struct kp_catalogue *c,
                                 enum kp_split split, struct kp_examples *x, struct kp_error *e)
{
    const struct kp_pack_header *h = (const void *)m->bytes;
    const struct kp_image_entry *entry = (const void *)(m->bytes + h->index_offset);

    x->count = (int64_t)h->count[split];
    if (x->count == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: none of the %s images can be read", c->folder,
                       split == KP_SPLIT_TRAIN ? "training" : "test");
    x->images = entry + (split == KP_SPLIT_TEST ? h->count[KP_SPLIT_TRAIN] : 0);
    x->image_bytes = m->bytes;
    x->labels = malloc((size_t)x->count * sizeof *x->labels);
    uint8_t *seen = calloc((size_t)c->classes, 1);
    if (!x->labels || !seen) {
        free(seen);
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld labels", (long long)x->count);
    }
    for (int64_t i = 0; i < x->count; i++) {
        x->labels[i] = x->images[i].label;
        seen[x->labels[i]] = 1;
    }
    int64_t class = 0;
    while (class < c->classes && seen[class])
        class ++;
    free(seen);
    if (class < c->classes && split == KP_SPLIT_TRAIN)
        return kp_fail(e, KP_E_FORMAT, "%s: no training image of class %lld can be read", c->folder,
                       (long long)class);
    return KP_OK;
}

/* Without a crop all images must be of one size, with it large enough. */
static enum kp_status check_sizes(const struct kp_dataset_config *config,
                                  const struct kp_catalogue *c, struct kp_dataset *d,
                                  struct kp_error *e)
{
    const struct kp_image_entry *first = &d->split[KP_SPLIT_TRAIN].images[0];
    int64_t height = config->crop ? config->crop : (int64_t)first->height;
    int64_t width = config->crop ? config->crop : (int64_t)first->width;

    for (int s = 0; s < KP_SPLITS; s++)
        for (int64_t i = 0; i < d->split[s].count; i++) {
            const struct kp_image_entry *p = &d->split[s].images[i];
            const char *path = c->file[s][p->file].path;
            if (!config->crop && (p->height != height || p->width != width))
                return kp_fail(e, KP_E_CONFIG,
                               "%s/%s: %u x %u pixels, others %lld x %lld; set data.resize and "
                               "data.crop to bring images to one size",
                               c->folder, path, p->height, p->width, (long long)height,
                               (long long)width);
            if (config->crop && (p->height < height || p->width < width))
                return kp_fail(e, KP_E_CONFIG,
                               "%s/%s: %u x %u pixels%s, too few for data.crop = %lld; "
                               "data.resize = %lld or more would be right",
                               c->folder, path, p->height, p->width,
                               config->resize ? " after data.resize" : "", (long long)config->crop,
                               (long long)config->crop);
        }
    d->shape = (struct kp_shape){3, {3, height, width}};
    return KP_OK;
}

/* Counts alone, and the shape: of the crop, or of the first image. */
static enum kp_status count_files(const struct kp_dataset_config *config,
                                  const struct kp_catalogue *c, struct kp_dataset *d,
                                  struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_decoder *decoder = NULL;
    struct kp_rgb image = {NULL, 0, config->crop, config->crop};
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *path = kp_path_join(c->folder, c->file[KP_SPLIT_TRAIN][0].path);

    if (!path)
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK && !config->crop) {
        st = kp_decoder_create(&decoder, e);
        if (st == KP_OK)
            st = kp_file_read(path, KP_IMAGE_FILE_MAX, &bytes, &size, e);
        if (st == KP_OK)
            st = kp_decoder_run(decoder, bytes, size, config->resize, path, &image, e);
    }
    for (int s = 0; s < KP_SPLITS; s++)
        d->split[s].count = c->count[s];
    d->shape = (struct kp_shape){3, {3, image.height, image.width}};
    kp_decoder_destroy(decoder);
    free(bytes);
    free(path);
    return st;
}

enum kp_status kp_images_open(const struct kp_dataset_config *config, const struct kp_catalogue *c,
                              struct kp_dataset *d, struct kp_error *e)
{
    enum kp_status st;
    struct kp_cache_places places = {0};
    struct kp_mapping *m = &d->storage->map[d->storage->maps];
    char key[KP_HASH_SIZE], name[64];

    d->classes = c->classes;
    d->decoders = config->decoders > 0 ? (int)config->decoders : kp_cpu_count();
    if (config->pad_to)
        return kp_fail(e, KP_E_CONFIG,
                       "data.pad_to = %lld is not for image files; data.resize "
                       "and data.crop set their size",
                       (long long)config->pad_to);
    if (config->count_only)
        return count_files(config, c, d, e);
    st = kp_catalogue_key(c, config->resize, key, e);
    if (st)
        return st;
    (void)snprintf(name, sizeof name, "%s-%lld", config->format, (long long)config->resize);
    st = kp_cache_find(config->cache, config->root, name,
                       config->list && config->list[0] ? config->list : "", &places, e);
    if (st == KP_OK)
        st = map_cache(config, c, key, &places, m, e);
    kp_cache_finish(&places);
    if (st)
        return st;
    d->storage->maps++;
    d->skipped = (int64_t)((const struct kp_pack_header *)(const void *)m->bytes)->bad;
    if (d->skipped && !config->skip_bad)
        return fail_bad(m, e);
    for (int s = 0; s < KP_SPLITS && !st; s++)
        st = take_split(m, c, (enum kp_split)s, &d->split[s], e);
    return st ? st : check_sizes(config, c, d, e);
}
