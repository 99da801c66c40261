/* load.c - load_batch on a device against the reference. */
#include "check.h"
#include "harness.h"

#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct load_case {
    int64_t capacity, rows, channels, height, width;
    int pad;      /* crop offsets in [-pad, pad]; -1: no draws at all */
    float rotate; /* angles in [-rotate, rotate] */
};

static const struct load_case cases[] = {
    {1, 1, 1, 1, 1, 0},       {5, 5, 3, 3, 4, 1},     {16, 16, 1, 28, 28, -1},
    {33, 20, 3, 32, 32, 4},   {17, 17, 1, 28, 28, 2}, {33, 33, 3, 32, 32, 0},
    {64, 1, 3, 32, 32, 4},    {16, 11, 3, 5, 7, 9},   {33, 33, 3, 32, 32, 4, 15},
    {16, 9, 1, 5, 8, 0, 180}, {5, 5, 3, 7, 7, 1, 45},
};

/* Bytes and draws of one case; finish() frees. */
struct batch {
    uint8_t *bytes;
    struct kp_draw *draws;
};

static const float mean[3] = {0.4914f, 0.4822f, 0.4465f}, sd[3] = {0.247f, 0.2435f, 0.2616f};

static bool batch_init(struct batch *b, const struct load_case *c)
{
    struct kp_rng_key key = {.seed = 3, .stream = KP_STREAM_AUGMENT};
    int64_t each = c->channels * c->height * c->width;
    b->bytes = malloc((size_t)(c->rows * each));
    b->draws = calloc((size_t)c->rows, sizeof(*b->draws));
    if (!b->bytes || !b->draws)
        return false;
    for (int64_t i = 0; i < c->rows * each; i++)
        b->bytes[i] = (uint8_t)kp_rng_below(key, 0, (uint32_t)i, 256);
    for (int64_t n = 0; c->pad >= 0 && n < c->rows; n++) {
        uint64_t choices = 2 * (uint64_t)c->pad + 1;
        b->draws[n].dy = (int8_t)((int)kp_rng_below(key, 1, (uint32_t)n, choices) - c->pad);
        b->draws[n].dx = (int8_t)((int)kp_rng_below(key, 2, (uint32_t)n, choices) - c->pad);
        b->draws[n].flip = kp_rng_below(key, 3, (uint32_t)n, 2) == 1;
        b->draws[n].angle = c->rotate * (float)(2 * kp_rng_uniform(key, 4, (uint32_t)n) - 1);
    }
    return true;
}

static void batch_finish(struct batch *b)
{
    free(b->bytes);
    free(b->draws);
}

/* How the batch comes into an instance. */
enum way {
    FROM_HOST,
    KEPT,   /* its bytes lie on the device, among others and in another order */
    COPIED, /* it was loaded into another instance */
};
static const char *const way_names[] = {"", " kept", " copied"};

static int64_t count_of(const struct load_case *l)
{
    return l->rows * l->channels * l->height * l->width;
}

/* The input of `op`, which decides its layout. */
static enum kp_status open_input(struct kp_device *d, const struct load_case *l, enum kp_op op,
                                 struct op_instance *x, struct kp_error *e)
{
    struct op_case c = {.op = op,
                        .capacity = l->capacity,
                        .rows = l->rows,
                        .channels = l->channels,
                        .height = l->height,
                        .width = l->width,
                        .outputs = 4,
                        .window = {{1, 1}, {1, 1}, {0, 0}},
                        .factor = 1};
    enum kp_status st = op_instance_init(x, d, &c, PART_FORWARD, e);

    return st == KP_OK ? op_instance_fill(x, 1e30f, e) : st;
}

static void load_bytes(struct op_instance *x, const struct kp_load *load)
{
    x->device->ops->load_batch(x->code, &x->memory, x->graph.operands[0].v, load);
}

/* Row n is number 2 (rows - n) - 1 of twice as many examples on the device. */
static enum kp_status load_kept(struct op_instance *x, const struct kp_load *load,
                                struct kp_error *e)
{
    struct kp_device *d = x->device;
    const int64_t rows = load->rows;
    const size_t each = (size_t)(load->channels * load->height * load->width);
    const size_t bytes = 2 * (size_t)rows * each;
    uint8_t *host = malloc(bytes);
    int64_t *index = calloc((size_t)rows, sizeof(*index));
    void *pool = d->ops->alloc(d, bytes);
    struct kp_load kept = *load;
    enum kp_status st = KP_OK;

