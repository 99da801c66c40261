/* record.c - the operations of kappa/tape.h: check shapes, append nodes. */
#include "tensor/record.h"

struct kp_tensor *kp_record_linear(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                   struct kp_tensor *b)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, w),
                             b ? kp_record_value(r, b) : NULL};

    if (!in[0] || !in[1] || (b && !in[2]))
        return NULL;
    struct kp_shape xs = in[0]->shape, ws = in[1]->shape;
    int64_t inputs = xs.n > 1 ? xs.dim[xs.n - 1] : 0;
    if (xs.n < 2 || ws.n != 2 || inputs != ws.dim[1] || !in[0]->batched || in[1]->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "linear: x (N, ..., I) and w (O, I) do not fit: I is %lld and %lld",
                           (long long)inputs, (long long)ws.dim[1]);
        return NULL;
    }
    if (b && (in[2]->shape.n != 1 || in[2]->shape.dim[0] != ws.dim[0])) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "linear: the bias is not (%lld)", (long long)ws.dim[0]);
        return NULL;
    }
    xs.dim[xs.n - 1] = ws.dim[0];
    return kp_record_result(r, kp_record_node(r, KP_OP_LINEAR, xs, true, 3, in));
}

static bool check_window(struct kp_tape *t, const char *op, const struct kp_window *k)
{
    for (int i = 0; i < 2; i++)
        if (k->size[i] < 1 || k->stride[i] < 1 || k->pad[i] < 0 || k->pad[i] >= k->size[i]) {
            (void)kp_tape_fail(
                t, KP_E_INVALID,
                "%s: window of size %lld, stride %lld, pad %lld: size and stride must be "
                ">= 1, pad from 0 to size - 1",
                op, (long long)k->size[i], (long long)k->stride[i], (long long)k->pad[i]);
            return false;
        }
    return true;
}

/* (N, C, H, W) -> (N, channels, H', W'); false if the window does not fit. */
static bool slide(struct kp_tape *t, const char *op, const struct kp_value *x,
                  const struct kp_window *k, int64_t channels, struct kp_shape *out)
{
    if (x->shape.n != 4 || !x->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "%s wants (N, C, H, W), got %d dims", op,
                           (int)x->shape.n);
        return false;
    }
    if (!check_window(t, op, k))
        return false;
    *out = kp_shape4(x->shape.dim[0], channels, 0, 0);
    for (int i = 0; i < 2; i++) {
        int64_t room = x->shape.dim[2 + i] + 2 * k->pad[i] - k->size[i];
        if (room < 0) {
            (void)kp_tape_fail(t, KP_E_SHAPE, "%s: a window of %lld does not fit into %lld pixels",
                               op, (long long)k->size[i], (long long)x->shape.dim[2 + i]);
            return false;
        }
        out->dim[2 + i] = room / k->stride[i] + 1;
    }
    return true;
}

struct kp_tensor *kp_record_conv2d(struct kp_tape *t, struct kp_tensor *x, struct kp_tensor *w,
                                   struct kp_tensor *b, struct kp_window k)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, w),
                             b ? kp_record_value(r, b) : NULL};
    struct kp_shape out;

    if (!in[0] || !in[1] || (b && !in[2]))
        return NULL;
    struct kp_shape ws = in[1]->shape;
    if (ws.n != 4 || in[1]->batched || ws.dim[2] != k.size[0] || ws.dim[3] != k.size[1]) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "conv2d: the weight is not (O, C, %lld, %lld)",
                           (long long)k.size[0], (long long)k.size[1]);
        return NULL;
    }
    if (!slide(t, "conv2d", in[0], &k, ws.dim[0], &out))
        return NULL;
    if (in[0]->shape.dim[1] != ws.dim[1]) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "conv2d: the input has %lld channels, the weight wants %lld",
                           (long long)in[0]->shape.dim[1], (long long)ws.dim[1]);
        return NULL;
    }
    if (b && (in[2]->shape.n != 1 || in[2]->shape.dim[0] != ws.dim[0])) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "conv2d: the bias is not (%lld)", (long long)ws.dim[0]);
        return NULL;
    }
    struct kp_node *n = kp_record_node(r, KP_OP_CONV2D, out, true, 3, in);
    if (n)
        n->attrs.window = k;
    return kp_record_result(r, n);
}

static struct kp_value *reshape(struct kp_recording *r, struct kp_value *x, struct kp_shape shape)
{
    struct kp_node *n = kp_record_node(r, KP_OP_RESHAPE, shape, x->batched, 1, &x);

