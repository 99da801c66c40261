/* use_dataset.c - a dataset in use: opened, and some examples of each split read. */
#include "conform/use_dataset.h"

#include "base/file.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the plugin's struct kp_data. */
struct handle {
    struct kp_data data; /* first: the plugin sees a pointer to it */
    struct kp_error *error;
};

static enum kp_status fail(struct kp_data *d, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status fail(struct kp_data *d, enum kp_status st, const char *fmt, ...)
{
    struct handle *h = (struct handle *)d;
    va_list args;

    if (h->error->status != KP_OK)
        return h->error->status;
    va_start(args, fmt);
    st = kp_fail_v(h->error, st, fmt, args);
    va_end(args);
    return st;
}

/* Variant 0 without a root, variant 1 with the folder `data` beside the plugin, 2 with one that is
 * not there. */
static bool choose_dataset(const struct kp_trial *t, int i, struct kp_use *u)
{
    if (i > 1 || (i == 1 && !*t->slate->data))
        return false;
    *u = (struct kp_use){
        .device = "ref", .batch = 24, .classes = 2, .variant = i, .seed = t->slate->seed};
    return true;
}

static void close_dataset(void *instance)
{
    struct kp_used_dataset *d = instance;

    if (d->opened && d->def->close) {
        kp_guard_seal(&d->guarded.guards, d->guarded.self, false);
        kp_guarded_call(&d->guarded, "close");
        d->def->close(d->guarded.self);
        kp_guarded_call(&d->guarded, NULL);
    }
    kp_guards_finish(&d->memory);
    kp_guarded_finish(&d->guarded);
    free(d);
}

static enum kp_status check_info(const struct kp_dataset_info *i, struct kp_error *e)
{
    const bool dims = i->shape.n >= 1 && i->shape.n <= 4 && i->labels.n >= 0 && i->labels.n <= 4;

    if (!dims || i->classes < 2)
        return kp_fail(e, KP_E_SHAPE,
                       "examples of %d dims, %lld classes; 1 to 4 dims, at least 2 "
                       "classes",
                       (int)i->shape.n, (long long)i->classes);
    for (int s = 0; s < KP_DATASET_SPLITS; s++)
        if (i->count[s] < 1 || i->count[s] > KP_DATASET_EXAMPLES_MAX)
            return kp_fail(e, KP_E_SHAPE, "a split of %lld examples; 1 to 2^48",
                           (long long)i->count[s]);
    return KP_OK;
}

static enum kp_status open_dataset(const struct kp_trial *t, const struct kp_use *u, void **out,
                                   struct kp_error *e)
{
    struct kp_used_dataset *d = calloc(1, sizeof(*d));
    struct kp_error why = {0};
    struct handle h = {.error = &why};

    if (!d)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    d->def = t->def;
    d->batch = u->batch;
    d->poison = u->poison;
    d->seed = u->seed;
    d->info.size = sizeof(d->info);
    h.data = (struct kp_data){.size = sizeof(h.data), .fail = fail};
    h.data.root = u->variant == 0 ? "" : u->variant == 1 ? t->slate->data : "/nowhere/at/all";
    enum kp_status st = kp_guarded_open(t, u, &d->def->options, d->def->self_size, &d->guarded, e);
    if (st == KP_OK) {
        kp_guard_seal(&d->guarded.guards, d->guarded.self, false);
        d->opened = true;
        kp_guarded_call(&d->guarded, "open");
        st = d->def->open(d->guarded.self, &h.data, &d->info);
        kp_guarded_call(&d->guarded, NULL);
        kp_guard_seal(&d->guarded.guards, d->guarded.self, true);
        if (why.status == KP_OK && st != KP_OK)
            (void)kp_fail(&why, st, "open failed without saying why");
        st = why.status == KP_OK ? check_info(&d->info, e) : kp_fail(e, why.status, "%s", why.text);
    }
    if (st == KP_OK)
        *out = d;
    else
        close_dataset(d);
    return st;
}

int64_t kp_used_dataset_number(const struct kp_used_dataset *d, enum kp_dataset_split split,
                               int64_t i)
{
    const struct kp_rng_key key = {.seed = d->seed, .epoch = 81 + (uint32_t)split};
    const int64_t count = d->info.count[split];

    return i == 0   ? 0
           : i == 1 ? count - 1
                    : (int64_t)kp_rng_below(key, (uint64_t)i, 0, (uint64_t)count);
}

size_t kp_used_dataset_example(const struct kp_used_dataset *d)
{
    return (size_t)kp_shape_count(d->info.shape) * (d->info.dtype == KP_U8 ? 1 : sizeof(float));
}

size_t kp_used_dataset_labels(const struct kp_used_dataset *d)
{
    return (size_t)kp_shape_count(d->info.labels) * sizeof(int32_t);
}

/* Numbers that a training could do something with? */
static enum kp_status check_values(const struct kp_used_dataset *d, const uint8_t *example,
                                   const int32_t *label, int64_t count, struct kp_error *e)
{
    const int64_t values = count * kp_shape_count(d->info.shape);
    const int64_t labels = count * kp_shape_count(d->info.labels);

    for (int64_t i = 0; i < labels; i++)
        if (label[i] < -1 || label[i] >= d->info.classes)
            return kp_fail(e, KP_E_FORMAT, "a label is %d, of %lld classes", (int)label[i],
                           (long long)d->info.classes);
    for (int64_t i = 0; d->info.dtype != KP_U8 && i < values; i++) {
        float real;
        int32_t token;

        memcpy(&real, example + (size_t)i * sizeof(real), sizeof(real));
        memcpy(&token, example + (size_t)i * sizeof(token), sizeof(token));
        if (d->info.dtype == KP_F32 ? !isfinite(real) : token < 0 || token >= d->info.classes)
            return kp_fail(e, KP_E_FORMAT, "an example has %g, which is %s",
                           d->info.dtype == KP_F32 ? (double)real : (double)token,
                           d->info.dtype == KP_F32 ? "not finite" : "no token");
    }
    return KP_OK;
}

enum kp_status kp_used_dataset_read(struct kp_used_dataset *d, enum kp_dataset_split split,
                                    const int64_t *number, int64_t count, uint8_t **example,
                                    int32_t **label, struct kp_error *e)
{
    const size_t n = (size_t)count;
    struct kp_error why = {0};
    struct handle h = {.error = &why};
    struct kp_guards *g = &d->memory;

    kp_guards_finish(g);
    h.data = (struct kp_data){.size = sizeof(h.data), .root = "", .fail = fail};
    uint8_t *x = kp_guard_alloc(g, "the examples", n * kp_used_dataset_example(d), d->poison);
    int32_t *y = kp_guard_alloc(g, "the labels", n * kp_used_dataset_labels(d), d->poison);
    int64_t *asked = kp_guard_alloc(g, "the numbers", n * sizeof(*asked), 0);
    if (!x || !y || !asked)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    memcpy(asked, number, n * sizeof(*asked));
    kp_guard_seal(g, asked, true);
    kp_guarded_call(&d->guarded, "read");
    enum kp_status st = d->def->read(d->guarded.self, &h.data, split, asked, count, x, y);
    kp_guarded_call(&d->guarded, NULL);
    if (why.status == KP_OK && st != KP_OK)
        (void)kp_fail(&why, st, "read failed without saying why");
    if (why.status != KP_OK)
        return kp_fail(e, why.status, "%s", why.text);
    *example = x;
    *label = y;
    st = kp_guards_check(g, e);
    return st == KP_OK ? check_values(d, x, y, count, e) : st;
}

static enum kp_status run_dataset(void *instance, struct kp_hasher *h, struct kp_error *e)
{
    struct kp_used_dataset *d = instance;
    int64_t *number = calloc((size_t)d->batch, sizeof(*number));
    enum kp_status st = number ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    for (int split = 0; st == KP_OK && split < KP_DATASET_SPLITS; split++) {
        uint8_t *example;
        int32_t *label;

        for (int64_t i = 0; i < d->batch; i++)
            number[i] = kp_used_dataset_number(d, (enum kp_dataset_split)split, i);
        st = kp_used_dataset_read(d, (enum kp_dataset_split)split, number, d->batch, &example,
                                  &label, e);
        if (st != KP_OK)
            break;
        kp_hasher_add(h, example, (size_t)d->batch * kp_used_dataset_example(d));
        kp_hasher_add(h, label, (size_t)d->batch * kp_used_dataset_labels(d));
    }
    free(number);
    return st == KP_OK ? kp_guarded_check(&d->guarded, e) : st;
}

static const struct kp_option_table *dataset_options(const void *def)
{
    return &((const struct kp_dataset_def *)def)->options;
}

const struct kp_usage kp_use_dataset = {
    .kind = "dataset",
    .busy = 200,
    .runs = 1,
    .choose = choose_dataset,
    .open = open_dataset,
    .run = run_dataset,
    .close = close_dataset,
    .options = dataset_options,
};
