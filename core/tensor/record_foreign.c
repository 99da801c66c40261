/* record_foreign.c - operations of plugins, recorded. */
#include "base/running.h"
#include "device/foreign.h"
#include "tensor/record.h"

#include <stdarg.h>

/* Elements of a value that a plugin asks for. */
#define COUNT_LIMIT (INT64_C(1) << 40)

static enum kp_status shapes_fail(struct kp_op_shapes *s, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status shapes_fail(struct kp_op_shapes *s, enum kp_status st, const char *fmt, ...)
{
    struct kp_error *e = s->host;
    va_list args;

    if (e->status != KP_OK)
        return e->status;
    va_start(args, fmt);
    st = kp_fail_v(e, st, fmt, args);
    va_end(args);
    return st;
}

/* Is operand i what its form says? FLAT ones have the shape of the first, *flat. */
static bool check_operand(struct kp_tape *t, const struct kp_op_def *d, uint32_t i,
                          const struct kp_value *v, struct kp_shape *flat)
{
    const struct kp_operand *o = kp_op_operand(d, i);
    const char *what = NULL;

    if (v->dtype != KP_F32)
        what = "is no tensor of floats";
    else if (o->form == KP_SHARED && v->batched)
        what = "has a batch dimension; a parameter is expected";
    else if (o->form != KP_SHARED && !v->batched)
        what = "has no batch dimension";
    else if (o->form == KP_ROWS && v->shape.n < 2)
        what = "is not (N, ..., K)";
    else if (o->form == KP_FLAT && flat->n > 0 && !kp_shape_equal(*flat, v->shape))
        what = "has another shape than the first";
    if (o->form == KP_FLAT)
        *flat = v->shape;
    if (what)
        (void)kp_tape_fail(t, KP_E_SHAPE, "operation '%s': operand '%s' %s", d->name, o->name,
                           what);
    return !what;
}

/* A batch of examples, not too large? */
static bool is_batch(const struct kp_shape *s, int64_t examples)
{
    int64_t count = 1;

    if (s->n < 1 || s->n > KP_MAX_DIMS || s->dim[0] != examples)
        return false;
    for (int32_t i = 0; i < s->n; i++) {
        if (s->dim[i] < 1 || s->dim[i] > COUNT_LIMIT / count)
            return false;
        count *= s->dim[i];
    }
    return true;
}

/* Ask the plugin for the shapes of what it writes. */
static bool make_shapes(struct kp_tape *t, const struct kp_operation *op, struct kp_shape flat,
                        struct kp_op_shapes *s)
{
    const struct kp_op_def *d = op->def;
    const int64_t examples = kp_recording_of(t)->graph->capacity;
    struct kp_error why = {0};
    enum kp_status st = KP_OK;

    if (d->result == KP_FLAT)
        s->result = flat;
    s->host = &why;
    s->fail = shapes_fail;
    if (d->shape)
        KP_IN_PLUGIN("op", d->name, "shape", st = d->shape(op->self, s));
    s->host = NULL;
    if (why.status == KP_OK && st != KP_OK)
        (void)kp_fail(&why, st, "shape failed without saying why");
    if (why.status == KP_OK && d->result == KP_FLAT && !kp_shape_equal(s->result, flat))
        (void)kp_fail(&why, KP_E_SHAPE, "its result is FLAT, but of another shape");
    if (why.status == KP_OK &&
        (!is_batch(&s->result, examples) || (d->result == KP_ROWS && s->result.n < 2)))
        (void)kp_fail(&why, KP_E_SHAPE, "shape gives no result that begins with N = %lld",
                      (long long)examples);
    for (uint32_t i = 0; i < d->kept_count && why.status == KP_OK; i++)
        if (!is_batch(&s->kept[i], examples) || (d->kept[i] == KP_ROWS && s->kept[i].n < 2))
            (void)kp_fail(&why, KP_E_SHAPE, "shape keeps nothing that begins with N = %lld",
                          (long long)examples);
    if (why.status != KP_OK)
        (void)kp_tape_fail(t, why.status, "operation '%s': %s", d->name, why.text);
    return why.status == KP_OK;
}

struct kp_tensor *kp_record_apply(struct kp_tape *t, const struct kp_operation *op,
                                  struct kp_tensor *const *in, int64_t count)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v[KP_OP_OPERANDS] = {NULL};
    struct kp_shape flat = {0};

    if (!op || r->error->status != KP_OK)
        return NULL;
    const struct kp_op_def *d = op->def;
    if (count != (int64_t)d->operand_count) {
        (void)kp_tape_fail(t, KP_E_INVALID, "operation '%s' has %u operands, not %lld", d->name,
                           (unsigned)d->operand_count, (long long)count);
        return NULL;
    }
    struct kp_foreign *f = kp_arena_new(&r->graph->memory, struct kp_foreign, 1);
    if (!f) {
        kp_record_out_of_memory(r);
        return NULL;
    }
    *f = (struct kp_foreign){
        d, op->self, {.size = sizeof(f->shapes), .count = (int32_t)count}, kp_foreign_call};
    for (int64_t i = 0; i < count; i++) {
        v[i] = kp_record_value(r, in[i]);
        if (!v[i] || !check_operand(t, d, (uint32_t)i, v[i], &flat))
            return NULL;
        f->shapes.in[i] = v[i]->shape;
    }
    if (!make_shapes(t, op, flat, &f->shapes))
        return NULL;
    struct kp_node *n = kp_record_node(r, KP_OP_FOREIGN, f->shapes.result, true, (int)count, v);
    if (!n)
        return NULL;
    n->attrs.foreign = f;
    for (uint32_t i = 0; i < d->kept_count; i++) {
        n->out[1 + i] = kp_graph_value(r->graph, KP_F32, f->shapes.kept[i], true);
        if (!n->out[1 + i]) {
            kp_record_out_of_memory(r);
            return NULL;
        }
    }
    return kp_record_result(r, n);
}
