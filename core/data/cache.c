/* cache.c - where packed caches are kept, how they are begun, and whether one is sound. */
#include "base/text.h"
#include "data/pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

_Static_assert(sizeof(struct kp_image_entry) == 24, "entries have no gaps");

static bool entry_valid(const struct kp_image_entry *p, const struct kp_pack_header *h, bool pixels)
{
    const uint64_t area = (uint64_t)p->height * p->width;

    if (area == 0 || area > (uint64_t)1 << 40)
        return false;
    return !pixels || (p->offset >= KP_PACK_DATA && p->offset <= h->index_offset &&
                       3 * area <= h->index_offset - p->offset);
}

static bool index_valid(const struct kp_mapping *m, const struct kp_catalogue *c, bool pixels)
{
    const struct kp_pack_header *h = (const void *)m->bytes;
    uint64_t count = h->count[KP_SPLIT_TRAIN] + h->count[KP_SPLIT_TEST];
    const struct kp_image_entry *entry = (const void *)(m->bytes + h->index_offset);

    if (h->index_offset % sizeof(uint64_t) != 0 ||
        count != (h->text_offset - h->index_offset) / sizeof *entry ||
        (h->text_offset - h->index_offset) % sizeof *entry != 0)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        int64_t files = c->count[i < h->count[KP_SPLIT_TRAIN] ? KP_SPLIT_TRAIN : KP_SPLIT_TEST];
        if (entry[i].label < 0 || entry[i].label >= c->classes || entry[i].file >= files ||
            !entry_valid(&entry[i], h, pixels))
            return false;
    }
    return crc32_z(0, m->bytes + h->index_offset, h->size - h->index_offset) == h->check;
}

bool kp_pack_valid(const struct kp_mapping *m, const char *key)
{
    const struct kp_pack_header *h = (const void *)m->bytes;

    if (m->size < KP_PACK_DATA || memcmp(h->magic, KP_PACK_MAGIC, sizeof h->magic) != 0 ||
        h->version != KP_PACK_VERSION || memcmp(h->key, key, sizeof h->key) != 0 ||
        h->size != m->size)
        return false;
    return h->index_offset >= KP_PACK_DATA && h->text_offset >= h->index_offset &&
           h->size >= h->text_offset && h->text_size == h->size - h->text_offset &&
           h->count[KP_SPLIT_TRAIN] <= KP_EXAMPLES_MAX &&
           h->count[KP_SPLIT_TEST] <= KP_EXAMPLES_MAX;
}

/* $XDG_CACHE_HOME/kappa, else ~/.cache/kappa; false if there is neither. */
static bool add_home(struct kp_text *t)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && cache[0] == '/')
        kp_text_addf(t, "%s/kappa", cache);
    else if (home && home[0] == '/')
        kp_text_addf(t, "%s/.cache/kappa", home);
    else
        return false;
    return true;
}

/* folder/kappa-NAME-HASH.pack, HASH of what distinguishes caches in that folder. */
static char *make_path(const char *folder, const char *name, const char *what, const char *root)
{
    char hash[KP_HASH_SIZE];
    struct kp_text t = {0}, id = {0};

    kp_text_addf(&id, "%s\n%s", what, root);
    if (!id.failed) {
        kp_hash_bytes(id.s, id.length, hash);
        kp_text_addf(&t, "%s/kappa-%s-%.12s.pack", folder, name, hash);
    }
    kp_text_finish(&id);
    if (id.failed || t.failed) {
        kp_text_finish(&t);
        return NULL;
    }
    return t.s;
}

enum kp_status kp_cache_find(const char *config_cache, const char *root, const char *name,
                             const char *what, struct kp_cache_places *out, struct kp_error *e)
{
    struct kp_cache_places p = {0};
    struct kp_text home = {0};
    char *real = realpath(root, NULL);
    bool complete;

    if (!real)
        return kp_fail(e, errno == ENOMEM ? KP_E_NOMEM : KP_E_IO, "%s: %s", root, strerror(errno));
    if (config_cache && config_cache[0]) {
        p.path[0] = make_path(config_cache, name, what, real);
        complete = p.path[0];
    } else {
        /* Beside the data the place of the data is no part of the name: they move together. */
        p.path[0] = make_path(root, name, what, "");
        complete = p.path[0];
        if (add_home(&home)) {
            p.path[1] = home.failed ? NULL : make_path(home.s, name, what, real);
            complete = complete && p.path[1];
        }
    }
    kp_text_finish(&home);
    free(real);
    if (!complete) {
        kp_cache_finish(&p);
        return kp_fail(e, KP_E_NOMEM, "no memory for the path of a cache");
    }
    *out = p;
    return KP_OK;
}

void kp_cache_finish(struct kp_cache_places *p)
{
    for (int i = 0; i < 2; i++)
        free(p->path[i]);
    memset(p, 0, sizeof *p);
}

enum kp_status kp_pack_name(const struct kp_dataset_config *config, const struct kp_catalogue *c,
                            bool pixels, struct kp_pack *out, struct kp_error *e)
{
    struct kp_pack p = {.config = config, .catalogue = c, .pixels = pixels};
    char name[64];
    enum kp_status st = kp_catalogue_key(c, config->resize, pixels, p.key, e);

    (void)snprintf(name, sizeof name, "%s-%lld%s", config->format, (long long)config->resize,
                   pixels ? "" : "-index");
    if (st == KP_OK)
        st = kp_cache_find(config->cache, config->root, name,
                           config->list && config->list[0] ? config->list : "", &p.places, e);
    if (st == KP_OK)
        *out = p;
    return st;
}

void kp_pack_finish(struct kp_pack *p)
{
    kp_cache_finish(&p->places);
}

bool kp_pack_find(const struct kp_pack *p, struct kp_mapping *out)
{
    for (int i = 0; i < 2 && p->places.path[i]; i++) {
        const char *path = p->places.path[i];
        struct kp_error unreadable = {0};
        struct kp_mapping m = {0};
        if (!kp_file_exists(path) || kp_file_map(path, &m, &unreadable) != KP_OK)
            continue;
        if (kp_pack_valid(&m, p->key) && index_valid(&m, p->catalogue, p->pixels)) {
            *out = m;
            return true;
        }
        kp_file_unmap(&m);
    }
    return false;
}

enum kp_status kp_cache_begin(const struct kp_cache_places *p, const char **path,
                              struct kp_replace *out, struct kp_error *e)
{
    struct kp_error why = {0};

    for (int i = 0; i < 2 && p->path[i]; i++) {
        struct kp_error this = {0};
        char *folder = kp_path_beside(p->path[i], "");
        enum kp_status st = folder
                                ? kp_folder_make(folder, &this)
                                : kp_fail(&this, KP_E_NOMEM, "no memory for the path of a cache");
        free(folder);
        if (st == KP_OK)
            st = kp_replace_begin(p->path[i], out, &this);
        if (st == KP_OK) {
            *path = p->path[i];
            return KP_OK;
        }
        if (i == 0)
            why = this;
    }
    return kp_fail(e, why.status,
                   "%s; the packed images need a place: set [data] cache to a folder that can be "
                   "written",
                   why.text);
}

bool kp_cache_write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
    const char *p = bytes;

    while (size) {
        ssize_t n = pwrite(fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}
