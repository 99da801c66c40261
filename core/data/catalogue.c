/* catalogue.c - a growing list of image files and what identifies it. */
#include "data/catalogue.h"

#include "base/text.h"
#include "data/format.h"

#include <stdlib.h>
#include <string.h>

/* Changes when the same files would give other bytes in a cache. */
#define CACHE_CONTENT "kappa images 1"

enum kp_status kp_catalogue_add(struct kp_catalogue *c, enum kp_split split, const char *path,
                                size_t length, int64_t label, struct kp_error *e)
{
    if (c->count[split] == KP_EXAMPLES_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: more than %lld images; this is the limit", c->folder,
                       (long long)KP_EXAMPLES_MAX);
    if (c->count[split] == c->room[split]) {
        int64_t room = c->room[split] ? 2 * c->room[split] : 1024;
        struct kp_catalogue_file *grown =
            realloc(c->file[split], (size_t)room * sizeof *c->file[split]);
        if (!grown)
            return kp_fail(e, KP_E_NOMEM, "no memory for the names of %lld images",
                           (long long)room);
        c->file[split] = grown;
        c->room[split] = room;
    }
    char *copy = kp_arena_alloc(&c->memory, length + 1, 1);
    if (!copy)
        return kp_fail(e, KP_E_NOMEM, "no memory for the names of images");
    memcpy(copy, path, length);
    c->file[split][c->count[split]++] =
        (struct kp_catalogue_file){.path = copy, .label = (int32_t)label};
    return KP_OK;
}

enum kp_status kp_catalogue_check(struct kp_catalogue *c, const char *name, int64_t classes,
                                  struct kp_error *e)
{
    enum kp_status st = KP_OK;

    if (c->count[KP_SPLIT_TRAIN] == 0 || c->count[KP_SPLIT_TEST] == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: no %s images", name,
                       c->count[KP_SPLIT_TRAIN] == 0 ? "training" : "test");
    uint8_t *seen = calloc((size_t)classes, 1);
    if (!seen)
        return kp_fail(e, KP_E_NOMEM, "no memory for %lld classes", (long long)classes);
    for (int64_t i = 0; i < c->count[KP_SPLIT_TRAIN]; i++)
        seen[c->file[KP_SPLIT_TRAIN][i].label] = 1;
    for (int64_t i = 0; i < classes && st == KP_OK; i++)
        if (!seen[i])
            st = kp_fail(e, KP_E_FORMAT,
                         "%s: class %lld of 0 to %lld has no training image; labels without a gap "
                         "would be right",
                         name, (long long)i, (long long)classes - 1);
    free(seen);
    c->classes = classes;
    return st;
}

enum kp_status kp_catalogue_key(const struct kp_catalogue *c, int64_t resize, bool pixels,
                                char out[KP_HASH_SIZE], struct kp_error *e)
{
    struct kp_text t = {0};

    kp_text_addf(&t, CACHE_CONTENT " resize %lld classes %lld%s\n", (long long)resize,
                 (long long)c->classes, pixels ? "" : " index");
    for (int s = 0; s < KP_SPLITS; s++)
        for (int64_t i = 0; i < c->count[s]; i++) {
            const struct kp_catalogue_file *f = &c->file[s][i];
            kp_text_addf(&t, "%d %d %lld %lld %s\n", s, f->label, (long long)f->bytes,
                         (long long)f->time_ns, f->path);
        }
    if (t.failed) {
        kp_text_finish(&t);
        return kp_fail(e, KP_E_NOMEM, "no memory for the names of images");
    }
    kp_hash_bytes(t.s, t.length, out);
    kp_text_finish(&t);
    return KP_OK;
}

void kp_catalogue_finish(struct kp_catalogue *c)
{
    for (int s = 0; s < KP_SPLITS; s++)
        free(c->file[s]);
    kp_arena_finish(&c->memory);
    memset(c, 0, sizeof *c);
}
