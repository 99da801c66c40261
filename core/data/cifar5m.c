/* cifar5m.c - CIFAR-5m: six .npz archives of 32 x 32 images, the last one for testing. */
#include "base/text.h"
#include "data/format.h"
#include "data/npy.h"
#include "data/pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PARTS      6
#define CLASSES    10
#define SIDE       KP_CIFAR_SIDE
#define IMAGE      ((size_t)3 * SIDE * SIDE)
#define TEST_LIMIT 10000

/* Reading one archive as the next part of a split. */
struct part {
    const struct kp_dataset_config *config;
    struct kp_storage *storage;
    struct kp_examples *x;
    int64_t limit; /* examples that are wanted */
    int64_t count;
    const char *path;
    struct kp_npz *npz;
    struct kp_npz_array images, labels;
    struct kp_error *e;
};

/* Any of the names the parts go by; what is missing is named by the first. free() it. */
static enum kp_status find_part(const char *root, int number, char **out, struct kp_error *e)
{
    static const char *const prefixes[] = {"", "cifar5m-", "cifar5m_"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%spart%d.npz", prefixes[i], number);
        char *path = kp_path_join(root, name);
        if (!path)
            return kp_fail(e, KP_E_NOMEM, "no memory to open %s", name);
        if (kp_file_exists(path)) {
            *out = path;
            return KP_OK;
        }
        free(path);
    }
    return kp_fail(e, KP_E_IO,
                   "%s/part%d.npz: no such file, nor cifar5m-part%d.npz, nor cifar5m_part%d.npz; "
                   "CIFAR-5m has part0.npz to part5.npz: set [data] root (now '%s') or KAPPA_DATA "
                   "to the folder that holds them",
                   root, number, number, number, root);
}

static enum kp_status check_arrays(struct part *p)
{
    const struct kp_npy *x = &p->images.npy, *y = &p->labels.npy;

    if (x->item != 1 || x->is_signed || x->dims != 4 || x->shape[0] < 1 ||
        x->shape[0] > KP_EXAMPLES_MAX || x->shape[1] != SIDE || x->shape[2] != SIDE ||
        x->shape[3] != 3)
        return kp_fail(p->e, KP_E_FORMAT,
                       "%s: %d-byte integers of %d dimensions (%lld, %lld, %lld, %lld); unsigned "
                       "bytes of shape (n, 32, 32, 3) are expected",
                       p->images.title, x->item, x->dims, (long long)x->shape[0],
                       (long long)x->shape[1], (long long)x->shape[2], (long long)x->shape[3]);
    if (y->dims != 1 || y->shape[0] != x->shape[0])
        return kp_fail(p->e, KP_E_FORMAT,
                       "%s: %lld labels in %d dimensions; as many as images, %lld, are expected",
                       p->labels.title, (long long)y->shape[0], y->dims, (long long)x->shape[0]);
    p->count = x->shape[0] < p->limit ? x->shape[0] : p->limit;
    return KP_OK;
}

/* Labels arrive in pieces of bytes, which need not end with a label. */
struct labels {
    struct part *part;
    int32_t *out;
    int64_t done;
    uint8_t rest[8];
    int rest_size;
    bool wrong;
};

static bool take_labels(void *arg, const uint8_t *bytes, size_t n)
{
    struct labels *l = arg;
    const struct kp_npy *npy = &l->part->labels.npy;

    for (size_t i = 0; i < n; i++) {
        l->rest[l->rest_size++] = bytes[i];
        if (l->rest_size < npy->item)
            continue;
        int64_t label = kp_npy_integer(npy, l->rest, 0);
        l->rest_size = 0;
        if (label < 0 || label >= CLASSES) {
            (void)kp_fail(l->part->e, KP_E_FORMAT, "%s: element %lld: label %lld, must be 0 to %d",
                          l->part->labels.title, (long long)l->done, (long long)label, CLASSES - 1);
            l->wrong = true;
            return false;
        }
        l->out[l->done++] = (int32_t)label;
    }
    return true;
}

