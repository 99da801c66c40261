/* foreign.c - operations of plugins, slice by slice; gradients of parameters are added up in slice
 * order. */
#include "base/running.h"
#include "device/cpu/cpu.h"

#include <string.h>

/* All operands and the result are FLAT: any layout will do. */
bool kp_foreign_is_flat(const struct kp_foreign *f)
{
    bool flat = f->def->result == KP_FLAT && f->def->kept_count == 0;

    for (uint32_t i = 0; i < f->def->operand_count; i++)
        flat &= kp_op_operand(f->def, i)->form == KP_FLAT;
    return flat;
}

static bool is_shared(const struct kp_foreign *f, int operand)
{
    return kp_op_operand(f->def, (uint32_t)operand)->form == KP_SHARED;
}

/* Floats of one slice's part of the gradients of operands without a batch dimension. */
static int64_t part_floats(const struct kp_node *n)
{
    int64_t floats = 0;

    for (int i = 0; n->op == KP_OP_FOREIGN_GRAD && i < KP_OP_OPERANDS; i++)
        if (n->out[i] && is_shared(n->attrs.foreign, i))
            floats += kp_shape_count(n->out[i]->shape);
    return floats;
}

static int64_t scratch_floats(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_foreign *f = n->attrs.foreign;

    return f->def->scratch ? f->def->scratch(f->self, &f->shapes, g->slice) : 0;
}

/* First the parts of all slices, then the plugin's own scratch for each. */
size_t kp_scratch_foreign(const struct kp_cpu *cpu, const struct kp_graph *g,
                          const struct kp_node *n)
{
    const int64_t slices = kp_cpu_slices(g, g->capacity);

    (void)cpu;
    return (size_t)(slices * (part_floats(n) + scratch_floats(g, n))) * sizeof(float);
}

static float *part_of(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    return (float *)kp_scratch(p, n) + slice * part_floats(n);
}

static float *scratch_of(const struct kp_node *n, const struct kp_pass *p, int64_t slice)
{
    const struct kp_graph *g = p->code->graph;
    const int64_t parts = kp_cpu_slices(g, g->capacity) * part_floats(n);
    const int64_t floats = scratch_floats(g, n);

    return floats > 0 ? (float *)kp_scratch(p, n) + parts + slice * floats : NULL;
}

/* Elements of a value that one call covers. */
struct piece {
    int64_t first;    /* element of a batched value, for one of `rest` elements an example */
    int64_t examples; /* of a PLAIN value */
    int64_t floats;   /* of a LANE value; 0: PLAIN */
};

static struct kp_target_float target(const struct kp_pass *p, const struct kp_value *v,
                                     enum kp_form form, const struct piece *at)
{
    struct kp_target_float t = {kp_floats(p, v), 0, 0, 0};

    if (!v)
        return t;
    const int64_t rest = kp_value_rest(v);
    int64_t count = at->floats;
    if (form == KP_SHARED)
        count = rest;
    else if (at->floats > 0)
        t.v += at->first;
    else {
        t.v += at->first * rest;
        count = at->examples * rest;
    }
    t.width = form == KP_ROWS ? v->shape.dim[v->shape.n - 1] : form == KP_CANONICAL ? rest : count;
    t.rows = count / t.width;
    t.stride = t.width;
    return t;
}

static struct kp_view_float view(const struct kp_pass *p, const struct kp_value *v,
                                 enum kp_form form, const struct piece *at)
{
    const struct kp_target_float t = target(p, v, form, at);

    return (struct kp_view_float){t.v, t.rows, t.width, t.stride};
}

/* One call of the plugin, forward or backward. */
static void call(const struct kp_node *n, const struct kp_pass *p, const struct kp_span *t,
                 const struct piece *at)
{
    const struct kp_foreign *f = n->attrs.foreign;
    const struct kp_op_def *d = f->def;
    const bool forward = n->op == KP_OP_FOREIGN;
    struct kp_op_call_float c = {.size = sizeof(c), .examples = at->examples, .shapes = &f->shapes};
    float *part = part_of(n, p, t->index);

    c.scratch = scratch_of(n, p, t->index);
    for (int i = 0; i < (int)d->operand_count; i++)
        c.in[i] = view(p, n->in[i], kp_op_operand(d, (uint32_t)i)->form, at);
    c.y = target(p, forward ? n->out[0] : n->in[KP_FOREIGN_Y], d->result, at);
    for (int i = 0; i < (int)d->kept_count; i++)
        c.kept[i] = target(p, forward ? n->out[1 + i] : n->in[KP_FOREIGN_KEPT + i], d->kept[i], at);
    if (forward) {
        KP_IN_PLUGIN("op", d->name, "forward", d->forward_float(f->self, &c));
        return;
    }
    c.dy = view(p, n->in[KP_FOREIGN_DY], d->result, at);
    for (int i = 0; i < (int)d->operand_count; i++) {
        c.grad[i] = target(p, n->out[i], kp_op_operand(d, (uint32_t)i)->form, at);
        if (n->out[i] && is_shared(f, i)) {
            c.grad[i].v = part;
            part += c.grad[i].width;
        }
    }
    KP_IN_PLUGIN("op", d->name, "backward", d->backward_float(f->self, &c));
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
    struct piece at = {t->group * group, 0, (t->group_end - t->group) * group};
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
    const struct piece at = {t->first, (p->rows < t->end ? p->rows : t->end) - t->first, 0};

    memset(part_of(n, p, t->index), 0, (size_t)part_floats(n) * sizeof(float));
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
        if (!out || !is_shared(n->attrs.foreign, k))
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
    if (part_floats(n) > 0)
        kp_lower_step(l, KP_AFTER, sum_parts, NULL, 1);
}
