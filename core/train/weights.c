/* weights.c - between a state on a device and named arrays. */
#include "train/weights.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_PREFIX "optimizer."

static char *slot_name(int slot, const char *param)
{
    size_t size = strlen(SLOT_PREFIX) + strlen(param) + 16;
    char *name = malloc(size);

    if (name)
        (void)snprintf(name, size, "%s%d.%s", SLOT_PREFIX, slot, param);
    return name;
}

static float *copy_of(const struct kp_state *s, const void *device, size_t bytes)
{
    float *host = malloc(bytes > 0 ? bytes : 1);

    if (host && bytes > 0)
        s->device->ops->download(s->device, host, device, bytes);
    return host;
}

static void add(struct kp_snapshot *s, const char *name, enum kp_stored_type type,
                struct kp_shape shape, const void *data)
{
    KP_ASSERT(s->count < s->room);
    s->arrays[s->count++] = (struct kp_stored){name, type, shape, data};
}

static void add_list(struct kp_snapshot *s, const struct kp_net_list *list, const float *v)
{
    for (int64_t i = 0; i < list->count; i++)
        add(s, list->v[i]->name, KP_STORED_F32, list->v[i]->shape,
            v + list->v[i]->offset / sizeof(float));
}

static bool add_slots(struct kp_snapshot *s, const struct kp_net_list *list, int slots)
{
    s->names = calloc((size_t)(slots * list->count), sizeof(*s->names));
    if (!s->names)
        return false;
    for (int slot = 0; slot < slots; slot++)
        for (int64_t i = 0; i < list->count; i++) {
            const struct kp_net_block *b = list->v[i];
            char *name = s->names[s->name_count++] = slot_name(slot, b->name);
            if (!name)
                return false;
            add(s, name, KP_STORED_F32, b->shape,
                s->slots + ((size_t)slot * list->bytes + b->offset) / sizeof(float));
        }
    return true;
}

enum kp_status kp_snapshot_take(const struct kp_state *s, bool slots, struct kp_snapshot *out,
                                struct kp_error *e)
{
    const struct kp_net *net = s->net;

    *out = (struct kp_snapshot){.net = net, .steps = s->steps};
    out->room = (1 + s->slot_count) * net->params.count + net->buffers.count + net->counter_count;
    out->arrays = calloc((size_t)out->room, sizeof(*out->arrays));
    out->params = copy_of(s, s->params, net->params.bytes);
    out->buffers = copy_of(s, s->buffers, net->buffers.bytes);
    out->slots =
        slots && s->slots ? copy_of(s, s->slots, (size_t)s->slot_count * net->params.bytes) : NULL;
    if (!out->arrays || !out->params || !out->buffers || (slots && s->slots && !out->slots))
        goto out;
    add_list(out, &net->params, out->params);
    add_list(out, &net->buffers, out->buffers);
    for (int64_t i = 0; i < net->counter_count; i++)
        add(out, net->counters[i], KP_STORED_I64, (struct kp_shape){0}, &out->steps);
    if (out->slots && !add_slots(out, &net->params, s->slot_count))
        goto out;
    return KP_OK;
out:
    kp_snapshot_finish(out);
    return kp_fail(e, KP_E_NOMEM, "no memory to copy %zu bytes of parameters", net->params.bytes);
}

void kp_snapshot_finish(struct kp_snapshot *s)
{
    for (int64_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s->names);
    free(s->params);
    free(s->buffers);
    free(s->slots);
    free(s->arrays);
    *s = (struct kp_snapshot){0};
}

static void shape_text(struct kp_shape s, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (int32_t i = 0; i < s.n && at < size; i++)
        at +=
            (size_t)snprintf(out + at, size - at, "%s%lld", i > 0 ? "x" : "", (long long)s.dim[i]);
    if (s.n == 0)
        (void)snprintf(out, size, "scalar");
}

