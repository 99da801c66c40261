/* net.c - runs a model's build and keeps what it declares. */
#include "tensor/net.h"

#include "base/running.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT    128
#define PARAM_LIMIT   (INT64_C(1) << 40)
#define OPTIONS_LIMIT 1024

struct build {
    struct kp_build head; /* first: plugins see a pointer to it */
    struct kp_net *net;
    const struct kp_op_source *ops; /* or NULL */
    struct kp_error *error;
};

static struct build *build_of(struct kp_build *b)
{
    return (struct build *)b;
}

static enum kp_status build_status(const struct kp_build *b)
{
    return ((const struct build *)b)->error->status;
}

static enum kp_status build_fail(struct kp_build *b, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status build_fail(struct kp_build *b, enum kp_status st, const char *fmt, ...)
{
    struct build *x = build_of(b);
    va_list args;

    if (x->error->status != KP_OK)
        return x->error->status;
    va_start(args, fmt);
    st = kp_fail_v(x->error, st, fmt, args);
    va_end(args);
    return st;
}

static void *build_alloc(struct kp_build *b, size_t count, size_t size)
{
    struct build *x = build_of(b);
    void *p = x->error->status == KP_OK ? kp_arena_alloc(&x->net->memory, count, size) : NULL;

    if (!p && x->error->status == KP_OK)
        kp_fail(x->error, KP_E_NOMEM, "no memory for %zu elements of %zu bytes", count, size);
    return p;
}

static bool check_name(struct build *x, const char *name)
{
    if (x->error->status != KP_OK)
        return false;
    if (!name || !name[0] || strlen(name) >= NAME_LIMIT) {
        kp_fail(x->error, KP_E_INVALID, "parameter name '%.40s...' has not 1 to %d characters",
                name ? name : "", NAME_LIMIT - 1);
        return false;
    }
    for (const char *c = name; *c; c++)
        if (*c < 0x21 || *c > 0x7e || *c == '"' || *c == '\\') {
            kp_fail(x->error, KP_E_INVALID,
                    "parameter name '%s' has a character that is not allowed", name);
            return false;
        }
    if (kp_net_declares(x->net, name)) {
        kp_fail(x->error, KP_E_INVALID, "the model declares '%s' twice", name);
        return false;
    }
    return true;
}

static bool check_shape(struct build *x, const char *name, struct kp_shape s)
{
    int64_t count = 1;

    if (s.n < 1 || s.n > KP_MAX_DIMS) {
        kp_fail(x->error, KP_E_SHAPE, "'%s' has %d dimensions, not 1 to %d", name, (int)s.n,
                KP_MAX_DIMS);
        return false;
    }
    for (int32_t i = 0; i < s.n; i++) {
        if (s.dim[i] < 1 || s.dim[i] > PARAM_LIMIT / count) {
            kp_fail(x->error, KP_E_SHAPE, "'%s': extent %lld of dimension %d is not possible", name,
                    (long long)s.dim[i], (int)i);
            return false;
        }
        count *= s.dim[i];
    }
    return true;
}

/* A pointer array in the net's arena with room for one more. */
static void *grown(struct kp_arena *a, void *v, int64_t count, int64_t *room)
{
    if (count < *room)
        return v;
    int64_t larger = *room > 0 ? 2 * *room : 32;
    void **moved = kp_arena_new(a, void *, larger);
    if (moved && count > 0)
        memcpy(moved, v, (size_t)count * sizeof(void *));
    if (moved)
        *room = larger;
    return moved;
}

static struct kp_tensor *declare(struct build *x, struct kp_net_list *list, const char *name,
                                 struct kp_shape shape, struct kp_init init)
{
    struct kp_net *n = x->net;

    if (!check_name(x, name) || !check_shape(x, name, shape))
        return NULL;

    struct kp_net_block *block = kp_arena_new(&n->memory, struct kp_net_block, 1);
    struct kp_net_block **v =
        (struct kp_net_block **)grown(&n->memory, (void *)list->v, list->count, &list->room);
    char *copy = kp_arena_strdup(&n->memory, name);
    if (!block || !v || !copy) {
        kp_fail(x->error, KP_E_NOMEM, "no memory for parameter '%s'", name);
        return NULL;
    }
    block->name = copy;
    block->shape = shape;
    block->init = init;
    block->offset = list->bytes;
    block->tensor = (struct kp_tensor){n, list == &n->buffers, list->count, NULL};
    list->bytes += (size_t)kp_shape_count(shape) * sizeof(float);
    list->v = v;
    list->v[list->count++] = block;
    return &block->tensor;
}

static struct kp_tensor *build_param(struct kp_build *b, const char *name, struct kp_shape shape,
                                     struct kp_init init)
{
    return declare(build_of(b), &build_of(b)->net->params, name, shape, init);
}

static struct kp_tensor *build_buffer(struct kp_build *b, const char *name, struct kp_shape shape,
                                      double value)
{
    return declare(build_of(b), &build_of(b)->net->buffers, name, shape, kp_init_constant(value));
}

static void build_counter(struct kp_build *b, const char *name)
{
    struct build *x = build_of(b);
    struct kp_net *n = x->net;

    if (!check_name(x, name))
        return;
    const char **v =
        (const char **)grown(&n->memory, (void *)n->counters, n->counter_count, &n->counter_room);
    char *copy = kp_arena_strdup(&n->memory, name);
    if (!v || !copy) {
        kp_fail(x->error, KP_E_NOMEM, "no memory for counter '%s'", name);
        return;
    }
    n->counters = v;
    n->counters[n->counter_count++] = copy;
}

static const struct kp_operation *build_operation(struct kp_build *b, const char *name,
                                                  const char *fmt, ...) KP_PRINTF(3, 4);
static const struct kp_operation *build_operation(struct kp_build *b, const char *name,
                                                  const char *fmt, ...)
{
    struct build *x = build_of(b);
    struct kp_net *n = x->net;
    char options[OPTIONS_LIMIT];
    va_list args;

    va_start(args, fmt);
    int length = vsnprintf(options, sizeof(options), fmt, args);
    va_end(args);
    if (x->error->status != KP_OK)
        return NULL;
    if (length < 0 || (size_t)length >= sizeof(options)) {
        kp_fail(x->error, KP_E_INVALID, "operation '%s': its options have more than %d characters",
                name, OPTIONS_LIMIT - 1);
        return NULL;
    }
    if (!x->ops) {
        kp_fail(x->error, KP_E_UNSUPPORTED, "operation '%s': there are no plugins here", name);
        return NULL;
    }
    struct kp_operation *op = kp_arena_new(&n->memory, struct kp_operation, 1);
    struct kp_operation **v = (struct kp_operation **)grown(&n->memory, (void *)n->operations,
                                                            n->operation_count, &n->operation_room);
    if (!op || !v) {
        kp_fail(x->error, KP_E_NOMEM, "no memory for operation '%s'", name);
        return NULL;
    }
    n->operations = v;
    if (x->ops->find(x->ops->arg, name, options, &n->memory, op, x->error) != KP_OK)
        return NULL;
    n->operations[n->operation_count++] = op;
    return op;
}

static const struct kp_build_fn build_fn = {
    .size = sizeof(struct kp_build_fn),
    .status = build_status,
    .fail = build_fail,
    .alloc = build_alloc,
    .param = build_param,
    .buffer = build_buffer,
    .counter = build_counter,
    .operation = build_operation,
};

enum kp_status kp_net_create(const struct kp_model_def *def, void *self,
                             const struct kp_model_io *io, const struct kp_op_source *ops,
                             struct kp_net **out, struct kp_error *e)
{
    KP_ASSERT(io->input.n < KP_MAX_DIMS && io->labels.n < KP_MAX_DIMS - 1);
    struct kp_error why = {0};
    struct kp_net *n = calloc(1, sizeof(*n));

    if (!n)
        return kp_fail(e, KP_E_NOMEM, "no memory for a model");
    n->def = def;
    n->self = self;
    n->io = *io;

    struct build b = {{&build_fn}, n, ops, &why};
    enum kp_status st;

    KP_IN_PLUGIN("model", def->name, "build", st = def->build(self, &b.head, io));
    if (why.status == KP_OK && st != KP_OK)
        kp_fail(&why, st, "build failed without saying why");
    if (why.status == KP_OK && n->params.count == 0)
        kp_fail(&why, KP_E_INVALID, "declares no parameter");
    if (why.status != KP_OK) {
        kp_net_destroy(n);
        return kp_fail(e, why.status, "model '%s': %s", def->name, why.text);
    }
    *out = n;
    return KP_OK;
}

void kp_net_destroy(struct kp_net *n)
{
    if (!n)
        return;
    kp_arena_finish(&n->memory);
    free(n);
}

int64_t kp_net_param_count(const struct kp_net *n)
{
    return (int64_t)(n->params.bytes / sizeof(float));
}

bool kp_net_declares(const struct kp_net *n, const char *name)
{
    for (int64_t i = 0; i < n->params.count; i++)
        if (strcmp(n->params.v[i]->name, name) == 0)
            return true;
    for (int64_t i = 0; i < n->buffers.count; i++)
        if (strcmp(n->buffers.v[i]->name, name) == 0)
            return true;
    for (int64_t i = 0; i < n->counter_count; i++)
        if (strcmp(n->counters[i], name) == 0)
            return true;
    return false;
}
