/* row_bench.c - the distillation loss of the plugin in a folder, on one thread of the cpu device,
 * beside the same loss written by hand with intrinsics, in turn.
 *
 *   row_bench FOLDER [OBJECTIVE [OPTIONS]]    kd with tau = 4 unless told otherwise
 *
 * A line for each number of classes: microseconds of a batch, loss and gradient, and by hand over
 * kappa. Both must agree, unless another objective is asked for: then there is nothing to compare
 * with and the line is for itself. */
#include "base/rng.h"
#include "kd_by_hand.h"
#include "support/rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TAU    4
#define ROUNDS 41

struct bench {
    struct kp_device *device;
    struct kp_graph graph;
    struct kp_code *code;
    struct kp_memory memory;
    struct kp_value *z, *labels, *t, *w, *loss, *dz;
    int64_t rows, classes;
    float *host_z, *host_t, *host_w, *gradient, *work; /* for the loss by hand */
    kd_by_hand_fn *by_hand;
};

static struct kp_value *input(struct bench *b, enum kp_dtype type, struct kp_shape shape)
{
    struct kp_value *v = kp_graph_value(&b->graph, type, shape, true);

    if (v)
        v->input = true;
    return v;
}

static enum kp_status make_graph(struct bench *b, const struct kp_row_loss *row, const void *self,
                                 struct kp_error *e)
{
    const struct kp_device_ops *ops = b->device->ops;
    struct kp_graph *g = &b->graph;
    struct kp_shape wide = kp_shape2(b->rows, b->classes), one = kp_shape1(b->rows);

    g->mode = KP_TRAIN;
    g->capacity = b->rows;
    b->z = input(b, KP_F32, wide);
    b->labels = input(b, KP_I32, one);
    b->t = input(b, KP_F32, wide);
    b->w = input(b, KP_F32, one);
    b->loss = kp_graph_value(g, KP_F32, (struct kp_shape){0}, false);
    b->dz = kp_graph_value(g, KP_F32, wide, true);
    struct kp_node *n = kp_graph_node(g, KP_OP_ROW_LOSS);
    if (!b->z || !b->labels || !b->t || !b->w || !b->loss || !b->dz || !n)
        return kp_fail(e, KP_E_NOMEM, "no memory for a graph");
    b->loss->output = b->dz->output = true;
    *n = (struct kp_node){.op = KP_OP_ROW_LOSS,
                          .attrs = {.row = row, .row_self = self},
                          .in = {b->z, b->labels, b->t, b->w},
                          .out = {b->loss, b->dz}};
    enum kp_status st = ops->plan(b->device, g, e);
    for (int64_t i = 0; i < g->value_count; i++) {
        g->values[i]->offset = g->arena_bytes;
        g->arena_bytes += (g->values[i]->bytes + 63) / 64 * 64;
    }
    n->scratch_offset = g->arena_bytes;
    g->arena_bytes += n->scratch;
    if (st == KP_OK)
        st = ops->lower(b->device, g, &b->code, e);
    b->memory.arena = ops->alloc(b->device, g->arena_bytes);
    return st != KP_OK || b->memory.arena ? st : kp_fail(e, KP_E_NOMEM, "no memory for a batch");
}

static enum kp_status fill(struct bench *b, struct kp_error *e)
{
    const size_t n = (size_t)b->rows, count = n * (size_t)b->classes;
    const struct kp_rng_key key = {.seed = 3};
    int32_t *labels = calloc(n, sizeof(*labels));

    b->host_z = calloc(count, sizeof(float));
    b->host_t = calloc(count, sizeof(float));
    b->host_w = calloc(n, sizeof(float));
    b->gradient = calloc(2 * count, sizeof(float));
    b->work = calloc((size_t)b->classes, sizeof(float));
    if (!labels || !b->host_z || !b->host_t || !b->host_w || !b->gradient || !b->work) {
        free(labels);
        return kp_fail(e, KP_E_NOMEM, "no memory for a batch");
    }
    for (size_t i = 0; i < count; i++) {
        b->host_t[i] = (float)(3 * kp_rng_normal(key, i, 0));
        b->host_z[i] = b->host_t[i] + (float)kp_rng_normal(key, i, 1);
    }
    for (size_t i = 0; i < n; i++) {
        labels[i] = (int32_t)((double)b->classes * kp_rng_uniform(key, i, 2));
        b->host_w[i] = 1;
    }
    b->device->ops->write(b->code, &b->memory, b->z, b->host_z, b->rows);
    b->device->ops->write(b->code, &b->memory, b->t, b->host_t, b->rows);
    b->device->ops->write(b->code, &b->memory, b->w, b->host_w, b->rows);
    b->device->ops->write(b->code, &b->memory, b->labels, labels, b->rows);
    free(labels);
    return KP_OK;
}

static double by_hand(struct bench *b)
{
    return b->by_hand(b->rows, b->classes, TAU, b->host_z, b->host_t, b->host_w, b->gradient,
                      b->work);
}

