/* layout.c - where the numbers of a value lie. */
#include "device/cpu/cpu.h"

int64_t kp_cpu_slices(const struct kp_graph *g, int64_t examples)
{
    return (examples + g->slice - 1) / g->slice;
}

int64_t kp_cpu_padded(const struct kp_graph *g)
{
    return (g->capacity + g->group - 1) / g->group * g->group;
}

int64_t kp_lane_planes(const struct kp_value *v)
{
    return v->shape.n > 1 ? v->shape.dim[1] : 1;
}

int64_t kp_lane_pixels(const struct kp_value *v)
{
    int64_t pixels = 1;
    for (int32_t i = 2; i < v->shape.n; i++)
        pixels *= v->shape.dim[i];
    return pixels;
}

int64_t kp_lane_plane(const struct kp_value *v)
{
    /* A pixel is one cache line. Planes whose size is a power of two would put the same pixel of
     * all channels into one set of the caches; half a kilobyte more spreads them. */
    int64_t pixels = kp_lane_pixels(v);
    if (pixels >= 64 && pixels % 16 == 0)
        pixels += 8;
    return pixels * KP_LANES;
}

int64_t kp_value_rest(const struct kp_value *v)
{
    int64_t count = kp_shape_count(v->shape);
    return v->batched ? count / v->shape.dim[0] : count;
}

int64_t kp_value_group(const struct kp_value *v)
{
    if (v->layout == KP_LANE)
        return kp_lane_planes(v) * kp_lane_plane(v);
    return v->group * kp_value_rest(v);
}

void *kp_value_at(const struct kp_memory *m, const struct kp_value *v)
{
    while (v->alias)
        v = v->alias;
    return (char *)kp_memory_block(m, v->place) + v->offset;
}

struct kp_range kp_span_range(const struct kp_span *t, const struct kp_value *v)
{
    struct kp_range r = {0, kp_shape_count(v->shape)};
    if (v->batched) {
        const int64_t group = kp_value_group(v);
        r.first = t->group * group;
        r.count = (t->group_end - t->group) * group;
    }
    return r;
}

void kp_lane_pack(const struct kp_value *v, float *lane, const float *plain, int64_t group,
                  int64_t rows)
{
    const int64_t planes = kp_lane_planes(v), pixels = kp_lane_pixels(v), plane = kp_lane_plane(v);
    const int64_t rest = planes * pixels;
    float *out = lane + group * planes * plane;

    for (int64_t c = 0; c < planes; c++)
        for (int64_t q = 0; q < pixels; q++) {
            float *to = out + c * plane + q * KP_LANES;
            const float *from = plain + group * KP_LANES * rest + c * pixels + q;
            for (int e = 0; e < KP_LANES; e++)
                to[e] = group * KP_LANES + e < rows ? from[e * rest] : 0.0f;
        }
}

void kp_lane_unpack(const struct kp_value *v, const float *lane, float *plain, int64_t group,
                    int64_t rows)
{
    const int64_t planes = kp_lane_planes(v), pixels = kp_lane_pixels(v), plane = kp_lane_plane(v);
    const int64_t rest = planes * pixels;
    const int64_t left = rows - group * KP_LANES, lanes = left < KP_LANES ? left : KP_LANES;
    const float *in = lane + group * planes * plane;

    for (int64_t c = 0; c < planes; c++)
        for (int64_t q = 0; q < pixels; q++) {
            const float *from = in + c * plane + q * KP_LANES;
            float *to = plain + group * KP_LANES * rest + c * pixels + q;
            for (int64_t e = 0; e < lanes; e++)
                to[e * rest] = from[e];
        }
}
