/* ref.c - the reference device's table: memory, planning, execution, input and output. */
#include "device/ref/ref.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kp_ref_device {
    struct kp_device base;
};

struct kp_ref_code {
    const struct kp_graph *graph;
};

static const struct kp_graph *graph_of(const struct kp_code *c)
{
    return ((const struct kp_ref_code *)(const void *)c)->graph;
}

double *kp_ref_values(const struct kp_memory *m, const struct kp_value *v)
{
    if (!v)
        return NULL;
    while (v->alias)
        v = v->alias;
    void *block = kp_memory_block(m, v->place);
    KP_ASSERT(block);
    return (double *)block + v->offset / sizeof(float);
}

static enum kp_status ref_open(const struct kp_device_config *config, struct kp_device **out,
                               struct kp_error *e)
{
    (void)config;
    struct kp_ref_device *d = calloc(1, sizeof(*d));
    if (!d)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    d->base.ops = &kp_ref_ops;
    *out = &d->base;
    return KP_OK;
}

static void ref_close(struct kp_device *d)
{
    free(d);
}

static void ref_describe(const struct kp_device *d, char *out, size_t size)
{
    (void)d;
    (void)snprintf(out, size, "ref fp64, plain loops, 1 thread");
}

static void ref_arithmetic(const struct kp_device *d, char *out, size_t size)
{
    (void)d;
    (void)snprintf(out, size, "ref fp64");
}

static const char *ref_level(const struct kp_device *d)
{
    (void)d;
    return NULL;
}

static void *ref_alloc(struct kp_device *d, size_t bytes)
{
    (void)d;
    return calloc(bytes > 0 ? bytes : 1, sizeof(double) / sizeof(float));
}

static void ref_release(struct kp_device *d, void *p, size_t bytes)
{
    (void)d;
    (void)bytes;
    free(p);
}

static enum kp_status ref_fuse(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    (void)d;
    (void)g;
    (void)e;
    return KP_OK;
}

static enum kp_status ref_plan(struct kp_device *d, struct kp_graph *g, struct kp_error *e)
{
    (void)d;
    (void)e;
    for (int64_t i = 0; i < g->value_count; i++) {
        struct kp_value *v = g->values[i];
        bool own = v->place == KP_AT_ARENA && !v->alias;
        v->layout = KP_PLAIN;
        v->bytes = own ? (size_t)kp_shape_count(v->shape) * sizeof(float) : 0;
    }
    for (int64_t i = 0; i < g->node_count; i++) {
        struct kp_node *n = g->nodes[i];
        n->scratch = n->attrs.foreign           ? kp_ref_foreign_scratch(g, n)
                     : n->op == KP_OP_ROW_LOSS  ? kp_ref_row_loss_scratch(n)
                     : n->op == KP_OP_HEAD_LOSS ? kp_ref_head_loss_scratch(n)
                                                : 0;
        n->segment = (int32_t)i;
    }
    return KP_OK;
}

static enum kp_status ref_lower(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                                struct kp_error *e)
{
    (void)d;
    struct kp_ref_code *c = calloc(1, sizeof(*c));
    if (!c)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    c->graph = g;
    *out = (struct kp_code *)(void *)c;
    return KP_OK;
}

static void ref_code_destroy(struct kp_code *c)
{
    free(c);
}

