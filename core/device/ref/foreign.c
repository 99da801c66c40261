/* foreign.c - operations of plugins on the reference device: their double form, the batch at once.
 */
#include "base/running.h"
#include "device/ref/ref.h"

#include <stddef.h>

static struct kp_target_double target(const struct kp_ref_call *c, const struct kp_value *v,
                                      enum kp_form form)
{
    struct kp_target_double t = {kp_ref_values(c->memory, v), 0, 0, 0};

    if (!v)
        return t;
    const int64_t count = kp_ref_count(v, c->rows);
    t.width = form == KP_ROWS        ? v->shape.dim[v->shape.n - 1]
              : form == KP_CANONICAL ? count / c->rows
                                     : count;
    t.rows = count / t.width;
    t.stride = t.width;
    return t;
}

static struct kp_view_double view(const struct kp_ref_call *c, const struct kp_value *v,
                                  enum kp_form form)
{
    const struct kp_target_double t = target(c, v, form);

    return (struct kp_view_double){t.v, t.rows, t.width, t.stride};
}

size_t kp_ref_foreign_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_foreign *f = n->attrs.foreign;
    const int64_t numbers = f->def->scratch ? f->def->scratch(f->self, &f->shapes, g->capacity) : 0;

    return (size_t)numbers * sizeof(float);
}

void kp_ref_foreign(const struct kp_ref_call *c)
{
    const struct kp_node *n = c->node;
    const struct kp_foreign *f = n->attrs.foreign;
    const struct kp_op_def *d = f->def;
    const bool forward = n->op == KP_OP_FOREIGN;
    struct kp_op_call_double k = {.size = sizeof(k), .examples = c->rows, .shapes = &f->shapes};

    if (c->rows == 0)
        return;
    if (n->scratch > 0)
        k.scratch = (double *)c->memory->arena + n->scratch_offset / sizeof(float);
    for (int i = 0; i < (int)d->operand_count; i++)
        k.in[i] = view(c, n->in[i], kp_op_operand(d, (uint32_t)i)->form);
    k.y = target(c, forward ? n->out[0] : n->in[KP_FOREIGN_Y], d->result);
    for (int i = 0; i < (int)d->kept_count; i++)
        k.kept[i] = target(c, forward ? n->out[1 + i] : n->in[KP_FOREIGN_KEPT + i], d->kept[i]);
    if (forward) {
        KP_IN_PLUGIN("op", d->name, "forward", d->forward_double(f->self, &k));
        return;
    }
    k.dy = view(c, n->in[KP_FOREIGN_DY], d->result);
    for (int i = 0; i < (int)d->operand_count; i++)
        k.grad[i] = target(c, n->out[i], kp_op_operand(d, (uint32_t)i)->form);
    KP_IN_PLUGIN("op", d->name, "backward", d->backward_double(f->self, &k));
}
