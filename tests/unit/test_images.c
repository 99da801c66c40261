/* test_images.c - JPEG and PNG files decoded and resized: colours, depths, damage, sizes. */
#include "data/decoder.h"

#include "image_rig.h"

static struct kp_decoder *decoder;

static int make_decoder(void **state)
{
    struct kp_error e = {0};
    (void)state;
    return kp_decoder_create(&decoder, &e) == KP_OK ? 0 : -1;
}

static int drop_decoder(void **state)
{
    (void)state;
    kp_decoder_destroy(decoder);
    return 0;
}

/* Decode; the bytes are freed. The result is valid until the next call. */
static struct kp_rgb decoded(struct rig_bytes b, int64_t resize)
{
    struct kp_rgb out = {0};
    struct kp_error e = {0};

    if (kp_decoder_run(decoder, b.v, b.size, resize, "image", &out, &e))
        fail_msg("%s", e.text);
    assert_int_equal(out.stride, 3 * out.width);
    free(b.v);
    return out;
}

static void refused(const uint8_t *bytes, size_t size, const char *words)
{
    struct kp_rgb out = {0};
    struct kp_error e = {0};
    /* Of exactly this size, so that sanitizers see a read beyond. */
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);

    if (size)
        memcpy(exact, bytes, size);
    assert_int_equal(kp_decoder_run(decoder, exact, size, 0, "image", &out, &e), KP_E_FORMAT);
    assert_null(out.rgb);
    if (!strstr(e.text, words) || strncmp(e.text, "image: ", 7) != 0)
        fail_msg("'%s' does not say '%s'", e.text, words);
    free(exact);
}

/* Every channel within `bound` of what `want` gives. */
static void expect_pixels(struct kp_rgb image, int height, int width, int bound,
                          int (*want)(int c, int y, int x))
{
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                int found = image.rgb[(size_t)y * image.stride + (size_t)(3 * x + c)];
                if (abs(found - want(c, y, x)) > bound)
                    fail_msg("channel %d of (%d, %d): %d, not %d", c, y, x, found, want(c, y, x));
            }
}

static int rgb_want(int c, int y, int x)
{
    return rig_pixel(1, c, y, x);
}

static int grey_want(int c, int y, int x)
{
    (void)c;
    return rig_pixel(1, 0, y, x);
}

/* (255 - c) (255 - k) / 255 of the inverted values in the file. */
static int cmyk_want(int c, int y, int x)
{
    return (rig_pixel(1, c, y, x) * rig_pixel(1, 3, y, x) + 127) / 255;
}

/* Slopes only: JPEG of quality 95 loses little of them. */
static void jpeg_of_every_colour_becomes_rgb(void **state)
{
    (void)state;
    expect_pixels(decoded(rig_jpeg(1, 3, 24, 16), 0), 24, 16, 8, rgb_want);
    expect_pixels(decoded(rig_jpeg(1, 1, 24, 16), 0), 24, 16, 4, grey_want);
    expect_pixels(decoded(rig_jpeg(1, 4, 16, 16), 0), 16, 16, 6, cmyk_want);
    uint8_t *p = rig_picture(1, 3, 24, 16);
    expect_pixels(decoded(rig_jpeg_of(p, 3, 24, 16, 95, true), 0), 24, 16, 8, rgb_want);
    free(p);
}

static int alpha_want(int c, int y, int x)
{
    return (rig_pixel(1, c, y, x) * rig_pixel(1, 3, y, x) + 127) / 255;
}

static int palette_want(int c, int y, int x)
{
    static const int palette[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 8, 7}};

    return palette[(y + x) % 4][c];
}

static int bit_want(int c, int y, int x)
{
    (void)c;
    return (x + y) % 2 ? 255 : 0;
}

static void png_of_every_kind_becomes_rgb(void **state)
{
    enum { H = 5, W = 7 };
    uint8_t wide[H][W][3][2], index[H][W], bits[H][1] = {{0}};
    (void)state;

    for (int interlaced = 0; interlaced < 2; interlaced++) {
        uint8_t *p = rig_picture(1, 3, H, W);
        expect_pixels(decoded(rig_png(p, 3 * W, PNG_COLOR_TYPE_RGB, 8, H, W, interlaced), 0), H, W,
                      0, rgb_want);
        free(p);
        p = rig_picture(1, 1, H, W);
        expect_pixels(decoded(rig_png(p, W, PNG_COLOR_TYPE_GRAY, 8, H, W, interlaced), 0), H, W, 0,
                      grey_want);
        free(p);
        p = rig_picture(1, 4, H, W);
        expect_pixels(decoded(rig_png(p, 4 * W, PNG_COLOR_TYPE_RGBA, 8, H, W, interlaced), 0), H, W,
                      1, alpha_want);
        free(p);
    }
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            index[y][x] = (uint8_t)((y + x) % 4);
            bits[y][0] |= (uint8_t)((x + y) % 2 << (7 - x));
            /* 16 bits of v / 255 are 257 v. */
            for (int c = 0; c < 3; c++)
                wide[y][x][c][0] = wide[y][x][c][1] = rig_pixel(1, c, y, x);
        }
    expect_pixels(
        decoded(rig_png(&wide[0][0][0][0], sizeof wide[0], PNG_COLOR_TYPE_RGB, 16, H, W, false), 0),
        H, W, 0, rgb_want);
    expect_pixels(
        decoded(rig_png(index[0], sizeof index[0], PNG_COLOR_TYPE_PALETTE, 8, H, W, false), 0), H,
        W, 0, palette_want);
    expect_pixels(decoded(rig_png(bits[0], 1, PNG_COLOR_TYPE_GRAY, 1, H, W, false), 0), H, W, 0,
                  bit_want);
}