    if (!n)
        return NULL;
    n->out[0]->alias = x->alias ? x->alias : x;
    return n->out[0];
}

struct kp_tensor *kp_record_batch_norm(struct kp_tape *t, struct kp_tensor *x,
                                       struct kp_tensor *gamma, struct kp_tensor *beta,
                                       struct kp_tensor *mean, struct kp_tensor *var,
                                       double momentum, double eps)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, gamma),
                             kp_record_value(r, beta), kp_record_value(r, mean),
                             kp_record_value(r, var)};

    for (int i = 0; i < 5; i++)
        if (!in[i])
            return NULL;
    struct kp_shape shape = in[0]->shape;
    if (!in[0]->batched || (shape.n != 4 && shape.n != 2)) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "batch_norm wants (N, C, H, W) or (N, C), got %d dims",
                           (int)shape.n);
        return NULL;
    }
    for (int i = 1; i < 5; i++)
        if (in[i]->shape.n != 1 || in[i]->shape.dim[0] != shape.dim[1]) {
            (void)kp_tape_fail(t, KP_E_SHAPE, "batch_norm: an operand is not (%lld)",
                               (long long)shape.dim[1]);
            return NULL;
        }
    if (in[3]->place != KP_AT_BUFFERS || in[4]->place != KP_AT_BUFFERS) {
        (void)kp_tape_fail(t, KP_E_INVALID, "batch_norm: mean and var must come from kp_buffer()");
        return NULL;
    }
    struct kp_shape image = kp_shape4(shape.dim[0], shape.dim[1], 1, 1);
    if (shape.n == 2)
        in[0] = reshape(r, in[0], image);
    if (!in[0])
        return NULL;
    bool train = r->graph->mode == KP_TRAIN && !in[1]->frozen;
    struct kp_node *n = kp_record_node(r, train ? KP_OP_BATCH_NORM : KP_OP_BATCH_NORM_EVAL,
                                       in[0]->shape, true, 5, in);
    if (!n)
        return NULL;
    n->attrs.momentum = momentum;
    n->attrs.eps = eps;
    if (train) {
        n->out[1] = kp_graph_value(r->graph, KP_F32, kp_shape1(shape.dim[1]), false);
        n->out[2] = kp_graph_value(r->graph, KP_F32, kp_shape1(shape.dim[1]), false);
        if (!n->out[1] || !n->out[2]) {
            kp_record_out_of_memory(r);
            return NULL;
        }
    }
    if (shape.n == 4)
        return kp_record_result(r, n);
    struct kp_value *flat = reshape(r, n->out[0], shape);
    return flat ? kp_record_wrap(r, flat) : NULL;
}

static struct kp_tensor *unary(struct kp_tape *t, enum kp_op op, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    return v ? kp_record_result(r, kp_record_node(r, op, v->shape, v->batched, 1, &v)) : NULL;
}

struct kp_tensor *kp_record_relu(struct kp_tape *t, struct kp_tensor *x)
{
    return unary(t, KP_OP_RELU, x);
}

static struct kp_tensor *pool(struct kp_tape *t, enum kp_op op, const char *name,
                              struct kp_tensor *x, struct kp_window k)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);
    struct kp_shape out;

    if (!v || !slide(t, name, v, &k, v->shape.n > 1 ? v->shape.dim[1] : 0, &out))
        return NULL;
    struct kp_node *n = kp_record_node(r, op, out, true, 1, &v);
    if (n)
        n->attrs.window = k;
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_max_pool(struct kp_tape *t, struct kp_tensor *x, struct kp_window k)
{
    return pool(t, KP_OP_MAX_POOL, "max_pool", x, k);
}

struct kp_tensor *kp_record_avg_pool(struct kp_tape *t, struct kp_tensor *x, struct kp_window k)
{
    return pool(t, KP_OP_AVG_POOL, "avg_pool", x, k);
}

struct kp_tensor *kp_record_flatten(struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    if (!v->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "flatten wants a batch");
        return NULL;
    }
    int64_t n = v->shape.dim[0];
    v = reshape(r, v, kp_shape2(n, kp_shape_count(v->shape) / n));
    return v ? kp_record_wrap(r, v) : NULL;
}

static struct kp_tensor *binary(struct kp_tape *t, enum kp_op op, struct kp_tensor *a,
                                struct kp_tensor *b)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, a), kp_record_value(r, b)};

    if (!in[0] || !in[1])
        return NULL;
    if (!kp_shape_equal(in[0]->shape, in[1]->shape) || in[0]->batched != in[1]->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "%s: the two shapes differ", kp_op_name(op));
        return NULL;
    }
    return kp_record_result(r, kp_record_node(r, op, in[0]->shape, in[0]->batched, 2, in));
}

