/* harness.c - placement, guards, inputs and results of a case on a device. */
#include "harness.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

/* An odd number of words, so that parameters fall on every alignment that packing can give. */
#define GUARD_WORDS 65
#define ALIGNMENT   64

static enum kp_status no_memory(struct kp_error *e)
{
    return kp_fail(e, KP_E_NOMEM, "out of memory");
}

static size_t bytes_of(const struct kp_value *v)
{
    return (size_t)kp_shape_count(v->shape) * sizeof(float);
}

static int block_of(const struct kp_value *v, bool slot)
{
    if (slot)
        return BLOCK_SLOTS;
    switch (v->place) {
    case KP_AT_PARAMS:
        return BLOCK_PARAMS;
    case KP_AT_BUFFERS:
        return BLOCK_BUFFERS;
    case KP_AT_GRADS:
        return BLOCK_GRADS;
    case KP_AT_ARENA:
        break;
    }
    return BLOCK_ARENA;
}

/* Canonical memory, one value after another with guards between; SGD walks over all of a block, so
 * there the only guard is the one behind it. Returns the bytes up to the last guard. */
static size_t place_packed(struct op_graph *g, enum kp_place place, bool guards)
{
    size_t at = 0;
    for (int64_t i = 0; i < g->g.value_count; i++) {
        struct kp_value *v = g->g.values[i];
        if (v->place != place)
            continue;
        v->offset = at + (guards ? GUARD_WORDS * sizeof(float) : 0);
        at = v->offset + bytes_of(v);
    }
    return at;
}

static size_t aligned(size_t at)
{
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t place_arena(struct kp_graph *g)
{
    size_t guard = GUARD_WORDS * sizeof(float), at = 0;
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        if (v->place != KP_AT_ARENA || v->alias)
            continue;
        v->offset = aligned(at + guard);
        at = v->offset + v->bytes;
    }
    for (int64_t i = 0; i < g->node_count; i++) {
        g->nodes[i]->scratch_offset = aligned(at + guard);
        at = g->nodes[i]->scratch_offset + g->nodes[i]->scratch;
    }
    for (int64_t i = 0; i < g->value_count; i++) {
        const struct kp_value *root = g->values[i];
        while (root->alias)
            root = root->alias;
        g->values[i]->offset = root->offset;
    }
    return aligned(at + guard);
}

/* Of a value or of a slot of it, in its block. */
static size_t offset_of(const struct op_instance *x, const struct kp_value *v, int slot)
{
    return v->offset + (slot > 1 ? (size_t)(slot - 1) * x->graph.g.param_bytes : 0);
}

static enum kp_status block_init(struct op_instance *x, int which, size_t bytes, struct kp_error *e)
{
    struct op_block *b = &x->blocks[which];
    b->words = bytes / sizeof(float) + GUARD_WORDS;
    b->device = x->device->ops->alloc(x->device, b->words * sizeof(float));
    b->host = calloc(b->words, sizeof(*b->host));
    b->owned = calloc(b->words, sizeof(*b->owned));
    return b->device && b->host && b->owned ? KP_OK : no_memory(e);
}

static void own(struct op_block *b, size_t offset, size_t bytes)
{
    size_t words = (bytes + sizeof(float) - 1) / sizeof(float);
    for (size_t i = 0; i < words; i++)
        b->owned[offset / sizeof(float) + i] = true;
}

static enum kp_status blocks_init(struct op_instance *x, struct kp_error *e)
{
    const struct kp_graph *g = &x->graph.g;
    size_t sizes[BLOCKS] = {[BLOCK_ARENA] = g->arena_bytes,
                            [BLOCK_PARAMS] = g->param_bytes,
                            [BLOCK_BUFFERS] = g->buffer_bytes,
                            [BLOCK_GRADS] = g->param_bytes,
                            [BLOCK_SLOTS] = 2 * g->param_bytes};
    bool needed[BLOCKS] = {[BLOCK_ARENA] = true, [BLOCK_PARAMS] = true, [BLOCK_BUFFERS] = true};

