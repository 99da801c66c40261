/* jpeg.c - JPEG files by libjpeg: whole, strict about damage, smaller where less is needed. */
#include "data/decoder.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Scans of a progressive file; encoders make about ten. */
#define SCANS_MAX 100

/* libjpeg leaves through `back` after an error. */
struct kp_jpeg {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    bool created;
    enum kp_status status;
    char what[JMSG_LENGTH_MAX];
    size_t size; /* of the file */
};

_Noreturn static void leave(struct kp_jpeg *j, enum kp_status st)
{
    j->status = st;
    longjmp(j->back, 1);
}

_Noreturn static void on_error(j_common_ptr c)
{
    struct kp_jpeg *j = c->client_data;

    c->err->format_message(c, j->what);
    leave(j, c->err->msg_code == JERR_OUT_OF_MEMORY ? KP_E_NOMEM : KP_E_FORMAT);
}

/* Below 0: libjpeg would go on with a damaged image. Only what leaves the pixels right passes. */
static void on_message(j_common_ptr c, int level)
{
    switch (c->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_BOGUS_ICC:
        return;
    default:
        if (level < 0)
            on_error(c);
    }
}

static void on_output(j_common_ptr c)
{
    (void)c;
}

static void on_progress(j_common_ptr c)
{
    struct kp_jpeg *j = c->client_data;

    if (j->c.input_scan_number > SCANS_MAX) {
        (void)snprintf(j->what, sizeof j->what, "more than %d scans", SCANS_MAX);
        leave(j, KP_E_FORMAT);
    }
}

static void source_nothing(j_decompress_ptr c)
{
    (void)c;
}

/* All bytes were there from the beginning. */
static boolean source_more(j_decompress_ptr c)
{
    struct kp_jpeg *j = c->client_data;

    j->source.bytes_in_buffer = 0;
    (void)snprintf(j->what, sizeof j->what, "truncated: the file ends before the image does");
    leave(j, KP_E_FORMAT);
}

static void source_skip(j_decompress_ptr c, long n)
{
    struct kp_jpeg *j = c->client_data;

    if (n <= 0)
        return;
    if ((size_t)n > j->source.bytes_in_buffer)
        (void)source_more(c);
    j->source.next_input_byte += n;
    j->source.bytes_in_buffer -= (size_t)n;
}

static bool create(struct kp_jpeg *j)
{
    if (setjmp(j->back))
        return false;
    j->c.err = jpeg_std_error(&j->errors);
    j->c.client_data = j;
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = on_output;
    jpeg_create_decompress(&j->c);
    j->created = true;
    j->source.init_source = source_nothing;
    j->source.fill_input_buffer = source_more;
    j->source.skip_input_data = source_skip;
    j->source.resync_to_restart = jpeg_resync_to_restart;
    j->source.term_source = source_nothing;
    j->c.src = &j->source;
    j->progress.progress_monitor = on_progress;
    j->c.progress = &j->progress;
    return true;
}

enum kp_status kp_jpeg_create(struct kp_jpeg **out, struct kp_error *e)
{
    struct kp_jpeg *j = calloc(1, sizeof *j);

    if (!j || !create(j)) {
        kp_jpeg_destroy(j);
        return kp_fail(e, KP_E_NOMEM, "no memory for a JPEG decoder");
    }
    *out = j;
    return KP_OK;
}

void kp_jpeg_destroy(struct kp_jpeg *j)
{
    if (!j)
        return;
    if (j->created)
        jpeg_destroy_decompress(&j->c);
    free(j);
}

/* The largest reduction that leaves twice the size that is needed. */
static unsigned reduction(int64_t shorter, int64_t resize)
{
    unsigned by = 1;

    while (resize && by < 8 && shorter / (2 * by) >= 2 * resize)
        by *= 2;
    return by;
}

/* a b / 255, rounded. */
static uint8_t product(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;

    return (uint8_t)((t + (t >> 8)) >> 8);
}

/* Adobe's files hold 255 - c, 255 - m, 255 - y, 255 - k: red is (255 - c) (255 - k) / 255. */
static void read_cmyk(struct jpeg_decompress_struct *c, uint8_t *out)
{
    JSAMPARRAY row = c->mem->alloc_sarray((j_common_ptr)c, JPOOL_IMAGE, 4 * c->output_width, 1);

    while (c->output_scanline < c->output_height) {
        (void)jpeg_read_scanlines(c, row, 1);
        for (JDIMENSION x = 0; x < c->output_width; x++, out += 3)
            for (int k = 0; k < 3; k++)
                out[k] = product(row[0][4 * x + k], row[0][4 * x + 3]);
    }
}

static void read_rgb(struct jpeg_decompress_struct *c, uint8_t *out)
{
    enum { ROWS = 8 };
    const size_t stride = (size_t)c->output_width * 3;

    while (c->output_scanline < c->output_height) {
        JSAMPROW rows[ROWS];
        JDIMENSION left = c->output_height - c->output_scanline, n = left < ROWS ? left : ROWS;
        for (JDIMENSION i = 0; i < n; i++)
            rows[i] = out + (c->output_scanline + i) * stride;
        (void)jpeg_read_scanlines(c, rows, n);
    }
}

/* Left by longjmp() on errors: it owns nothing. */
static enum kp_status decode(struct kp_jpeg *j, int64_t resize, const char *name,
                             struct kp_raster *r, struct kp_error *e)
{
    struct jpeg_decompress_struct *c = &j->c;

    (void)jpeg_read_header(c, TRUE);
    r->full_height = c->image_height;
    r->full_width = c->image_width;
    enum kp_status st = kp_raster_check(r->full_height, r->full_width, name, e);
    if (st)
        return st;
    bool cmyk = c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK;
    c->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    c->scale_num = 1;
    c->scale_denom =
        reduction(r->full_height < r->full_width ? r->full_height : r->full_width, resize);
    (void)jpeg_start_decompress(c);
    st = kp_raster_make(r, c->output_height, c->output_width, name, e);
    if (st)
        return st;
    if (cmyk)
        read_cmyk(c, r->rgb);
    else
        read_rgb(c, r->rgb);
    (void)jpeg_finish_decompress(c);
    return KP_OK;
}

enum kp_status kp_jpeg_decode(struct kp_jpeg *j, const uint8_t *bytes, size_t size, int64_t resize,
                              const char *name, struct kp_raster *r, struct kp_error *e)
{
    j->size = size;
    j->source.next_input_byte = bytes;
    j->source.bytes_in_buffer = size;
    j->errors.num_warnings = 0;
    if (setjmp(j->back)) {
        size_t at = j->size - j->source.bytes_in_buffer;
        jpeg_abort_decompress(&j->c);
        if (j->status == KP_E_NOMEM)
            return kp_fail(e, KP_E_NOMEM, "%s: no memory to decode it", name);
        return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: %s", name, at, j->what);
    }
    enum kp_status st = decode(j, resize, name, r, e);
    if (st)
        jpeg_abort_decompress(&j->c);
    return st;
}
