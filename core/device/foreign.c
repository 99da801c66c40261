/* foreign.c - a call of a plugin's operation: views of its operands and results. */
#include "device/foreign.h"

#include "base/running.h"

static struct kp_target_float target(float *at, const struct kp_value *v, enum kp_form form,
                                     const struct kp_foreign_piece *piece)
{
    struct kp_target_float t = {at, 0, 0, 0};

    if (!v)
        return t;
    const int64_t all = kp_shape_count(v->shape), rest = v->batched ? all / v->shape.dim[0] : all;
    int64_t count = piece->floats;
    if (form == KP_SHARED)
        count = rest;
    else if (piece->floats > 0)
        t.v += piece->first;
    else {
        t.v += piece->first * rest;
        count = piece->examples * rest;
    }
    t.width = form == KP_ROWS ? v->shape.dim[v->shape.n - 1] : form == KP_CANONICAL ? rest : count;
    t.rows = count / t.width;
    t.stride = t.width;
    return t;
}

static struct kp_view_float view(float *at, const struct kp_value *v, enum kp_form form,
                                 const struct kp_foreign_piece *piece)
{
    const struct kp_target_float t = target(at, v, form, piece);

    return (struct kp_view_float){t.v, t.rows, t.width, t.stride};
}

void kp_foreign_call(const struct kp_node *n, const struct kp_foreign_places *at,
                     const struct kp_foreign_piece *piece)
{
    const struct kp_foreign *f = n->attrs.foreign;
    const struct kp_op_def *d = f->def;
    const bool forward = n->op == KP_OP_FOREIGN;
    struct kp_value *const *results = forward ? n->out : n->in + KP_FOREIGN_Y;
    float *const *results_at = forward ? at->out : at->in + KP_FOREIGN_Y;
    struct kp_op_call_float c = {.size = sizeof(c), .examples = piece->examples};
    float *part = at->part;

    c.shapes = &f->shapes;
    c.scratch = at->scratch;
    for (int i = 0; i < (int)d->operand_count; i++)
        c.in[i] = view(at->in[i], n->in[i], kp_op_operand(d, (uint32_t)i)->form, piece);
    c.y = target(results_at[0], results[0], d->result, piece);
    for (int i = 0; i < (int)d->kept_count; i++)
        c.kept[i] = target(results_at[1 + i], results[1 + i], d->kept[i], piece);
    if (forward) {
        KP_IN_PLUGIN("op", d->name, "forward", d->forward_float(f->self, &c));
        return;
    }
    c.dy = view(at->in[KP_FOREIGN_DY], n->in[KP_FOREIGN_DY], d->result, piece);
    for (int i = 0; i < (int)d->operand_count; i++) {
        c.grad[i] = target(at->out[i], n->out[i], kp_op_operand(d, (uint32_t)i)->form, piece);
        if (n->out[i] && kp_foreign_is_shared(f, i)) {
            c.grad[i].v = part;
            part += c.grad[i].width;
        }
    }
    KP_IN_PLUGIN("op", d->name, "backward", d->backward_float(f->self, &c));
}