    for (int64_t i = 0; i < g->value_count; i++)
        needed[block_of(g->values[i], false)] = true;
    for (int i = 0; i < x->graph.operand_count; i++)
        needed[block_of(x->graph.operands[i].v, x->graph.operands[i].slot)] = true;
    for (int i = 0; i < BLOCKS; i++)
        if (needed[i]) {
            enum kp_status st = block_init(x, i, sizes[i], e);
            if (st != KP_OK)
                return st;
        }
    for (int64_t i = 0; i < g->value_count; i++) {
        const struct kp_value *v = g->values[i];
        own(&x->blocks[block_of(v, false)], v->offset,
            v->place == KP_AT_ARENA ? v->bytes : bytes_of(v));
    }
    for (int i = 0; i < x->graph.operand_count; i++)
        if (x->graph.operands[i].slot)
            own(&x->blocks[BLOCK_SLOTS],
                offset_of(x, x->graph.operands[i].v, x->graph.operands[i].slot),
                bytes_of(x->graph.operands[i].v));
    for (int64_t i = 0; i < g->node_count; i++)
        own(&x->blocks[BLOCK_ARENA], g->nodes[i]->scratch_offset, g->nodes[i]->scratch);
    x->memory.arena = x->blocks[BLOCK_ARENA].device;
    x->memory.params = x->blocks[BLOCK_PARAMS].device;
    x->memory.buffers = x->blocks[BLOCK_BUFFERS].device;
    x->memory.grads = x->blocks[BLOCK_GRADS].device;
    x->memory.slots = x->blocks[BLOCK_SLOTS].device;
    return KP_OK;
}

int64_t op_result_words(const struct op_instance *x, const struct op_result *r)
{
    int64_t count = kp_shape_count(r->v->shape);
    return r->v->batched ? count / r->v->shape.dim[0] * x->rows : count;
}

static bool has_optimizer(const struct kp_graph *g)
{
    for (int64_t i = 0; i < g->node_count; i++)
        if (kp_op_is_update(g->nodes[i]->op))
            return true;
    return false;
}

static enum kp_status prepare(struct op_instance *x, bool fuse, struct kp_error *e)
{
    const struct kp_device_ops *ops = x->device->ops;
    struct op_graph *g = &x->graph;
    enum kp_status st = KP_OK;
    g->g.param_bytes = place_packed(g, KP_AT_PARAMS, !has_optimizer(&g->g));
    g->g.buffer_bytes = place_packed(g, KP_AT_BUFFERS, true);
    for (int i = 0; i < g->pair_count; i++)
        if (g->pairs[i].gradient->place == KP_AT_GRADS)
            g->pairs[i].gradient->offset = g->pairs[i].of->offset;
    if (fuse && (st = ops->fuse(x->device, &g->g, e)) != KP_OK)
        return st;
    if ((st = ops->plan(x->device, &g->g, e)) != KP_OK)
        return st;
    g->g.arena_bytes = place_arena(&g->g);
    if ((st = blocks_init(x, e)) != KP_OK)
        return st;
    for (int i = 0; i < g->result_count; i++)
        x->result_words += op_result_words(x, &g->results[i]);
    return ops->lower(x->device, &g->g, &x->code, e);
}

enum kp_status op_instance_adopt(struct op_instance *x, struct kp_device *d, struct op_graph *g,
                                 int64_t rows, bool fuse, struct kp_error *e)
{
    memset(x, 0, sizeof(*x));
    x->device = d;
    x->graph = *g;
    x->rows = rows;
    x->memory.scalars[KP_SCALAR_LR] = 0.05;
    x->memory.scalars[KP_SCALAR_STEP] = 3;
    x->memory.scalars[KP_SCALAR_SEED] = 1234567890123.0;
    memset(g, 0, sizeof(*g));
    enum kp_status st = prepare(x, fuse, e);
    if (st != KP_OK)
        op_instance_finish(x);
    return st;
}

enum kp_status op_instance_init(struct op_instance *x, struct kp_device *d, const struct op_case *c,
                                unsigned parts, struct kp_error *e)
{
    struct op_graph g;
    memset(x, 0, sizeof(*x));
    enum kp_status st = op_graph_init(c, parts, &g, e);
    if (st != KP_OK)
        return st;
    return op_instance_adopt(x, d, &g, c->rows, c->chain != CHAIN_NONE, e);
}

void op_instance_finish(struct op_instance *x)
{
    if (x->code)
        x->device->ops->code_destroy(x->code);
    for (int i = 0; i < BLOCKS; i++) {
        struct op_block *b = &x->blocks[i];
        if (b->device)
            x->device->ops->release(x->device, b->device, b->words * sizeof(float));
        free(b->host);
        free(b->owned);
    }
    op_graph_finish(&x->graph);
    memset(x, 0, sizeof(*x));
}

