/* checkpoint.c - saves and restores a training; keeps the last two of what it saved. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POSITION "kappa.position"
#define LOSS     "kappa.loss"
#define SUMS     "kappa.sums."
#define PREFIX   "checkpoint-"

enum { NAME_SIZE = 128 };

static void sums_name(const struct kp_observer *o, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, SUMS "%s", o->def->name);
}

static enum kp_status write_file(const char *path, const struct kp_state *state, bool slots,
                                 const struct kp_position *at, const struct kp_observers *running,
                                 char sha256[KP_HASH_SIZE], int64_t *bytes, struct kp_error *e)
{
    const int64_t position[4] = {at->epoch, at->batch, at->step, at->samples};
    const double loss[2] = {at->loss_sum, at->loss_weight};
    struct kp_snapshot snapshot = {0};
    struct kp_stored *arrays = NULL;
    char(*names)[NAME_SIZE] = calloc((size_t)running->count + 1, sizeof(*names));
    enum kp_status st = kp_snapshot_take(state, slots, &snapshot, e);

    if (st != KP_OK)
        goto out;
    int64_t count = snapshot.count;
    arrays = calloc((size_t)(count + running->count + 2), sizeof(*arrays));
    if (!arrays || !names) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for the checkpoint", path);
        goto out;
    }
    memcpy(arrays, snapshot.arrays, (size_t)count * sizeof(*arrays));
    arrays[count++] = (struct kp_stored){POSITION, KP_STORED_I64, kp_shape1(4), position};
    arrays[count++] = (struct kp_stored){LOSS, KP_STORED_F64, kp_shape1(2), loss};
    for (int64_t i = 0; i < running->count; i++) {
        const struct kp_observer *o = &running->v[i];
        if (o->def->sum_count == 0)
            continue;
        sums_name(o, names[i]);
        arrays[count++] =
            (struct kp_stored){names[i], KP_STORED_F64, kp_shape1(o->def->sum_count), o->sums};
    }
    st = kp_safetensors_write(path, arrays, count, sha256, bytes, e);
out:
    free(arrays);
    free(names);
    kp_snapshot_finish(&snapshot);
    return st;
}

static enum kp_status fetch(const struct kp_safetensors *f, const char *name,
                            enum kp_stored_type type, int64_t count, void *out, struct kp_error *e)
{
    const struct kp_stored *a = kp_safetensors_find(f, name);

    if (!a || a->type != type || !kp_shape_equal(a->shape, kp_shape1(count)))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: no checkpoint of this run: '%s' is missing or misshapen", f->name,
                       name);
    memcpy(out, a->data, kp_stored_bytes(a));
    return KP_OK;
}

enum kp_status kp_checkpoint_load(const char *path, struct kp_state *state, bool slots,
                                  struct kp_position *at, struct kp_observers *running,
                                  struct kp_error *e)
{
    struct kp_safetensors file = {0};
    int64_t position[4];
    double loss[2];
    enum kp_status st = kp_safetensors_open(path, &file, e);

    if (st != KP_OK)
        return st;
    st = fetch(&file, POSITION, KP_STORED_I64, 4, position, e);
    if (st == KP_OK)
        st = fetch(&file, LOSS, KP_STORED_F64, 2, loss, e);
    for (int64_t i = 0; st == KP_OK && i < running->count; i++) {
        char name[NAME_SIZE];
        if (running->v[i].def->sum_count == 0)
            continue;
        sums_name(&running->v[i], name);
        st = fetch(&file, name, KP_STORED_F64, running->v[i].def->sum_count, running->v[i].sums, e);
    }
    if (st == KP_OK)
        st = kp_weights_load(state, &file, slots, true, e);
    if (st == KP_OK) {
        *at = (struct kp_position){position[0], position[1], position[2],
                                   position[3], loss[0],     loss[1]};
        state->updates = at->step;
    }
    kp_safetensors_close(&file);
    return st;
}

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_one_of(const struct kp_checkpoint_row *rows, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name_in(rows[i].path), name) == 0)
            return true;
    return false;
}

enum kp_status kp_checkpoint_save(const struct kp_checkpoint_place *p, const struct kp_state *state,
                                  bool slots, const struct kp_position *at,
                                  const struct kp_observers *running, struct kp_error *e)
{
    struct kp_checkpoint_row before[KP_CHECKPOINTS] = {0};
    char name[64], sha256[KP_HASH_SIZE];
    char *path = NULL, *relative = NULL;
    int count = 0;
    int64_t bytes = 0;
    enum kp_status st = kp_store_checkpoints(p->store, p->uid, before, &count, e);

    (void)snprintf(name, sizeof(name), PREFIX "%lld.safetensors", (long long)at->step);
    path = kp_path_join(p->folder, name);
    relative = kp_path_join(p->uid, name);
    if (st == KP_OK && (!path || !relative))
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK)
        st = write_file(path, state, slots, at, running, sha256, &bytes, e);
    if (st == KP_OK) {
        struct kp_artifact_row row = {"checkpoint", relative, sha256, bytes};
        st = kp_store_add_checkpoint(p->store, p->uid, &row, at->epoch, at->step, e);
    }
    /* Saved twice at one step, the newest has replaced itself and the one before stays. */
    if (st == KP_OK && count == KP_CHECKPOINTS && !is_one_of(before, count, name))
        (void)unlink(before[KP_CHECKPOINTS - 1].path);
    kp_checkpoint_rows_finish(before, count);
    free(path);
    free(relative);
    return st;
}