/* The array of this name and shape, or NULL and a line in `wrong`. */
static const struct kp_stored *want(const struct kp_safetensors *f, const char *name,
                                    enum kp_stored_type type, struct kp_shape shape,
                                    struct kp_text *wrong, int64_t *found)
{
    const struct kp_stored *a = kp_safetensors_find(f, name);
    char have[96], need[96];

    if (!a) {
        kp_text_addf(wrong, "; missing: %s", name);
        return NULL;
    }
    ++*found;
    if (a->type == type && kp_shape_equal(a->shape, shape))
        return a;
    shape_text(a->shape, have, sizeof(have));
    shape_text(shape, need, sizeof(need));
    kp_text_addf(wrong, "; %s is %s%s, must be %s", name, have,
                 a->type == type ? "" : " of another type", need);
    return NULL;
}

/* Copy the list's arrays to `out`; slot -1: the list itself, else what the optimizer keeps of it.
 */
static void gather(const struct kp_safetensors *f, const struct kp_net_list *list, int slot,
                   float *out, struct kp_text *wrong, int64_t *found)
{
    for (int64_t i = 0; i < list->count; i++) {
        const struct kp_net_block *b = list->v[i];
        char *name = slot >= 0 ? slot_name(slot, b->name) : strdup(b->name);
        const struct kp_stored *a =
            name ? want(f, name, KP_STORED_F32, b->shape, wrong, found) : NULL;

        if (a)
            memcpy(out + b->offset / sizeof(float), a->data, kp_stored_bytes(a));
        wrong->failed |= !name;
        free(name);
    }
}

static bool belongs(const struct kp_state *s, const char *name, bool slots)
{
    bool slot = strncmp(name, SLOT_PREFIX, strlen(SLOT_PREFIX)) == 0;

    return (slots && slot) || kp_net_declares(s->net, name);
}

enum kp_status kp_weights_load(struct kp_state *s, const struct kp_safetensors *file, bool slots,
                               bool more, struct kp_error *e)
{
    const struct kp_net *net = s->net;
    struct kp_text wrong = {0};
    enum kp_status st = KP_OK;
    int64_t found = 0, steps = 0;
    int slot_count = slots ? s->slot_count : 0;
    float *params = malloc(net->params.bytes);
    float *buffers = malloc(net->buffers.bytes + 1);
    float *moments = malloc((size_t)slot_count * net->params.bytes + 1);

    if (!params || !buffers || !moments) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory to load", file->name);
        goto out;
    }
    gather(file, &net->params, -1, params, &wrong, &found);
    gather(file, &net->buffers, -1, buffers, &wrong, &found);
    for (int i = 0; i < slot_count; i++)
        gather(file, &net->params, i, moments + (size_t)i * net->params.bytes / sizeof(float),
               &wrong, &found);
    for (int64_t i = 0; i < net->counter_count; i++) {
        const struct kp_stored *a =
            want(file, net->counters[i], KP_STORED_I64, (struct kp_shape){0}, &wrong, &found);
        if (a)
            memcpy(&steps, a->data, sizeof(steps));
    }
    if (!more && found < file->count)
        for (int64_t i = 0; i < file->count; i++)
            if (!belongs(s, file->arrays[i].name, slots))
                kp_text_addf(&wrong, "; surplus: %s", file->arrays[i].name);
    if (wrong.failed) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory to load", file->name);
        goto out;
    }
    if (wrong.length > 0) {
        st = kp_fail(e, KP_E_FORMAT, "%s: not the weights of this model '%s'%s", file->name,
                     net->def->name, wrong.s);
        goto out;
    }
    s->device->ops->upload(s->device, s->params, params, net->params.bytes);
    if (net->buffers.bytes > 0)
        s->device->ops->upload(s->device, s->buffers, buffers, net->buffers.bytes);
    if (slot_count > 0)
        s->device->ops->upload(s->device, s->slots, moments,
                               (size_t)slot_count * net->params.bytes);
    s->steps = steps;
out:
    free(params);
    free(buffers);
    free(moments);
    kp_text_finish(&wrong);
    return st;
}
