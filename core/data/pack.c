/* pack.c - makes the packed cache of image files with several threads. */
#include "data/pack.h"

#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "data/decoder.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TELL_SECONDS 0.2

/* Files are numbered through both splits. */
struct packing {
    const struct kp_pack *pack;
    int fd;
    struct kp_decoder **decoder;  /* [threads] */
    struct kp_image_entry *entry; /* [files]; height 0: could not be read */
    char **problem;               /* [files] what is wrong with those */
    int64_t files;
    _Atomic uint64_t end; /* of the pixels */
    _Atomic int64_t done;
    double told; /* when progress was told, by worker 0; 0: not yet */

    pthread_mutex_t lock; /* of the error that ends all */
    atomic_bool stop;
    struct kp_error error;
};

static const struct kp_catalogue_file *file_of(const struct packing *p, int64_t number,
                                               uint32_t *in_split)
{
    int64_t train = p->pack->catalogue->count[KP_SPLIT_TRAIN];
    enum kp_split split = number < train ? KP_SPLIT_TRAIN : KP_SPLIT_TEST;

    number -= split == KP_SPLIT_TEST ? train : 0;
    *in_split = (uint32_t)number;
    return &p->pack->catalogue->file[split][number];
}

/* Keep the first error that is not about one file, and end the work. */
static void give_up(struct packing *p, enum kp_status st, const char *text)
{
    (void)pthread_mutex_lock(&p->lock);
    if (!p->error.status)
        (void)kp_fail(&p->error, st, "%s", text);
    (void)pthread_mutex_unlock(&p->lock);
    atomic_store(&p->stop, true);
}

/* Decode one file and write its pixels, if they are wanted, behind those of the others. */
static void pack_file(struct packing *p, int64_t number, int worker, struct kp_error *e)
{
    struct kp_image_entry *entry = &p->entry[number];
    const struct kp_catalogue_file *f = file_of(p, number, &entry->file);
    struct kp_rgb image;
    enum kp_status st = kp_decoder_read(p->decoder[worker], p->pack->catalogue->folder, f->path,
                                        p->pack->config->resize, &image, e);

    entry->label = f->label;
    if (st == KP_E_NOMEM) {
        give_up(p, st, e->text);
        return;
    }
    if (st) {
        p->problem[number] = strdup(e->text);
        if (!p->problem[number])
            give_up(p, KP_E_NOMEM, "no memory for a message");
        return;
    }
    size_t pixels = (size_t)(image.height * image.width) * 3;
    entry->height = (uint32_t)image.height;
    entry->width = (uint32_t)image.width;
    if (!p->pack->pixels)
        return;
    entry->offset = atomic_fetch_add(&p->end, pixels);
    if (!kp_cache_write_at(p->fd, image.rgb, pixels, entry->offset)) {
        (void)kp_fail(e, KP_E_IO, "cannot write the packed images: %s%s", strerror(errno),
                      errno == ENOSPC || errno == EDQUOT
                          ? "; make room, or set [data] cache to a folder with more"
                          : "");
        give_up(p, KP_E_IO, e->text);
    }
}

static void pack_task(void *arg, int64_t number, int worker)
{
    struct packing *p = arg;
    struct kp_error e = {0};

    if (atomic_load(&p->stop))
        return;
    pack_file(p, number, worker, &e);
    int64_t done = atomic_fetch_add(&p->done, 1) + 1;
    if (worker == 0 && p->pack->config->progress && kp_clock_monotonic() - p->told > TELL_SECONDS) {
        p->told = kp_clock_monotonic();
        if (!p->pack->config->progress(p->pack->config->arg, done, p->files))
            give_up(p, KP_E_INTERRUPTED, "stopped while the images were decoded");
    }
}

/* Behind the pixels: the entries of the good files, then a line for each bad one, then the header
 * at the front. */
static enum kp_status write_index(struct packing *p, struct kp_error *e)
{
    struct kp_text text = {0};
    struct kp_pack_header h = {.version = KP_PACK_VERSION};
    int64_t train = p->pack->catalogue->count[KP_SPLIT_TRAIN], good = 0;
    static const uint8_t zeros[KP_PACK_DATA];

