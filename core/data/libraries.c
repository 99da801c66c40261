/* libraries.c - versions of the libraries that decode images. */
#include "data/libraries.h"

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

#define WORD(x) #x
#define TEXT(x) WORD(x)

void kp_data_libraries(struct kp_text *out)
{
#ifdef LIBJPEG_TURBO_VERSION
    kp_text_add(out, "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION));
#else
    kp_text_add(out, "libjpeg " TEXT(JPEG_LIB_VERSION));
#endif
    kp_text_addf(out, ", libpng %s", png_get_libpng_ver(NULL));
}