struct kp_tensor *kp_record_add(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return binary(t, KP_OP_ADD, a, b);
}

struct kp_tensor *kp_record_sub(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return binary(t, KP_OP_SUB, a, b);
}

struct kp_tensor *kp_record_mul(struct kp_tape *t, struct kp_tensor *a, struct kp_tensor *b)
{
    return binary(t, KP_OP_MUL, a, b);
}

struct kp_tensor *kp_record_scale(struct kp_tape *t, struct kp_tensor *x, double factor)
{
    struct kp_tensor *y = unary(t, KP_OP_SCALE, x);

    if (y)
        kp_recording_of(t)->graph->nodes[kp_recording_of(t)->graph->node_count - 1]->attrs.factor =
            factor;
    return y;
}

static struct kp_tensor *softmax(struct kp_tape *t, enum kp_op op, struct kp_tensor *x)
{
    struct kp_value *v = kp_record_value(kp_recording_of(t), x);

    if (!v)
        return NULL;
    if (!v->batched || v->shape.n < 2) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "%s wants (N, ..., K)", kp_op_name(op));
        return NULL;
    }
    return unary(t, op, x);
}

struct kp_tensor *kp_record_softmax(struct kp_tape *t, struct kp_tensor *x)
{
    return softmax(t, KP_OP_SOFTMAX, x);
}

struct kp_tensor *kp_record_log_softmax(struct kp_tape *t, struct kp_tensor *x)
{
    return softmax(t, KP_OP_LOG_SOFTMAX, x);
}

struct kp_tensor *kp_record_mean(struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    if (!v->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "mean wants a batch");
        return NULL;
    }
    return kp_record_result(r,
                            kp_record_node(r, KP_OP_MEAN, kp_shape1(v->shape.dim[0]), true, 1, &v));
}

/* (N, ..., K) without K. */
static struct kp_shape rows_of(struct kp_shape s)
{
    s.n--;
    s.dim[s.n] = 0;
    return s;
}

struct kp_tensor *kp_record_row_mean(struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    if (!v->batched || v->shape.n < 2) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "row_mean wants (N, ..., K)");
        return NULL;
    }
    return kp_record_result(r, kp_record_node(r, KP_OP_MEAN, rows_of(v->shape), true, 1, &v));
}

struct kp_tensor *kp_record_cross_entropy(struct kp_tape *t, struct kp_tensor *logits,
                                          struct kp_tensor *labels)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, logits), kp_record_value(r, labels)};

    if (!in[0] || !in[1])
        return NULL;
    if (!in[0]->batched || in[0]->shape.n < 2 || in[1]->dtype != KP_I32 ||
        !kp_shape_equal(rows_of(in[0]->shape), in[1]->shape)) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "cross_entropy: logits (N, ..., K) and labels (N, ...) int32 do "
                           "not fit");
        return NULL;
    }
    return kp_record_result(r, kp_record_node(r, KP_OP_CROSS_ENTROPY, in[1]->shape, true, 2, in));
}

struct kp_tensor *kp_record_kl_divergence(struct kp_tape *t, struct kp_tensor *student,
                                          struct kp_tensor *teacher, double tau)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, student), kp_record_value(r, teacher)};

    if (!in[0] || !in[1])
        return NULL;
    if (!in[0]->batched || in[0]->shape.n < 2 || !kp_shape_equal(in[0]->shape, in[1]->shape)) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "kl_divergence: student and teacher must both be (N, ..., K)");
        return NULL;
    }
    if (!(tau > 0)) {
        (void)kp_tape_fail(t, KP_E_INVALID, "kl_divergence: temperature %g, must be above 0", tau);
        return NULL;
    }
    struct kp_node *n = kp_record_node(r, KP_OP_KL, rows_of(in[0]->shape), true, 2, in);
    if (n)
        n->attrs.factor = tau;
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_weighted_mean(struct kp_tape *t, struct kp_tensor *x,
                                          struct kp_tensor *w)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *in[] = {kp_record_value(r, x), kp_record_value(r, w)};

    if (!in[0] || !in[1])
        return NULL;
    if (!kp_shape_equal(in[0]->shape, in[1]->shape) || !in[0]->batched) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "weighted_mean: values and weights must have one shape (N, ...)");
        return NULL;
    }
    return kp_record_result(
        r, kp_record_node(r, KP_OP_WEIGHTED_MEAN, (struct kp_shape){0}, false, 2, in));
}
