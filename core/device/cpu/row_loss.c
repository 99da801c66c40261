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

/* Rows that scratch has room for: of whole groups of examples. */
static int64_t room(const struct kp_graph *g, const struct kp_node *n)
{
    return kp_cpu_padded(g) * kp_value_rest(n->in[W]);
}

static double *share_at(const struct kp_pass *p, const struct kp_node *n)
{
    return kp_scratch(p, n);
}

static double *loss_at(const struct kp_pass *p, const struct kp_node *n)
{
    return share_at(p, n) + 1;
}

int64_t kp_rows_work(int64_t classes)
{
    return KP_ROW_ROOMS * KP_ROW_ROOM(classes);
}

static float *work_at(const struct kp_pass *p, const struct kp_node *n, int worker)
{
    float *all = (float *)(loss_at(p, n) + room(p->code->graph, n));
    return all + worker * kp_rows_work(classes_of(n));
}

double kp_rows_share(const struct kp_pass *p, const struct kp_value *w, const struct kp_value *dy)
{
    const double sum = kp_weight_sum(p, w);

    return sum > 0.0 ? (dy ? (double)*kp_floats(p, dy) : 1.0) / sum : 0.0;
}

float kp_rows_mean(const struct kp_pass *p, const struct kp_value *w, const double *losses)
{
    const double weights = kp_weight_sum(p, w);
    const int64_t rows = p->rows * kp_value_rest(w);
    double sum = 0.0;

    for (int64_t i = 0; i < rows; i++)
        sum += losses[i];
    return weights > 0.0 ? (float)(sum / weights) : 0.0f;
}

static void share(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;

    (void)t;
    *share_at(p, n) = kp_rows_share(p, n->in[W], n->in[DY]);
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

    (void)t;
    *kp_floats(p, n->out[0]) = kp_rows_mean(p, n->in[W], loss_at(p, n));
}

size_t kp_scratch_row_loss(const struct kp_cpu *cpu, const struct kp_graph *g,
                           const struct kp_node *n)
{
    return (size_t)(1 + room(g, n)) * sizeof(double) +
           (size_t)(kp_pool_threads(cpu->pool) * kp_rows_work(classes_of(n))) * sizeof(float);
}

void kp_lower_row_loss(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_BEFORE, share, NULL, 1);
    kp_lower_step(l, KP_SLICES, rows_slice, NULL, 1);
    kp_lower_step(l, KP_AFTER, mean, NULL, 1);
}