static double draw(const struct op_operand *o, struct kp_rng_key key, uint64_t operand, uint32_t i)
{
    switch (o->fill) {
    case FILL_NORMAL:
        return o->mean + o->sd * kp_rng_normal(key, operand, i);
    case FILL_COARSE:
        return (double)kp_rng_below(key, operand, i, 5) - 2;
    case FILL_CONSTANT:
        return o->mean;
    case FILL_EXTREME:
        return 1e4 * ((double)kp_rng_below(key, operand, i, 3) - 1);
    case FILL_PEAKED:
        return o->mean + o->sd * (kp_rng_normal(key, operand, i) +
                                  (kp_rng_below(key, operand + 99, i, 512) == 0 ? 100 : 0));
    case FILL_LABELS:
        return i % 5 == 4 ? -1 : (double)kp_rng_below(key, operand, i, (uint64_t)o->classes);
    case FILL_WEIGHTS:
        return (double)kp_rng_below(key, operand, i, 4) / 2;
    case FILL_VARIANCE:
        return 0.1 + 1.9 * kp_rng_uniform(key, operand, i);
    case FILL_GIVEN:
        return o->given[i];
    }
    return 0;
}

/* Element i of an operand as the host gives it. */
static void fill(const struct op_operand *o, int operand, void *out)
{
    struct kp_rng_key key = {.seed = 20251124, .role = KP_ROLE_STUDENT, .stream = KP_STREAM_INIT};
    for (int64_t i = 0; i < kp_shape_count(o->v->shape); i++) {
        double value = draw(o, key, (uint64_t)operand, (uint32_t)i);
        if (o->v->dtype == KP_I32)
            ((int32_t *)out)[i] = (int32_t)value;
        else
            ((float *)out)[i] = (float)value;
    }
}

enum kp_status op_instance_fill(struct op_instance *x, float poison, struct kp_error *e)
{
    const struct kp_device_ops *ops = x->device->ops;
    for (int i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < x->blocks[i].words; k++)
            x->blocks[i].host[k] = poison;
    for (int i = 0; i < x->graph.operand_count; i++) {
        const struct op_operand *o = &x->graph.operands[i];
        int block = block_of(o->v, o->slot);
        if (block != BLOCK_ARENA)
            fill(o, i, x->blocks[block].host + offset_of(x, o->v, o->slot) / sizeof(float));
    }
    for (int i = 0; i < BLOCKS; i++) {
        const struct op_block *b = &x->blocks[i];
        if (b->device)
            ops->upload(x->device, b->device, b->host, b->words * sizeof(float));
    }
    for (int i = 0; i < x->graph.operand_count; i++) {
        const struct op_operand *o = &x->graph.operands[i];
        if (block_of(o->v, o->slot) != BLOCK_ARENA)
            continue;
        void *host = malloc(bytes_of(o->v));
        if (!host)
            return no_memory(e);
        fill(o, i, host);
        ops->write(x->code, &x->memory, o->v, host, x->rows);
        free(host);
    }
    return KP_OK;
}

enum kp_status op_instance_run(struct op_instance *x, struct kp_error *e)
{
    return x->device->ops->run(x->code, &x->memory, x->rows, e);
}

static enum kp_status check_guards(struct op_instance *x, float poison, struct kp_error *e)
{
    static const char *const names[BLOCKS] = {"arena", "params", "buffers", "grads", "slots"};
    for (int i = 0; i < BLOCKS; i++) {
        struct op_block *b = &x->blocks[i];
        if (!b->device)
            continue;
        x->device->ops->download(x->device, b->host, b->device, b->words * sizeof(float));
        for (size_t k = 0; k < b->words; k++)
            if (!b->owned[k] && memcmp(&b->host[k], &poison, sizeof(poison)) != 0)
                return kp_fail(e, KP_E_DEVICE,
                               "%s: byte %zu belongs to no value but was written (%g)", names[i],
                               k * sizeof(float), (double)b->host[k]);
    }
    return KP_OK;
}

enum kp_status op_instance_results(struct op_instance *x, float poison, float *out,
                                   struct kp_error *e)
{
    enum kp_status st = check_guards(x, poison, e);
    if (st != KP_OK)
        return st;
    for (int i = 0; i < x->graph.result_count; i++) {
        const struct op_result *r = &x->graph.results[i];
        int64_t words = op_result_words(x, r);
        int block = block_of(r->v, r->slot);
        if (block == BLOCK_ARENA)
            x->device->ops->read(x->code, &x->memory, r->v, out, x->rows);
        else
            memcpy(out, x->blocks[block].host + offset_of(x, r->v, r->slot) / sizeof(float),
                   (size_t)words * sizeof(float));
        out += words;
    }
    return KP_OK;
}
