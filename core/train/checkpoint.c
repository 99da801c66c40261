/* checkpoint.c - saves and restores a training. */
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSITION "kappa.position"
#define LOSS     "kappa.loss"
#define SUMS     "kappa.sums."

enum { NAME_SIZE = 128 };

static void sums_name(const struct kp_observer *o, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, SUMS "%s", o->def->name);
}

enum kp_status kp_checkpoint_save(const char *path, const struct kp_state *state, bool slots,
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
