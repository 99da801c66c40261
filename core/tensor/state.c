/* state.c - parameters and buffers on a device, and programs in use. */
#include "base/rng.h"
#include "tensor/program.h"

#include <stdlib.h>

/* A scalar of the device is a double: integers up to here are exact. */
#define DROPOUT_SEEDS (UINT64_C(1) << 53)

static void *take(struct kp_device *d, size_t bytes)
{
    return bytes > 0 ? d->ops->alloc(d, bytes) : NULL;
}

static void give(struct kp_device *d, void *p, size_t bytes)
{
    if (p)
        d->ops->release(d, p, bytes);
}

enum kp_status kp_state_create(struct kp_device *device, const struct kp_net *net, bool trained,
                               struct kp_state **out, struct kp_error *e)
{
    struct kp_state *s = calloc(1, sizeof(*s));

    if (!s)
        return kp_fail(e, KP_E_NOMEM, "no memory for a model's state");
    s->device = device;
    s->net = net;
    s->params = take(device, net->params.bytes);
    s->buffers = take(device, net->buffers.bytes);
    s->counters = calloc((size_t)net->counter_count + 1, sizeof(*s->counters));
    if (trained)
        s->grads = take(device, net->params.bytes);
    if (!s->counters || !s->params || (net->buffers.bytes > 0 && !s->buffers) ||
        (trained && !s->grads)) {
        kp_state_destroy(s);
        return kp_fail(e, KP_E_NOMEM, "no device memory for %zu bytes of parameters",
                       net->params.bytes);
    }
    *out = s;
    return KP_OK;
}

void kp_state_destroy(struct kp_state *s)
{
    if (!s)
        return;
    give(s->device, s->params, s->net->params.bytes);
    give(s->device, s->buffers, s->net->buffers.bytes);
    give(s->device, s->grads, s->net->params.bytes);
    give(s->device, s->slots, (size_t)s->slot_count * s->net->params.bytes);
    free(s->counters);
    free(s);
}

static void fill(const struct kp_net_block *b, struct kp_rng_key key, int64_t number, float *v)
{
    int64_t count = kp_shape_count(b->shape);

    for (int64_t i = 0; i < count; i++) {
        /* A word of the counter holds 32 bits of the index; a parameter above 2^32 elements
         * continues in the example, which has room above the number of the parameter. */
        uint64_t example = (uint64_t)number + ((uint64_t)(i >> 32) << 20);
        uint32_t index = (uint32_t)i;
        switch (b->init.kind) {
        case KP_INIT_UNIFORM:
            v[i] = (float)(b->init.a * (2.0 * kp_rng_uniform(key, example, index) - 1.0));
            break;
        case KP_INIT_NORMAL:
            v[i] = (float)(b->init.a * kp_rng_normal(key, example, index));
            break;
        case KP_INIT_CONSTANT:
        default:
            v[i] = (float)b->init.a;
        }
    }
}

static enum kp_status fill_list(struct kp_device *d, const struct kp_net_list *list, void *memory,
                                struct kp_rng_key key, struct kp_error *e)
{
    if (list->bytes == 0)
        return KP_OK;
    float *host = malloc(list->bytes);
    if (!host)
        return kp_fail(e, KP_E_NOMEM, "no memory to initialise %zu bytes", list->bytes);
    for (int64_t i = 0; i < list->count; i++)
        fill(list->v[i], key, i, host + list->v[i]->offset / sizeof(float));
    d->ops->upload(d, memory, host, list->bytes);
    free(host);
    return KP_OK;
}

enum kp_status kp_state_init(struct kp_state *s, uint64_t seed, int role, struct kp_error *e)
{
    struct kp_rng_key key = {.seed = seed, .role = (uint8_t)role, .stream = KP_STREAM_INIT};
    enum kp_status st = fill_list(s->device, &s->net->params, s->params, key, e);

    if (st == KP_OK)
        st = fill_list(s->device, &s->net->buffers, s->buffers, key, e);
    for (int64_t i = 0; i < s->net->counter_count; i++)
        s->counters[i] = 0;
    s->updates = 0;
    key.stream = KP_STREAM_DROPOUT;
    s->dropout_seed = kp_rng_below(key, 0, 0, DROPOUT_SEEDS);
    return st;
}

/* A state that has no slots yet gets those of its optimizer. */
static enum kp_status make_slots(struct kp_state *s, int count, struct kp_error *e)
{
    size_t bytes = (size_t)count * s->net->params.bytes;

    if (count == s->slot_count || count == 0)
        return KP_OK;
    if (s->slots)
        return kp_fail(e, KP_E_INVALID, "a state with %d slots in use by an optimizer with %d",
                       s->slot_count, count);
    s->slots = take(s->device, bytes);
    if (!s->slots)
        return kp_fail(e, KP_E_NOMEM, "no device memory for %zu bytes of optimizer state", bytes);
    s->slot_count = count;
    return KP_OK;
}

