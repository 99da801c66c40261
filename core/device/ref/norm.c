/* norm.c - batch normalisation of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

/* x (images, channels, height, width); (N, C) counts as images of one pixel. */
struct extents {
    int64_t images, channels, height, width, area;
};

static struct extents extents_of(const struct kp_ref_call *c)
{
    const struct kp_value *x = c->node->in[0];
    bool image = x->shape.n == 4;
    struct extents s = {
        .images = kp_ref_first(x, c->rows),
        .channels = x->shape.dim[1],
        .height = image ? x->shape.dim[2] : 1,
        .width = image ? x->shape.dim[3] : 1,
    };
    s.area = s.height * s.width;
    return s;
}

/* One channel of one image. */
struct plane {
    const double *x, *r; /* (height, width); r may be NULL */
    double m, s, gamma, beta;
    bool act;
};

/* (x - m) s gamma + beta [+ r], then ReLU */
static double plane_at(const void *arg, int64_t i)
{
    const struct plane *p = arg;
    double u = (p->x[i] - p->m) * p->s * p->gamma + p->beta + (p->r ? p->r[i] : 0);
    return p->act ? fmax(u, 0) : u;
}

static struct plane plane_of(const struct kp_ref_call *c, const struct extents *e, int64_t n,
                             int64_t channel, double m, double s)
{
    const double *r = kp_ref_in(c, 5);
    int64_t at = (n * e->channels + channel) * e->area;
    struct plane p = {
        .x = kp_ref_in(c, 0) + at,
        .r = r ? r + at : NULL,
        .m = m,
        .s = s,
        .gamma = kp_ref_in(c, 1)[channel],
        .beta = kp_ref_in(c, 2)[channel],
        .act = c->node->attrs.act,
    };
    return p;
}

/* Position of pooled element (n, channel, 0, 0) and the pooled extents, which are those of x where
 * nothing is pooled. */
struct pooled {
    int64_t at, height, width;
};

static struct pooled pooled_of(const struct kp_ref_call *c, const struct extents *e, int64_t n,
                               int64_t channel)
{
    const struct kp_attrs *a = &c->node->attrs;
    struct pooled p = {0, a->pool ? kp_ref_windows(&a->window, 0, e->height) : e->height,
                       a->pool ? kp_ref_windows(&a->window, 1, e->width) : e->width};
    p.at = (n * e->channels + channel) * p.height * p.width;
    return p;
}

/* Where in x's plane pooled element i comes from. */
static int64_t origin(const struct kp_ref_call *c, const struct extents *e, const struct plane *p,
                      const struct pooled *o, int64_t i)
{
    if (!c->node->attrs.pool)
        return i;
    return kp_ref_largest(plane_at, p, e->height, e->width, &c->node->attrs.window, i / o->width,
                          i % o->width);
}

static void normalise(const struct kp_ref_call *c, const struct extents *e, int64_t channel,
                      double m, double s)
{
    double *y = kp_ref_out(c, 0);
    for (int64_t n = 0; n < e->images; n++) {
        struct plane p = plane_of(c, e, n, channel, m, s);
        struct pooled o = pooled_of(c, e, n, channel);
        for (int64_t i = 0; i < o.height * o.width; i++)
            y[o.at + i] = plane_at(&p, origin(c, e, &p, &o, i));
    }
}

/* Mean and biased variance of a channel over images and pixels, in two passes. */
static void moments(const double *x, const struct extents *e, int64_t channel, double *mean,
                    double *var)
{
    double count = (double)(e->images * e->area), sum = 0, squares = 0;
    for (int64_t n = 0; n < e->images; n++)
        for (int64_t i = 0; i < e->area; i++)
            sum += x[(n * e->channels + channel) * e->area + i];
    *mean = sum / count;
    for (int64_t n = 0; n < e->images; n++)
        for (int64_t i = 0; i < e->area; i++) {
            double d = x[(n * e->channels + channel) * e->area + i] - *mean;
            squares += d * d;
        }
    *var = squares / count;
}

void kp_ref_batch_norm(const struct kp_ref_call *c)
{
    const struct kp_attrs *a = &c->node->attrs;
    struct extents e = extents_of(c);
    double *mean = kp_ref_in(c, 3), *var = kp_ref_in(c, 4);
    double *m = kp_ref_out(c, 1), *s = kp_ref_out(c, 2);
    int64_t count = e.images * e.area;

    if (count == 0)
        return;
    for (int64_t channel = 0; channel < e.channels; channel++) {
        double v;
        moments(kp_ref_in(c, 0), &e, channel, &m[channel], &v);
        s[channel] = 1 / sqrt(v + a->eps);
        normalise(c, &e, channel, m[channel], s[channel]);
        double unbiased = count > 1 ? v * (double)count / (double)(count - 1) : v;
        mean[channel] += a->momentum * (m[channel] - mean[channel]);
        var[channel] += a->momentum * (unbiased - var[channel]);
    }
}

