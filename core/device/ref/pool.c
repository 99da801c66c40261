/* pool.c - pooling of the reference device. */
#include "device/ref/ref.h"

int64_t kp_ref_largest(double (*at)(const void *arg, int64_t i), const void *arg, int64_t height,
                       int64_t width, const struct kp_window *w, int64_t oy, int64_t ox)
{
    int64_t found = -1;
    double largest = 0;
    for (int64_t ky = 0; ky < w->size[0]; ky++)
        for (int64_t kx = 0; kx < w->size[1]; kx++) {
            int64_t y = oy * w->stride[0] - w->pad[0] + ky;
            int64_t x = ox * w->stride[1] - w->pad[1] + kx;
            if (y < 0 || y >= height || x < 0 || x >= width)
                continue;
            double value = at(arg, y * width + x);
            if (found < 0 || value > largest) {
                found = y * width + x;
                largest = value;
            }
        }
    KP_ASSERT(found >= 0);
    return found;
}

static double element(const void *arg, int64_t i)
{
    return ((const double *)arg)[i];
}

/* Planes are (image, channel) pairs; large (height, width), small after the window. */
struct extents {
    int64_t planes, height, width, small_height, small_width;
};

static struct extents extents_of(const struct kp_ref_call *c, const struct kp_value *large)
{
    const struct kp_window *w = &c->node->attrs.window;
    struct extents s = {
        .planes = kp_ref_first(large, c->rows) * large->shape.dim[1],
        .height = large->shape.dim[2],
        .width = large->shape.dim[3],
        .small_height = kp_ref_windows(w, 0, large->shape.dim[2]),
        .small_width = kp_ref_windows(w, 1, large->shape.dim[3]),
    };
    return s;
}

void kp_ref_max_pool(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0);
    double *y = kp_ref_out(c, 0);
    struct extents s = extents_of(c, c->node->in[0]);

    for (int64_t p = 0; p < s.planes; p++, x += s.height * s.width)
        for (int64_t oy = 0; oy < s.small_height; oy++)
            for (int64_t ox = 0; ox < s.small_width; ox++)
                *y++ = x[kp_ref_largest(element, x, s.height, s.width, &c->node->attrs.window, oy,
                                        ox)];
}

/* dx[first largest of the window] += dy */
void kp_ref_max_pool_grad(const struct kp_ref_call *c)
{
    const double *x = kp_ref_in(c, 0), *dy = kp_ref_in(c, 1);
    double *dx = kp_ref_out(c, 0);
    struct extents s = extents_of(c, c->node->in[0]);

    for (int64_t p = 0; p < s.planes; p++, x += s.height * s.width, dx += s.height * s.width)
        for (int64_t oy = 0; oy < s.small_height; oy++)
            for (int64_t ox = 0; ox < s.small_width; ox++)
                dx[kp_ref_largest(element, x, s.height, s.width, &c->node->attrs.window, oy, ox)] +=
                    *dy++;
}

/* Adds small to large, or large to small, over all pairs that a window joins:
 *   large[y][x] += small[oy][ox] / size     or     small[oy][ox] += large[y][x] / size */
static void average(const struct kp_ref_call *c, const struct extents *s, double *large,
                    double *small, bool to_large)
{
    const struct kp_window *w = &c->node->attrs.window;
    double size = (double)(w->size[0] * w->size[1]);

    for (int64_t p = 0; p < s->planes; p++)
        for (int64_t i = 0; i < s->small_height * s->small_width; i++)
            for (int64_t k = 0; k < w->size[0] * w->size[1]; k++) {
                int64_t y = i / s->small_width * w->stride[0] - w->pad[0] + k / w->size[1];
                int64_t x = i % s->small_width * w->stride[1] - w->pad[1] + k % w->size[1];
                if (y < 0 || y >= s->height || x < 0 || x >= s->width)
                    continue;
                double *a = &large[(p * s->height + y) * s->width + x];
                double *b = &small[p * s->small_height * s->small_width + i];
                if (to_large)
                    *a += *b / size;
                else
                    *b += *a / size;
            }
}

void kp_ref_avg_pool(const struct kp_ref_call *c)
{
    struct extents s = extents_of(c, c->node->in[0]);
    average(c, &s, kp_ref_in(c, 0), kp_ref_out(c, 0), false);
}

void kp_ref_avg_pool_grad(const struct kp_ref_call *c)
{
    struct extents s = extents_of(c, c->node->out[0]);
    average(c, &s, kp_ref_out(c, 0), kp_ref_in(c, 0), true);
}