    if (host && index && pool) {
        memset(host, 0xaa, bytes);
        for (int64_t n = 0; n < rows; n++) {
            index[n] = 2 * (rows - n) - 1;
            memcpy(host + (size_t)index[n] * each, load->bytes + (size_t)n * each, each);
        }
        d->ops->upload(d, pool, host, bytes);
        kept.bytes = NULL;
        kept.kept = pool;
        kept.index = index;
        load_bytes(x, &kept);
    } else {
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    if (pool)
        d->ops->release(d, pool, bytes);
    free(index);
    free(host);
    return st;
}

static enum kp_status load_copied(struct op_instance *x, const struct kp_load *load, enum kp_op op,
                                  const struct load_case *l, struct kp_error *e)
{
    struct op_instance first = {0};
    enum kp_status st = open_input(x->device, l, op, &first, e);

    if (st == KP_OK) {
        load_bytes(&first, load);
        if (!x->device->ops->copy_batch(x->device, &first.memory, first.graph.operands[0].v,
                                        &x->memory, x->graph.operands[0].v, load->rows))
            st = kp_fail(e, KP_E_INVALID, "two inputs of one kind are not copied");
    }
    op_instance_finish(&first);
    return st;
}

/* What the input of `op` is then; *out is allocated. */
static enum kp_status load(struct kp_device *d, const struct load_case *l, enum kp_op op,
                           enum way way, const struct batch *b, float **out, struct kp_error *e)
{
    const struct kp_load batch = {.bytes = b->bytes,
                                  .draws = l->pad >= 0 ? b->draws : NULL,
                                  .rows = l->rows,
                                  .channels = l->channels,
                                  .height = l->height,
                                  .width = l->width,
                                  .mean = mean,
                                  .sd = sd};
    struct op_instance x = {0};
    float *read = malloc((size_t)count_of(l) * sizeof(*read));
    float *results = NULL;
    enum kp_status st = open_input(d, l, op, &x, e);

    if (st == KP_OK)
        results = malloc((size_t)x.result_words * sizeof(*results));
    if (st == KP_OK && (!read || !results))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK && way == FROM_HOST)
        load_bytes(&x, &batch);
    if (st == KP_OK && way == KEPT)
        st = load_kept(&x, &batch, e);
    if (st == KP_OK && way == COPIED)
        st = load_copied(&x, &batch, op, l, e);
    if (st == KP_OK) {
        d->ops->read(x.code, &x.memory, x.graph.operands[0].v, read, l->rows);
        st = op_instance_results(&x, 1e30f, results, e);
    }
    op_instance_finish(&x);
    free(results);
    if (st != KP_OK) {
        free(read);
        return st;
    }
    *out = read;
    return KP_OK;
}

static enum kp_status compare(const struct op_devices *d, const struct load_case *l, enum kp_op op,
                              enum way way, struct kp_error *e)
{
    struct batch b = {0};
    float *want = NULL, *one = NULL, *two = NULL;
    enum kp_status st = KP_OK;

    if (!batch_init(&b, l))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = load(d->ref, l, op, FROM_HOST, &b, &want, e);
    if (st == KP_OK)
        st = load(d->one, l, op, way, &b, &one, e);
    if (st == KP_OK)
        st = load(d->two, l, op, FROM_HOST, &b, &two, e);
    /* (byte / 255 - mean) / sd is at most 3: three roundings of 2^-24. */
    for (int64_t i = 0; st == KP_OK && i < count_of(l); i++) {
        double difference = (double)one[i] - (double)want[i];
        if (!(difference <= 1e-6 && difference >= -1e-6))
            st = kp_fail(e, KP_E_NUMERIC, "pixel %lld is %.9g, must be %.9g", (long long)i,
                         (double)one[i], (double)want[i]);
        else if (one[i] != two[i])
            st = kp_fail(e, KP_E_NUMERIC,
                         "pixel %lld is %.9g with two threads and from the host, was %.9g",
                         (long long)i, (double)two[i], (double)one[i]);
    }
    free(want);
    free(one);
    free(two);
    batch_finish(&b);
    return st;
}

static void compare_one(const struct op_devices *d, const struct load_case *l, enum kp_op op,
                        enum way way, struct op_report *r)
{
    struct kp_error e = {0};
    char name[128];

    (void)snprintf(name, sizeof(name), "load_batch%s for %s n=%lld/%lld c=%lld %lldx%lld pad=%d",
                   way_names[way], kp_op_name(op), (long long)l->rows, (long long)l->capacity,
                   (long long)l->channels, (long long)l->height, (long long)l->width, l->pad);
    (void)compare(d, l, op, way, &e);
    op_report_add(r, name, &e);
}

void op_compare_load(const struct op_devices *d, struct op_report *r)
{
    static const enum kp_op users[] = {KP_OP_CONV2D, KP_OP_SCALE};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (size_t k = 0; k < sizeof(users) / sizeof(*users); k++) {
            compare_one(d, &cases[i], users[k], FROM_HOST, r);
            compare_one(d, &cases[i], users[k], COPIED, r);
            if (d->one->ops->room)
                compare_one(d, &cases[i], users[k], KEPT, r);
        }
}