static void (*const operations[KP_OP_COUNT])(const struct kp_ref_call *c) = {
    [KP_OP_LINEAR] = kp_ref_linear,
    [KP_OP_LINEAR_GRAD_X] = kp_ref_linear_grad_x,
    [KP_OP_LINEAR_GRAD_W] = kp_ref_linear_grad_w,
    [KP_OP_CONV2D] = kp_ref_conv2d,
    [KP_OP_CONV2D_GRAD_X] = kp_ref_conv2d_grad_x,
    [KP_OP_CONV2D_GRAD_W] = kp_ref_conv2d_grad_w,
    [KP_OP_BATCH_NORM] = kp_ref_batch_norm,
    [KP_OP_BATCH_NORM_GRAD] = kp_ref_batch_norm_grad,
    [KP_OP_BATCH_NORM_EVAL] = kp_ref_batch_norm_eval,
    [KP_OP_BATCH_NORM_EVAL_GRAD] = kp_ref_batch_norm_eval_grad,
    [KP_OP_FOLD_BATCH_NORM] = kp_ref_fold_batch_norm,
    [KP_OP_RELU] = kp_ref_relu,
    [KP_OP_RELU_GRAD] = kp_ref_relu_grad,
    [KP_OP_MAX_POOL] = kp_ref_max_pool,
    [KP_OP_MAX_POOL_GRAD] = kp_ref_max_pool_grad,
    [KP_OP_AVG_POOL] = kp_ref_avg_pool,
    [KP_OP_AVG_POOL_GRAD] = kp_ref_avg_pool_grad,
    [KP_OP_RESHAPE] = kp_ref_copy,
    [KP_OP_ADD] = kp_ref_add,
    [KP_OP_SUB] = kp_ref_sub,
    [KP_OP_MUL] = kp_ref_mul,
    [KP_OP_SCALE] = kp_ref_scale,
    [KP_OP_SOFTMAX] = kp_ref_softmax,
    [KP_OP_SOFTMAX_GRAD] = kp_ref_softmax_grad,
    [KP_OP_LOG_SOFTMAX] = kp_ref_log_softmax,
    [KP_OP_LOG_SOFTMAX_GRAD] = kp_ref_log_softmax_grad,
    [KP_OP_MEAN] = kp_ref_mean,
    [KP_OP_MEAN_GRAD] = kp_ref_mean_grad,
    [KP_OP_CROSS_ENTROPY] = kp_ref_cross_entropy,
    [KP_OP_CROSS_ENTROPY_GRAD] = kp_ref_cross_entropy_grad,
    [KP_OP_KL] = kp_ref_kl,
    [KP_OP_KL_GRAD] = kp_ref_kl_grad,
    [KP_OP_WEIGHTED_MEAN] = kp_ref_weighted_mean,
    [KP_OP_WEIGHTED_MEAN_GRAD] = kp_ref_weighted_mean_grad,
    [KP_OP_ROW_LOSS] = kp_ref_row_loss,
    [KP_OP_HEAD_LOSS] = kp_ref_head_loss,
    [KP_OP_ONE_HOT] = kp_ref_one_hot,
    [KP_OP_ARGMAX] = kp_ref_argmax,
    [KP_OP_LAYER_NORM] = kp_ref_layer_norm,
    [KP_OP_LAYER_NORM_GRAD] = kp_ref_layer_norm_grad,
    [KP_OP_GELU] = kp_ref_gelu,
    [KP_OP_GELU_GRAD] = kp_ref_gelu_grad,
    [KP_OP_ATTENTION] = kp_ref_attention,
    [KP_OP_ATTENTION_GRAD] = kp_ref_attention_grad,
    [KP_OP_PATCHES] = kp_ref_patches,
    [KP_OP_PATCHES_GRAD] = kp_ref_patches_grad,
    [KP_OP_PREPEND] = kp_ref_prepend,
    [KP_OP_PREPEND_GRAD] = kp_ref_prepend_grad,
    [KP_OP_ADD_POSITION] = kp_ref_add_position,
    [KP_OP_ADD_POSITION_GRAD] = kp_ref_add_position_grad,
    [KP_OP_SELECT] = kp_ref_select,
    [KP_OP_SELECT_GRAD] = kp_ref_select_grad,
    [KP_OP_EMBEDDING] = kp_ref_embedding,
    [KP_OP_EMBEDDING_GRAD] = kp_ref_embedding_grad,
    [KP_OP_DROPOUT] = kp_ref_dropout,
    [KP_OP_FOREIGN] = kp_ref_foreign,
    [KP_OP_FOREIGN_GRAD] = kp_ref_foreign,
    [KP_OP_ROUND] = kp_ref_round,
    [KP_OP_CONVERT] = kp_ref_copy,
};

/* Results start at zero, so what no operation writes (examples beyond `rows`) is zero. */
static void clear_results(const struct kp_ref_call *c)
{
    for (int i = 0; i < KP_NODE_OUT; i++) {
        const struct kp_value *v = c->node->out[i];
        if (v && !v->alias)
            memset(kp_ref_out(c, i), 0, (size_t)kp_shape_count(v->shape) * sizeof(double));
    }
}

static enum kp_status ref_run(const struct kp_code *code, struct kp_memory *m, int64_t rows,
                              struct kp_error *e)
{
    const struct kp_graph *g = graph_of(code);
    if (rows < 0 || rows > g->capacity)
        return kp_fail(e, KP_E_INVALID, "%lld rows, must be 0 to the batch capacity %lld",
                       (long long)rows, (long long)g->capacity);
    for (int64_t i = 0; i < g->node_count; i++) {
        const struct kp_node *n = g->nodes[i];
        struct kp_ref_call call = {n, m, rows};
        clear_results(&call);
        if (n->op == KP_OP_ACCUMULATE)
            kp_ref_accumulate(&call, (int64_t)(g->param_bytes / sizeof(float)));
        else if (n->op == KP_OP_CLIP)
            kp_ref_clip(&call, (int64_t)(g->param_bytes / sizeof(float)));
        else if (kp_op_is_optimizer(n->op))
            kp_ref_optimize(&call, (int64_t)(g->param_bytes / sizeof(float)));
        else
            operations[n->op](&call);
    }
    return KP_OK;
}