static enum kp_status read_labels(struct part *p)
{
    struct kp_examples *x = p->x;
    int32_t *labels = realloc(x->labels, (size_t)(x->count + p->count) * sizeof *labels);

    if (!labels)
        return kp_fail(p->e, KP_E_NOMEM, "%s: no memory for %lld labels", p->path,
                       (long long)p->count);
    x->labels = labels;
    struct labels l = {.part = p, .out = labels + x->count};
    struct kp_error e = {0};
    enum kp_status st = kp_npz_read(
        p->npz, &p->labels, (uint64_t)p->count * (uint64_t)p->labels.npy.item, take_labels, &l, &e);
    if (l.wrong)
        return KP_E_FORMAT;
    return st ? kp_fail(p->e, st, "%s", e.text) : KP_OK;
}

/* Where unpacked images go. */
struct unpacking {
    struct kp_replace *file;
    const struct part *part;
    uint64_t done, total;
    bool stopped;
};

static bool take_images(void *arg, const uint8_t *bytes, size_t n)
{
    struct unpacking *u = arg;
    const struct kp_dataset_config *c = u->part->config;

    kp_replace_write(u->file, bytes, n);
    u->done += n;
    u->stopped = c->progress &&
                 !c->progress(c->arg, (int64_t)(u->done / IMAGE), (int64_t)(u->total / IMAGE));
    return !u->stopped && !u->file->failed;
}

static enum kp_status unpack(struct part *p, const char *key, const struct kp_cache_places *places,
                             const char **path)
{
    static const uint8_t zeros[KP_PACK_DATA];
    struct kp_replace file = {.fd = -1};
    struct kp_error why = {0};
    struct kp_pack_header h = {.version = KP_PACK_VERSION};
    struct unpacking u = {.file = &file, .part = p, .total = (uint64_t)p->count * IMAGE};
    enum kp_status st = kp_cache_begin(places, path, &file, p->e);

    if (st)
        return st;
    memcpy(h.magic, KP_PACK_MAGIC, sizeof h.magic);
    memcpy(h.key, key, sizeof h.key);
    h.count[KP_SPLIT_TRAIN] = (uint64_t)p->count;
    h.size = h.index_offset = h.text_offset = KP_PACK_DATA + u.total;
    kp_replace_write(&file, zeros, sizeof zeros);
    st = kp_npz_read(p->npz, &p->images, u.total, take_images, &u, &why);
    /* A failed write is told by the commit. */
    if (st && !file.failed) {
        kp_replace_abandon(&file);
        return kp_fail(p->e, st, "%s", why.text);
    }
    if (!file.failed && !kp_cache_write_at(file.fd, &h, sizeof h, 0)) {
        file.failed = true;
        file.error = errno;
    }
    return kp_replace_commit(&file, p->e);
}

static enum kp_status make_key(const struct part *p, char key[KP_HASH_SIZE])
{
    struct stat info;
    struct kp_text t = {0};

    if (stat(p->path, &info) < 0)
        return kp_fail(p->e, KP_E_IO, "%s: %s", p->path, strerror(errno));
    kp_text_addf(&t, "kappa npz 1 %lld %lld.%09ld %08x %lld", (long long)info.st_size,
                 (long long)info.st_mtim.tv_sec, (long)info.st_mtim.tv_nsec,
                 (unsigned)p->images.crc, (long long)p->count);
    if (t.failed)
        return kp_fail(p->e, KP_E_NOMEM, "no memory to open %s", p->path);
    kp_hash_bytes(t.s, t.length, key);
    kp_text_finish(&t);
    return KP_OK;
}