void kp_ref_batch_norm_eval(const struct kp_ref_call *c)
{
    const double *mean = kp_ref_in(c, 3), *var = kp_ref_in(c, 4);
    struct extents e = extents_of(c);
    for (int64_t channel = 0; channel < e.channels; channel++)
        normalise(c, &e, channel, mean[channel], 1 / sqrt(var[channel] + c->node->attrs.eps));
}

/* du, the gradient after pool and ReLU, goes to dx (a temporary use) and dr; xhat = (x - m) s:
 *   dbeta = sum du     dgamma = sum du xhat
 * and then  dx = gamma s (du - dbeta / n - xhat dgamma / n)  through batch statistics,
 *           dx = gamma s du                                  through fixed ones. */
static void gradient(const struct kp_ref_call *c, const struct extents *e, int64_t channel,
                     double m, double s, bool batch_statistics)
{
    const double *dy = kp_ref_in(c, 6);
    double *dx = kp_ref_out(c, 0), *dr = kp_ref_out(c, 3);
    double count = (double)(e->images * e->area), sum = 0, product = 0;

    for (int64_t n = 0; n < e->images; n++) {
        struct plane p = plane_of(c, e, n, channel, m, s);
        struct pooled o = pooled_of(c, e, n, channel);
        int64_t at = (n * e->channels + channel) * e->area;
        for (int64_t i = 0; i < o.height * o.width; i++) {
            int64_t from = origin(c, e, &p, &o, i);
            if (p.act && !(plane_at(&p, from) > 0))
                continue;
            dx[at + from] += dy[o.at + i];
            sum += dy[o.at + i];
            product += dy[o.at + i] * (p.x[from] - m) * s;
        }
    }
    for (int64_t n = 0; n < e->images; n++) {
        struct plane p = plane_of(c, e, n, channel, m, s);
        int64_t at = (n * e->channels + channel) * e->area;
        for (int64_t i = 0; i < e->area; i++) {
            double du = dx[at + i], through = 0;
            if (dr)
                dr[at + i] = du;
            if (batch_statistics)
                through = (sum + (p.x[i] - m) * s * product) / count;
            dx[at + i] = p.gamma * s * (du - through);
        }
    }
    kp_ref_out(c, 1)[channel] = product;
    kp_ref_out(c, 2)[channel] = sum;
}

void kp_ref_batch_norm_grad(const struct kp_ref_call *c)
{
    const double *m = kp_ref_in(c, 3), *s = kp_ref_in(c, 4);
    struct extents e = extents_of(c);
    for (int64_t channel = 0; channel < e.channels; channel++)
        gradient(c, &e, channel, m[channel], s[channel], true);
}

void kp_ref_batch_norm_eval_grad(const struct kp_ref_call *c)
{
    const double *mean = kp_ref_in(c, 3), *var = kp_ref_in(c, 4);
    struct extents e = extents_of(c);
    for (int64_t channel = 0; channel < e.channels; channel++)
        gradient(c, &e, channel, mean[channel], 1 / sqrt(var[channel] + c->node->attrs.eps), false);
}

/* w'[o][..] = w[o][..] gamma[o] s[o]     b'[o] = beta[o] + (b[o] - mean[o]) gamma[o] s[o] */
void kp_ref_fold_batch_norm(const struct kp_ref_call *c)
{
    const double *w = kp_ref_in(c, 0), *b = kp_ref_in(c, 1);
    const double *gamma = kp_ref_in(c, 2), *beta = kp_ref_in(c, 3);
    const double *mean = kp_ref_in(c, 4), *var = kp_ref_in(c, 5);
    int64_t outputs = c->node->in[0]->shape.dim[0];
    int64_t each = kp_shape_count(c->node->in[0]->shape) / outputs;

    for (int64_t o = 0; o < outputs; o++) {
        double factor = gamma[o] / sqrt(var[o] + c->node->attrs.eps);
        for (int64_t i = 0; i < each; i++)
            kp_ref_out(c, 0)[o * each + i] = w[o * each + i] * factor;
        kp_ref_out(c, 1)[o] = beta[o] + ((b ? b[o] : 0) - mean[o]) * factor;
    }
}
