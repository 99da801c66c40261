/* png.c - PNG files by libpng, of every colour type and depth, as RGB bytes. */
#include "data/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/* A chunk that is not pixels, and how many of them are kept. */
#define CHUNK_MAX  ((png_alloc_size_t)4 << 20)
#define CHUNKS_MAX 64

struct state {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, at;
    const char *name;
    struct kp_raster *raster;
    struct kp_error *e;
    enum kp_status status;
    char what[256];
};

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    struct state *s = png_get_error_ptr(png);

    (void)snprintf(s->what, sizeof s->what, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
    struct state *s = png_get_io_ptr(png);

    if (n > s->size - s->at)
        png_error(png, "truncated: the file ends before the image does");
    memcpy(to, s->bytes + s->at, n);
    s->at += n;
}

/* Whatever the file holds, rows of red, green and blue bytes come out. */
static void ask_for_rgb(png_structp png, png_infop info)
{
    static const png_color_16 black = {0};

    png_set_expand(png); /* palettes, 1 to 4 bits, transparent colours */
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    if ((png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) ||
        png_get_valid(png, info, PNG_INFO_tRNS))
        png_set_background(png, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
}

/* Left by png_longjmp() on errors: it owns nothing. */
static enum kp_status decode(struct state *s)
{
    struct kp_raster *r = s->raster;

    png_set_user_limits(s->png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(s->png, CHUNK_MAX);
    png_set_chunk_cache_max(s->png, CHUNKS_MAX);
    png_set_read_fn(s->png, s, on_read);
    png_read_info(s->png, s->info);
    int64_t height = png_get_image_height(s->png, s->info);
    int64_t width = png_get_image_width(s->png, s->info);
    enum kp_status st = kp_raster_check(height, width, s->name, s->e);
    if (st == KP_OK)
        st = kp_raster_make(r, height, width, s->name, s->e);
    if (st)
        return st;
    r->full_height = height;
    r->full_width = width;
    ask_for_rgb(s->png, s->info);
    int passes = png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    if (png_get_rowbytes(s->png, s->info) != (size_t)width * 3)
        png_error(s->png, "a colour type that does not become RGB");
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < height; y++)
            png_read_row(s->png, r->rgb + (size_t)(y * width) * 3, NULL);
    png_read_end(s->png, NULL);
    return KP_OK;
}

/* png_error() comes back here. */
static bool guarded_decode(struct state *s)
{
    if (setjmp(png_jmpbuf(s->png)))
        return false;
    s->status = decode(s);
    return true;
}

enum kp_status kp_png_decode(const uint8_t *bytes, size_t size, const char *name,
                             struct kp_raster *r, struct kp_error *e)
{
    struct state s = {.bytes = bytes, .size = size, .name = name, .raster = r, .e = e};

    s.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
    s.info = s.png ? png_create_info_struct(s.png) : NULL;
    if (!s.info)
        s.status = kp_fail(e, KP_E_NOMEM, "%s: no memory to decode it", name);
    else if (!guarded_decode(&s))
        s.status = kp_fail(e, KP_E_FORMAT, "%s: offset %zu: %s", name, s.at, s.what);
    png_destroy_read_struct(&s.png, &s.info, NULL);
    return s.status;
}
