/* table.c - finds, checks and stores teachers' tables. */
#include "train/table.h"

#include "base/text.h"
#include "train/safetensors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPOTS           16
#define SPOT_TOLERANCE  1e-3
#define FINGERPRINT_MAX (INT64_C(512) << 20) /* bytes of pixels that are looked at */

enum { NAME_SIZE = 64 };

static void role_of(const struct kp_table_place *p, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, "teacher_table.%.16s", p->key);
}

static void file_of(const struct kp_table_place *p, const char *end, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, "teacher-table-%.16s.safetensors%s", p->key, end);
}

static uint64_t mix(uint64_t h, const uint8_t *bytes, size_t size)
{
    for (; size > 0; bytes += 8) {
        uint64_t word = 0;
        const size_t part = size < 8 ? size : 8;

        memcpy(&word, bytes, part);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
        size -= part;
    }
    return h;
}

/* `count` examples spread evenly over `total`; NULL if out of memory. */
static int64_t *spread(int64_t count, int64_t total)
{
    int64_t *index = malloc((size_t)count * sizeof(*index));

    for (int64_t i = 0; index && i < count; i++)
        index[i] = (int64_t)((double)i * (double)total / (double)count);
    return index;
}

/* A number for the split's pixels: against mix-ups, not against malice. */
static enum kp_status fingerprint(const struct kp_teaching *w, enum kp_split split, uint64_t *out,
                                  struct kp_error *e)
{
    const struct kp_dataset *data = w->data;
    const int64_t total = data->split[split].count, bytes = (int64_t)kp_dataset_bytes(data);
    const int64_t most = FINGERPRINT_MAX / bytes + 1;
    const int64_t count = total < most ? total : most;
    int64_t *index = spread(count, total);
    const struct kp_loader_config config = {.data = data,
                                            .split = split,
                                            .index = index,
                                            .count = count,
                                            .batch = 256,
                                            .order = KP_ORDER_FIXED};
    struct kp_loader *loader = NULL;
    uint64_t h = 1;
    enum kp_status st = index ? kp_loader_create(&config, &loader, e)
                              : kp_fail(e, KP_E_NOMEM, "no memory for a fingerprint of the data");

    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, e);
    for (int64_t done = 0; st == KP_OK && done < count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, e);
        if (st != KP_OK)
            break;
        h = mix(h, b->pixels, (size_t)(b->rows * bytes));
        done += b->rows;
        if (w->watcher->stop && w->watcher->stop(w->watcher->arg))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped before the teacher was asked");
    }
    kp_loader_destroy(loader);
    free(index);
    *out = h;
    return st;
}

static enum kp_status make_key(const struct kp_teaching *w, enum kp_split split, bool flip,
                               struct kp_table_place *place, struct kp_error *e)
{
    const struct kp_teacher *t = w->teacher;
    const struct kp_shape shape = w->data->shape;
    struct kp_text key = {0};
    char arithmetic[256];
    uint64_t pixels = 0;
    enum kp_status st = fingerprint(w, split, &pixels, e);

    if (st != KP_OK)
        return st;
    t->device->ops->arithmetic(t->device, arithmetic, sizeof(arithmetic));
    kp_text_addf(&key, "weights %s\nsplit %d of %lld (%lld, %lld, %lld) %016llx\n", t->sha256,
                 (int)split, (long long)w->data->split[split].count, (long long)shape.dim[0],
                 (long long)shape.dim[1], (long long)shape.dim[2], (unsigned long long)pixels);
    for (int64_t c = 0; w->data->dtype == KP_U8 && c < shape.dim[0]; c++)
        kp_text_addf(&key, "mean %a sd %a\n", (double)t->mean[c], (double)t->sd[c]);
    kp_text_addf(&key, "flip %d\nbatch %lld\n%s\n", flip, (long long)t->program->capacity,
                 arithmetic);
    if (t->precision == KP_PRECISION_BF16)
        kp_text_add(&key, "bf16\n");
    if (key.failed)
        st = kp_fail(e, KP_E_NOMEM, "no memory for a table's key");
    else
        kp_hash_bytes(key.s, key.length, place->key);
    kp_text_finish(&key);
    return st;
}

/* Copy the file's logits if it is the recorded one and fits. */
static enum kp_status read_file(const char *path, const char *sha256, int64_t count,
                                int64_t classes, float *table, struct kp_error *e)
{
    struct kp_safetensors file = {0};
    char now[KP_HASH_SIZE];
    enum kp_status st = kp_hash_file(path, now, e);

    if (st == KP_OK && strcmp(now, sha256) != 0)
        st = kp_fail(e, KP_E_FORMAT, "%s: sha256 %.12s..., recorded %.12s...", path, now, sha256);
    if (st == KP_OK)
        st = kp_safetensors_open(path, &file, e);
    if (st != KP_OK)
        return st;
    const struct kp_stored *a = kp_safetensors_find(&file, "logits");
    if (a && a->type == KP_STORED_F32 && kp_shape_equal(a->shape, kp_shape2(count, classes)))
        memcpy(table, a->data, kp_stored_bytes(a));
    else
        st = kp_fail(e, KP_E_FORMAT, "%s: no F32 array logits [%lld][%lld]", path, (long long)count,
                     (long long)classes);
    kp_safetensors_close(&file);
    return st;
}