/* Map the unpacked images, after unpacking them if they are not there. */
static enum kp_status map_unpacked(struct part *p, const char *key,
                                   const struct kp_cache_places *places)
{
    struct kp_mapping m = {0};
    const char *path = NULL;
    bool found = false;
    enum kp_status st = KP_OK;

    for (int i = 0; i < 2 && places->path[i] && !found; i++) {
        struct kp_error unreadable = {0};
        if (!kp_file_exists(places->path[i]) ||
            kp_file_map(places->path[i], &m, &unreadable) != KP_OK)
            continue;
        found = kp_pack_valid(&m, key) && m.size == KP_PACK_DATA + (size_t)p->count * IMAGE;
        if (!found)
            kp_file_unmap(&m);
    }
    if (!found) {
        st = unpack(p, key, places, &path);
        if (st == KP_OK)
            st = kp_file_map(path, &m, p->e);
        if (st == KP_OK && m.size != KP_PACK_DATA + (size_t)p->count * IMAGE) {
            kp_file_unmap(&m);
            st = kp_fail(p->e, KP_E_IO, "%s: was written, but reads back otherwise", path);
        }
    }
    if (st)
        return st;
    p->storage->map[p->storage->maps++] = m;
    p->images.data = m.bytes + KP_PACK_DATA;
    return KP_OK;
}

static enum kp_status find_images(struct part *p, int number)
{
    struct kp_cache_places places = {0};
    char key[KP_HASH_SIZE], name[32];

    /* What is left out must not depend on who asks. */
    if (p->images.data || (p->config->count_only && !p->config->skip_bad))
        return KP_OK;
    (void)snprintf(name, sizeof name, "cifar5m-part%d", number);
    enum kp_status st = make_key(p, key);
    if (st == KP_OK)
        st = kp_cache_find(p->config->cache, p->config->root, name, "", &places, p->e);
    if (st == KP_OK)
        st = map_unpacked(p, key, &places);
    kp_cache_finish(&places);
    return st;
}

static enum kp_status open_part(struct part *p, int number)
{
    enum kp_status st;
    struct kp_mapping *m = &p->storage->map[p->storage->maps];

    st = kp_file_map(p->path, m, p->e);
    if (st)
        return st;
    p->storage->maps++;
    st = kp_npz_open(m->bytes, m->size, p->path, &p->npz, p->e);
    if (st == KP_OK)
        st = kp_npz_find(p->npz, "X", &p->images, p->e);
    if (st == KP_OK)
        st = kp_npz_find(p->npz, "Y", &p->labels, p->e);
    if (st == KP_OK)
        st = check_arrays(p);
    if (st == KP_OK)
        st = read_labels(p);
    if (st == KP_OK)
        st = find_images(p, number);
    kp_npz_close(p->npz);
    if (st)
        return st;
    struct kp_examples *x = p->x;
    x->part[x->parts++] = (struct kp_examples_part){p->count, p->images.data, KP_PIXELS_HWC};
    x->count += p->count;
    x->stride = IMAGE;
    return KP_OK;
}

static enum kp_status add_part(const struct kp_dataset_config *c, struct kp_dataset *d, int number,
                               struct kp_error *e)
{
    char *path = NULL;
    bool test = number == PARTS - 1;
    struct part p = {
        .config = c,
        .storage = d->storage,
        .x = &d->split[test ? KP_SPLIT_TEST : KP_SPLIT_TRAIN],
        .limit = !test           ? KP_EXAMPLES_MAX
                 : c->test_limit ? c->test_limit
                                 : TEST_LIMIT,
        .e = e,
    };
    enum kp_status st = find_part(c->root, number, &path, e);

    p.path = path;
    if (st == KP_OK)
        st = open_part(&p, number);
    free(path);
    return st;
}

/* With skip_bad a damaged archive of training images is left out, as long as one is whole. */
enum kp_status kp_cifar5m_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                               struct kp_error *e)
{
    d->classes = CLASSES;
    d->shape = (struct kp_shape){3, {3, SIDE, SIDE}};
    for (int i = 0; i < PARTS; i++) {
        struct kp_error why = {0};
        enum kp_status st = add_part(c, d, i, &why);

        if (st == KP_E_FORMAT && c->skip_bad && i < PARTS - 1 && d->skipped < PARTS - 2)
            kp_note_damage(d, 1, why.text, strlen(why.text));
        else if (st)
            return kp_fail(e, st, "%s", why.text);
    }
    return KP_OK;
}
