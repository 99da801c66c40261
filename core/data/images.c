/* images.c - image files as a dataset: from their packed cache, or as an index of files. */
#include "data/images.h"

#include "base/pool.h"
#include "data/decoder.h"
#include "data/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bad files that a message lists. */
#define LISTED 10

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
                   "%llu image file%s bad (data.skip_bad = true leaves %s out); the first%s:\n"
                   "%.*s",
                   (unsigned long long)h->bad, h->bad == 1 ? " is" : "s are",
                   h->bad == 1 ? "it" : "them", h->bad > LISTED ? " ten" : "",
                   length < 1800 ? (int)length : 1800, text);
}

/* The entries of a cache's index by split. */
struct index {
    const struct kp_image_entry *entry[KP_SPLITS];
    int64_t count[KP_SPLITS];
};

/* The index of a mapped cache; what it leaves out is counted or, without skip_bad, an error. */
static enum kp_status read_index(const struct kp_dataset_config *config, const struct kp_mapping *m,
                                 struct kp_dataset *d, struct index *out, struct kp_error *e)
{
    const struct kp_pack_header *h = (const void *)m->bytes;
    const struct kp_image_entry *entry = (const void *)(m->bytes + h->index_offset);

    for (int s = 0; s < KP_SPLITS; s++) {
        out->count[s] = (int64_t)h->count[s];
        out->entry[s] = entry;
        entry += out->count[s];
    }
    if (h->bad > 0 && !config->skip_bad)
        return fail_bad(m, e);
    kp_note_damage(d, (int64_t)h->bad, (const char *)m->bytes + h->text_offset, h->text_size);
    for (int s = 0; s < KP_SPLITS; s++)
        if (out->count[s] == 0)
            return kp_fail(e, KP_E_FORMAT, "%s: none of the %s images can be read",
                           d->storage->files.folder, s == KP_SPLIT_TRAIN ? "training" : "test");
    return KP_OK;
}

/* The labels of a split; every class has to be left with a training image. */
static enum kp_status take_labels(const struct kp_catalogue *c, enum kp_split split,
                                  struct kp_examples *x, struct kp_error *e)
{
    uint8_t *seen = calloc((size_t)c->classes, 1);

    x->labels = malloc((size_t)x->count * sizeof *x->labels);
    if (!x->labels || !seen) {
        free(seen);
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld labels", (long long)x->count);
    }
    for (int64_t i = 0; i < x->count; i++) {
        x->labels[i] = x->images ? x->images[i].label : x->live.file[i].label;
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

/* `height` and `width`: of the first training image. */
static struct kp_image_rule make_rule(const struct kp_dataset_config *config, int64_t height,
                                      int64_t width)
{
    const int64_t crop = config->crop;

    return (struct kp_image_rule){config->resize, crop ? crop : height, crop ? crop : width, !crop};
}

enum kp_status kp_image_check(const struct kp_image_rule *r, const char *folder, const char *name,
                              int64_t height, int64_t width, struct kp_error *e)
{
    if (r->whole && (height != r->height || width != r->width))
        return kp_fail(e, KP_E_CONFIG,
                       "%s/%s: %lld x %lld pixels, others %lld x %lld; set data.resize and "
                       "data.crop to bring images to one size",
                       folder, name, (long long)height, (long long)width, (long long)r->height,
                       (long long)r->width);
    if (height < r->height || width < r->width)
        return kp_fail(e, KP_E_CONFIG,
                       "%s/%s: %lld x %lld pixels%s, too few for data.crop = %lld; "
                       "data.resize = %lld or more would be right",
                       folder, name, (long long)height, (long long)width,
                       r->resize ? " after data.resize" : "", (long long)r->height,
                       (long long)r->height);
    return KP_OK;
}

static enum kp_status check_sizes(const struct kp_image_rule *r, const struct kp_catalogue *c,
                                  const struct index *x, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int s = 0; s < KP_SPLITS; s++)
        for (int64_t i = 0; i < x->count[s] && !st; i++) {
            const struct kp_image_entry *p = &x->entry[s][i];
            st = kp_image_check(r, c->folder, c->file[s][p->file].path, p->height, p->width, e);
        }
    return st;
}

/* The rule by the first training image, which is decoded if its size matters. */
static enum kp_status look_at_first(const struct kp_dataset_config *config,
                                    const struct kp_catalogue *c, struct kp_image_rule *out,
                                    struct kp_error *e)
{
    struct kp_decoder *decoder = NULL;
    struct kp_rgb image = {0};
    enum kp_status st = config->crop ? KP_OK : kp_decoder_create(&decoder, e);

    if (decoder)
        st = kp_decoder_read(decoder, c->folder, c->file[KP_SPLIT_TRAIN][0].path, config->resize,
                             &image, e);
    kp_decoder_destroy(decoder);
    *out = make_rule(config, image.height, image.width);
    return st;
}

static void set_shape(struct kp_dataset *d, const struct kp_image_rule *r)
{
    d->shape = (struct kp_shape){3, {3, r->height, r->width}};
}

static enum kp_status count_files(const struct kp_dataset_config *config, struct kp_dataset *d,
                                  struct kp_error *e)
{
    const struct kp_catalogue *c = &d->storage->files;
    struct kp_image_rule rule = {0};
    enum kp_status st = look_at_first(config, c, &rule, e);

