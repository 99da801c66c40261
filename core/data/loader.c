/* loader.c - a thread that gathers batches into a ring ahead of the trainer. */
#include "data/loader.h"

#include "base/arena.h"
#include "base/pool.h"
#include "base/running.h"
#include "data/gather.h"
#include "data/made.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* One batch is held by the trainer, the others are ahead of it. */
#define RING 3

#define CROP_MAX  127 /* struct kp_draw holds offsets in 8 bits */
#define EPOCH_MAX (INT64_C(1) << 32)
#define BATCH_MAX (INT64_C(1) << 24)

#define NONE INT64_MAX

/* A batch and its memory, which the fields of `view` point to as const. */
struct slot {
    struct kp_batch view;
    uint8_t *pixels;
    int32_t *labels;
    float *weights;
    struct kp_draw *draws; /* NULL without augmentation */
    int64_t *position;
};

/* What a thread gathers with, and the first row of the batch at which it failed. */
struct worker {
    struct kp_gatherer *gatherer;
    int64_t failed; /* NONE: at none */
    struct kp_error error;
};

struct kp_loader {
    struct kp_loader_config config;
    const struct kp_examples *examples;
    int64_t batches;
    size_t example_bytes;
    int64_t example_labels;

    struct kp_pool *pool;  /* that decodes and cuts images; NULL: the thread does all alone */
    struct worker *worker; /* [workers] */
    int workers;

    struct slot ring[RING];
    uint8_t *block; /* what the slots point into */
    size_t block_bytes;
    int64_t *order; /* [count] positions in the order of the epoch; the thread's own */

    pthread_mutex_t lock; /* of the fields below */
    pthread_cond_t changed;
    bool lock_made, changed_made;
    bool running, stop;
    int64_t made, taken;            /* batches since the start; slot of batch b is b % RING */
    const struct kp_error *failure; /* of the last batch made, after which the thread ended */

    int64_t epoch, batch; /* where the thread begins */
    pthread_t thread;
};

static void epoch_order(struct kp_loader *l, int64_t epoch)
{
    const struct kp_loader_config *c = &l->config;
    struct kp_rng_key key = {
        .seed = c->seed_order,
        .role = (uint8_t)c->role,
        .stream = KP_STREAM_ORDER,
        .epoch = (uint32_t)epoch,
    };

    for (int64_t i = 0; i < c->count; i++)
        l->order[i] = i;
    if (c->order == KP_ORDER_EPOCH)
        kp_rng_shuffle(key, l->order, c->count);
}

/* One batch to fill. */
struct filling {
    struct kp_loader *l;
    struct slot *slot;
    struct kp_rng_key key;
    int64_t first; /* of the batch, in the order of the epoch */
};

/* An example and its labels. */
static enum kp_status read_example(const struct filling *f, struct worker *w, int64_t example,
                                   uint8_t *out, int32_t *label)
{
    const struct kp_loader *l = f->l;
    const struct kp_loader_config *c = &l->config;

    if (c->data->made.def)
        return kp_made_read(c->data, c->split, example, out, label, &w->error);
    *label = l->examples->labels[example];
    if (c->without_pixels)
        return KP_OK;
    return kp_gather(w->gatherer, example, c->random_resized_crop ? &f->key : NULL, out, &w->error);
}

/* Rows behind a failed one are left out: the first failure of the batch does not depend on which
 * worker does which row. */
static void fill_row(void *arg, int64_t r, int worker)
{
    const struct filling *f = arg;
    const struct kp_loader *l = f->l;
    struct worker *w = &l->worker[worker];
    const struct kp_loader_config *c = &l->config;
    struct kp_augment augment = {c->flip, c->crop_pad, c->rotate};
    struct slot *s = f->slot;
    int64_t position = l->order[f->first + r];
    int64_t example = c->index ? c->index[position] : position;

    if (w->failed < r)
        return;
    if (read_example(f, w, example, s->pixels + (size_t)r * l->example_bytes,
                     s->labels + r * l->example_labels)) {
        w->failed = r;
        return;
    }
    for (int64_t k = r * l->example_labels; k < (r + 1) * l->example_labels; k++)
        s->weights[k] = kp_dataset_is_text(c->data) && s->labels[k] < 0 ? 0 : 1;
    s->position[r] = position;
    if (s->draws)
        s->draws[r] = kp_draw_example(&augment, f->key, example);
}

/* The error of the first row that failed, or NULL. */
static const struct kp_error *fill(struct kp_loader *l, struct slot *s, int64_t epoch,
                                   int64_t batch)
{
    const struct kp_loader_config *c = &l->config;
    int64_t first = batch * c->batch;
    int64_t rows = c->count - first < c->batch ? c->count - first : c->batch;
    struct kp_rng_key key = {
        .seed = c->seed_augment,
        .role = (uint8_t)c->role,
        .stream = KP_STREAM_AUGMENT,
        .epoch = (uint32_t)epoch,
    };
    struct filling f = {l, s, key, first};
    const struct worker *failed = NULL;

    for (int i = 0; i < l->workers; i++)
        l->worker[i].failed = NONE;
    if (l->pool)
        kp_pool_run(l->pool, rows, fill_row, &f);
    for (int64_t r = 0; !l->pool && r < rows; r++)
        fill_row(&f, r, 0);
    s->view.rows = rows;
    for (int i = 0; i < l->workers; i++)
        if (l->worker[i].failed < (failed ? failed->failed : NONE))
            failed = &l->worker[i];
    return failed ? &failed->error : NULL;
}