/* A file that was cut anywhere is refused, never filled up. */
static void truncated_files_are_refused(void **state)
{
    uint8_t *p = rig_picture(1, 3, 24, 16);
    struct rig_bytes files[] = {
        rig_jpeg_of(p, 3, 24, 16, 95, false),
        rig_jpeg_of(p, 3, 24, 16, 95, true),
        rig_png(p, 48, PNG_COLOR_TYPE_RGB, 8, 24, 16, false),
        rig_png(p, 48, PNG_COLOR_TYPE_RGB, 8, 24, 16, true),
    };
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (size_t n = 8; n < files[i].size; n++)
            refused(files[i].v, n, "truncated: the file ends before the image does");
        free(files[i].v);
    }
    free(p);
}

static void damaged_files_are_refused(void **state)
{
    struct rig_bytes b = rig_jpeg(1, 3, 64, 64);
    (void)state;

    refused(NULL, 0, "offset 0: empty");
    refused((const uint8_t *)"GIF89a..", 8, "offset 0: neither a JPEG nor a PNG file");
    /* The marker of the end, too early. */
    memcpy(b.v + b.size - b.size / 8, "\xff\xd9", 2);
    refused(b.v, b.size, "Corrupt JPEG data: premature end of data segment");
    free(b.v);

    uint8_t *p = rig_picture(1, 3, 8, 8);
    b = rig_png(p, 24, PNG_COLOR_TYPE_RGB, 8, 8, 8, false);
    b.v[50] ^= 0x10;
    refused(b.v, b.size, "offset ");
    /* A width of 2^30 in the header, with its checksum. */
    static const uint8_t header[] = {'I', 'H', 'D', 'R', 0x40, 0, 0, 0, 0, 0, 0, 8, 8, 2, 0, 0, 0};
    memcpy(b.v + 12, header, sizeof header);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < sizeof header; i++) {
        crc ^= header[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    for (int i = 0; i < 4; i++)
        b.v[29 + i] = (uint8_t)(~crc >> (24 - 8 * i));
    refused(b.v, b.size, "8 x 1073741824 pixels; 1 to 67108864 are accepted");
    free(b.v);
    free(p);
}

/* After an error the decoder works on. */
static void a_decoder_survives_errors(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig_bytes b = rig_jpeg(1, 3, 24, 16);
        refused(b.v, b.size / 2, "truncated");
        expect_pixels(decoded(b, 0), 24, 16, 8, rgb_want);
    }
}

/* Resized from 9 x 7 by Pillow 9.4: Image.resize(size, Image.BILINEAR). */
static const struct {
    int height, width;
    uint8_t bytes[192];
} resized[] = {
    {4, 3, {84,  161, 136, 101, 133, 148, 148, 103, 118, 107, 132, 138,
            119, 122, 179, 150, 120, 138, 119, 118, 110, 102, 167, 107,
            149, 90,  123, 90,  122, 134, 102, 145, 97,  105, 119, 165}},
    {12, 5, {30,  131, 147, 100, 201, 46,  84,  139, 193, 199, 44,  145, 212, 57,  158, 56,  157,
             173, 136, 148, 82,  103, 157, 139, 98,  103, 133, 121, 126, 67,  83,  184, 167, 111,
             123, 153, 92,  146, 145, 100, 105, 136, 135, 140, 81,  104, 195, 125, 41,  128, 229,
             70,  111, 206, 204, 67,  150, 230, 96,  197, 118, 144, 74,  88,  89,  190, 169, 121,
             182, 195, 164, 141, 104, 99,  200, 125, 140, 71,  110, 97,  198, 109, 121, 204, 160,
             129, 106, 77,  147, 88,  127, 110, 73,  113, 143, 148, 90,  163, 168, 137, 107, 83,
             131, 136, 77,  122, 63,  89,  107, 193, 53,  126, 227, 78,  127, 114, 91,  221, 66,
             167, 110, 115, 206, 128, 130, 74,  76,  177, 63,  91,  79,  162, 198, 43,  144, 92,
             107, 208, 125, 112, 71,  73,  174, 65,  102, 89,  190, 114, 65,  166, 68,  115, 152,
             102, 132, 91,  107, 147, 82,  107, 137, 185, 78,  125, 162, 44,  145, 75,  70,  171,
             130, 158, 96,  104, 99,  200, 159, 97,  198, 128}},
    {3, 10, {61,  162, 167, 84,  168, 137, 104, 157, 122, 105, 113, 146, 99,  146, 162,
             101, 136, 164, 113, 84,  150, 160, 109, 130, 159, 115, 120, 138, 111, 116,
             101, 145, 75,  133, 114, 107, 133, 106, 143, 62,  155, 172, 91,  155, 170,
             121, 145, 151, 144, 129, 117, 157, 101, 110, 149, 105, 120, 133, 121, 136,
             57,  126, 163, 102, 100, 155, 126, 107, 120, 87,  180, 36,  104, 163, 50,
             100, 159, 102, 75,  167, 177, 128, 85,  162, 132, 85,  157, 115, 120, 157}},
};