    for (int s = 0; s < KP_SPLITS; s++)
        d->split[s].count = c->count[s];
    set_shape(d, &rule);
    return st;
}

static enum kp_status open_packed(const struct kp_dataset_config *config,
                                  const struct kp_mapping *m, struct kp_dataset *d,
                                  struct kp_error *e)
{
    struct kp_catalogue *c = &d->storage->files;
    struct index index;
    enum kp_status st = read_index(config, m, d, &index, e);

    if (st)
        return st;
    const struct kp_image_entry *first = index.entry[KP_SPLIT_TRAIN];
    const struct kp_image_rule rule = make_rule(config, first->height, first->width);
    for (int s = 0; s < KP_SPLITS && !st; s++) {
        struct kp_examples *x = &d->split[s];
        x->count = index.count[s];
        x->images = index.entry[s];
        x->image_bytes = m->bytes;
        st = take_labels(c, (enum kp_split)s, x, e);
    }
    if (st == KP_OK)
        st = check_sizes(&rule, c, &index, e);
    if (st == KP_OK)
        set_shape(d, &rule);
    kp_catalogue_finish(c);
    return st;
}

/* Leave only the files that the index has, which are in the order of the catalogue. */
static void keep_good(struct kp_catalogue *c, const struct index *x)
{
    for (int s = 0; s < KP_SPLITS; s++) {
        for (int64_t i = 0; i < x->count[s]; i++)
            c->file[s][i] = c->file[s][x->entry[s][i].file];
        c->count[s] = x->count[s];
    }
}

/* Decode all files, or find the index that says how this went. */
static enum kp_status leave_out_bad(const struct kp_dataset_config *config, struct kp_dataset *d,
                                    struct kp_image_rule *out, struct kp_error *e)
{
    struct kp_catalogue *c = &d->storage->files;
    struct kp_mapping m = {0};
    struct kp_pack pack = {0};
    struct index index;
    enum kp_status st = kp_pack_name(config, c, false, &pack, e);

    if (st == KP_OK && !kp_pack_find(&pack, &m))
        st = kp_pack_make(&pack, &m, e);
    if (st == KP_OK)
        st = read_index(config, &m, d, &index, e);
    if (st == KP_OK) {
        const struct kp_image_entry *first = index.entry[KP_SPLIT_TRAIN];
        *out = make_rule(config, first->height, first->width);
        st = check_sizes(out, c, &index, e);
    }
    if (st == KP_OK)
        keep_good(c, &index);
    kp_pack_finish(&pack);
    kp_file_unmap(&m);
    return st;
}

static enum kp_status open_live(const struct kp_dataset_config *config, struct kp_dataset *d,
                                struct kp_error *e)
{
    const struct kp_catalogue *c = &d->storage->files;
    struct kp_image_rule rule = {0};
    enum kp_status st =
        config->skip_bad ? leave_out_bad(config, d, &rule, e) : look_at_first(config, c, &rule, e);

    for (int s = 0; s < KP_SPLITS && !st; s++) {
        struct kp_examples *x = &d->split[s];
        x->count = c->count[s];
        x->live = (struct kp_live_files){c->folder, c->file[s], rule, config->skip_bad};
        st = take_labels(c, (enum kp_split)s, x, e);
    }
    if (st == KP_OK)
        set_shape(d, &rule);
    return st;
}

/* Map the cache, after making it if it is not there; or, in place of that, decide on *live. */
static enum kp_status choose(const struct kp_dataset_config *config, struct kp_dataset *d,
                             struct kp_mapping *cache, bool *live, struct kp_error *e)
{
    struct kp_pack pack = {0};
    char why[200] = "the cache is there";
    bool fits = true;

    *live = config->decode == KP_DECODE_LIVE;
    if (*live)
        return KP_OK;
    enum kp_status st = kp_pack_name(config, &d->storage->files, true, &pack, e);
    bool found = st == KP_OK && kp_pack_find(&pack, cache);
    if (st == KP_OK && !found && config->decode == KP_DECODE_AUTO)
        st = kp_pack_fits(&pack, &fits, why, sizeof why, e);
    *live = !fits;
    if (config->decode == KP_DECODE_AUTO)
        (void)snprintf(d->decoding, sizeof d->decoding, "%s (auto: %s)", fits ? "packed" : "live",
                       why);
    if (st == KP_OK && !found && fits)
        st = kp_pack_make(&pack, cache, e);
    kp_pack_finish(&pack);
    return st;
}

enum kp_status kp_images_open(const struct kp_dataset_config *config, struct kp_dataset *d,
                              struct kp_error *e)
{
    struct kp_mapping cache = {0};
    bool live = false;

    d->classes = d->storage->files.classes;
    d->decoders = config->decoders > 0 ? (int)config->decoders : kp_cpu_count();
    if (config->pad_to)
        return kp_fail(e, KP_E_CONFIG,
                       "data.pad_to = %lld is not for image files; data.resize "
                       "and data.crop set their size",
                       (long long)config->pad_to);
    if (config->count_only)
        return count_files(config, d, e);
    enum kp_status st = choose(config, d, &cache, &live, e);
    if (st)
        return st;
    if (live)
        return open_live(config, d, e);
    d->storage->map[d->storage->maps++] = cache;
    return open_packed(config, &cache, d, e);
}
