/* tokens.c - patches, tokens and tables of the reference device. */
#include "device/ref/ref.h"

/* Visits every element of the image x (N,C,H,W) and its place in the patches y (N,T,p p C). */
static void patches(const struct kp_ref_call *c, const struct kp_value *x, bool back)
{
    const double *from = kp_ref_in(c, 0);
    double *to = kp_ref_out(c, 0);
    int64_t channels = x->shape.dim[1], height = x->shape.dim[2], width = x->shape.dim[3];
    int64_t p = c->node->attrs.window.size[0], across = width / p, tokens = height / p * across;

    for (int64_t n = 0; n < kp_ref_first(x, c->rows); n++)
        for (int64_t ch = 0; ch < channels; ch++)
            for (int64_t i = 0; i < height / p * p; i++)
                for (int64_t j = 0; j < across * p; j++) {
                    int64_t image = ((n * channels + ch) * height + i) * width + j;
                    int64_t token = n * tokens + i / p * across + j / p;
                    int64_t patch = ((token * p + i % p) * p + j % p) * channels + ch;
                    to[back ? image : patch] = from[back ? patch : image];
                }
}

void kp_ref_patches(const struct kp_ref_call *c)
{
    patches(c, c->node->in[0], false);
}

void kp_ref_patches_grad(const struct kp_ref_call *c)
{
    patches(c, c->node->out[0], true);
}

void kp_ref_prepend(const struct kp_ref_call *c)
{
    const struct kp_value *y = c->node->out[0];
    const double *x = kp_ref_in(c, 0), *token = kp_ref_in(c, 1);
    double *out = kp_ref_out(c, 0);
    int64_t width = y->shape.dim[2], each = y->shape.dim[1] * width;

    for (int64_t i = 0; i < kp_ref_count(y, c->rows); i++)
        out[i] = i % each < width ? token[i % each] : *x++;
}

void kp_ref_prepend_grad(const struct kp_ref_call *c)
{
    const struct kp_value *y = c->node->in[0];
    const double *dy = kp_ref_in(c, 0);
    double *dx = kp_ref_out(c, 0), *dtoken = kp_ref_out(c, 1);
    int64_t width = y->shape.dim[2], each = y->shape.dim[1] * width;

    for (int64_t i = 0; i < kp_ref_count(y, c->rows); i++) {
        if (i % each >= width && dx)
            *dx++ = dy[i];
        if (i % each < width && dtoken)
            dtoken[i % each] += dy[i];
    }
}

void kp_ref_add_position(const struct kp_ref_call *c)
{
    const struct kp_value *y = c->node->out[0];
    const double *x = kp_ref_in(c, 0), *table = kp_ref_in(c, 1);
    double *out = kp_ref_out(c, 0);
    int64_t each = y->shape.dim[1] * y->shape.dim[2];

    for (int64_t i = 0; i < kp_ref_count(y, c->rows); i++)
        out[i] = x[i] + table[i % each];
}

void kp_ref_add_position_grad(const struct kp_ref_call *c)
{
    const struct kp_value *y = c->node->in[0];
    const double *dy = kp_ref_in(c, 0);
    double *dtable = kp_ref_out(c, 0);
    int64_t each = y->shape.dim[1] * y->shape.dim[2];

    for (int64_t i = 0; i < kp_ref_count(y, c->rows); i++)
        dtable[i % each] += dy[i];
}

static void select_token(const struct kp_ref_call *c, const struct kp_value *x, bool back)
{
    const double *from = kp_ref_in(c, 0);
    double *to = kp_ref_out(c, 0);
    int64_t tokens = x->shape.dim[1], width = x->shape.dim[2];

    for (int64_t n = 0; n < kp_ref_first(x, c->rows); n++)
        for (int64_t d = 0; d < width; d++) {
            int64_t at = (n * tokens + c->node->attrs.index) * width + d;
            to[back ? at : n * width + d] = from[back ? n * width + d : at];
        }
}

void kp_ref_select(const struct kp_ref_call *c)
{
    select_token(c, c->node->in[0], false);
}

void kp_ref_select_grad(const struct kp_ref_call *c)
{
    select_token(c, c->node->out[0], true);
}

/* Row of the table, or -1. */
static int64_t row_of(double id, const struct kp_value *table, int64_t width)
{
    int64_t rows = kp_shape_count(table->shape) / width;
    return id >= 0 && id < (double)rows ? (int64_t)id : -1;
}

void kp_ref_embedding(const struct kp_ref_call *c)
{
    const double *ids = kp_ref_in(c, 0), *table = kp_ref_in(c, 1);
    double *y = kp_ref_out(c, 0);
    int64_t width = c->node->out[0]->shape.dim[2];

    for (int64_t i = 0; i < kp_ref_count(c->node->in[0], c->rows); i++) {
        int64_t row = row_of(ids[i], c->node->in[1], width);
        for (int64_t d = 0; row >= 0 && d < width; d++)
            y[i * width + d] = table[row * width + d];
    }
}

void kp_ref_embedding_grad(const struct kp_ref_call *c)
{
    const double *ids = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dtable = kp_ref_out(c, 0);
    int64_t width = c->node->in[1]->shape.dim[2];

    for (int64_t i = 0; i < kp_ref_count(c->node->in[0], c->rows); i++) {
        int64_t row = row_of(ids[i], c->node->out[0], width);
        for (int64_t d = 0; row >= 0 && d < width; d++)
            dtable[row * width + d] += dy[i * width + d];
    }
}