static void *loader_main(void *arg)
{
    struct kp_loader *l = arg;
    int64_t epoch = l->epoch, batch = l->batch;

    (void)pthread_setname_np(pthread_self(), "kappa-loader");

    epoch_order(l, epoch);
    for (int64_t b = 0;; b++) {
        (void)pthread_mutex_lock(&l->lock);
        /* The last batch taken is still in use: its slot counts as full. */
        while (!l->stop && b - l->taken >= (l->taken ? RING - 1 : RING))
            (void)pthread_cond_wait(&l->changed, &l->lock);
        bool stop = l->stop;
        (void)pthread_mutex_unlock(&l->lock);
        if (stop)
            return NULL;

        const struct kp_error *failure = fill(l, &l->ring[b % RING], epoch, batch);

        (void)pthread_mutex_lock(&l->lock);
        l->made = b + 1;
        l->failure = failure;
        (void)pthread_cond_broadcast(&l->changed);
        (void)pthread_mutex_unlock(&l->lock);
        if (failure)
            return NULL;
        if (++batch == l->batches) {
            batch = 0;
            epoch_order(l, ++epoch);
        }
    }
}

static void loader_stop(struct kp_loader *l)
{
    if (!l->running)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    (void)pthread_cond_broadcast(&l->changed);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    l->running = false;
}

static enum kp_status check(const struct kp_loader_config *c, struct kp_error *e)
{
    int64_t total = c->data->split[c->split].count;

    if (c->count < 1 || (!c->index && c->count > total))
        return kp_fail(e, KP_E_INVALID, "%lld examples to load; the split has %lld",
                       (long long)c->count, (long long)total);
    if (c->batch < 1 || c->batch > BATCH_MAX)
        return kp_fail(e, KP_E_INVALID, "batches of %lld examples; 1 to %lld would be right",
                       (long long)c->batch, (long long)BATCH_MAX);
    if (c->crop_pad < 0 || c->crop_pad > CROP_MAX)
        return kp_fail(e, KP_E_INVALID, "crop_pad = %lld; 0 to %d would be right",
                       (long long)c->crop_pad, CROP_MAX);
    if (!(c->rotate >= 0 && c->rotate <= 180))
        return kp_fail(e, KP_E_INVALID, "rotate = %g degrees; 0 to 180 would be right", c->rotate);
    if (c->data->dtype != KP_U8 && (c->flip || c->crop_pad > 0 || c->rotate > 0))
        return kp_fail(e, KP_E_CONFIG,
                       "data.flip, crop_pad and rotate are for images of bytes; the examples of %s "
                       "are numbers: leave them out",
                       c->data->name);
    if (c->without_pixels && (c->random_resized_crop || c->data->made.def))
        return kp_fail(e, KP_E_INVALID, "batches without pixels, of examples that are made anew");
    if (c->random_resized_crop && !kp_examples_are_images(&c->data->split[c->split]))
        return kp_fail(e, KP_E_CONFIG,
                       "data.random_resized_crop = true is for image files (data.format = folder "
                       "or list)");
    for (int64_t i = 0; c->index && i < c->count; i++)
        if (c->index[i] < 0 || c->index[i] >= total)
            return kp_fail(e, KP_E_INVALID, "example %lld; the split has 0 to %lld",
                           (long long)c->index[i], (long long)total - 1);
    return KP_OK;
}

/* Bytes of one slot's array, so that the next begins on a cache line of its own. */
static size_t lines(int64_t count, size_t size)
{
    return ((size_t)count * size + 63) / 64 * 64;
}

static bool make_ring(struct kp_loader *l)
{
    int64_t rows = l->config.batch < l->config.count ? l->config.batch : l->config.count;
    bool augment = l->config.flip || l->config.crop_pad || l->config.rotate > 0;
    int64_t targets = rows * l->example_labels;
    size_t pixels = lines(rows, l->example_bytes), labels = lines(targets, sizeof(int32_t)),
           weights = lines(targets, sizeof(float)), draws = lines(rows, sizeof(struct kp_draw)),
           position = lines(rows, sizeof(int64_t));

    l->block_bytes = RING * (pixels + labels + weights + draws + position);
    l->block = kp_pages_alloc(l->block_bytes);
    if (!l->block)
        return false;
    uint8_t *at = l->block;
    for (int i = 0; i < RING; i++) {
        struct slot *s = &l->ring[i];
        s->pixels = at;
        s->labels = (void *)(at += pixels);
        s->weights = (void *)(at += labels);
        s->position = (void *)(at += weights);
        s->draws = augment ? (void *)(at + position) : NULL;
        at += position + draws;
        s->view = (struct kp_batch){
            0, pixels > 0 ? s->pixels : NULL, s->labels, s->weights, s->draws, s->position};
    }
    return true;
}

