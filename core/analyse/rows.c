/* rows.c - which examples an analysis sees, and what its nets say about them. */
#include "analyse/state.h"

#include <stdlib.h>
#include <string.h>

static enum kp_rows_from settle(const struct kp_analysing *x, enum kp_rows_from from)
{
    if (from != KP_ROWS_SPLIT)
        return from;
    return x->job->train ? KP_ROWS_OWN_TRAIN : KP_ROWS_TEST;
}

/* Of endless data the first of so many numbers stand for all training examples. */
#define ENDLESS_ROWS (INT64_C(1) << 20)

static int64_t train_total(const struct kp_dataset *d)
{
    const int64_t count = d->split[KP_SPLIT_TRAIN].count;

    return d->made.endless && count > ENDLESS_ROWS ? ENDLESS_ROWS : count;
}

/* Development examples among the first `total` numbers. */
static int64_t dev_within(const struct kp_subset *s, int64_t total)
{
    int64_t n = 0;

    for (int64_t i = 0; i < s->dev_count; i++)
        n += s->dev_index[i] < total;
    return n;
}

/* All of 0..total-1 but `without`, in one fixed random order. */
static int64_t *shuffled(int64_t total, const int64_t *without, int64_t without_count, int purpose,
                         int64_t *count)
{
    struct kp_rng_key key = {
        .role = KP_ROLE_POOL, .stream = KP_STREAM_ORDER, .epoch = (uint32_t)purpose};
    int64_t *v = calloc((size_t)total + 1, sizeof(*v));
    bool *skip = calloc((size_t)total + 1, sizeof(*skip));
    int64_t n = 0;

    if (v && skip) {
        for (int64_t i = 0; i < without_count; i++)
            if (without[i] < total)
                skip[without[i]] = true;
        for (int64_t i = 0; i < total; i++)
            if (!skip[i])
                v[n++] = i;
        kp_rng_shuffle(key, v, n);
        *count = n;
    } else {
        free(v);
        v = NULL;
    }
    free(skip);
    return v;
}

static const int64_t *order_of(struct kp_analysing *x, enum kp_rows_from from, int64_t *count)
{
    const struct kp_subset *own = x->job->nets[0].subset;
    const struct kp_dataset *data = x->job->data;

    if (from == KP_ROWS_OWN_TRAIN) {
        *count = own->count;
        return own->index;
    }
    if (!x->order[from])
        x->order[from] = from == KP_ROWS_TEST ? shuffled(data->split[KP_SPLIT_TEST].count, NULL, 0,
                                                         0, &x->order_count[from])
                                              : shuffled(train_total(data), own->dev_index,
                                                         own->dev_count, 1, &x->order_count[from]);
    if (!x->order[from])
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for the order of the examples");
    *count = x->order_count[from];
    return x->order[from];
}

int64_t kp_analysis_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    const struct kp_analysing *x = (const struct kp_analysing *)a;
    const struct kp_subset *own = x->job->nets[0].subset;

    switch (settle(x, from)) {
    case KP_ROWS_OWN_TRAIN:
        return own->count;
    case KP_ROWS_TRAIN:
        return train_total(x->job->data) - dev_within(own, train_total(x->job->data));
    case KP_ROWS_TEST:
    case KP_ROWS_SPLIT:
    default:
        return x->job->data->split[KP_SPLIT_TEST].count;
    }
}

struct kp_load kp_analysing_load(const struct kp_analysing *x, const struct kp_open_net *n,
                                 const struct kp_batch *b)
{
    return kp_batch_load(x->job->data, b, n->mean, n->sd);
}

enum kp_status kp_analysing_walk(struct kp_analysing *x, const struct kp_read *r, int64_t batch,
                                 enum kp_status (*take)(void *arg, const struct kp_batch *b,
                                                        int64_t at),
                                 void *arg)
{
    enum kp_rows_from from = settle(x, r->from);
    struct kp_loader *loader = NULL;
    int64_t total = 0;
    const int64_t *order = order_of(x, from, &total);
    enum kp_status st;

    if (kp_analysing_failed(x))
        return x->error->status;
    if (r->first < 0 || r->count < 0 || r->first > total - r->count)
        return kp_fail(x->error, KP_E_INVALID, "asks for examples %lld to %lld of %lld",
                       (long long)r->first, (long long)(r->first + r->count - 1), (long long)total);
    if (r->count == 0)
        return KP_OK;
    struct kp_loader_config config = {.data = x->job->data,
                                      .split =
                                          from == KP_ROWS_TEST ? KP_SPLIT_TEST : KP_SPLIT_TRAIN,
                                      .index = order + r->first,
                                      .count = r->count,
                                      .batch = batch,
                                      .order = KP_ORDER_FIXED};
    st = kp_loader_create(&config, &loader, x->error);
    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, x->error);
    for (int64_t done = 0; st == KP_OK && done < r->count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, x->error);
        if (st != KP_OK)
            break;
        st = take(arg, b, done);
        done += b->rows;
        x->samples += b->rows;
        if (st == KP_OK && !kp_analysing_tell(x))
            st = x->error->status;
    }
    kp_loader_destroy(loader);
    return st;
}

struct reading {
    struct kp_analysing *x;
    struct kp_open_net *n;
    const struct kp_read *r;
    const struct kp_value *tapped;
    int64_t width, classes, tap_width;
};

static enum kp_status take_batch(void *arg, const struct kp_batch *b, int64_t at)
{
    struct reading *k = arg;
    const struct kp_read *r = k->r;
    const struct kp_program *p = k->n->program;
    struct kp_load load = kp_analysing_load(k->x, k->n, b);
    enum kp_status st = KP_OK;

    if (r->labels)
        memcpy(r->labels + at, b->labels, (size_t)b->rows * sizeof(*r->labels));
    if (!r->logits && !r->features && !r->tapped)
        return KP_OK;
    kp_exec_load(k->n->exec, &load);
    st = kp_exec_run(k->n->exec, b->rows, k->x->error);
    if (st != KP_OK)
        return st;
    if (r->logits)
        kp_exec_read(k->n->exec, p->logits, r->logits + at * k->classes, b->rows);
    if (r->features)
        kp_exec_read(k->n->exec, p->features, r->features + at * k->width, b->rows);
    if (r->tapped)
        kp_exec_read(k->n->exec, k->tapped, r->tapped + at * k->tap_width, b->rows);
    return KP_OK;
}

enum kp_status kp_analysis_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct reading k = {.x = x, .n = kp_analysing_net(x, net), .r = r};

    if (!k.n)
        return x->error->status;
    k.classes = k.n->program->classes;
    if (r->features && !k.n->program->features)
        return kp_fail(x->error, KP_E_INVALID, "model '%s' names no features",
                       x->job->nets[net].model.def->name);
    if (r->features)
        k.width = k.n->program->features->shape.dim[1];
    if (r->tapped) {
        k.tap_width = r->tap ? kp_analysis_tap_width(a, net, r->tap) : 0;
        if (k.tap_width == 0)
            return kp_fail(x->error, KP_E_INVALID, "model '%s' names no tensor '%s'",
                           x->job->nets[net].model.def->name, r->tap ? r->tap : "");
        for (int i = 0; i < k.n->program->tap_count; i++)
            if (strcmp(k.n->program->taps[i].name, r->tap) == 0)
                k.tapped = k.n->program->taps[i].value;
    }
    return kp_analysing_walk(x, r, k.n->program->capacity, take_batch, &k);
}
