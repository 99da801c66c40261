/* head_loss.c - a linear layer and the row loss of its results, a chunk of rows at a time.
 *
 *   z = x w^T + b      g = d loss / d z, written over z      dx = g w      dw += g^T x      db += g
 *
 * All threads work on one chunk, and what each task adds to belongs to it alone, so that the bits
 * do not depend on their number. g is rounded where w is bf16. Scratch: the share dy / sum(w), each
 * row's weighted loss, the chunk's logits, the teacher's where they are made here, then the rows
 * that the threads' functions work in.
 */
#include "base/running.h"
#include "device/cpu/cpu.h"
#include "device/cpu/gemm.h"

#include <string.h>

/* Rows of a chunk: as many as have CHUNK_FLOATS logits, within limits. More make dw, which each
 * chunk reads and writes, cheaper, and take more memory. */
#define CHUNK_FLOATS   (8 << 20)
#define CHUNK_ROWS_MIN 128
#define CHUNK_ROWS_MAX 512
/* What one task does: columns of logits or rows of w; rows of the loss; rows of dx. */
#define COLUMNS   1024
#define LOSS_ROWS 8
#define GRAD_ROWS 256

static int64_t classes_of(const struct kp_node *n)
{
    return n->in[KP_HEAD_W]->shape.dim[0];
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Rows of this many examples. */
static int64_t rows_of(const struct kp_node *n, int64_t examples)
{
    return examples * kp_value_rest(n->in[KP_HEAD_WEIGHTS]);
}

static int64_t chunk_rows(const struct kp_graph *g, const struct kp_node *n)
{
    const int64_t all = rows_of(n, kp_cpu_padded(g)), fit = CHUNK_FLOATS / classes_of(n);
    const int64_t rows = fit < CHUNK_ROWS_MIN   ? CHUNK_ROWS_MIN
                         : fit > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX
                                                : fit;

    return rows < all ? rows : all;
}

/* Where things lie in scratch. */
struct places {
    double *share, *losses;
    float *logits, *teacher, *work;
};

/* Returns the bytes. */
static size_t find_places(const struct kp_graph *g, const struct kp_node *n, void *scratch,
                          int threads, struct places *out)
{
    const int64_t logits = ceil_div(chunk_rows(g, n) * classes_of(n), 16) * 16;
    const int64_t head = ceil_div(1 + rows_of(n, kp_cpu_padded(g)), 8) * 8;
    const int64_t chunks = n->in[KP_HEAD_TW] ? 2 : 1;
    const int64_t work = threads * kp_rows_work(classes_of(n));

    out->share = scratch;
    out->losses = out->share + 1;
    out->logits = (float *)(out->share + head);
    out->teacher = out->logits + (chunks - 1) * logits;
    out->work = out->logits + chunks * logits;
    return (size_t)head * sizeof(double) + (size_t)(chunks * logits + work) * sizeof(float);
}

size_t kp_scratch_head_loss(const struct kp_cpu *cpu, const struct kp_graph *g,
                            const struct kp_node *n)
{
    struct places unused;

    return find_places(g, n, NULL, kp_pool_threads(cpu->pool), &unused);
}

/* A chunk at work: its rows in the batch. None where the batch ends before it. */
struct chunk {
    int64_t first, count;
    struct places at;
};

static struct chunk chunk_of(const struct kp_step *s, const struct kp_pass *p)
{
    const struct kp_graph *g = p->code->graph;
    const int64_t size = chunk_rows(g, s->node), all = rows_of(s->node, p->examples);
    struct chunk c = {.first = *(const int64_t *)s->data};

    c.count = all - c.first < size ? all - c.first : size;
    c.count = c.count < 0 ? 0 : c.count;
    (void)find_places(g, s->node, kp_scratch(p, s->node), kp_pool_threads(p->code->cpu->pool),
                      &c.at);
    return c;
}

static void share(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    struct places at;

    (void)t;
    (void)find_places(p->code->graph, s->node, kp_scratch(p, s->node), 1, &at);
    *at.share = kp_rows_share(p, s->node->in[KP_HEAD_WEIGHTS], s->node->in[KP_HEAD_DY]);
}

/* Columns [o, o + count) of the chunk's z = x w^T + b. */
static void logits_block(const struct kp_pass *p, const struct kp_node *n, const struct chunk *c,
                         enum kp_head_operand layer, int64_t o, int64_t count)
{
    const bool teacher = layer == KP_HEAD_T;
    const struct kp_value *w = n->in[teacher ? KP_HEAD_TW : KP_HEAD_W];
    const int64_t in = w->shape.dim[1], classes = classes_of(n);
    const float *x = kp_floats(p, n->in[layer]) + c->first * in;
    const float *b = kp_floats(p, n->in[teacher ? KP_HEAD_TB : KP_HEAD_B]);
    float *z = (teacher ? c->at.teacher : c->at.logits) + o;

    for (int64_t i = 0; b && i < c->count; i++)
        memcpy(z + i * classes, b + o, (size_t)count * sizeof(float));
    kp_gemm(false, true, c->count, count, in, x, in, kp_floats(p, w) + o * in, in, b ? 1.0f : 0.0f,
            z, classes);
}

/* The teacher's columns follow the student's. */
static void logits_task(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct chunk c = chunk_of(s, p);
    const int64_t classes = classes_of(s->node), blocks = ceil_div(classes, COLUMNS);
    const int64_t o = t->index % blocks * COLUMNS;

    if (c.count > 0)
        logits_block(p, s->node, &c, t->index < blocks ? KP_HEAD_X : KP_HEAD_T, o,
                     classes - o < COLUMNS ? classes - o : COLUMNS);
}

static void loss_task(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct chunk c = chunk_of(s, p);
    const int64_t classes = classes_of(n), first = t->index * LOSS_ROWS;
    const int64_t end = first + LOSS_ROWS < c.count ? first + LOSS_ROWS : c.count;
    const float *teacher = n->in[KP_HEAD_TW]  ? c.at.teacher
                           : n->in[KP_HEAD_T] ? kp_floats(p, n->in[KP_HEAD_T]) + c.first * classes
                                              : NULL;
    const struct kp_lane_rows rows = {
        .loss = n->attrs.row,
        .self = n->attrs.row_self,
        .classes = classes,
        .logits = c.at.logits,
        .teacher = teacher,
        .labels = (const int32_t *)kp_value_at(p->m, n->in[KP_HEAD_LABELS]) + c.first,
        .weights = kp_floats(p, n->in[KP_HEAD_WEIGHTS]) + c.first,
        .share = *c.at.share,
        .grads = c.at.logits,
        .losses = c.at.losses + c.first,
        .work = c.at.work + t->worker * kp_rows_work(classes)};

    if (first >= end)
        return;
    KP_IN_PLUGIN("objective", n->attrs.row_name, "row", p->lane->rows(&rows, first, end));
    if (n->in[KP_HEAD_W]->bf16)
        p->lane->round((end - first) * classes, rows.grads + first * classes,
                       rows.grads + first * classes);
}

/* Rows of dx: a task's own. */
static void grad_x(const struct kp_pass *p, const struct kp_node *n, const struct chunk *c,
                   int64_t block)
{
    const int64_t in = n->in[KP_HEAD_W]->shape.dim[1], classes = classes_of(n);
    const int64_t first = block * GRAD_ROWS, left = c->count - first;

    if (left > 0)
        kp_gemm(false, false, left < GRAD_ROWS ? left : GRAD_ROWS, in, classes,
                c->at.logits + first * classes, classes, kp_floats(p, n->in[KP_HEAD_W]), in, 0.0f,
                kp_floats(p, n->out[KP_HEAD_DX]) + (c->first + first) * in, in);
}

/* What the chunk adds to rows [o, ..) of dw and db; the first one sets them. */
static void grad_w(const struct kp_pass *p, const struct kp_node *n, const struct chunk *c,
                   int64_t block)
{
    const int64_t in = n->in[KP_HEAD_W]->shape.dim[1], classes = classes_of(n);
    const int64_t o = block * COLUMNS, left = classes - o;
    const int64_t count = left < COLUMNS ? left : COLUMNS;
    const float *g = c->at.logits + o, *x = kp_floats(p, n->in[KP_HEAD_X]) + c->first * in;
    float *dw = kp_floats(p, n->out[KP_HEAD_DW]), *db = kp_floats(p, n->out[KP_HEAD_DB]);

    if (dw)
        kp_gemm(true, false, count, in, c->count, g, classes, x, in, c->first > 0 ? 1.0f : 0.0f,
                dw + o * in, in);
    if (db) {
        double sums[COLUMNS];
        kp_column_sums(g, c->count, count, classes, sums);
        for (int64_t i = 0; i < count; i++)
            db[o + i] = (float)((c->first > 0 ? (double)db[o + i] : 0.0) + sums[i]);
    }
}

/* The rows of dx come first: they take longer. */
static void grad_task(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct chunk c = chunk_of(s, p);
    const int64_t blocks =
        s->node->out[KP_HEAD_DX] ? ceil_div(chunk_rows(p->code->graph, s->node), GRAD_ROWS) : 0;

    if (c.count > 0 && t->index < blocks)
        grad_x(p, s->node, &c, t->index);
    else if (c.count > 0)
        grad_w(p, s->node, &c, t->index - blocks);
}

static void mean(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    struct places at;

    (void)t;
    (void)find_places(p->code->graph, s->node, kp_scratch(p, s->node), 1, &at);
    *kp_floats(p, s->node->out[KP_HEAD_LOSS]) =
        kp_rows_mean(p, s->node->in[KP_HEAD_WEIGHTS], at.losses);
}

void kp_lower_head_loss(struct kp_lowering *l, const struct kp_node *n)
{
    const struct kp_graph *g = l->code->graph;
    const int64_t size = chunk_rows(g, n), chunks = ceil_div(rows_of(n, kp_cpu_padded(g)), size);
    const int64_t blocks = ceil_div(classes_of(n), COLUMNS);
    const int64_t x_tasks = n->out[KP_HEAD_DX] ? ceil_div(size, GRAD_ROWS) : 0;
    const int64_t w_tasks = n->out[KP_HEAD_DW] || n->out[KP_HEAD_DB] ? blocks : 0;
    int64_t *first = kp_lower_alloc(l, (size_t)chunks * sizeof(*first));

    if (!first)
        return;
    kp_lower_step(l, KP_BEFORE, share, NULL, 1);
    for (int64_t i = 0; i < chunks; i++) {
        first[i] = i * size;
        kp_lower_step(l, KP_BEFORE, logits_task, &first[i],
                      n->in[KP_HEAD_TW] ? 2 * blocks : blocks);
        kp_lower_step(l, KP_BEFORE, loss_task, &first[i], ceil_div(size, LOSS_ROWS));
        kp_lower_step(l, KP_BEFORE, grad_task, &first[i], x_tasks + w_tasks);
    }
    kp_lower_step(l, KP_BEFORE, mean, NULL, 1);
}
