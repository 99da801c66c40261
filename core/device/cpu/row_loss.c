/* row_loss.c - the row function of an objective over a batch, and the weighted mean of its losses.
 *
 * Scratch: the share dy / sum(w), each row's weighted loss, then for each thread the rows that
 * functions and helpers work in. */
#include "base/running.h"
#include "device/cpu/cpu.h"

/* Operands, as in graph.h. */
enum { Z, LABELS, T, W, DY };

static int64_t classes_of(const struct kp_node *n)
{
    const struct kp_shape *z = &n->in[Z]->shape;
    return z->dim[z->n - 1];
}

/* Rows that scratch has room for: whole slices, each of an example's rows. */
static int64_t room(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n)
{
    return kp_cpu_padded(cpu, g->capacity) * kp_value_rest(n->in[W]);
}

static double *share_at(const struct kp_pass *p, const struct kp_node *n)
{
    return kp_scratch(p, n);
}

static double *loss_at(const struct kp_pass *p, const struct kp_node *n)
{
    return share_at(p, n) + 1;
}

/* Floats of a thread. */
static int64_t work_floats(const struct kp_node *n)
{
    return KP_ROW_ROOMS * KP_ROW_ROOM(classes_of(n));
}

static float *work_at(const struct kp_pass *p, const struct kp_node *n, int worker)
{
    float *all = (float *)(loss_at(p, n) + room(p->code->cpu, p->code->graph, n));
    return all + worker * work_floats(n);
}

/* Rows that count. */
static int64_t row_count(const struct kp_pass *p, const struct kp_node *n)
{
    return p->rows * kp_value_rest(n->in[W]);
}

static double weight_sum(const struct kp_pass *p, const struct kp_node *n)
{
    const float *w = kp_floats(p, n->in[W]);
    const int64_t rows = row_count(p, n);
    double sum = 0.0;

    for (int64_t i = 0; i < rows; i++)
        sum += (double)w[i];
    return sum;
}

static void share(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const double sum = weight_sum(p, n);

    (void)t;
    *share_at(p, n) = sum > 0.0 ? (n->in[DY] ? (double)*kp_floats(p, n->in[DY]) : 1.0) / sum : 0.0;
}

static void rows_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_range r = kp_span_range(t, n->in[W]);
    const struct kp_lane_rows rows = {.loss = n->attrs.row,
                                      .self = n->attrs.row_self,
                                      .classes = classes_of(n),
                                      .logits = kp_floats(p, n->in[Z]),
                                      .teacher = kp_floats(p, n->in[T]),
                                      .labels = kp_value_at(p->m, n->in[LABELS]),
                                      .weights = kp_floats(p, n->in[W]),
                                      .share = *share_at(p, n),
                                      .grads = kp_floats(p, n->out[1]),
                                      .losses = loss_at(p, n),
                                      .work = work_at(p, n, t->worker)};

    KP_IN_PLUGIN("objective", n->attrs.row_name, "row",
                 p->lane->rows(&rows, r.first, r.first + r.count));
}

static void mean(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const double *loss = loss_at(p, n), weights = weight_sum(p, n);
    const int64_t rows = row_count(p, n);
    double sum = 0.0;

    (void)t;
    for (int64_t i = 0; i < rows; i++)
        sum += loss[i];
    *kp_floats(p, n->out[0]) = weights > 0.0 ? (float)(sum / weights) : 0.0f;
}

size_t kp_scratch_row_loss(const struct kp_cpu *cpu, const struct kp_graph *g,
                           const struct kp_node *n)
{
    return (size_t)(1 + room(cpu, g, n)) * sizeof(double) +
           (size_t)(kp_pool_threads(cpu->pool) * work_floats(n)) * sizeof(float);
}

void kp_lower_row_loss(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, share, NULL, 1);
    kp_lower_step(l, KP_SLICES, rows_slice, NULL, 1);
    kp_lower_step(l, KP_AFTER, mean, NULL, 1);
}
