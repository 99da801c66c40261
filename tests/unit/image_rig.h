/* image_rig.h - makes JPEG and PNG files with the libraries themselves, and folders of them. */
#ifndef KP_TESTS_IMAGE_RIG_H
#define KP_TESTS_IMAGE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>
#include <png.h>

#include "scratch.h"

static char rig_folder[SCRATCH_SIZE];

static inline int rig_setup(void **state)
{
    (void)state;
    return scratch_make(rig_folder) == 0 ? chdir(rig_folder) : -1;
}

static inline int rig_teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(rig_folder) : -1;
}

/* A file's bytes; free(). */
struct rig_bytes {
    uint8_t *v;
    size_t size;
};

static inline void rig_save(const char *path, struct rig_bytes b)
{
    char folder[256];

    for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(p - path), path);
        if (*folder)
            (void)mkdir(folder, 0777);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.v, 1, b.size, f), b.size);
    assert_int_equal(fclose(f), 0);
}

/* A picture without edges, so that JPEG keeps it: channel c of pixel (y, x) of picture `seed`. */
static inline uint8_t rig_pixel(int seed, int c, int y, int x)
{
    return (uint8_t)(40 + (20 * seed + 30 * c + 2 * y + x) % 180);
}

/* [height][width][channels] */
static inline uint8_t *rig_picture(int seed, int channels, int height, int width)
{
    uint8_t *p = malloc((size_t)(channels * height * width));
    assert_non_null(p);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                p[(y * width + x) * channels + c] = rig_pixel(seed, c, y, x);
    return p;
}

/* Channels 1: grey, 3: RGB, 4: CMYK, stored inverted as Adobe does. */
static inline struct rig_bytes rig_jpeg_of(const uint8_t *pixels, int channels, int height,
                                           int width, int quality, bool progressive)
{
    struct jpeg_compress_struct c = {0};
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    if (progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < height; y++) {
        uint8_t *copy = malloc((size_t)(width * channels));
        assert_non_null(copy);
        memcpy(copy, pixels + (size_t)(y * width * channels), (size_t)(width * channels));
        JSAMPROW row = copy;
        (void)jpeg_write_scanlines(&c, &row, 1);
        free(copy);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return (struct rig_bytes){bytes, size};
}

static inline struct rig_bytes rig_jpeg(int seed, int channels, int height, int width)
{
    uint8_t *p = rig_picture(seed, channels, height, width);
    struct rig_bytes b = rig_jpeg_of(p, channels, height, width, 95, false);
    free(p);
    return b;
}

static inline void rig_png_write(png_structp png, png_bytep bytes, size_t n)
{
    struct rig_bytes *b = png_get_io_ptr(png);
    b->v = realloc(b->v, b->size + n);
    assert_non_null(b->v);
    memcpy(b->v + b->size, bytes, n);
    b->size += n;
}

/* A PNG of rows in the file's own form; `palette` of 4 colours where `type` asks for one. */
static inline struct rig_bytes rig_png(const uint8_t *rows, size_t stride, int type, int depth,
                                       int height, int width, bool interlaced)
{
    static const png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 8, 7}};
    struct rig_bytes b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);

    assert_non_null(info);
    png_set_write_fn(png, &b, rig_png_write, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return b;
}

#endif
