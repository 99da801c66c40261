/* gather.c - copies examples into batches. */
#include "data/gather.h"

#include "data/resize.h"

#include <string.h>

/* Stored pixels of one example: (c, y, x) at at + c * channel + y * row + x * pixel. */
struct view {
    const uint8_t *at;
    size_t channel, row, pixel;
};

static int64_t box_side(const struct kp_dataset *d, int axis)
{
    return d->box[axis] ? d->box[axis] : 1;
}

/* Height and width before boxes are averaged. */
static int64_t stored_side(const struct kp_dataset *d, int axis)
{
    return d->shape.dim[1 + axis] * box_side(d, axis);
}

/* (extent - crop) / 2, a half rounded to even, as torchvision's CenterCrop has it. */
static int64_t middle(int64_t extent, int64_t crop)
{
    int64_t rest = extent - crop, half = rest / 2;

    return half + (rest % 2 != 0 && half % 2 != 0);
}

/* out[c][y][x] = in[c][y][x] */
static void copy(const struct view *in, const struct kp_shape *shape, uint8_t *out)
{
    for (int64_t c = 0; c < shape->dim[0]; c++)
        for (int64_t y = 0; y < shape->dim[1]; y++, out += shape->dim[2]) {
            const uint8_t *from = in->at + (size_t)c * in->channel + (size_t)y * in->row;
            if (in->pixel == 1) {
                memcpy(out, from, (size_t)shape->dim[2]);
                continue;
            }
            for (int64_t x = 0; x < shape->dim[2]; x++)
                out[x] = from[(size_t)x * in->pixel];
        }
}

/* out[c][y][x] = mean of in[c][height y + i][width x + j], i < height, j < width, rounded */
static void average(const struct view *in, const struct kp_shape *shape, int64_t height,
                    int64_t width, uint8_t *out)
{
    const uint64_t count = (uint64_t)(height * width);

    for (int64_t c = 0; c < shape->dim[0]; c++)
        for (int64_t y = 0; y < shape->dim[1]; y++)
            for (int64_t x = 0; x < shape->dim[2]; x++) {
                const uint8_t *from = in->at + (size_t)c * in->channel +
                                      (size_t)(y * height) * in->row +
                                      (size_t)(x * width) * in->pixel;
                uint64_t sum = count / 2;
                for (int64_t i = 0; i < height; i++)
                    for (int64_t j = 0; j < width; j++)
                        sum += from[(size_t)i * in->row + (size_t)j * in->pixel];
                *out++ = (uint8_t)(sum / count);
            }
}

/* The scratch holds the resized cut, after what resizing needs. */
static size_t resize_bytes(const struct kp_dataset *d, int64_t height, int64_t width)
{
    return (kp_resize_scratch(height, width, stored_side(d, 0), stored_side(d, 1)) + 63) / 64 * 64;
}

size_t kp_gather_scratch(const struct kp_dataset *d, const struct kp_examples *x)
{
    int64_t height = 1, width = 1;

    if (!x->images)
        return 0;
    for (int64_t i = 0; i < x->count; i++) {
        height = x->images[i].height > height ? x->images[i].height : height;
        width = x->images[i].width > width ? x->images[i].width : width;
    }
    return resize_bytes(d, height, width) + (size_t)(stored_side(d, 0) * stored_side(d, 1)) * 3;
}

static struct view view_image(const struct kp_dataset *d, const struct kp_examples *x, int64_t i,
                              const struct kp_cut *cut, void *scratch)
{
    const struct kp_image_entry *image = &x->images[i];
    const uint8_t *at = x->image_bytes + image->offset;
    size_t row = (size_t)image->width * 3;
    int64_t height = stored_side(d, 0), width = stored_side(d, 1);

    if (cut) {
        uint8_t *resized = (uint8_t *)scratch + resize_bytes(d, cut->height, cut->width);
        struct kp_rgb in = {at + (size_t)cut->top * row + (size_t)cut->left * 3, row, cut->height,
                            cut->width};
        kp_resize(&in, height, width, scratch, resized);
        return (struct view){resized, 1, (size_t)width * 3, 3};
    }
    at += (size_t)middle(image->height, height) * row + (size_t)middle(image->width, width) * 3;
    return (struct view){at, 1, row, 3};
}

static struct view view_part(const struct kp_dataset *d, const struct kp_examples *x, int64_t i)
{
    const struct kp_examples_part *p = kp_examples_find(x, &i);
    const uint8_t *at = p->pixels + (size_t)i * x->stride;
    size_t channels = (size_t)d->shape.dim[0];
    size_t height = (size_t)stored_side(d, 0), width = (size_t)stored_side(d, 1);

    if (p->order == KP_PIXELS_HWC)
        return (struct view){at, 1, width * channels, channels};
    return (struct view){at, height * width, width, 1};
}

void kp_gather(const struct kp_dataset *d, const struct kp_examples *x, int64_t i,
               const struct kp_cut *cut, void *scratch, uint8_t *out)
{
    struct view v = x->images ? view_image(d, x, i, cut, scratch) : view_part(d, x, i);
    int64_t height = box_side(d, 0), width = box_side(d, 1);

    if (height > 1 || width > 1)
        average(&v, &d->shape, height, width, out);
    else if (v.pixel == 1)
        memcpy(out, v.at, (size_t)kp_shape_count(d->shape));
    else
        copy(&v, &d->shape, out);
}
