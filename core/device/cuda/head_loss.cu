// head_loss.cu - a linear layer and the row loss of its results, a chunk of rows at a time.
//
//   z = x w^T + b      g = d loss / d z      dx = g w      dw += g^T x      db += g
//
// g is rounded where w is bf16; where x and w are halves it takes the place of z as halves.
//
// Chunks are of equal size, which depends on the graph alone, and come one after the other, so that
// sums over the batch have one order.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"
#include "kappa/row.h"
#include "kernels/bf16.h"

// Rows of a chunk: as many as have CHUNK_FLOATS logits, within limits.
#define CHUNK_FLOATS   (8 << 20)
#define CHUNK_ROWS_MIN 128
#define CHUNK_ROWS_MAX 1024

static int64_t rows_of(const struct kp_node *n, int64_t examples)
{
    return kp_cuda_count(n->in[KP_HEAD_WEIGHTS], examples);
}

static int64_t chunk_rows(const struct kp_node *n, int64_t capacity)
{
    const int64_t all = rows_of(n, capacity), fit = CHUNK_FLOATS / n->in[KP_HEAD_W]->shape.dim[0];
    const int64_t rows = fit < CHUNK_ROWS_MIN   ? CHUNK_ROWS_MIN
                         : fit > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX
                                                : fit;

    return rows < all ? rows : all;
}

// What lies in scratch, in this order; `teacher` only where its logits are made here.
struct places {
    double *share, *losses, *parts;
    float *logits, *grads, *teacher, *work;
    size_t bytes;
};

static struct places places_of(const struct kp_node *n, int64_t capacity, void *scratch)
{
    const int64_t classes = n->in[KP_HEAD_W]->shape.dim[0], rows = chunk_rows(n, capacity);
    const size_t parts = kp_cuda_sums_scratch(rows, classes), logits = (size_t)(rows * classes);
    struct places p = {};

    p.share = (double *)scratch;
    p.losses = p.share + 1;
    p.parts = p.losses + rows_of(n, capacity);
    p.logits = (float *)(p.parts + parts / sizeof(double));
    p.grads = p.logits + logits;
    p.teacher = p.grads + logits;
    p.work = p.teacher + (n->in[KP_HEAD_TW] ? logits : 0);
    p.bytes = (size_t)((char *)(p.work + kp_cuda_rows_work(rows, classes)) - (char *)scratch);
    return p;
}

size_t kp_cuda_head_loss_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    return places_of(n, g->capacity, NULL).bytes;
}

// Rows from `first` on of an operand of the layer.
static const void *rows_from(const struct kp_cuda_call *c, int i, int64_t first)
{
    const struct kp_value *v = c->node->in[i];

    return (const char *)kp_cuda_at(c->memory, v) +
           (size_t)(first * kp_cuda_width(v)) * kp_cuda_size(v);
}

// The chunk's z = x w^T + b, of the student or of the teacher.
static void logits(const struct kp_cuda_call *c, int64_t first, int64_t count, bool teacher,
                   float *z)
{
    const int x = teacher ? KP_HEAD_T : KP_HEAD_X, w = teacher ? KP_HEAD_TW : KP_HEAD_W;
    const struct kp_value *layer = c->node->in[w];

    kp_cuda_affine(c, rows_from(c, x, first), count, layer,
                   kp_cuda_in(c, teacher ? KP_HEAD_TB : KP_HEAD_B), z);
}

static void losses(const struct kp_cuda_call *c, int64_t first, int64_t count,
                   const struct places *p)
{
    const struct kp_node *n = c->node;
    struct kp_row_batch b = {};

    b.rows = count;
    b.classes = n->in[KP_HEAD_W]->shape.dim[0];
    b.logits = p->logits;
    b.teacher_logits = n->in[KP_HEAD_TW]  ? p->teacher
                       : n->in[KP_HEAD_T] ? kp_cuda_in(c, KP_HEAD_T) + first * b.classes
                                          : nullptr;
    b.labels = (const int32_t *)kp_cuda_in(c, KP_HEAD_LABELS) + first;
    b.weights = kp_cuda_in(c, KP_HEAD_WEIGHTS) + first;
    b.share = p->share;
    b.grads = p->grads;
    b.losses = p->losses + first;
    b.work = p->work;
    kp_cuda_rows(c, &b);
}

