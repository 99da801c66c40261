/* order.c - which examples an analysis sees, and in which order. */
#include "analyse/state.h"

#include <stdlib.h>

enum kp_rows_from kp_analysing_from(const struct kp_analysing *x, enum kp_rows_from from)
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

struct whole {
    const int64_t *order;
    int64_t *to;
    int64_t kept, example_rows;
};

/* Keep the examples of a batch of `order` that have a label for each token. */
static void keep_whole(struct whole *w, const struct kp_batch *b)
{
    for (int64_t i = 0; i < b->rows; i++) {
        const int32_t *label = b->labels + i * w->example_rows;
        bool whole = true;

        for (int64_t k = 0; whole && k < w->example_rows; k++)
            whole = label[k] >= 0;
        if (whole)
            w->to[w->kept++] = w->order[b->position[i]];
    }
}

/* The last windows of a text's test split are padded: those with padding are passed over. The list
 * shrinks behind the loader, which reads ahead in it. */
static enum kp_status drop_padded(struct kp_analysing *x, int64_t *order, int64_t *count)
{
    struct whole w = {.order = order, .to = order, .example_rows = x->example_rows};
    struct kp_loader *loader = NULL;
    const struct kp_loader_config config = {.data = x->job->data,
                                            .split = KP_SPLIT_TEST,
                                            .index = order,
                                            .count = *count,
                                            .batch = 64,
                                            .order = KP_ORDER_FIXED};
    enum kp_status st = *count > 0 ? kp_loader_create(&config, &loader, x->error) : KP_OK;

    if (loader)
        st = kp_loader_start(loader, 0, 0, x->error);
    for (int64_t done = 0; st == KP_OK && done < *count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, x->error);
        if (st != KP_OK)
            break;
        keep_whole(&w, b);
        done += b->rows;
        if (!kp_analysing_tell(x))
            st = x->error->status;
    }
    kp_loader_destroy(loader);
    *count = w.kept;
    return st;
}

enum kp_status kp_analysing_list_test(struct kp_analysing *x)
{
    int64_t *order, count = 0;

    order = shuffled(x->job->data->split[KP_SPLIT_TEST].count, NULL, 0, 0, &count);
    if (!order)
        return kp_fail(x->error, KP_E_NOMEM, "no memory for the order of the examples");
    x->order[KP_ROWS_TEST] = order;
    if (kp_dataset_is_text(x->job->data) && drop_padded(x, order, &count) != KP_OK)
        return x->error->status;
    x->order_count[KP_ROWS_TEST] = count;
    return KP_OK;
}

const int64_t *kp_analysing_order(struct kp_analysing *x, enum kp_rows_from from, int64_t *count)
{
    const struct kp_subset *own = x->job->nets[0].subset;
    const struct kp_dataset *data = x->job->data;

    if (from == KP_ROWS_OWN_TRAIN) {
        *count = own->count;
        return own->index;
    }
    if (!x->order[from])
        x->order[from] =
            shuffled(train_total(data), own->dev_index, own->dev_count, 1, &x->order_count[from]);
    if (!x->order[from])
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for the order of the examples");
    *count = x->order_count[from];
    return x->order[from];
}

int64_t kp_analysis_rows(const struct kp_analysis *a, enum kp_rows_from from)
{
    const struct kp_analysing *x = (const struct kp_analysing *)a;
    const struct kp_subset *own = x->job->nets[0].subset;
    const int64_t total = train_total(x->job->data);

    switch (kp_analysing_from(x, from)) {
    case KP_ROWS_OWN_TRAIN:
        return own->count * x->example_rows;
    case KP_ROWS_TRAIN:
        return (total - dev_within(own, total)) * x->example_rows;
    case KP_ROWS_TEST:
    case KP_ROWS_SPLIT:
    default:
        return x->order_count[KP_ROWS_TEST] * x->example_rows;
    }
}
