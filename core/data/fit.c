/* fit.c - how large a packed cache would be, and whether there is room for it. */
#include "base/machine.h"
#include "data/decoder.h"
#include "data/pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Files that are decoded for the estimate. */
#define SAMPLE 16

#define GB 1e9

/* Bytes of all images' pixels, by some training images spread evenly; bad files are left out. */
static enum kp_status estimate(const struct kp_pack *p, double *out, struct kp_error *e)
{
    const struct kp_catalogue *c = p->catalogue;
    const int64_t train = c->count[KP_SPLIT_TRAIN], all = train + c->count[KP_SPLIT_TEST];
    const int64_t sample = train < SAMPLE ? train : SAMPLE;
    struct kp_decoder *decoder = NULL;
    int64_t good = 0;
    double sum = 0;
    enum kp_status st = kp_decoder_create(&decoder, e);

    for (int64_t i = 0; i < sample && !st; i++) {
        struct kp_error bad = {0};
        struct kp_rgb image;
        st = kp_decoder_read(decoder, c->folder, c->file[KP_SPLIT_TRAIN][i * train / sample].path,
                             p->config->resize, &image, &bad);
        if (st == KP_OK) {
            sum += 3 * (double)image.height * (double)image.width;
            good++;
        }
        st = st == KP_E_NOMEM ? kp_fail(e, st, "%s", bad.text) : KP_OK;
    }
    kp_decoder_destroy(decoder);
    if (st == KP_OK)
        *out = good ? sum / (double)good * (double)all : 0;
    return st;
}

/* The free bytes of the disk where `path` would be made; below 0: it cannot be made. */
static double disk_free(const char *path)
{
    char *folder = strdup(path);
    struct statvfs s;
    double bytes = -1;
    bool higher = folder != NULL;

    while (higher) {
        char *slash = strrchr(folder, '/');
        const char *parent = slash ? folder : ".";
        if (slash)
            slash[slash == folder] = '\0';
        if (statvfs(parent, &s) == 0) {
            bytes = access(parent, W_OK) == 0 ? (double)s.f_bavail * (double)s.f_frsize : -1;
            break;
        }
        higher = errno == ENOENT && slash && slash != folder;
    }
    free(folder);
    return bytes;
}

enum kp_status kp_pack_fits(const struct kp_pack *p, bool *fits, char *why, size_t why_size,
                            struct kp_error *e)
{
    const double memory = (double)kp_machine_memory();
    double disk = -1, bytes = 0;

    for (int i = 0; i < 2 && p->places.path[i] && disk < 0; i++)
        disk = disk_free(p->places.path[i]) / 2;
    if (disk < 0) {
        *fits = false;
        (void)snprintf(why, why_size, "no folder for packed images can be written");
        return KP_OK;
    }
    enum kp_status st = estimate(p, &bytes, e);
    if (st)
        return st;
    *fits = bytes <= disk && bytes <= memory;
    (void)snprintf(why, why_size,
                   "about %.1f GB packed, where %.1f GB of disk and %.1f GB of memory may be used",
                   bytes / GB, disk / GB, memory / GB);
    return KP_OK;
}
