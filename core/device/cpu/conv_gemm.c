/* conv_gemm.c - every other convolution: the window's pixels gathered into a matrix, then products.
 *
 * Row-major values. For one example, col [C kh kw][H' W'] holds the pixels that each tap sees:
 *   y = w col + b      dx = scatter(w^T dy)      dw = dy col^T */
#include "device/cpu/cpu.h"
#include "device/cpu/gemm.h"

#include <string.h>

struct geometry {
    int64_t channels, size[2];         /* of x */
    int64_t out_channels, out_size[2]; /* of y */
    struct kp_window w;
    int64_t taps;   /* C kh kw */
    int64_t pixels; /* H' W' */
};

static struct geometry geometry_of(const struct kp_node *n)
{
    const bool to_x = n->op == KP_OP_CONV2D_GRAD_X;
    const struct kp_value *x = to_x ? n->out[0] : n->in[0];
    const struct kp_value *y = to_x                           ? n->in[0]
                               : n->op == KP_OP_CONV2D_GRAD_W ? n->in[1]
                                                              : n->out[0];
    struct geometry g = {.channels = x->shape.dim[1], .out_channels = y->shape.dim[1]};

    for (int d = 0; d < 2; d++) {
        g.size[d] = x->shape.dim[2 + d];
        g.out_size[d] = y->shape.dim[2 + d];
    }
    g.w = n->attrs.window;
    g.taps = g.channels * g.w.size[0] * g.w.size[1];
    g.pixels = g.out_size[0] * g.out_size[1];
    return g;
}

/* Walks over all (tap, output pixel); the input pixel is added to or read. */
static void gather(const struct geometry *g, const float *x, float *col)
{
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t i = 0; i < g->w.size[0]; i++)
            for (int64_t j = 0; j < g->w.size[1]; j++)
                for (int64_t h = 0; h < g->out_size[0]; h++) {
                    const int64_t r = h * g->w.stride[0] + i - g->w.pad[0];
                    for (int64_t w = 0; w < g->out_size[1]; w++) {
                        const int64_t q = w * g->w.stride[1] + j - g->w.pad[1];
                        const bool inside = r >= 0 && r < g->size[0] && q >= 0 && q < g->size[1];
                        *col++ = inside ? x[(c * g->size[0] + r) * g->size[1] + q] : 0.0f;
                    }
                }
}

static void scatter(const struct geometry *g, const float *col, float *dx)
{
    memset(dx, 0, (size_t)(g->channels * g->size[0] * g->size[1]) * sizeof(float));
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t i = 0; i < g->w.size[0]; i++)
            for (int64_t j = 0; j < g->w.size[1]; j++)
                for (int64_t h = 0; h < g->out_size[0]; h++) {
                    const int64_t r = h * g->w.stride[0] + i - g->w.pad[0];
                    for (int64_t w = 0; w < g->out_size[1]; w++, col++) {
                        const int64_t q = w * g->w.stride[1] + j - g->w.pad[1];
                        if (r >= 0 && r < g->size[0] && q >= 0 && q < g->size[1])
                            dx[(c * g->size[0] + r) * g->size[1] + q] += *col;
                    }
                }
}

static int64_t col_floats(const struct geometry *g)
{
    return (g->taps * g->pixels + 15) / 16 * 16;
}

size_t kp_scratch_conv_gemm(const struct kp_cpu *cpu, const struct kp_graph *g,
                            const struct kp_node *n)
{
    const struct geometry geometry = geometry_of(n);
    (void)g;
    return (size_t)(kp_pool_threads(cpu->pool) * col_floats(&geometry)) * sizeof(float);
}

static void forward_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct geometry *g = s->data;
    const struct kp_node *n = s->node;
    const int64_t x_size = kp_value_rest(n->in[0]), y_size = kp_value_rest(n->out[0]);
    const float *x = kp_floats(p, n->in[0]), *b = kp_floats(p, n->in[2]);
    float *col = (float *)kp_scratch(p, n) + t->worker * col_floats(g);

    for (int64_t e = t->first; e < t->end; e++) {
        float *y = kp_floats(p, n->out[0]) + e * y_size;
        gather(g, x + e * x_size, col);
        for (int64_t o = 0; b && o < g->out_channels; o++)
            for (int64_t q = 0; q < g->pixels; q++)
                y[o * g->pixels + q] = b[o];
        kp_gemm(false, false, g->out_channels, g->pixels, g->taps, kp_floats(p, n->in[1]), g->taps,
                col, g->pixels, b ? 1.0f : 0.0f, y, g->pixels);
        if (n->attrs.act)
            p->lane->relu(y_size / KP_LANES * KP_LANES, y, y);
        for (int64_t i = y_size / KP_LANES * KP_LANES; n->attrs.act && i < y_size; i++)
            y[i] = y[i] <= 0.0f ? 0.0f : y[i];
    }
}

static void grad_x_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct geometry *g = s->data;
    const struct kp_node *n = s->node;
    const int64_t x_size = kp_value_rest(n->out[0]), y_size = kp_value_rest(n->in[0]);
    float *col = (float *)kp_scratch(p, n) + t->worker * col_floats(g);

    for (int64_t e = t->first; e < t->end; e++) {
        kp_gemm(true, false, g->taps, g->pixels, g->out_channels, kp_floats(p, n->in[1]), g->taps,
                kp_floats(p, n->in[0]) + e * y_size, g->pixels, 0.0f, col, g->pixels);
        scatter(g, col, kp_floats(p, n->out[0]) + e * x_size);
    }
}

static void grad_w_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct geometry *g = s->data;
    const struct kp_node *n = s->node;
    const int64_t x_size = kp_value_rest(n->in[0]), y_size = kp_value_rest(n->in[1]);
    const struct kp_graph *whole = p->code->graph;
    const int64_t parts = kp_conv_grad_parts(n, kp_cpu_slices(whole, whole->capacity));
    float *col = (float *)kp_scratch(p, n) + parts + t->worker * col_floats(g);
    float *dw = kp_conv_grad_part(n, p, t->index);
    float *db = n->out[1] ? dw + kp_shape_count(n->out[0]->shape) : NULL;

    if (db)
        memset(db, 0, (size_t)g->out_channels * sizeof(*db));
    for (int64_t e = t->first; e < t->end; e++) {
        const float *dy = kp_floats(p, n->in[1]) + e * y_size;
        gather(g, kp_floats(p, n->in[0]) + e * x_size, col);
        kp_gemm(false, true, g->out_channels, g->taps, g->pixels, dy, g->pixels, col, g->pixels,
                e == t->first ? 0.0f : 1.0f, dw, g->taps);
        for (int64_t o = 0; db && o < g->out_channels; o++) {
            double sum = 0.0;
            for (int64_t q = 0; q < g->pixels; q++)
                sum += (double)dy[o * g->pixels + q];
            db[o] += (float)sum;
        }
    }
}

void kp_lower_conv_gemm(struct kp_lowering *l, const struct kp_node *n)
{
    struct geometry *g = kp_lower_alloc(l, sizeof(*g));
    if (!g)
        return;
    *g = geometry_of(n);
    kp_lower_step(l, KP_SLICES,
                  n->op == KP_OP_CONV2D          ? forward_slice
                  : n->op == KP_OP_CONV2D_GRAD_X ? grad_x_slice
                                                 : grad_w_slice,
                  g, 0);
}
