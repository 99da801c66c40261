/* decoder.h - JPEG and PNG files in memory become RGB bytes. */
#ifndef KP_DATA_DECODER_H
#define KP_DATA_DECODER_H

#include "base/error.h"
#include "data/resize.h"

/* The most pixels of an image, and bytes of its file. */
#define KP_IMAGE_PIXELS_MAX (INT64_C(1) << 26)
#define KP_IMAGE_FILE_MAX   ((size_t)256 << 20)

/* One per thread: it keeps its memory from image to image. */
struct kp_decoder;

KP_NODISCARD enum kp_status kp_decoder_create(struct kp_decoder **out, struct kp_error *e);
void kp_decoder_destroy(struct kp_decoder *d);

/* Decode an image whose format is told by its content, and bring the shorter side to `resize` (the
 * longer one to floor(resize * longer / shorter)), unless that is 0. A JPEG that is much larger is
 * decoded at a half, a quarter or an eighth, at least twice what is needed. *out is valid until the
 * next call. KP_E_FORMAT: "name: offset N: what is wrong". */
KP_NODISCARD enum kp_status kp_decoder_run(struct kp_decoder *d, const uint8_t *bytes, size_t size,
                                           int64_t resize, const char *name, struct kp_rgb *out,
                                           struct kp_error *e);

/* Read and decode the file `name` in `folder`; messages begin with its path. */
KP_NODISCARD enum kp_status kp_decoder_read(struct kp_decoder *d, const char *folder,
                                            const char *name, int64_t resize, struct kp_rgb *out,
                                            struct kp_error *e);

/* Give the buffer *p of *room bytes, which only grows, at least `size`; it loses what it held.
 * `name` is whose pixels it will hold. */
KP_NODISCARD enum kp_status kp_room_make(uint8_t **p, size_t *room, size_t size, const char *name,
                                         struct kp_error *e);

/* Memory for a decoded image, inside the decoder. */
struct kp_raster {
    uint8_t *rgb; /* [height][width][3] */
    size_t room;
    int64_t height, width;
    int64_t full_height, full_width; /* of the file, where it was decoded smaller */
};

/* Check the extents of a file against the limit; `what` is its format. */
KP_NODISCARD enum kp_status kp_raster_check(int64_t height, int64_t width, const char *name,
                                            struct kp_error *e);
/* Make room for height * width pixels. */
KP_NODISCARD enum kp_status kp_raster_make(struct kp_raster *r, int64_t height, int64_t width,
                                           const char *name, struct kp_error *e);

struct kp_jpeg;
KP_NODISCARD enum kp_status kp_jpeg_create(struct kp_jpeg **out, struct kp_error *e);
void kp_jpeg_destroy(struct kp_jpeg *j);
KP_NODISCARD enum kp_status kp_jpeg_decode(struct kp_jpeg *j, const uint8_t *bytes, size_t size,
                                           int64_t resize, const char *name, struct kp_raster *r,
                                           struct kp_error *e);
KP_NODISCARD enum kp_status kp_png_decode(const uint8_t *bytes, size_t size, const char *name,
                                          struct kp_raster *r, struct kp_error *e);

#endif