static enum kp_status agree(struct bench *b, struct kp_error *e)
{
    const int64_t count = b->rows * b->classes;
    float *ours = b->gradient + count;
    const double want = by_hand(b);
    double largest = 0, apart = 0;
    float loss;

    b->device->ops->read(b->code, &b->memory, b->loss, &loss, b->rows);
    b->device->ops->read(b->code, &b->memory, b->dz, ours, b->rows);
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)b->gradient[i]));
        apart = fmax(apart, fabs((double)(b->gradient[i] - ours[i])));
    }
    if (!(fabs((double)loss - want) <= 1e-5 * want) || !(apart <= 1e-5 * largest))
        return kp_fail(e, KP_E_NUMERIC, "%lld classes: loss %.9g, by hand %.9g; gradients %g apart",
                       (long long)b->classes, (double)loss, want, apart / largest);
    return KP_OK;
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
    qsort(v, ROUNDS, sizeof(*v), rising);
    return v[ROUNDS / 2];
}

static enum kp_status measure(struct bench *b, struct kp_error *e)
{
    double ours[ROUNDS], theirs[ROUNDS];
    enum kp_status st = b->device->ops->run(b->code, &b->memory, b->rows, e);

    if (st == KP_OK && b->by_hand)
        st = agree(b, e);
    for (int i = 0; i < ROUNDS && st == KP_OK; i++) {
        double begin = now();
        st = b->device->ops->run(b->code, &b->memory, b->rows, e);
        ours[i] = now() - begin;
        begin = now();
        if (b->by_hand)
            (void)by_hand(b);
        theirs[i] = now() - begin;
    }
    if (st != KP_OK)
        return st;
    const double own = median(ours), hand = median(theirs);
    (void)printf("%5lld classes, %5lld rows: kappa %8.1f us", (long long)b->classes,
                 (long long)b->rows, 1e6 * own);
    if (b->by_hand)
        (void)printf(", by hand %8.1f us, ratio %.2f", 1e6 * hand, hand / own);
    (void)printf("\n");
    return KP_OK;
}

static void finish(struct bench *b)
{
    if (b->memory.arena)
        b->device->ops->release(b->device, b->memory.arena, b->graph.arena_bytes);
    if (b->code)
        b->device->ops->code_destroy(b->code);
    kp_arena_finish(&b->graph.memory);
    kp_device_close(b->device);
    free(b->host_z);
    free(b->host_t);
    free(b->host_w);
    free(b->gradient);
    free(b->work);
}

static enum kp_status bench(int64_t classes, const struct kp_objective_def *def, const void *self,
                            bool compare, struct kp_error *e)
{
    const struct kp_device_config config = {.threads = 1, .slice = 32};
    struct bench b = {.classes = classes, .rows = (2 << 20) / (classes < 512 ? 512 : classes)};
    enum kp_status st = kp_device_open("cpu", &config, &b.device, e);

    if (st != KP_OK)
        return st;
#if defined(__x86_64__)
    if (compare && strcmp(b.device->ops->level(b.device), "avx512") == 0)
        b.by_hand = kd_by_hand_avx512;
    else if (compare && strcmp(b.device->ops->level(b.device), "avx2") == 0)
        b.by_hand = kd_by_hand_avx2;
#endif
    if (classes == 10) {
        char text[256];
        b.device->ops->describe(b.device, text, sizeof(text));
        (void)printf("%s\n", text);
    }
    st = make_graph(&b, kp_objective_row(def), self, e);
    if (st == KP_OK)
        st = fill(&b, e);
    if (st == KP_OK)
        st = measure(&b, e);
    finish(&b);
    return st;
}

int main(int argc, char **argv)
{
    static const int64_t classes[] = {10, 100, 16384};
    const char *name = argc > 2 ? argv[2] : "kd";
    const char *options = argc > 3 ? argv[3] : argc > 2 ? NULL : "tau=4";
    const struct kp_objective_def *def = NULL;
    struct rig rig = {0};
    struct kp_error e = {0};
    void *self = NULL;

    if (argc < 2 || argc > 4) {
        (void)fputs("usage: row_bench FOLDER [OBJECTIVE [OPTIONS]]\n", stderr);
        return 2;
    }
    enum kp_status st = rig_scan(&rig, argv[1], ".", &e);
    if (st == KP_OK)
        st = rig_objective(&rig, name, options, &def, &self, &e);
    if (st == KP_OK && !kp_objective_row(def))
        st = kp_fail(&e, KP_E_INVALID, "objective '%s' has no row function", name);
    for (int i = 0; i < 3 && st == KP_OK; i++)
        st = bench(classes[i], def, self, argc == 2, &e);
    rig_close(&rig);
    if (st != KP_OK)
        (void)fprintf(stderr, "row_bench: %s\n", e.text);
    return st == KP_OK ? 0 : 1;
}