static __global__ void round_all(int64_t n, float *x)
{
    KP_MINE (i, n)
        x[i] = kp_bf16_round(x[i]);
}

// The chunk's part of db, from g or from g as halves.
static void bias_gradient(const struct kp_cuda_call *c, int64_t first, int64_t count,
                          const struct places *p)
{
    const int64_t classes = c->node->in[KP_HEAD_W]->shape.dim[0];
    float *db = kp_cuda_out(c, KP_HEAD_DB);

    if (c->node->in[KP_HEAD_W]->half)
        kp_cuda_half_sums(c, (const uint16_t *)p->logits, count, classes, classes, first > 0, db,
                          p->parts);
    else if (first == 0)
        kp_cuda_sums(c, p->grads, count, classes, classes, db, p->parts);
    else
        kp_cuda_add_sums(c, p->grads, count, classes, classes, db, p->parts);
}

// What the chunk gives to dx, and adds to dw and db; the first one sets them.
static void gradients(const struct kp_cuda_call *c, int64_t first, int64_t count,
                      const struct places *p)
{
    const struct kp_shape *w = &c->node->in[KP_HEAD_W]->shape;
    const int64_t classes = w->dim[0], inner = w->dim[1];
    float *dx = kp_cuda_out(c, KP_HEAD_DX), *dw = kp_cuda_out(c, KP_HEAD_DW);
    struct kp_cuda_gemm g = {};

    g.half = c->node->in[KP_HEAD_W]->half;
    g.a = g.half ? p->logits : p->grads;
    g.ld_a = classes;
    g.n = g.ld_b = g.ld_c = inner;
    g.batch = 1;
    g.alpha = 1;
    if (dx) {
        g.m = count;
        g.k = classes;
        g.b = kp_cuda_in(c, KP_HEAD_W);
        g.c = dx + first * inner;
        kp_cuda_gemm(c, &g);
    }
    if (dw) {
        g.m = classes;
        g.k = count;
        g.turned_a = true;
        g.b = rows_from(c, KP_HEAD_X, first);
        g.c = dw;
        g.beta = first > 0 ? 1 : 0;
        kp_cuda_gemm(c, &g);
    }
    if (c->node->out[KP_HEAD_DB])
        bias_gradient(c, first, count, p);
}

void kp_cuda_head_loss(const struct kp_cuda_call *c)
{
    const struct kp_node *n = c->node;
    const int64_t capacity = n->in[KP_HEAD_WEIGHTS]->shape.dim[0];
    const int64_t all = rows_of(n, c->rows), size = chunk_rows(n, capacity);
    const struct places p = places_of(n, capacity, kp_cuda_scratch(c));
    const float *weights = kp_cuda_in(c, KP_HEAD_WEIGHTS);
    const int64_t classes = n->in[KP_HEAD_W]->shape.dim[0];
    int64_t first = 0;

    kp_cuda_rows_share(c, all, weights, kp_cuda_in(c, KP_HEAD_DY), p.share);
    do { // without rows too: the gradients of the layer are 0 then
        const int64_t count = all - first < size ? all - first : size;

        logits(c, first, count, false, p.logits);
        if (n->in[KP_HEAD_TW])
            logits(c, first, count, true, p.teacher);
        losses(c, first, count, &p);
        if (n->in[KP_HEAD_W]->half)
            kp_cuda_halve(c, count * classes, p.grads, (uint16_t *)p.logits);
        else if (n->in[KP_HEAD_W]->bf16)
            KP_LAUNCH(round_all, kp_blocks_of(count * classes), KP_THREADS, c->stream,
                      count * classes, p.grads);
        gradients(c, first, count, &p);
        first += size;
    } while (first < all);
    kp_cuda_rows_mean(c, all, p.losses, weights, kp_cuda_out(c, KP_HEAD_LOSS));
}