static void ref_write(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                      const void *host, int64_t rows)
{
    (void)c;
    double *x = kp_ref_values(m, v);
    int64_t count = kp_ref_count(v, rows), all = kp_shape_count(v->shape);
    for (int64_t i = 0; i < count; i++)
        x[i] = v->dtype == KP_I32 ? (double)((const int32_t *)host)[i]
                                  : (double)((const float *)host)[i];
    for (int64_t i = count; i < all; i++)
        x[i] = 0;
}

static void ref_read(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                     void *host, int64_t rows)
{
    (void)c;
    const double *x = kp_ref_values(m, v);
    int64_t count = kp_ref_count(v, rows);
    for (int64_t i = 0; i < count; i++) {
        if (v->dtype == KP_I32)
            ((int32_t *)host)[i] = (int32_t)x[i];
        else
            ((float *)host)[i] = (float)x[i];
    }
}

/* Where the rotation takes (y, x) from: the pixel (*y, *x) of what crop and mirror made. */
static void rotate_back(const struct kp_load *l, double angle, int64_t *y, int64_t *x)
{
    double c = cos(angle * M_PI / 180), s = sin(angle * M_PI / 180);
    double v = (double)*y + 0.5 - (double)l->height / 2;
    double u = (double)*x + 0.5 - (double)l->width / 2;

    *y = (int64_t)floor(c * v + s * u + (double)l->height / 2);
    *x = (int64_t)floor(c * u - s * v + (double)l->width / 2);
}

/* The byte that the crop, then the mirror, then the rotation put at (y, x). */
static uint8_t pixel(const struct kp_load *l, int64_t n, int64_t c, int64_t y, int64_t x)
{
    if (l->draws) {
        if (fabs((double)l->draws[n].angle) > 0)
            rotate_back(l, (double)l->draws[n].angle, &y, &x);
        if (y < 0 || y >= l->height || x < 0 || x >= l->width)
            return 0;
        if (l->draws[n].flip)
            x = l->width - 1 - x;
        y += l->draws[n].dy;
        x += l->draws[n].dx;
    }
    if (y < 0 || y >= l->height || x < 0 || x >= l->width)
        return 0;
    return l->bytes[((n * l->channels + c) * l->height + y) * l->width + x];
}

static void ref_load_batch(const struct kp_code *code, struct kp_memory *m,
                           const struct kp_value *v, const struct kp_load *l)
{
    (void)code;
    double *out = kp_ref_values(m, v);
    memset(out, 0, (size_t)kp_shape_count(v->shape) * sizeof(double));
    for (int64_t n = 0; n < l->rows; n++)
        for (int64_t c = 0; c < l->channels; c++)
            for (int64_t y = 0; y < l->height; y++)
                for (int64_t x = 0; x < l->width; x++)
                    *out++ = (pixel(l, n, c, y, x) / 255.0 - (double)l->mean[c]) / (double)l->sd[c];
}

static bool ref_copy_batch(struct kp_device *d, const struct kp_memory *from_memory,
                           const struct kp_value *from, struct kp_memory *to_memory,
                           const struct kp_value *to, int64_t rows)
{
    if (kp_shape_count(from->shape) != kp_shape_count(to->shape))
        return false;
    (void)d;
    (void)rows;
    memcpy(kp_ref_values(to_memory, to), kp_ref_values(from_memory, from),
           (size_t)kp_shape_count(from->shape) * sizeof(double));
    return true;
}

static void ref_put_aside(const struct kp_code *code, const struct kp_memory *m,
                          const struct kp_value *v, void *block, int64_t index)
{
    (void)code;
    ((double *)block)[index] = *kp_ref_values(m, v);
}

static void ref_share(struct kp_device *d, int64_t tasks, void (*fn)(void *arg, int64_t task),
                      void *arg)
{
    (void)d;
    for (int64_t i = 0; i < tasks; i++)
        fn(arg, i);
}

static void ref_upload(struct kp_device *d, void *device, const void *host, size_t bytes)
{
    (void)d;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((double *)device)[i] = (double)((const float *)host)[i];
}

static void ref_download(struct kp_device *d, void *host, const void *device, size_t bytes)
{
    (void)d;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((float *)host)[i] = (float)((const double *)device)[i];
}

const struct kp_device_ops kp_ref_ops = {
    .name = "ref",
    .open = ref_open,
    .close = ref_close,
    .describe = ref_describe,
    .arithmetic = ref_arithmetic,
    .level = ref_level,
    .alloc = ref_alloc,
    .release = ref_release,
    .fuse = ref_fuse,
    .plan = ref_plan,
    .lower = ref_lower,
    .code_destroy = ref_code_destroy,
    .run = ref_run,
    .write = ref_write,
    .read = ref_read,
    .put_aside = ref_put_aside,
    .load_batch = ref_load_batch,
    .copy_batch = ref_copy_batch,
    .share = ref_share,
    .upload = ref_upload,
    .download = ref_download,
};