enum kp_status kp_checkpoint_find(struct kp_store *store, const char *uid,
                                  struct kp_checkpoint_row out[KP_CHECKPOINTS], int *count,
                                  struct kp_error *e)
{
    struct kp_checkpoint_row rows[KP_CHECKPOINTS] = {0};
    int recorded = 0;
    enum kp_status st = kp_store_checkpoints(store, uid, rows, &recorded, e);

    *count = 0;
    for (int i = 0; i < recorded; i++) {
        char now[KP_HASH_SIZE], text[96];
        struct kp_error unreadable = {0};

        if (kp_hash_file(rows[i].path, now, &unreadable) == KP_OK &&
            strcmp(now, rows[i].sha256) == 0) {
            out[(*count)++] = rows[i];
            rows[i].path = NULL;
            continue;
        }
        (void)snprintf(text, sizeof(text), "the checkpoint of step %lld is missing or damaged",
                       (long long)rows[i].step);
        kp_store_event(store, uid, "checkpoint", text);
    }
    kp_checkpoint_rows_finish(rows, recorded);
    return st;
}

/* Remove half-written files and checkpoints but for those in `keep`; false if one is still there.
 */
static bool sweep(const char *path, const struct kp_checkpoint_row *keep, int count)
{
    DIR *folder = opendir(path);
    bool clean = folder != NULL;

    for (const struct dirent *d = folder ? readdir(folder) : NULL; d; d = readdir(folder)) {
        bool saved = strncmp(d->d_name, PREFIX, strlen(PREFIX)) == 0;

        if (!kp_replace_is_temporary(d->d_name) && (!saved || is_one_of(keep, count, d->d_name)))
            continue;
        char *file = kp_path_join(path, d->d_name);
        clean = file && (unlink(file) == 0 || errno == ENOENT) && clean;
        free(file);
    }
    if (folder)
        (void)closedir(folder);
    return clean;
}

enum kp_status kp_checkpoint_tidy(const struct kp_checkpoint_place *p, struct kp_error *e)
{
    struct kp_checkpoint_row rows[KP_CHECKPOINTS] = {0};
    int count = 0;
    enum kp_status st = kp_store_checkpoints(p->store, p->uid, rows, &count, e);

    /* What cannot be removed now is no harm, and is tried again at the run's end. */
    if (st == KP_OK)
        (void)sweep(p->folder, rows, count);
    kp_checkpoint_rows_finish(rows, count);
    return st;
}

enum kp_status kp_checkpoint_drop(const struct kp_checkpoint_place *p, struct kp_error *e)
{
    char *entry = kp_path_join(p->folder, PREFIX);
    enum kp_status st = KP_OK;

    if (!entry)
        return kp_fail(e, KP_E_NOMEM, "no memory for a path");
    /* The rows go last: as long as they are there, a later process knows what to remove. */
    if (sweep(p->folder, NULL, 0)) {
        st = kp_entry_sync(entry, e);
        if (st == KP_OK)
            st = kp_store_drop_checkpoints(p->store, p->uid, e);
    }
    free(entry);
    return st;
}
