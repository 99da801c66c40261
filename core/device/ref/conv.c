/* conv.c - linear layers and convolutions of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

/* y[n][o] = b[o] + sum_i x[n][i] w[o][i] */
void kp_ref_linear(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0), *w = kp_ref_in(c, 1), *b = kp_ref_in(c, 2);
    double *y = kp_ref_out(c, 0);
    int64_t outputs = c->node->in[1]->shape.dim[0], inputs = c->node->in[1]->shape.dim[1];
    int64_t rows = kp_ref_count(c->node->in[0], c->rows) / inputs;

    for (int64_t n = 0; n < rows; n++)
        for (int64_t o = 0; o < outputs; o++) {
            double sum = b ? b[o] : 0;
            for (int64_t i = 0; i < inputs; i++)
                sum += x[n * inputs + i] * w[o * inputs + i];
            y[n * outputs + o] = sum;
        }
}

/* dx[n][i] = sum_o dy[n][o] w[o][i] */
void kp_ref_linear_grad_x(const struct kp_ref_call *c)
{
    const double *dy = kp_ref_in(c, 0), *w = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0);
    int64_t outputs = c->node->in[1]->shape.dim[0], inputs = c->node->in[1]->shape.dim[1];
    int64_t rows = kp_ref_count(c->node->in[0], c->rows) / outputs;

    for (int64_t n = 0; n < rows; n++)
        for (int64_t o = 0; o < outputs; o++)
            for (int64_t i = 0; i < inputs; i++)
                dx[n * inputs + i] += dy[n * outputs + o] * w[o * inputs + i];
}

/* dw[o][i] = sum_n dy[n][o] x[n][i]     db[o] = sum_n dy[n][o] */
void kp_ref_linear_grad_w(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dw = kp_ref_out(c, 0), *db = kp_ref_out(c, 1);
    int64_t outputs = c->node->out[0]->shape.dim[0], inputs = c->node->out[0]->shape.dim[1];
    int64_t rows = kp_ref_count(c->node->in[0], c->rows) / inputs;

    for (int64_t n = 0; n < rows; n++)
        for (int64_t o = 0; o < outputs; o++) {
            for (int64_t i = 0; i < inputs; i++)
                dw[o * inputs + i] += dy[n * outputs + o] * x[n * inputs + i];
            if (db)
                db[o] += dy[n * outputs + o];
        }
}

/* Extents of x (images, channels, height, width) and of the convolution's own result (images,
 * outputs, rows, columns), before any pooling. */
struct extents {
    int64_t images, channels, height, width, outputs, rows, columns;
    const struct kp_window *k;
};

static struct extents extents_of(const struct kp_ref_call *c, const struct kp_value *x,
                                 int64_t outputs)
{
    const struct kp_window *k = &c->node->attrs.window;
    struct extents s = {
        .images = kp_ref_first(x, c->rows),
        .channels = x->shape.dim[1],
        .height = x->shape.dim[2],
        .width = x->shape.dim[3],
        .outputs = outputs,
        .rows = kp_ref_windows(k, 0, x->shape.dim[2]),
        .columns = kp_ref_windows(k, 1, x->shape.dim[3]),
        .k = k,
    };
    return s;
}

/* The plane of image n, output channel o. */
struct plane {
    const struct extents *s;
    const double *x; /* (channels, height, width) of the image */
    const double *w; /* (channels, kh, kw) of the output channel */
    double bias;
    bool act;
};

/* bias + sum_{c,ky,kx} x[c][oy stride + ky - pad][ox stride + kx - pad] w[c][ky][kx], then ReLU */
static double plane_at(const void *arg, int64_t i)
{
    const struct plane *p = arg;
    const struct extents *s = p->s;
    const struct kp_window *k = s->k;
    int64_t top = i / s->columns * k->stride[0] - k->pad[0];
    int64_t left = i % s->columns * k->stride[1] - k->pad[1];
    double sum = p->bias;

    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t ky = 0; ky < k->size[0]; ky++)
            for (int64_t kx = 0; kx < k->size[1]; kx++) {
                int64_t y = top + ky, x = left + kx;
                if (y >= 0 && y < s->height && x >= 0 && x < s->width)
                    sum += p->x[(c * s->height + y) * s->width + x] *
                           p->w[(c * k->size[0] + ky) * k->size[1] + kx];
            }
    return p->act ? fmax(sum, 0) : sum;
}

