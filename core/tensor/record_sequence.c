/* record_sequence.c - the operations of kappa/tape.h on rows and sequences: layer norm, GELU,
 * attention, patches, tokens, tables, dropout. */
#include "tensor/record.h"

static int64_t width_of(struct kp_shape s)
{
    return s.n > 0 ? s.dim[s.n - 1] : 0;
}

/* x must be (N, T, D), a batch. */
static bool is_sequence(struct kp_tape *t, const char *op, const struct kp_value *x)
{
    if (x->batched && x->shape.n == 3 && x->dtype == KP_F32)
        return true;
    (void)kp_tape_fail(t, KP_E_SHAPE, "%s wants (N, T, D), got %d dims", op, (int)x->shape.n);
    return false;
}

/* A parameter or computed table of rows of D numbers, at least `rows`. */
static bool is_table(struct kp_tape *t, const char *op, const struct kp_value *v, int64_t rows,
                     int64_t width)
{
    int64_t have = width_of(v->shape) > 0 ? kp_shape_count(v->shape) / width_of(v->shape) : 0;

    if (!v->batched && v->dtype == KP_F32 && have >= rows && width_of(v->shape) == width)
        return true;
    (void)kp_tape_fail(t, KP_E_SHAPE, "%s: the table has %lld rows of %lld, it needs %lld of %lld",
                       op, (long long)have, (long long)width_of(v->shape), (long long)rows,
                       (long long)width);
    return false;
}

static struct kp_value *more(struct kp_recording *r, struct kp_shape shape)
{
    struct kp_value *v = kp_graph_value(r->graph, KP_F32, shape, true);

    if (!v)
        kp_record_out_of_memory(r);
    return v;
}

struct kp_tensor *kp_record_layer_norm(struct kp_tape *t, struct kp_tensor *x,
                                       struct kp_tensor *gamma, struct kp_tensor *beta, double eps)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, gamma),
                             kp_record_value(r, beta)};

    if (!in[0] || !in[1] || !in[2])
        return NULL;
    struct kp_shape rows = in[0]->shape;
    int64_t width = width_of(rows);
    if (!in[0]->batched || rows.n < 2) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "layer_norm wants (N, ..., K), got %d dims", (int)rows.n);
        return NULL;
    }
    for (int i = 1; i < 3; i++)
        if (in[i]->batched || in[i]->shape.n != 1 || in[i]->shape.dim[0] != width) {
            (void)kp_tape_fail(t, KP_E_SHAPE, "layer_norm: an operand is not (%lld)",
                               (long long)width);
            return NULL;
        }
    if (!(eps > 0)) {
        (void)kp_tape_fail(t, KP_E_INVALID, "layer_norm: eps is %g, must be above 0", eps);
        return NULL;
    }
    struct kp_node *n = kp_record_node(r, KP_OP_LAYER_NORM, in[0]->shape, true, 3, in);
    if (!n)
        return NULL;
    n->attrs.eps = eps;
    rows.dim[--rows.n] = 0;
    n->out[1] = more(r, rows);
    n->out[2] = more(r, rows);
    return n->out[1] && n->out[2] ? kp_record_result(r, n) : NULL;
}

struct kp_tensor *kp_record_gelu(struct kp_tape *t, struct kp_tensor *x, enum kp_gelu_form form)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    struct kp_node *n = kp_record_node(r, KP_OP_GELU, v->shape, v->batched, 1, &v);
    if (n)
        n->attrs.approximate = form == KP_GELU_TANH;
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_attention(struct kp_tape *t, struct kp_tensor *q, struct kp_tensor *k,
                                      struct kp_tensor *v, int64_t heads, double scale, bool causal)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, q), kp_record_value(r, k), kp_record_value(r, v)};

    if (!in[0] || !in[1] || !in[2] || !is_sequence(t, "attention", in[0]))
        return NULL;
    struct kp_shape s = in[0]->shape;
    for (int i = 1; i < 3; i++)
        if (!in[i]->batched || !kp_shape_equal(in[i]->shape, s)) {
            (void)kp_tape_fail(t, KP_E_SHAPE, "attention: q, k and v differ in shape");
            return NULL;
        }
    if (heads < 1 || s.dim[2] % heads != 0) {
        (void)kp_tape_fail(t, KP_E_INVALID, "attention: %lld heads do not divide a width of %lld",
                           (long long)heads, (long long)s.dim[2]);
        return NULL;
    }
    struct kp_node *n = kp_record_node(r, KP_OP_ATTENTION, s, true, 3, in);
    if (!n)
        return NULL;
    n->attrs.heads = heads;
    n->attrs.factor = scale;
    n->attrs.causal = causal;
    n->out[1] = more(r, (struct kp_shape){3, {s.dim[0], heads, s.dim[1]}});
    return n->out[1] ? kp_record_result(r, n) : NULL;
}

