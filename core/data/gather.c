/* gather.c - copies examples into batches. */
#include "data/gather.h"

#include "data/decoder.h"
#include "data/draw.h"
#include "data/images.h"

#include <stdlib.h>
#include <string.h>

struct kp_gatherer {
    const struct kp_dataset *data;
    const struct kp_examples *examples;
    struct kp_decoder *decoder; /* of image files */
    uint8_t *piece;
    size_t piece_room;
};

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

static enum kp_status decode_image(struct kp_gatherer *g, const struct kp_catalogue_file *file,
                                   struct kp_rgb *out, struct kp_error *e)
{
    const struct kp_live_files *live = &g->examples->live;
    struct kp_error why = {0};
    enum kp_status st =
        kp_decoder_read(g->decoder, live->folder, file->path, live->rule.resize, out, &why);

    if (st)
        return kp_fail(e, st, "%s%s", why.text,
                       st == KP_E_FORMAT && !live->checked
                           ? " (data.skip_bad = true finds such files first and leaves them out)"
                           : "");
    return kp_image_check(&live->rule, live->folder, file->path, out->height, out->width, e);
}

/* The pixels of image i: in the packed cache, or decoded now, valid until the next call. */
static enum kp_status find_image(struct kp_gatherer *g, int64_t i, struct kp_rgb *out,
                                 struct kp_error *e)
{
    const struct kp_examples *x = g->examples;

    if (x->images) {
        const struct kp_image_entry *p = &x->images[i];
        *out =
            (struct kp_rgb){x->image_bytes + p->offset, (size_t)p->width * 3, p->height, p->width};
        return KP_OK;
    }
    return decode_image(g, &x->live.file[i], out, e);
}

/* The piece in the middle, where it lies. */
static struct view view_middle(const struct kp_dataset *d, const struct kp_rgb *image)
{
    const int64_t top = middle(image->height, stored_side(d, 0));
    const int64_t left = middle(image->width, stored_side(d, 1));

    return (struct view){image->rgb + (size_t)top * image->stride + (size_t)left * 3, 1,
                         image->stride, 3};
}

/* A piece of any size, resized into the gatherer's memory, after what resizing needs. */
static enum kp_status view_piece(struct kp_gatherer *g, const struct kp_rgb *image,
                                 const struct kp_cut *cut, struct view *out, struct kp_error *e)
{
    const int64_t height = stored_side(g->data, 0), width = stored_side(g->data, 1);
    const size_t scratch =
        (kp_resize_scratch(cut->height, cut->width, height, width) + 63) / 64 * 64;
    const struct kp_rgb in = {image->rgb + (size_t)cut->top * image->stride + (size_t)cut->left * 3,
                              image->stride, cut->height, cut->width};
    enum kp_status st = kp_room_make(&g->piece, &g->piece_room,
                                     scratch + (size_t)(height * width) * 3, "a piece", e);

    if (st)
        return st;
    kp_resize(&in, height, width, g->piece, g->piece + scratch);
    *out = (struct view){g->piece + scratch, 1, (size_t)width * 3, 3};
    return KP_OK;
}

static enum kp_status view_image(struct kp_gatherer *g, int64_t i, const struct kp_rng_key *pieces,
                                 struct view *out, struct kp_error *e)
{
    struct kp_rgb image;
    enum kp_status st = find_image(g, i, &image, e);

    if (st)
        return st;
    if (pieces) {
        const struct kp_cut cut = kp_draw_cut(*pieces, i, image.height, image.width);
        return view_piece(g, &image, &cut, out, e);
    }
    *out = view_middle(g->data, &image);
    return KP_OK;
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

enum kp_status kp_gather(struct kp_gatherer *g, int64_t i, const struct kp_rng_key *pieces,
                         uint8_t *out, struct kp_error *e)
{
    const struct kp_dataset *d = g->data;
    const int64_t height = box_side(d, 0), width = box_side(d, 1);
    struct view v;

    if (kp_examples_are_images(g->examples)) {
        enum kp_status st = view_image(g, i, pieces, &v, e);
        if (st)
            return st;
    } else {
        v = view_part(d, g->examples, i);
    }
    if (height > 1 || width > 1)
        average(&v, &d->shape, height, width, out);
    else if (v.pixel == 1)
        memcpy(out, v.at, (size_t)kp_shape_count(d->shape));
    else
        copy(&v, &d->shape, out);
    return KP_OK;
}

enum kp_status kp_gatherer_create(const struct kp_dataset *d, enum kp_split split,
                                  struct kp_gatherer **out, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_gatherer *g = calloc(1, sizeof *g);

    if (!g)
        return kp_fail(e, KP_E_NOMEM, "no memory to gather examples");
    g->data = d;
    g->examples = &d->split[split];
    if (g->examples->live.file)
        st = kp_decoder_create(&g->decoder, e);
    if (st) {
        kp_gatherer_destroy(g);
        return st;
    }
    *out = g;
    return KP_OK;
}

void kp_gatherer_destroy(struct kp_gatherer *g)
{
    if (!g)
        return;
    kp_decoder_destroy(g->decoder);
    free(g->piece);
    free(g);
}