void kp_ref_conv2d(const struct kp_ref_call *c)
{
    const struct kp_attrs *a = &c->node->attrs;
    const double *x = kp_ref_in(c, 0), *w = kp_ref_in(c, 1), *b = kp_ref_in(c, 2);
    double *y = kp_ref_out(c, 0);
    struct extents s = extents_of(c, c->node->in[0], c->node->in[1]->shape.dim[0]);
    int64_t height = a->pool ? kp_ref_windows(&a->pool_window, 0, s.rows) : s.rows;
    int64_t width = a->pool ? kp_ref_windows(&a->pool_window, 1, s.columns) : s.columns;

    for (int64_t n = 0; n < s.images; n++)
        for (int64_t o = 0; o < s.outputs; o++) {
            struct plane p = {&s, x + n * s.channels * s.height * s.width,
                              w + o * s.channels * s.k->size[0] * s.k->size[1], b ? b[o] : 0,
                              a->act};
            for (int64_t i = 0; i < height * width; i++)
                *y++ = plane_at(&p, a->pool ? kp_ref_largest(plane_at, &p, s.rows, s.columns,
                                                             &a->pool_window, i / width, i % width)
                                            : i);
        }
}

/* Both gradients visit every product x[xi] w[wi] of every output element yi:
 *   dx[xi] += dy[yi] w[wi]     or     dw[wi] += dy[yi] x[xi]
 * with `factor` the other operand and `into` indexed by x's or by w's position. */
static void scatter(const struct extents *s, const double *dy, const double *factor, double *into,
                    bool into_x)
{
    const struct kp_window *k = s->k;
    int64_t outputs = s->outputs * s->rows * s->columns;

    for (int64_t yi = 0; yi < s->images * outputs; yi++) {
        int64_t n = yi / outputs, o = yi / (s->rows * s->columns) % s->outputs;
        int64_t top = yi / s->columns % s->rows * k->stride[0] - k->pad[0];
        int64_t left = yi % s->columns * k->stride[1] - k->pad[1];
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t ky = 0; ky < k->size[0]; ky++)
                for (int64_t kx = 0; kx < k->size[1]; kx++) {
                    int64_t y = top + ky, x = left + kx;
                    if (y < 0 || y >= s->height || x < 0 || x >= s->width)
                        continue;
                    int64_t xi = ((n * s->channels + c) * s->height + y) * s->width + x;
                    int64_t wi = ((o * s->channels + c) * k->size[0] + ky) * k->size[1] + kx;
                    if (into_x)
                        into[xi] += dy[yi] * factor[wi];
                    else
                        into[wi] += dy[yi] * factor[xi];
                }
    }
}

void kp_ref_conv2d_grad_x(const struct kp_ref_call *c)
{
    struct extents s = extents_of(c, c->node->out[0], c->node->in[1]->shape.dim[0]);
    scatter(&s, kp_ref_in(c, 0), kp_ref_in(c, 1), kp_ref_out(c, 0), true);
}

void kp_ref_conv2d_grad_w(const struct kp_ref_call *c)
{
    const double *dy = kp_ref_in(c, 1);
    double *db = kp_ref_out(c, 1);
    struct extents s = extents_of(c, c->node->in[0], c->node->in[1]->shape.dim[1]);
    int64_t area = s.rows * s.columns;

    scatter(&s, dy, kp_ref_in(c, 0), kp_ref_out(c, 0), false);
    for (int64_t i = 0; db && i < s.images * s.outputs * area; i++)
        db[i / area % s.outputs] += dy[i];
}