/* Several where there is more to do than to copy. */
static enum kp_status make_workers(struct kp_loader *l, struct kp_error *e)
{
    const struct kp_loader_config *c = &l->config;
    const bool work = c->random_resized_crop || l->examples->live.file || c->data->made.def != NULL;
    enum kp_status st = KP_OK;

    l->workers = work && c->data->decoders > 1 ? c->data->decoders : 1;
    l->worker = calloc((size_t)l->workers, sizeof *l->worker);
    if (!l->worker)
        return kp_fail(e, KP_E_NOMEM, "no memory for %d loading threads", l->workers);
    for (int i = 0; i < l->workers && !st; i++)
        st = kp_gatherer_create(c->data, c->split, &l->worker[i].gatherer, e);
    if (st == KP_OK && l->workers > 1)
        st = kp_pool_create(l->workers, &l->pool, e);
    return st;
}

enum kp_status kp_loader_create(const struct kp_loader_config *config, struct kp_loader **out,
                                struct kp_error *e)
{
    enum kp_status st;
    struct kp_loader *l = NULL;

    st = check(config, e);
    if (st)
        return st;
    l = calloc(1, sizeof *l);
    if (!l)
        return kp_fail(e, KP_E_NOMEM, "no memory for a loader");
    l->config = *config;
    l->examples = &config->data->split[config->split];
    l->example_bytes = config->without_pixels ? 0 : kp_dataset_bytes(config->data);
    l->example_labels = kp_shape_count(config->data->labels);
    l->batches = (config->count + config->batch - 1) / config->batch;
    l->order = malloc((size_t)config->count * sizeof *l->order);
    l->lock_made = pthread_mutex_init(&l->lock, NULL) == 0;
    l->changed_made = pthread_cond_init(&l->changed, NULL) == 0;
    if (!l->order || !l->lock_made || !l->changed_made || !make_ring(l)) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for batches of %lld examples",
                     (long long)config->batch);
        goto out;
    }
    st = make_workers(l, e);
    if (st)
        goto out;
    *out = l;
    l = NULL;

out:
    kp_loader_destroy(l);
    return st;
}

struct kp_load kp_batch_load(const struct kp_dataset *d, const struct kp_batch *b,
                             const float *mean, const float *sd)
{
    const bool images = d->dtype == KP_U8;

    return (struct kp_load){
        .bytes = images ? b->pixels : NULL,
        .numbers = images ? NULL : b->pixels,
        .example_bytes = kp_dataset_bytes(d),
        .draws = b->draws,
        .rows = b->rows,
        .channels = images ? d->shape.dim[0] : 0,
        .height = images ? d->shape.dim[1] : 0,
        .width = images ? d->shape.dim[2] : 0,
        .mean = mean,
        .sd = sd,
    };
}

void kp_loader_destroy(struct kp_loader *l)
{
    if (!l)
        return;
    loader_stop(l);
    if (l->changed_made)
        (void)pthread_cond_destroy(&l->changed);
    if (l->lock_made)
        (void)pthread_mutex_destroy(&l->lock);
    kp_pool_destroy(l->pool);
    for (int i = 0; l->worker && i < l->workers; i++)
        kp_gatherer_destroy(l->worker[i].gatherer);
    free(l->worker);
    kp_pages_free(l->block, l->block_bytes);
    free(l->order);
    free(l);
}

int64_t kp_loader_batches(const struct kp_loader *l)
{
    return l->batches;
}

enum kp_status kp_loader_start(struct kp_loader *l, int64_t epoch, int64_t batch,
                               struct kp_error *e)
{
    sigset_t old;

    if (epoch < 0 || epoch >= EPOCH_MAX || batch < 0 || batch > l->batches)
        return kp_fail(e, KP_E_INVALID, "epoch %lld, batch %lld; an epoch has %lld batches",
                       (long long)epoch, (long long)batch, (long long)l->batches);
    loader_stop(l);
    /* The end of an epoch is the beginning of the next. */
    l->epoch = epoch + batch / l->batches;
    l->batch = batch % l->batches;
    l->made = l->taken = 0;
    l->stop = false;

    /* Signals are for the thread that asked for batches. */
    kp_running_mask(&old);
    int error = pthread_create(&l->thread, NULL, loader_main, l);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return kp_fail(e, KP_E_NOMEM, "cannot start the loader's thread: %s", strerror(error));
    l->running = true;
    return KP_OK;
}

enum kp_status kp_loader_next(struct kp_loader *l, const struct kp_batch **out, struct kp_error *e)
{
    KP_ASSERT(l->running);
    (void)pthread_mutex_lock(&l->lock);
    int64_t b = l->taken;
    while (l->made <= b)
        (void)pthread_cond_wait(&l->changed, &l->lock);
    const struct kp_error *failure = l->made == b + 1 ? l->failure : NULL;
    if (!failure) {
        l->taken = b + 1;
        (void)pthread_cond_broadcast(&l->changed);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (failure)
        return kp_fail(e, failure->status, "%s", failure->text);
    *out = &l->ring[b % RING].view;
    return KP_OK;
}
