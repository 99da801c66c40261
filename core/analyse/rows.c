/* rows.c - reads rows, examples or the tokens of a text, and what nets say about them. */
#include "analyse/state.h"

#include <stdlib.h>
#include <string.h>

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
    enum kp_rows_from from = kp_analysing_from(x, r->from);
    struct kp_loader *loader = NULL;
    int64_t total = 0;
    const int64_t *order = kp_analysing_order(x, from, &total);
    const int64_t each = x->example_rows;
    enum kp_status st;

    if (kp_analysing_failed(x))
        return x->error->status;
    if (r->first < 0 || r->count < 0 || r->first > total * each - r->count)
        return kp_fail(x->error, KP_E_INVALID, "asks for examples %lld to %lld of %lld",
                       (long long)r->first, (long long)(r->first + r->count - 1),
                       (long long)(total * each));
    if (r->count == 0)
        return KP_OK;
    const int64_t first = r->first / each;
    const int64_t count = (r->first + r->count - 1) / each + 1 - first;
    struct kp_loader_config config = {.data = x->job->data,
                                      .split =
                                          from == KP_ROWS_TEST ? KP_SPLIT_TEST : KP_SPLIT_TRAIN,
                                      .index = order + first,
                                      .count = count,
                                      .batch = batch,
                                      .order = KP_ORDER_FIXED};
    st = kp_loader_create(&config, &loader, x->error);
    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, x->error);
    for (int64_t done = 0; st == KP_OK && done < count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, x->error);
        if (st != KP_OK)
            break;
        st = take(arg, b, (first + done) * each - r->first);
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
    float *whole; /* the rows of a batch of which only some are wanted */
};

/* Rows of a batch that are wanted: from `skip` on, to place `at` of the plugin's buffers. */
struct wanted {
    int64_t skip, count, at;
};

/* A value of the batch's examples to `out` [count of kp_read][width]. */
static enum kp_status copy_rows(struct reading *k, const struct kp_value *v, int64_t width,
                                int64_t examples, const struct wanted *w, float *out)
{
    const int64_t rows = examples * k->x->example_rows;
    const int64_t room = k->n->program->capacity * k->x->example_rows;
    const int64_t widest = k->classes > k->width ? k->classes : k->width;

    if (!out)
        return KP_OK;
    out += w->at * width;
    if (w->count == rows) {
        kp_exec_read(k->n->exec, v, out, examples);
        return KP_OK;
    }
    if (!k->whole) {
        const int64_t most = widest > k->tap_width ? widest : k->tap_width;
        k->whole = malloc((size_t)(room * most) * sizeof(float));
    }
    if (!k->whole)
        return kp_fail(k->x->error, KP_E_NOMEM, "no memory for the rows of a batch");
    kp_exec_read(k->n->exec, v, k->whole, examples);
    memcpy(out, k->whole + w->skip * width, (size_t)(w->count * width) * sizeof(float));
    return KP_OK;
}

static enum kp_status take_batch(void *arg, const struct kp_batch *b, int64_t at)
{
    struct reading *k = arg;
    const struct kp_read *r = k->r;
    const int64_t rows = b->rows * k->x->example_rows;
    const int64_t skip = at < 0 ? -at : 0;
    const int64_t end = rows < r->count - at ? rows : r->count - at;
    const struct wanted w = {skip, end - skip, at + skip};
    enum kp_status st = KP_OK;

    if (r->labels)
        memcpy(r->labels + w.at, b->labels + w.skip, (size_t)w.count * sizeof(*r->labels));
    if (!k->n)
        return KP_OK;
    const struct kp_load load = kp_analysing_load(k->x, k->n, b);
    kp_exec_load(k->n->exec, &load);
    st = kp_exec_run(k->n->exec, b->rows, k->x->error);
    if (st == KP_OK)
        st = copy_rows(k, k->n->program->logits, k->classes, b->rows, &w, r->logits);
    if (st == KP_OK)
        st = copy_rows(k, k->n->program->features, k->width, b->rows, &w, r->features);
    if (st == KP_OK)
        st = copy_rows(k, k->tapped, k->tap_width, b->rows, &w, r->tapped);
    return st;
}

static enum kp_status find_features(struct reading *k, int64_t net)
{
    const struct kp_program *p = k->n->program;

    if (k->r->features)
        k->width = p->features ? kp_analysing_width(k->x, p->features) : 0;
    if (k->r->features && k->width == 0)
        return kp_fail(k->x->error, KP_E_INVALID, "model '%s' names no features",
                       k->x->job->nets[net].model.def->name);
    return KP_OK;
}

static enum kp_status find_tap(struct reading *k, int64_t net)
{
    const struct kp_program *p = k->n->program;
    const struct kp_read *r = k->r;

    if (!r->tapped)
        return KP_OK;
    k->tap_width = r->tap ? kp_analysis_tap_width(&k->x->head, net, r->tap) : 0;
    if (k->tap_width == 0)
        return kp_fail(k->x->error, KP_E_INVALID, "model '%s' names no tensor '%s'",
                       k->x->job->nets[net].model.def->name, r->tap ? r->tap : "");
    for (int i = 0; i < p->tap_count; i++)
        if (strcmp(p->taps[i].name, r->tap) == 0)
            k->tapped = p->taps[i].value;
    return KP_OK;
}

/* Labels alone are read without a net. */
#define LABEL_BATCH 64

enum kp_status kp_analysis_read(struct kp_analysis *a, int64_t net, const struct kp_read *r)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct reading k = {.x = x, .r = r, .classes = x->job->data->classes};
    enum kp_status st;

    if (!r->logits && !r->features && !r->tapped)
        return kp_analysing_walk(x, r, LABEL_BATCH, take_batch, &k);
    k.n = r->logits ? kp_analysing_net_with_logits(x, net) : kp_analysing_net(x, net);
    if (!k.n)
        return x->error->status;
    st = find_features(&k, net);
    if (st == KP_OK)
        st = find_tap(&k, net);
    if (st == KP_OK)
        st = kp_analysing_walk(x, r, k.n->program->capacity, take_batch, &k);
    free(k.whole);
    return st;
}
