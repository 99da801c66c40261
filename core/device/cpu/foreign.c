/* foreign.c - operations of plugins, slice by slice; gradients of parameters are added up in slice
 * order. */
#include "device/foreign.h"
#include "device/cpu/cpu.h"

#include <string.h>

static int64_t scratch_floats(const struct kp_graph *g, const struct kp_node *n)
{
    return kp_foreign_scratch_floats(n->attrs.foreign, g->slice);
}

/* First the parts of all slices, then the plugin's own scratch for each. */
size_t kp_scratch_foreign(const struct kp_cpu *cpu, const struct kp_graph *g,
                          const struct kp_node *n)
{
    const int64_t slices = kp_cpu_slices(g, g->capacity);

    (void)cpu;
    return (size_t)(slices * (kp_foreign_part_floats(n) + scratch_floats(g, n))) * sizeof(float);
}

static float *part_of(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    return (float *)kp_scratch(p, n) + slice * kp_foreign_part_floats(n);
}

static float *scratch_of(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    const struct kp_graph *g = p->code->graph;
    const int64_t parts = kp_cpu_slices(g, g->capacity) * kp_foreign_part_floats(n);
    const int64_t floats = scratch_floats(g, n);

    return floats > 0 ? (float *)kp_scratch(p, n) + parts + slice * floats : NULL;
}

/* One call of the plugin, forward or backward. */
static void call(const struct kp_node *n, const struct kp_pass *p, const struct kp_span *t,
                 const struct kp_foreign_piece *piece)
{
    struct kp_foreign_places at = {
        .scratch = scratch_of(n, p, t->index),
        .part = part_of(n, p, t->index),
    };

    for (int i = 0; i < KP_NODE_IN; i++)
        at.in[i] = kp_floats(p, n->in[i]);
    for (int i = 0; i < KP_NODE_OUT; i++)
        at.out[i] = kp_floats(p, n->out[i]);
    kp_foreign_call(n, &at, piece);
}

/* Examples that fill up the last group are zero, whatever the plugin makes of them. */
static void clear_rest(const struct kp_value *v, const struct kp_pass *p, const struct kp_span *t)
{
    const int64_t last = t->group_end - 1, group = kp_value_group(v), rest = kp_value_rest(v);
    float *y = kp_floats(p, v);

    if (t->end <= p->rows)
        return;
    if (v->layout != KP_LANE) {
        memset(y + p->rows * rest, 0, (size_t)((t->end - p->rows) * rest) * sizeof(float));
        return;
    }
    const int64_t lanes = kp_pass_lanes(p, last);
    y += last * group;
    for (int64_t i = 0; i < group; i += KP_LANES)
        for (int64_t e = lanes; e < KP_LANES; e++)
            y[i + e] = 0.0F;
}

/* The planes of LANE values one by one where there are gaps between them. */
static void call_lanes(const struct kp_node *n, const struct kp_pass *p, const struct kp_span *t,
                       const struct kp_value *v)
{
    const int64_t group = kp_value_group(v), plane = kp_lane_plane(v);
    const int64_t used = kp_lane_pixels(v) * KP_LANES;
    struct kp_foreign_piece at = {t->group * group, 0, (t->group_end - t->group) * group};
    const int64_t end = at.first + at.floats;

    at.examples = t->end - t->first;
    if (used == plane) {
        call(n, p, t, &at);
        return;
    }
    for (at.floats = used; at.first < end; at.first += plane)
        call(n, p, t, &at);
}

static void foreign_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const struct kp_value *sample = n->op == KP_OP_FOREIGN ? n->out[0] : n->in[KP_FOREIGN_DY];
    const int64_t end = p->rows < t->end ? p->rows : t->end;
    const struct kp_foreign_piece at = {t->first, end - t->first, 0};

    memset(part_of(n, p, t->index), 0, (size_t)kp_foreign_part_floats(n) * sizeof(float));
    if (sample->layout == KP_LANE)
        call_lanes(n, p, t, sample);
    else
        call(n, p, t, &at);
    for (int i = 0; i < KP_NODE_OUT; i++)
        if (n->out[i] && n->out[i]->batched)
            clear_rest(n->out[i], p, t);
}

/* Gradients of operands without a batch dimension: the slices' parts, in their order. */
static void sum_parts(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    int64_t at = 0;

    (void)t;
    for (int k = 0; k < KP_OP_OPERANDS; k++) {
        float *out = kp_floats(p, n->out[k]);
        if (!out || !kp_foreign_is_shared(n->attrs.foreign, k))
            continue;
        const int64_t count = kp_shape_count(n->out[k]->shape);
        for (int64_t i = 0; i < count; i++) {
            double sum = 0.0;
            for (int64_t j = 0; j < p->slices; j++)
                sum += (double)part_of(n, p, j)[at + i];
            out[i] = (float)sum;
        }
        at += count;
    }
}

void kp_lower_foreign(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_step(l, KP_SLICES, foreign_slice, NULL, 0);
    if (kp_foreign_part_floats(n) > 0)
        kp_lower_step(l, KP_AFTER, sum_parts, NULL, 1);
}
