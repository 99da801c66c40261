/* attention.c - attention of the reference device. */
#include "device/ref/ref.h"

#include <math.h>

/* q, k, v (images, tokens, width) of all heads; `size` numbers a head. */
struct extents {
    int64_t images, tokens, width, heads, size;
    const struct kp_attrs *a;
};

static struct extents extents_of(const struct kp_ref_call *c)
{
    const struct kp_value *q = c->node->in[0];
    struct extents e = {
        .images = kp_ref_first(q, c->rows),
        .tokens = q->shape.dim[1],
        .width = q->shape.dim[2],
        .heads = c->node->attrs.heads,
        .a = &c->node->attrs,
    };
    e.size = e.width / e.heads;
    return e;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Keys that query i sees. */
static int64_t seen(const struct extents *e, int64_t i)
{
    return e->a->causal ? i + 1 : e->tokens;
}

/* Position of head h of token i of image n in (images, tokens, width). */
static int64_t place(const struct extents *e, int64_t n, int64_t h, int64_t i)
{
    return (n * e->tokens + i) * e->width + h * e->size;
}

static void attend(const struct kp_ref_call *c, const struct extents *e, int64_t n, int64_t h,
                   int64_t i)
{
    const double *q = kp_ref_in(c, 0) + place(e, n, h, i), *k = kp_ref_in(c, 1);
    const double *v = kp_ref_in(c, 2);
    double *y = kp_ref_out(c, 0) + place(e, n, h, i);
    double top = -HUGE_VAL, sum = 0;

    for (int64_t j = 0; j < seen(e, i); j++)
        top = fmax(top, e->a->factor * dot(q, k + place(e, n, h, j), e->size));
    for (int64_t j = 0; j < seen(e, i); j++) {
        double p = exp(e->a->factor * dot(q, k + place(e, n, h, j), e->size) - top);
        sum += p;
        for (int64_t d = 0; d < e->size; d++)
            y[d] += p * v[place(e, n, h, j) + d];
    }
    for (int64_t d = 0; d < e->size; d++)
        y[d] /= sum;
    kp_ref_out(c, 1)[(n * e->heads + h) * e->tokens + i] = top + log(sum);
}

static void attend_back(const struct kp_ref_call *c, const struct extents *e, int64_t n, int64_t h,
                        int64_t i)
{
    const double *k = kp_ref_in(c, 1), *v = kp_ref_in(c, 2);
    const double *q = kp_ref_in(c, 0) + place(e, n, h, i);
    const double *dy = kp_ref_in(c, 5) + place(e, n, h, i);
    double l = kp_ref_in(c, 4)[(n * e->heads + h) * e->tokens + i];
    double own = dot(dy, kp_ref_in(c, 3) + place(e, n, h, i), e->size);

    for (int64_t j = 0; j < seen(e, i); j++) {
        int64_t at = place(e, n, h, j);
        double p = exp(e->a->factor * dot(q, k + at, e->size) - l);
        double g = e->a->factor * p * (dot(dy, v + at, e->size) - own);
        for (int64_t d = 0; d < e->size; d++) {
            kp_ref_out(c, 0)[place(e, n, h, i) + d] += g * k[at + d];
            kp_ref_out(c, 1)[at + d] += g * q[d];
            kp_ref_out(c, 2)[at + d] += p * dy[d];
        }
    }
}

static void each_query(const struct kp_ref_call *c,
                       void (*fn)(const struct kp_ref_call *c, const struct extents *e, int64_t n,
                                  int64_t h, int64_t i))
{
    struct extents e = extents_of(c);
    for (int64_t n = 0; n < e.images; n++)
        for (int64_t h = 0; h < e.heads; h++)
            for (int64_t i = 0; i < e.tokens; i++)
                fn(c, &e, n, h, i);
}

void kp_ref_attention(const struct kp_ref_call *c)
{
    each_query(c, attend);
}

void kp_ref_attention_grad(const struct kp_ref_call *c)
{
    each_query(c, attend_back);
}
