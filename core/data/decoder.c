/* decoder.c - tells JPEG from PNG, decodes, resizes. */
#include "data/decoder.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct kp_decoder {
    struct kp_jpeg *jpeg;
    struct kp_raster raster;
    uint8_t *resized, *scratch;
    size_t resized_room, scratch_room;
};

enum kp_status kp_raster_check(int64_t height, int64_t width, const char *name, struct kp_error *e)
{
    if (height < 1 || width < 1 || height > KP_IMAGE_PIXELS_MAX / width)
        return kp_fail(e, KP_E_FORMAT, "%s: %lld x %lld pixels; 1 to %lld are accepted", name,
                       (long long)height, (long long)width, (long long)KP_IMAGE_PIXELS_MAX);
    return KP_OK;
}

enum kp_status kp_room_make(uint8_t **p, size_t *room, size_t size, const char *name,
                            struct kp_error *e)
{
    if (size <= *room)
        return KP_OK;
    free(*p);
    *room = 0;
    *p = malloc(size);
    if (!*p)
        return kp_fail(e, KP_E_NOMEM, "%s: no memory for %zu bytes of pixels", name, size);
    *room = size;
    return KP_OK;
}

enum kp_status kp_raster_make(struct kp_raster *r, int64_t height, int64_t width, const char *name,
                              struct kp_error *e)
{
    enum kp_status st = kp_room_make(&r->rgb, &r->room, (size_t)(height * width) * 3, name, e);

    if (st == KP_OK) {
        r->height = height;
        r->width = width;
    }
    return st;
}

enum kp_status kp_decoder_create(struct kp_decoder **out, struct kp_error *e)
{
    struct kp_decoder *d = calloc(1, sizeof *d);

    if (!d)
        return kp_fail(e, KP_E_NOMEM, "no memory for an image decoder");
    enum kp_status st = kp_jpeg_create(&d->jpeg, e);
    if (st) {
        kp_decoder_destroy(d);
        return st;
    }
    *out = d;
    return KP_OK;
}

void kp_decoder_destroy(struct kp_decoder *d)
{
    if (!d)
        return;
    kp_jpeg_destroy(d->jpeg);
    free(d->raster.rgb);
    free(d->resized);
    free(d->scratch);
    free(d);
}

/* Bring the decoded image to its size: the longer side follows the file's own proportions. */
static enum kp_status resize_raster(struct kp_decoder *d, int64_t resize, const char *name,
                                    struct kp_rgb *out, struct kp_error *e)
{
    const struct kp_raster *r = &d->raster;
    bool high = r->full_height > r->full_width;
    int64_t shorter = high ? r->full_width : r->full_height;
    int64_t longer = resize * (high ? r->full_height : r->full_width) / shorter;
    int64_t height = high ? longer : resize, width = high ? resize : longer;

    enum kp_status st = kp_raster_check(height, width, name, e);
    if (st == KP_OK)
        st = kp_room_make(&d->resized, &d->resized_room, (size_t)(height * width) * 3, name, e);
    if (st == KP_OK)
        st = kp_room_make(&d->scratch, &d->scratch_room,
                          kp_resize_scratch(r->height, r->width, height, width), name, e);
    if (st)
        return st;
    struct kp_rgb in = {r->rgb, (size_t)r->width * 3, r->height, r->width};
    kp_resize(&in, height, width, d->scratch, d->resized);
    *out = (struct kp_rgb){d->resized, (size_t)width * 3, height, width};
    return KP_OK;
}

enum kp_status kp_decoder_run(struct kp_decoder *d, const uint8_t *bytes, size_t size,
                              int64_t resize, const char *name, struct kp_rgb *out,
                              struct kp_error *e)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct kp_raster *r = &d->raster;
    enum kp_status st;

    if (size >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        st = kp_jpeg_decode(d->jpeg, bytes, size, resize, name, r, e);
    else if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        st = kp_png_decode(bytes, size, name, r, e);
    else
        st = kp_fail(e, KP_E_FORMAT, "%s: offset 0: %s", name,
                     size ? "neither a JPEG nor a PNG file" : "empty; a JPEG or PNG is expected");
    if (st)
        return st;
    int64_t shorter = r->height < r->width ? r->height : r->width;
    if (resize && shorter != resize)
        return resize_raster(d, resize, name, out, e);
    *out = (struct kp_rgb){r->rgb, (size_t)r->width * 3, r->height, r->width};
    return KP_OK;
}

enum kp_status kp_decoder_read(struct kp_decoder *d, const char *folder, const char *name,
                               int64_t resize, struct kp_rgb *out, struct kp_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *path = kp_path_join(folder, name);

    if (!path)
        return kp_fail(e, KP_E_NOMEM, "no memory for a path");
    enum kp_status st = kp_file_read(path, KP_IMAGE_FILE_MAX, &bytes, &size, e);
    if (st == KP_OK)
        st = kp_decoder_run(d, bytes, size, resize, path, out, e);
    free(bytes);
    free(path);
    return st;
}