    for (int64_t i = 0; i < p->files; i++) {
        if (p->problem[i]) {
            kp_text_addf(&text, "%s\n", p->problem[i]);
            h.bad++;
            continue;
        }
        h.count[i < train ? KP_SPLIT_TRAIN : KP_SPLIT_TEST]++;
        p->entry[good++] = p->entry[i];
    }
    size_t index = (size_t)good * sizeof *p->entry;
    memcpy(h.magic, KP_PACK_MAGIC, sizeof h.magic);
    memcpy(h.key, p->pack->key, sizeof h.key);
    h.index_offset = (atomic_load(&p->end) + 7) / 8 * 8;
    h.text_offset = h.index_offset + index;
    h.text_size = text.length;
    h.size = h.text_offset + text.length;
    h.check = (uint32_t)crc32_z(crc32_z(0, (const uint8_t *)p->entry, index),
                                (const uint8_t *)(text.s ? text.s : ""), text.length);
    bool written = !text.failed && kp_cache_write_at(p->fd, zeros, sizeof zeros, 0) &&
                   kp_cache_write_at(p->fd, p->entry, index, h.index_offset) &&
                   kp_cache_write_at(p->fd, text.s, text.length, h.text_offset) &&
                   kp_cache_write_at(p->fd, &h, sizeof h, 0);
    int error = errno;
    bool failed = text.failed;
    kp_text_finish(&text);
    if (failed)
        return kp_fail(e, KP_E_NOMEM, "no memory for the messages about bad images");
    return written ? KP_OK
                   : kp_fail(e, KP_E_IO, "cannot write the packed images: %s", strerror(error));
}

static enum kp_status make_decoders(struct packing *p, int threads, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int i = 0; i < threads && !st; i++)
        st = kp_decoder_create(&p->decoder[i], e);
    return st;
}

static enum kp_status make_file(const struct kp_pack *pack, const char **path, struct kp_error *e)
{
    enum kp_status st;
    const struct kp_dataset_config *config = pack->config;
    const struct kp_catalogue *c = pack->catalogue;
    struct kp_replace file = {.fd = -1};
    struct kp_pool *pool = NULL;
    struct packing p = {.pack = pack, .lock = PTHREAD_MUTEX_INITIALIZER};
    int threads = config->decoders > 0 ? (int)config->decoders : kp_cpu_count();

    p.files = c->count[KP_SPLIT_TRAIN] + c->count[KP_SPLIT_TEST];
    atomic_init(&p.end, KP_PACK_DATA);
    p.decoder = calloc((size_t)threads, sizeof *p.decoder);
    p.entry = calloc((size_t)p.files, sizeof *p.entry);
    p.problem = calloc((size_t)p.files, sizeof *p.problem);
    if (!p.decoder || !p.entry || !p.problem) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for an index of %lld images", (long long)p.files);
        goto out;
    }
    st = make_decoders(&p, threads, e);
    if (st == KP_OK)
        st = kp_pool_create(threads, &pool, e);
    if (st == KP_OK)
        st = kp_cache_begin(&pack->places, path, &file, e);
    if (st)
        goto out;
    p.fd = file.fd;
    kp_pool_run(pool, p.files, pack_task, &p);
    if (p.error.status)
        st = kp_fail(e, p.error.status, "%s", p.error.text);
    else
        st = write_index(&p, e);
    if (st == KP_OK)
        st = kp_replace_commit(&file, e);

out:
    kp_replace_abandon(&file);
    kp_pool_destroy(pool);
    for (int64_t i = 0; p.problem && i < p.files; i++)
        free(p.problem[i]);
    for (int i = 0; p.decoder && i < threads; i++)
        kp_decoder_destroy(p.decoder[i]);
    free(p.problem);
    free(p.entry);
    free((void *)p.decoder);
    return st;
}

enum kp_status kp_pack_make(const struct kp_pack *p, struct kp_mapping *out, struct kp_error *e)
{
    const char *path = NULL;
    enum kp_status st = make_file(p, &path, e);

    if (st == KP_OK && !kp_pack_find(p, out))
        st = kp_fail(e, KP_E_IO, "%s: was written, but reads back otherwise", path);
    return st;
}