/* Is it what the teacher says? KP_E_NUMERIC if not. */
static enum kp_status spot_check(const struct kp_teaching *w, enum kp_split split, bool flip,
                                 const float *table, struct kp_error *e)
{
    const int64_t total = w->data->split[split].count, classes = w->data->classes;
    const int64_t count = total < SPOTS ? total : SPOTS;
    int64_t *index = spread(count, total);
    float *now = calloc((size_t)(count * classes), sizeof(*now));
    enum kp_status st = index && now
                            ? kp_teacher_tabulate(w, split, index, count, flip, now, e)
                            : kp_fail(e, KP_E_NOMEM, "no memory to check the teacher's table");

    for (int64_t i = 0; st == KP_OK && i < count * classes; i++) {
        const double stored = (double)table[index[i / classes] * classes + i % classes];
        const double computed = (double)now[i];

        if (!(fabs(stored - computed) <= SPOT_TOLERANCE * (1 + fabs(computed))))
            st = kp_fail(e, KP_E_NUMERIC, "example %lld, class %lld: %g, but the teacher says %g",
                         (long long)index[i / classes], (long long)(i % classes), stored, computed);
    }
    free(index);
    free(now);
    return st;
}

/* The run whose artifacts its tables are. */
static const char *owner(const struct kp_teaching *w)
{
    return w->teacher->uid[0] ? w->teacher->uid : w->uid;
}

static void say(const struct kp_teaching *w, const char *what, const char *why)
{
    char text[640];

    (void)snprintf(text, sizeof(text), "the teacher's table %s: %s", what, why);
    kp_store_event(w->store, owner(w), "teacher_table", text);
    if (w->watcher->note)
        w->watcher->note(w->watcher->arg, text);
}

enum kp_status kp_table_find(const struct kp_teaching *w, enum kp_split split, bool flip,
                             struct kp_table_place *place, float *table, bool *found,
                             struct kp_error *e)
{
    char role[NAME_SIZE], sha256[KP_HASH_SIZE];
    struct kp_error why = {0};
    char *path = NULL;
    bool recorded = false;
    enum kp_status st = make_key(w, split, flip, place, e);

    *found = false;
    if (st != KP_OK)
        return st;
    role_of(place, role);
    st = kp_store_find_artifact(w->store, w->teacher->uid[0] ? w->teacher->uid : NULL, role, &path,
                                sha256, &recorded, e);
    if (st != KP_OK || !recorded)
        return st;
    st = read_file(path, sha256, w->data->split[split].count, w->data->classes, table, &why);
    if (st == KP_OK)
        st = spot_check(w, split, flip, table, &why);
    free(path);
    *found = st == KP_OK;
    if (st == KP_E_INTERRUPTED || st == KP_E_NOMEM)
        return kp_fail(e, st, "%s", why.text);
    if (!*found)
        say(w, "is computed again", why.text);
    return KP_OK;
}

/* Write it beside the run that this process holds, which sweeps up what is half-written there, and
 * move it to the teacher's. */
static enum kp_status keep(const struct kp_teaching *w, const struct kp_table_place *place,
                           int64_t count, const float *table, struct kp_error *e)
{
    const struct kp_stored logits = {"logits", KP_STORED_F32, kp_shape2(count, w->data->classes),
                                     table};
    struct kp_artifact_row row = {0};
    char role[NAME_SIZE], name[NAME_SIZE], temporary[NAME_SIZE], sha256[KP_HASH_SIZE];
    char *from = NULL, *to = NULL, *relative = NULL;
    char *folder = kp_store_run_folder(w->store, owner(w), e);
    enum kp_status st = folder ? KP_OK : e->status;

    role_of(place, role);
    file_of(place, "", name);
    file_of(place, KP_REPLACE_MARK "moved", temporary);
    from = kp_path_join(w->folder, temporary);
    to = folder ? kp_path_join(folder, name) : NULL;
    relative = kp_path_join(owner(w), name);
    if (st == KP_OK && (!from || !to || !relative))
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK)
        st = kp_safetensors_write(from, &logits, 1, sha256, &row.bytes, e);
    if (st == KP_OK && rename(from, to) != 0)
        st = kp_fail(e, KP_E_IO, "%s: cannot rename it to %s: %s", from, to, strerror(errno));
    if (st == KP_OK)
        st = kp_entry_sync(to, e);
    if (st == KP_OK) {
        row.role = role;
        row.path = relative;
        row.sha256 = sha256;
        st = w->teacher->uid[0] ? kp_store_add_artifact(w->store, w->teacher->uid, &row, e)
                                : kp_store_artifact(w->store, w->uid, &row, 0, 0, e);
    }
    free(folder);
    free(from);
    free(to);
    free(relative);
    return st;
}

void kp_table_keep(const struct kp_teaching *w, const struct kp_table_place *place, int64_t count,
                   const float *table)
{
    struct kp_error why = {0};

    if (keep(w, place, count, table, &why) != KP_OK)
        say(w, "cannot be stored", why.text);
}
