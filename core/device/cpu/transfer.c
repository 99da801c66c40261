/* transfer.c - numbers in and out: inputs, results, batches of images. */
#include "device/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* Examples with those that fill up the last group. */
static int64_t filled(const struct kp_value *v, int64_t rows)
{
    return (rows + v->group - 1) / v->group * v->group;
}

/* Four bytes a number, whatever the type; labels beyond the rows are -1, everything else 0. */
void kp_cpu_write(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                  const void *host, int64_t rows)
{
    float *to = kp_value_at(m, v);
    const int64_t rest = kp_value_rest(v);

    (void)c;
    if (!v->batched) {
        memcpy(to, host, (size_t)rest * 4);
        return;
    }
    if (v->layout == KP_LANE) {
        for (int64_t g = 0; g * KP_LANES < rows; g++)
            kp_lane_pack(v, to, host, g, rows);
        return;
    }
    memcpy(to, host, (size_t)(rows * rest) * 4);
    memset(to + rows * rest, v->dtype == KP_I32 ? 0xff : 0,
           (size_t)((filled(v, rows) - rows) * rest) * 4);
}

void kp_cpu_read(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                 void *host, int64_t rows)
{
    const float *from = kp_value_at(m, v);

    (void)c;
    if (v->batched && v->layout == KP_LANE) {
        for (int64_t g = 0; g * KP_LANES < rows; g++)
            kp_lane_unpack(v, from, host, g, rows);
        return;
    }
    memcpy(host, from, (size_t)((v->batched ? rows : 1) * kp_value_rest(v)) * 4);
}

void kp_cpu_put_aside(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                      void *block, int64_t index)
{
    kp_cpu_read(c, m, v, (float *)block + index, 1);
}

struct loading {
    const struct kp_code *code;
    const struct kp_load *load;
    const struct kp_value *v;
    float *to;
};

/* Normalised value of each byte in channel c. */
static void load_table(const struct kp_load *load, int64_t c, float table[256])
{
    for (int i = 0; i < 256; i++)
        table[i] = kp_draw_number(i, (double)load->mean[c], (double)load->sd[c]);
}

/* Where channel c, row h of example e starts, and the floats from pixel to pixel. */
static float *load_row(const struct loading *l, int64_t e, int64_t c, int64_t h, int64_t *step)
{
    const int64_t width = l->load->width, height = l->load->height;

    if (l->v->layout == KP_LANE) {
        *step = KP_LANES;
        return l->to + e / KP_LANES * kp_value_group(l->v) + c * kp_lane_plane(l->v) +
               h * width * KP_LANES + e % KP_LANES;
    }
    *step = 1;
    return l->to + ((e * l->load->channels + c) * height + h) * width;
}

/* One example's channel, cropped, mirrored and rotated (see kp_draw_source()). */
static void load_plane(const struct loading *l, int64_t e, int64_t c, const float table[256])
{
    const int64_t width = l->load->width, height = l->load->height;
    const uint8_t *bytes = l->load->bytes + (e * l->load->channels + c) * height * width;
    const struct kp_draw draw = l->load->draws ? l->load->draws[e] : (struct kp_draw){0};
    const double radians = (double)draw.angle * M_PI / 180;
    const bool turns = kp_draw_turns(&draw);
    const double cosine = turns ? cos(radians) : 1, sine = turns ? sin(radians) : 0;

    for (int64_t h = 0; h < height; h++) {
        int64_t step;
        float *to = load_row(l, e, c, h, &step);
        for (int64_t w = 0; w < width; w++) {
            const int64_t at = kp_draw_source(&draw, cosine, sine, height, width, h, w);
            to[w * step] = table[at >= 0 ? bytes[at] : 0];
        }
    }
}

/* Sixteen examples, whatever the layout. */
static void load_sixteen(void *arg, int64_t task, int worker)
{
    const struct loading *l = arg;
    const int64_t width = l->load->width, height = l->load->height;
    const int64_t first = task * KP_LANES, all = filled(l->v, l->load->rows);
    const int64_t end = first + KP_LANES < all ? first + KP_LANES : all;
    float table[256];

    (void)worker;
    for (int64_t c = 0; c < l->load->channels; c++) {
        load_table(l->load, c, table);
        for (int64_t e = first; e < end; e++) {
            if (e < l->load->rows) {
                load_plane(l, e, c, table);
                continue;
            }
            for (int64_t h = 0; h < height; h++) {
                int64_t step;
                float *to = load_row(l, e, c, h, &step);
                for (int64_t w = 0; w < width; w++)
                    to[w * step] = 0.0f;
            }
        }
    }
}

void kp_cpu_load_batch(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                       const struct kp_load *load)
{
    struct loading l = {.code = c, .load = load, .v = v, .to = kp_value_at(m, v)};

    kp_cpu_begin(c->cpu);
    kp_cpu_spread(c->cpu, (load->rows + KP_LANES - 1) / KP_LANES, load_sixteen, &l);
    kp_cpu_end(c->cpu);
}

bool kp_cpu_copy_batch(struct kp_device *d, const struct kp_memory *from_memory,
                       const struct kp_value *from, struct kp_memory *to_memory,
                       const struct kp_value *to, int64_t rows)
{
    const int64_t groups = filled(from, rows) / from->group;

    (void)d;
    if (from->layout != to->layout || from->group != to->group ||
        kp_value_group(from) != kp_value_group(to))
        return false;
    memcpy(kp_value_at(to_memory, to), kp_value_at(from_memory, from),
           (size_t)(groups * kp_value_group(from)) * sizeof(float));
    return true;
}