enum kp_status kp_exec_create(const struct kp_program *p, struct kp_state *s, struct kp_exec **out,
                              struct kp_error *e)
{
    enum kp_status st = make_slots(s, p->slots, e);
    struct kp_exec *x = st == KP_OK ? calloc(1, sizeof(*x)) : NULL;
    const float one = 1.0F;

    if (st != KP_OK)
        return st;
    if (!x)
        return kp_fail(e, KP_E_NOMEM, "no memory for a program");
    x->program = p;
    x->state = s;
    x->memory.params = s->params;
    x->memory.buffers = s->buffers;
    x->memory.grads = p->trains || p->cotangent ? s->grads : NULL;
    x->memory.slots = p->slots > 0 ? s->slots : NULL;
    x->memory.arena = take(p->device, p->graph.arena_bytes);
    x->memory.sums = p->accumulates ? take(p->device, p->graph.param_bytes) : NULL;
    if (!x->memory.arena || (p->accumulates && !x->memory.sums)) {
        kp_exec_destroy(x);
        return kp_fail(e, KP_E_NOMEM, "no device memory for %zu bytes of activations",
                       p->graph.arena_bytes);
    }
    if (p->seed)
        kp_exec_write(x, p->seed, &one, 1);
    *out = x;
    return KP_OK;
}

void kp_exec_destroy(struct kp_exec *x)
{
    if (!x)
        return;
    give(x->program->device, x->memory.arena, x->program->graph.arena_bytes);
    give(x->program->device, x->memory.sums, x->program->graph.param_bytes);
    free(x);
}

void kp_exec_load(struct kp_exec *x, const struct kp_load *load)
{
    if (load->numbers)
        kp_exec_write(x, x->program->x, load->numbers, load->rows);
    else
        x->program->device->ops->load_batch(x->program->code, &x->memory, x->program->x, load);
}

void kp_exec_write(struct kp_exec *x, const struct kp_value *v, const void *host, int64_t rows)
{
    x->program->device->ops->write(x->program->code, &x->memory, v, host, rows);
}

/* A parameter of the teacher's as an input of x; both may be NULL. */
static enum kp_status take_parameter(struct kp_exec *x, const struct kp_value *to,
                                     const struct kp_exec *teacher, const struct kp_value *from,
                                     struct kp_error *e)
{
    float *numbers = to ? malloc((size_t)kp_shape_count(to->shape) * sizeof(*numbers)) : NULL;

    if (to && !numbers)
        return kp_fail(e, KP_E_NOMEM, "no memory for the teacher's head");
    if (to) {
        kp_exec_read(teacher, from, numbers, 1);
        kp_exec_write(x, to, numbers, 1);
    }
    free(numbers);
    return KP_OK;
}

enum kp_status kp_exec_take_head(struct kp_exec *x, const struct kp_exec *teacher,
                                 struct kp_error *e)
{
    const struct kp_program *p = x->program, *t = teacher->program;
    enum kp_status st = take_parameter(x, p->teacher_weight, teacher, t->head_weight, e);

    return st == KP_OK ? take_parameter(x, p->teacher_bias, teacher, t->head_bias, e) : st;
}

void kp_exec_read(const struct kp_exec *x, const struct kp_value *v, void *host, int64_t rows)
{
    x->program->device->ops->read(x->program->code, &x->memory, v, host, rows);
}

enum kp_status kp_exec_run_part(struct kp_exec *x, int64_t rows, const struct kp_batch_part *part,
                                struct kp_error *e)
{
    const float share = (float)part->share;

    KP_ASSERT(x->program->accumulates || (part->number == 0 && !part->more));
    kp_exec_write(x, x->program->seed, &share, 1);
    x->memory.scalars[KP_SCALAR_PART] = (double)part->number;
    x->memory.scalars[KP_SCALAR_MORE] = part->more;
    return kp_exec_run(x, rows, e);
}

enum kp_status kp_exec_run(struct kp_exec *x, int64_t rows, struct kp_error *e)
{
    KP_ASSERT(rows >= 1 && rows <= x->program->capacity);
    x->memory.scalars[KP_SCALAR_STEP] = (double)(x->state->updates + 1);
    x->memory.scalars[KP_SCALAR_SEED] = (double)x->state->dropout_seed;
    enum kp_status st = x->program->device->ops->run(x->program->code, &x->memory, rows, e);

    if (st == KP_OK && x->program->trains && x->memory.scalars[KP_SCALAR_MORE] == 0) {
        for (int64_t i = 0; i < x->state->net->counter_count; i++)
            x->state->counters[i] += x->program->counts[i];
        x->state->updates++;
    }
    return st;
}
