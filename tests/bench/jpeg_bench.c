/* jpeg_bench.c - makes JPEG files of photographic size, or decodes files with several threads.
 *
 *   jpeg_bench make FOLDER COUNT
 *   jpeg_bench decode THREADS FILE...   prints images per second
 *   jpeg_bench load THREADS ROOT        the same of batches of the files of ROOT/list.txt */
#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "data/decoder.h"
#include "data/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { HEIGHT = 375, WIDTH = 500 };

/* Slopes with noise: about as many bytes as a photograph of quality 90. */
static void fill_row(int number, int y, uint8_t *row)
{
    struct kp_rng_key key = {.seed = (uint64_t)number};
    uint32_t w[4];

    for (int x = 0; x < WIDTH; x++) {
        kp_rng_words(key, (uint64_t)y, (uint32_t)x, w);
        for (int c = 0; c < 3; c++)
            row[3 * x + c] = (uint8_t)(64 + (x / 4 + y / 3 + 20 * c) % 128 + (w[c] >> 28));
    }
}

static int make(const char *folder, int count)
{
    for (int i = 0; i < count; i++) {
        struct jpeg_compress_struct c = {0};
        struct jpeg_error_mgr errors;
        uint8_t row[3 * WIDTH];
        JSAMPROW rows[1] = {row};
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%d.jpg", folder, i);
        FILE *f = fopen(path, "wb");
        if (!f) {
            perror(path);
            return 1;
        }
        c.err = jpeg_std_error(&errors);
        jpeg_create_compress(&c);
        jpeg_stdio_dest(&c, f);
        c.image_width = WIDTH;
        c.image_height = HEIGHT;
        c.input_components = 3;
        c.in_color_space = JCS_RGB;
        jpeg_set_defaults(&c);
        jpeg_set_quality(&c, 90, TRUE);
        jpeg_start_compress(&c, TRUE);
        for (int y = 0; y < HEIGHT; y++) {
            fill_row(i, y, row);
            (void)jpeg_write_scanlines(&c, rows, 1);
        }
        jpeg_finish_compress(&c);
        jpeg_destroy_compress(&c);
        (void)fclose(f);
    }
    return 0;
}

struct decoding {
    char **path;
    struct kp_decoder **decoder;
};

static void decode_file(void *arg, int64_t number, int worker)
{
    const struct decoding *d = arg;
    struct kp_error e = {0};
    struct kp_rgb image;

    if (kp_decoder_read(d->decoder[worker], ".", d->path[number], 0, &image, &e) != KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
}

static int decode(int threads, int count, char **path)
{
    struct kp_error e = {0};
    struct kp_pool *pool = NULL;
    struct decoding d = {path, calloc((size_t)threads, sizeof(*d.decoder))};
    enum kp_status st = d.decoder ? kp_pool_create(threads, &pool, &e) : KP_E_NOMEM;

    for (int i = 0; i < threads && st == KP_OK; i++)
        st = kp_decoder_create(&d.decoder[i], &e);
    if (st != KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    double start = kp_clock_monotonic();
    kp_pool_run(pool, count, decode_file, &d);
    (void)printf("%.1f\n", count / (kp_clock_monotonic() - start));
    for (int i = 0; i < threads; i++)
        kp_decoder_destroy(d.decoder[i]);
    kp_pool_destroy(pool);
    free((void *)d.decoder);
    return 0;
}

/* An epoch of batches by the loader alone, of images decoded as they are wanted. */
static int load(int threads, const char *root)
{
    const struct kp_dataset_config config = {
        .format = "list", .root = root, .decode = KP_DECODE_LIVE, .crop = 64, .decoders = threads};
    struct kp_error e = {0};
    struct kp_dataset *data = NULL;
    struct kp_loader *loader = NULL;
    enum kp_status st = kp_dataset_open(&config, &data, &e);
    const int64_t count = st == KP_OK ? data->split[KP_SPLIT_TRAIN].count : 0;
    const struct kp_loader_config batches = {.data = data, .count = count, .batch = 64};

    if (st == KP_OK)
        st = kp_loader_create(&batches, &loader, &e);
    double start = kp_clock_monotonic();
    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, &e);
    for (int64_t done = 0; st == KP_OK && done < count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, &e);
        if (st == KP_OK)
            done += b->rows;
    }
    double seconds = kp_clock_monotonic() - start;
    kp_loader_destroy(loader);
    kp_dataset_close(data);
    if (st != KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    (void)printf("%.1f\n", (double)count / seconds);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], (int)strtol(argv[3], NULL, 10));
    if (argc > 3 && strcmp(argv[1], "decode") == 0)
        return decode((int)strtol(argv[2], NULL, 10), argc - 3, argv + 3);
    if (argc == 4 && strcmp(argv[1], "load") == 0)
        return load((int)strtol(argv[2], NULL, 10), argv[3]);
    (void)fprintf(stderr, "usage: jpeg_bench make FOLDER COUNT | decode THREADS FILE... | "
                          "load THREADS ROOT\n");
    return 2;
}