static void resizing_is_as_pillow_does_it(void **state)
{
    enum { H = 9, W = 7 };
    uint8_t in[H][W][3];
    (void)state;

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                in[y][x][c] = (uint8_t)(y * y * 37 + x * x * 91 + y * x * 13 + c * 101);
    struct kp_rgb image = {in[0][0], sizeof in[0], H, W};
    for (size_t i = 0; i < sizeof resized / sizeof resized[0]; i++) {
        int64_t height = resized[i].height, width = resized[i].width;
        uint8_t out[192];
        void *scratch = malloc(kp_resize_scratch(H, W, height, width));
        assert_non_null(scratch);
        kp_resize(&image, height, width, scratch, out);
        assert_memory_equal(out, resized[i].bytes, (size_t)(height * width) * 3);
        free(scratch);
    }
}

static void resizing_one_axis_or_none(void **state)
{
    uint8_t *p = rig_picture(2, 3, 10, 6), out[10 * 6 * 3];
    struct kp_rgb image = {p, 18, 10, 6};
    void *scratch = malloc(kp_resize_scratch(10, 6, 10, 6));
    (void)state;

    assert_non_null(scratch);
    kp_resize(&image, 10, 6, scratch, out);
    assert_memory_equal(out, p, sizeof out);
    /* Slopes of one and two survive on the inside: halves lie between two pixels. */
    kp_resize(&image, 10, 3, scratch, out);
    for (int y = 0; y < 10; y++)
        assert_in_range(out[(3 * y + 1) * 3], p[(6 * y + 2) * 3], p[(6 * y + 3) * 3]);
    kp_resize(&image, 5, 6, scratch, out);
    for (int x = 0; x < 6; x++)
        assert_in_range(out[(6 * 2 + x) * 3], p[(6 * 4 + x) * 3], p[(6 * 5 + x) * 3]);
    free(scratch);
    free(p);
}

static void the_shorter_side_becomes_what_is_asked(void **state)
{
    static const int sizes[][5] = {
        /* height, width, resize, then what comes out */
        {24, 16, 8, 12, 8},     {16, 24, 8, 8, 12}, {16, 16, 16, 16, 16},   {16, 16, 40, 40, 40},
        {300, 200, 10, 15, 10}, {33, 16, 8, 16, 8}, {640, 400, 32, 51, 32}, {7, 100, 7, 7, 100},
    };
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct kp_rgb out = decoded(rig_jpeg(1, 3, sizes[i][0], sizes[i][1]), sizes[i][2]);
        assert_int_equal(out.height, sizes[i][3]);
        assert_int_equal(out.width, sizes[i][4]);
    }
}

/* A large JPEG is decoded at a fraction of its size: the result stays near that of the whole one.
 */
static void reduced_decoding_stays_near(void **state)
{
    enum { H = 256, W = 384, SMALL = 16 };
    uint8_t whole[SMALL * 24 * 3];
    (void)state;

    struct kp_rgb out = decoded(rig_jpeg(0, 3, H, W), 0);
    void *scratch = malloc(kp_resize_scratch(H, W, SMALL, 24));
    assert_non_null(scratch);
    kp_resize(&out, SMALL, 24, scratch, whole);
    free(scratch);
    out = decoded(rig_jpeg(0, 3, H, W), SMALL);
    assert_int_equal(out.width, 24);
    for (size_t i = 0; i < sizeof whole; i++)
        assert_in_range(out.rgb[i] + 6, whole[i], whole[i] + 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_of_every_colour_becomes_rgb),
        cmocka_unit_test(png_of_every_kind_becomes_rgb),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(a_decoder_survives_errors),
        cmocka_unit_test(resizing_is_as_pillow_does_it),
        cmocka_unit_test(resizing_one_axis_or_none),
        cmocka_unit_test(the_shorter_side_becomes_what_is_asked),
        cmocka_unit_test(reduced_decoding_stays_near),
    };
    return cmocka_run_group_tests_name("images", tests, make_decoder, drop_decoder);
}
