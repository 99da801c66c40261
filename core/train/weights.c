/* weights.c - between a state on a device and named arrays. */
#include "train/weights.h"

#include "base/text.h"
#include "tensor/freeze.h"

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

    *out = (struct kp_snapshot){.net = net};
    out->room = (1 + s->slot_count) * net->params.count + net->buffers.count + net->counter_count;
    out->arrays = calloc((size_t)out->room, sizeof(*out->arrays));
    out->params = copy_of(s, s->params, net->params.bytes);
    out->buffers = copy_of(s, s->buffers, net->buffers.bytes);
    out->slots =
        slots && s->slots ? copy_of(s, s->slots, (size_t)s->slot_count * net->params.bytes) : NULL;
    out->counters = calloc((size_t)net->counter_count + 1, sizeof(*out->counters));
    if (!out->arrays || !out->params || !out->buffers || !out->counters ||
        (slots && s->slots && !out->slots))
        goto out;
    memcpy(out->counters, s->counters, (size_t)net->counter_count * sizeof(*out->counters));
    add_list(out, &net->params, out->params);
    add_list(out, &net->buffers, out->buffers);
    for (int64_t i = 0; i < net->counter_count; i++)
        add(out, net->counters[i], KP_STORED_I64, (struct kp_shape){0}, &out->counters[i]);
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
    free(s->counters);
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

/* A file on its way into a state: what is wanted of it, where it goes on the host, what is wrong.
 */
struct loading {
    const struct kp_safetensors *file;
    const struct kp_net *net;
    const char *skip; /* prefixes of what is not taken */
    int slots;
    float *params, *buffers, *moments;
    int64_t *counters;
    struct kp_text missing, misshapen, surplus; /* ", name" each */
    bool no_memory;
};

static void list_shape(struct loading *l, const struct kp_stored *have, struct kp_shape need)
{
    char has[96], right[96];

    shape_text(have->shape, has, sizeof(has));
    shape_text(need, right, sizeof(right));
    kp_text_addf(&l->misshapen, ", %s is %s%s, must be %s", have->name, has,
                 kp_shape_equal(have->shape, need) ? " of another type" : "", right);
}

/* Copy the list's arrays to `out`; slot -1: the list itself, else what the optimizer keeps of it.
 */
static void gather(struct loading *l, const struct kp_net_list *list, int slot, float *out)
{
    for (int64_t i = 0; i < list->count; i++) {
        const struct kp_net_block *b = list->v[i];
        char *name = slot >= 0 ? slot_name(slot, b->name) : strdup(b->name);
        const struct kp_stored *a = name ? kp_safetensors_find(l->file, name) : NULL;

        l->no_memory |= !name;
        if (!name || kp_has_prefix_of(l->skip, name)) {
            free(name);
            continue;
        }
        if (!a)
            kp_text_addf(&l->missing, ", %s", name);
        else if (!kp_stored_is_real(a) || !kp_shape_equal(a->shape, b->shape))
            list_shape(l, a, b->shape);
        else
            kp_stored_floats(a, out + b->offset / sizeof(float));
        free(name);
    }
}

static void gather_counters(struct loading *l)
{
    for (int64_t i = 0; i < l->net->counter_count; i++) {
        const char *name = l->net->counters[i];
        const struct kp_stored *a = kp_safetensors_find(l->file, name);

        if (!a || kp_has_prefix_of(l->skip, name))
            continue;
        if (a->type != KP_STORED_I64 || a->shape.n != 0)
            list_shape(l, a, (struct kp_shape){0});
        else
            memcpy(&l->counters[i], a->data, sizeof(l->counters[i]));
    }
}

static void list_surplus(struct loading *l)
{
    for (int64_t i = 0; i < l->file->count; i++) {
        const char *name = l->file->arrays[i].name;
        bool slot = strncmp(name, SLOT_PREFIX, strlen(SLOT_PREFIX)) == 0;

        if (!(l->slots > 0 && slot) && !kp_net_declares(l->net, name) &&
            !kp_has_prefix_of(l->skip, name))
            kp_text_addf(&l->surplus, ", %s", name);
    }
}

/* "missing: a, b; surplus: c" */
static enum kp_status complain(struct loading *l, struct kp_error *e)
{
    const struct {
        const char *title;
        const struct kp_text *names;
    } lists[] = {{"missing: ", &l->missing}, {"", &l->misshapen}, {"surplus: ", &l->surplus}};
    struct kp_text all = {0};
    enum kp_status st = KP_OK;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        l->no_memory |= lists[i].names->failed;
        if (lists[i].names->length > 0)
            kp_text_addf(&all, "; %s%s", lists[i].title, lists[i].names->s + strlen(", "));
    }
    if (l->no_memory || all.failed)
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory to load", l->file->name);
    else if (all.length > 0)
        st = kp_fail(e, KP_E_FORMAT, "%s: not the weights of this model '%s'%s", l->file->name,
                     l->net->def->name, all.s);
    kp_text_finish(&all);
    return st;
}

static enum kp_status load(struct kp_state *s, const struct kp_safetensors *file, const char *skip,
                           bool slots, bool more, struct kp_error *e)
{
    const struct kp_net *net = s->net;
    const struct kp_device_ops *ops = s->device->ops;
    const size_t slot_bytes = slots ? (size_t)s->slot_count * net->params.bytes : 0;
    struct loading l = {
        .file = file,
        .net = net,
        .skip = skip,
        .slots = slots ? s->slot_count : 0,
        .params = copy_of(s, s->params, net->params.bytes), /* what is skipped stays */
        .buffers = copy_of(s, s->buffers, net->buffers.bytes),
        .moments = malloc(slot_bytes + 1),
        .counters = calloc((size_t)net->counter_count + 1, sizeof(*l.counters)),
    };
    enum kp_status st = KP_OK;

    if (!l.params || !l.buffers || !l.moments || !l.counters) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory to load", file->name);
        goto out;
    }
    gather(&l, &net->params, -1, l.params);
    gather(&l, &net->buffers, -1, l.buffers);
    for (int i = 0; i < l.slots; i++)
        gather(&l, &net->params, i, l.moments + (size_t)i * net->params.bytes / sizeof(float));
    gather_counters(&l);
    if (!more)
        list_surplus(&l);
    st = complain(&l, e);
    if (st != KP_OK)
        goto out;
    ops->upload(s->device, s->params, l.params, net->params.bytes);
    if (net->buffers.bytes > 0)
        ops->upload(s->device, s->buffers, l.buffers, net->buffers.bytes);
    if (slot_bytes > 0)
        ops->upload(s->device, s->slots, l.moments, slot_bytes);
    memcpy(s->counters, l.counters, (size_t)net->counter_count * sizeof(*l.counters));
out:
    free(l.params);
    free(l.buffers);
    free(l.moments);
    free(l.counters);
    kp_text_finish(&l.missing);
    kp_text_finish(&l.misshapen);
    kp_text_finish(&l.surplus);
    return st;
}

enum kp_status kp_weights_load(struct kp_state *s, const struct kp_safetensors *file, bool slots,
                               bool more, struct kp_error *e)
{
    return load(s, file, NULL, slots, more, e);
}

enum kp_status kp_weights_read(struct kp_state *s, const char *path, const char *skip,
                               struct kp_error *e)
{
    struct kp_safetensors file = {0};
    enum kp_status st = kp_safetensors_open(path, &file, e);

    if (st != KP_OK)
        return st;
    st = load(s, &file, skip, false, false, e);
    kp_safetensors_close(&file);
    return st;
}