struct kp_tensor *kp_record_patches(struct kp_tape *t, struct kp_tensor *x, int64_t size)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    struct kp_shape s = v->shape;
    if (s.n != 4 || !v->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "patches wants (N, C, H, W), got %d dims", (int)s.n);
        return NULL;
    }
    if (size < 1 || s.dim[2] % size != 0 || s.dim[3] % size != 0) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "patches of %lld do not divide an image of %lldx%lld",
                           (long long)size, (long long)s.dim[2], (long long)s.dim[3]);
        return NULL;
    }
    struct kp_shape out = {3,
                           {s.dim[0], s.dim[2] / size * (s.dim[3] / size), size * size * s.dim[1]}};
    struct kp_node *n = kp_record_node(r, KP_OP_PATCHES, out, true, 1, &v);
    if (n)
        n->attrs.window = kp_window(size, size, 0);
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_prepend(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *token)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, token)};

    if (!in[0] || !in[1] || !is_sequence(t, "prepend", in[0]) ||
        !is_table(t, "prepend", in[1], 1, in[0]->shape.dim[2]))
        return NULL;
    struct kp_shape s = in[0]->shape;
    s.dim[1]++;
    return kp_record_result(r, kp_record_node(r, KP_OP_PREPEND, s, true, 2, in));
}

struct kp_tensor *kp_record_add_position(struct kp_tape *t, struct kp_tensor *x,
                                         struct kp_tensor *table)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, table)};

    if (!in[0] || !in[1] || !is_sequence(t, "add_position", in[0]) ||
        !is_table(t, "add_position", in[1], in[0]->shape.dim[1], in[0]->shape.dim[2]))
        return NULL;
    return kp_record_result(r, kp_record_node(r, KP_OP_ADD_POSITION, in[0]->shape, true, 2, in));
}

struct kp_tensor *kp_record_select(struct kp_tape *t, struct kp_tensor *x, int64_t index)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v || !is_sequence(t, "select", v))
        return NULL;
    if (index < 0 || index >= v->shape.dim[1]) {
        (void)kp_tape_fail(t, KP_E_INVALID, "select: token %lld of %lld", (long long)index,
                           (long long)v->shape.dim[1]);
        return NULL;
    }
    struct kp_node *n =
        kp_record_node(r, KP_OP_SELECT, kp_shape2(v->shape.dim[0], v->shape.dim[2]), true, 1, &v);
    if (n)
        n->attrs.index = index;
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_embedding(struct kp_tape *t, struct kp_tensor *ids,
                                      struct kp_tensor *table)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, ids), kp_record_value(r, table)};

    if (!in[0] || !in[1])
        return NULL;
    if (in[0]->dtype != KP_I32 || in[0]->shape.n != 2 || !in[0]->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "embedding: the ids are not (N, T) int32");
        return NULL;
    }
    if (!is_table(t, "embedding", in[1], 1, width_of(in[1]->shape)))
        return NULL;
    struct kp_shape s = {3, {in[0]->shape.dim[0], in[0]->shape.dim[1], width_of(in[1]->shape)}};
    return kp_record_result(r, kp_record_node(r, KP_OP_EMBEDDING, s, true, 2, in));
}

static uint32_t dropouts(const struct kp_graph *g)
{
    uint32_t count = 0;

    for (int64_t i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == KP_OP_DROPOUT;
    return count;
}

struct kp_tensor *kp_record_dropout(struct kp_tape *t, struct kp_tensor *x, double rate)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    if (!v->batched || v->dtype != KP_F32) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "dropout wants a batch");
        return NULL;
    }
    if (!(rate >= 0 && rate < 1)) {
        (void)kp_tape_fail(t, KP_E_INVALID, "dropout: the rate is %g, must be from 0 to below 1",
                           rate);
        return NULL;
    }
    if (r->graph->mode != KP_TRAIN || rate == 0)
        return x;
    uint32_t number = dropouts(r->graph);
    struct kp_node *n = kp_record_node(r, KP_OP_DROPOUT, v->shape, true, 1, &v);
    if (n) {
        n->attrs.factor = rate;
        n->attrs.number = number;
    }
    return kp_record_result(r, n);
}
