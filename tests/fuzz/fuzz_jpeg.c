/* fuzz_jpeg.c - any bytes as an image file, JPEG or PNG, as it is and resized. */
#include "data/decoder.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int64_t sides[] = {0, 5, 40};
    struct kp_decoder *decoder = NULL;
    struct kp_error e = {0};
    volatile uint8_t sum = 0;

    if (kp_decoder_create(&decoder, &e))
        return 0;
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        struct kp_rgb image = {0};
        e = (struct kp_error){0};
        if (kp_decoder_run(decoder, bytes, size, sides[i], "image", &image, &e)) {
            KP_ASSERT(e.status && strncmp(e.text, "image: ", 7) == 0 && !image.rgb);
            continue;
        }
        /* All that was promised can be read. */
        KP_ASSERT(image.height >= 1 && image.width >= 1);
        KP_ASSERT(image.height <= KP_IMAGE_PIXELS_MAX / image.width);
        KP_ASSERT(!sides[i] || image.height == sides[i] || image.width == sides[i]);
        for (int64_t y = 0; y < image.height; y++)
            for (int64_t x = 0; x < 3 * image.width; x++)
                sum = (uint8_t)(sum + image.rgb[(size_t)y * image.stride + (size_t)x]);
    }
    kp_decoder_destroy(decoder);
    return 0;
}
