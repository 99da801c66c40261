/* npyfolder.c - a folder of NumPy arrays as a dataset.
 *
 *   train_x.npy, test_x.npy   (N, C, H, W) or (N, H, W) of uint8: images; (N, ...) of float32:
 *                             numbers that a model sees as they are
 *   train_y.npy, test_y.npy   (N) of uint8, int32 or int64: classes
 *
 * Files are mapped: memory is taken only for what is read. */
#define _POSIX_C_SOURCE 200809L /* fstat, mmap, O_CLOEXEC */

#include <kappa/plugin.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, DIMS = 5 };

/* One array. `type` is that of the header: "|u1", "<f4", "<i4", "<i8". */
struct array {
    char path[PATH_SIZE];
    void *map;
    size_t map_size, header;
    char type[4];
    int64_t item; /* bytes of an element */
    int dims;
    int64_t shape[DIMS];
};

struct npyfolder {
    const char *expect;
    struct array x[KP_DATASET_SPLITS], y[KP_DATASET_SPLITS];
    int64_t example_bytes, classes;
};

static const struct kp_option npyfolder_options[] = {
    KP_STRING(struct npyfolder, expect, "expect", "",
              "data.identity that the files must have (part of a run's hash), empty: any"),
};

static enum kp_status map_file(struct array *a, struct kp_data *d)
{
    struct stat s;
    const int file = open(a->path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &s) != 0) {
        const int error = errno;
        if (file >= 0)
            (void)close(file);
        return kp_data_fail(d, KP_E_IO, "%s: %s", a->path, strerror(error));
    }
    if (s.st_size > 0)
        a->map = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (s.st_size <= 0 || a->map == MAP_FAILED) {
        a->map = NULL;
        return kp_data_fail(d, KP_E_IO, "%s: empty, or it cannot be mapped", a->path);
    }
    a->map_size = (size_t)s.st_size;
    return KP_OK;
}

/* What stands behind 'key': in the header's dictionary; NULL: nothing. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    at = at ? strchr(at + strlen(key), ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

/* "(60000, 28, 28)" */
static bool read_shape(const char *at, struct array *a)
{
    if (*at++ != '(')
        return false;
    for (a->dims = 0; *at != ')'; a->dims++) {
        char *end;

        if (a->dims == DIMS || !isdigit((unsigned char)*at))
            return false;
        errno = 0;
        a->shape[a->dims] = strtoll(at, &end, 10);
        if (errno != 0 || a->shape[a->dims] < 1)
            return false;
        at = end + strspn(end, ", ");
    }
    return a->dims > 0;
}

static enum kp_status parse(struct array *a, struct kp_data *d)
{
    const unsigned char *bytes = a->map;
    char header[1024];

    if (a->map_size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return kp_data_fail(d, KP_E_FORMAT, "%s: offset 0: no .npy file", a->path);
    const size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] != 1 || length >= sizeof(header) || length > a->map_size - 10)
        return kp_data_fail(d, KP_E_FORMAT,
                            "%s: offset 6: version %d with a header of %zu bytes; version 1 with "
                            "less than %zu, inside the file",
                            a->path, bytes[6], length, sizeof(header));
    memcpy(header, bytes + 10, length);
    header[length] = '\0';
    a->header = 10 + length;

    const char *type = value_of(header, "'descr'"), *order = value_of(header, "'fortran_order'");
    const char *shape = value_of(header, "'shape'");
    if (!type || *type != '\'' || strlen(type) < 5 || type[4] != '\'' || !order || !shape ||
        !read_shape(shape, a))
        return kp_data_fail(d, KP_E_FORMAT,
                            "%s: offset 10: no header with descr, fortran_order and a shape of 1 "
                            "to %d dims",
                            a->path, DIMS);
    if (strncmp(order, "False", 5) != 0)
        return kp_data_fail(d, KP_E_FORMAT,
                            "%s: in Fortran order; save it as numpy.ascontiguousarray(a)", a->path);
    memcpy(a->type, type + 1, 3);
    a->item = a->type[2] - '0';

    int64_t left = (int64_t)(a->map_size - a->header), need = a->item;
    for (int i = 0; i < a->dims && need > 0; i++)
        need = a->shape[i] <= left / need ? need * a->shape[i] : -1;
    if (need != left)
        return kp_data_fail(d, KP_E_FORMAT,
                            "%s: offset %zu: %lld bytes, which the shape does not fit", a->path,
                            a->header, (long long)left);
    return KP_OK;
}

static enum kp_status open_array(struct array *a, const char *root, const char *name,
                                 struct kp_data *d)
{
    if ((size_t)snprintf(a->path, sizeof(a->path), "%s/%s", root, name) >= sizeof(a->path))
        return kp_data_fail(d, KP_E_INVALID, "%.60s...: the path is too long", root);
    enum kp_status st = map_file(a, d);
    return st == KP_OK ? parse(a, d) : st;
}

static bool has_type(const struct array *a, const char *type)
{
    return strncmp(a->type, type, 3) == 0;
}

static const char *data_of(const struct array *a)
{
    return (const char *)a->map + a->header;
}

/* -1: out of range of any class. */
static int32_t label_at(const struct array *y, int64_t i)
{
    const char *at = data_of(y) + i * y->item;
    int32_t narrow;
    int64_t wide;

    if (y->item == 1)
        return *(const unsigned char *)at;
    if (y->item == 4) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow >= 0 ? narrow : -1;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide >= 0 && wide <= INT32_MAX ? (int32_t)wide : -1;
}

static enum kp_status check_labels(struct npyfolder *f, int split, struct kp_data *d)
{
    const struct array *x = &f->x[split], *y = &f->y[split];

    if (y->dims != 1 || y->shape[0] != x->shape[0] ||
        !(has_type(y, "|u1") || has_type(y, "<i4") || has_type(y, "<i8")))
        return kp_data_fail(d, KP_E_FORMAT,
                            "%s: must be (%lld) of uint8, int32 or int64, a class for each example",
                            y->path, (long long)x->shape[0]);
    for (int64_t i = 0; i < y->shape[0]; i++) {
        const int32_t label = label_at(y, i);
        const bool known = split == KP_DATASET_TRAIN || label < f->classes;

        if (label < 0 || !known)
            return kp_data_fail(d, KP_E_FORMAT, "%s: offset %zu: no class; 0 to %lld", y->path,
                                y->header + (size_t)(i * y->item),
                                split == KP_DATASET_TRAIN ? INT32_MAX - 1LL
                                                          : (long long)f->classes - 1);
        if (label >= f->classes)
            f->classes = label + 1LL;
    }
    return KP_OK;
}

/* Images are (C, H, W); numbers as they are. */
static enum kp_status describe(struct npyfolder *f, struct kp_data *d, struct kp_dataset_info *info)
{
    const struct array *train = &f->x[KP_DATASET_TRAIN], *test = &f->x[KP_DATASET_TEST];
    const bool images = has_type(train, "|u1");
    int at = 0;

    if (!images && !has_type(train, "<f4"))
        return kp_data_fail(d, KP_E_FORMAT, "%s: elements of type %.3s; uint8 or float32",
                            train->path, train->type);
    if (train->dims < (images ? 3 : 2) || (images && train->dims > 4))
        return kp_data_fail(d, KP_E_FORMAT, "%s: %d dims; %s", train->path, train->dims,
                            images ? "(N, H, W) or (N, C, H, W)" : "(N, ...)");
    if (strncmp(test->type, train->type, 3) != 0 || test->dims != train->dims ||
        memcmp(test->shape + 1, train->shape + 1, (size_t)(train->dims - 1) * sizeof(int64_t)) != 0)
        return kp_data_fail(d, KP_E_FORMAT, "%s: other examples than those of %s", test->path,
                            train->path);
    info->dtype = images ? KP_U8 : KP_F32;
    if (images && train->dims == 3)
        info->shape.dim[at++] = 1;
    for (int i = 1; i < train->dims; i++)
        info->shape.dim[at++] = train->shape[i];
    info->shape.n = at;
    f->example_bytes = kp_shape_count(info->shape) * train->item;
    return KP_OK;
}

/* FNV-1a over 8 bytes at a time: against mix-ups, not against malice. */
static uint64_t hash_array(uint64_t h, const struct array *a)
{
    const char *at = a->map;

    for (size_t left = a->map_size; left > 0;) {
        const size_t n = left < 8 ? left : 8;
        uint64_t word = 0;

        memcpy(&word, at, n);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29;
        at += n;
        left -= n;
    }
    return h;
}

static enum kp_status identify(const struct npyfolder *f, struct kp_data *d,
                               struct kp_dataset_info *info)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int s = 0; s < KP_DATASET_SPLITS; s++)
        h = hash_array(hash_array(h, &f->x[s]), &f->y[s]);
    (void)snprintf(info->identity, sizeof(info->identity), "fnv64 %016llx", (unsigned long long)h);
    if (*f->expect && strcmp(f->expect, info->identity) != 0)
        return kp_data_fail(d, KP_E_CONFIG, "%s: the files are '%s', expect says '%s'", d->root,
                            info->identity, f->expect);
    return KP_OK;
}

static enum kp_status open_folder(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    static const char *const names[KP_DATASET_SPLITS][2] = {{"train_x.npy", "train_y.npy"},
                                                            {"test_x.npy", "test_y.npy"}};
    struct npyfolder *f = self;
    enum kp_status st = KP_OK;

    if (!*d->root)
        return kp_data_fail(d, KP_E_CONFIG, "no folder is given; set [data] root");
    for (int s = 0; st == KP_OK && s < KP_DATASET_SPLITS; s++) {
        st = open_array(&f->x[s], d->root, names[s][0], d);
        if (st == KP_OK)
            st = open_array(&f->y[s], d->root, names[s][1], d);
    }
    if (st == KP_OK)
        st = describe(f, d, info);
    for (int s = 0; st == KP_OK && s < KP_DATASET_SPLITS; s++) {
        st = check_labels(f, s, d);
        info->count[s] = f->x[s].shape[0];
    }
    info->classes = f->classes;
    return st == KP_OK ? identify(f, d, info) : st;
}

static enum kp_status read_examples(const void *self, struct kp_data *d,
                                    enum kp_dataset_split split, const int64_t *number,
                                    int64_t count, void *example, int32_t *label)
{
    const struct npyfolder *f = self;

    (void)d;
    for (int64_t k = 0; k < count; k++) {
        if (example)
            memcpy((char *)example + k * f->example_bytes,
                   data_of(&f->x[split]) + number[k] * f->example_bytes, (size_t)f->example_bytes);
        if (label)
            label[k] = label_at(&f->y[split], number[k]);
    }
    return KP_OK;
}

static void close_folder(void *self)
{
    struct npyfolder *f = self;

    for (int s = 0; s < KP_DATASET_SPLITS; s++) {
        if (f->x[s].map)
            (void)munmap(f->x[s].map, f->x[s].map_size);
        if (f->y[s].map)
            (void)munmap(f->y[s].map, f->y[s].map_size);
    }
}

static const struct kp_dataset_def npyfolder = {
    .size = sizeof(struct kp_dataset_def),
    .name = "npyfolder",
    .doc = "A folder of NumPy arrays: train_x.npy, train_y.npy, test_x.npy, test_y.npy.",
    .version = "1",
    .self_size = sizeof(struct npyfolder),
    .options = KP_OPTIONS(npyfolder_options),
    .open = open_folder,
    .read = read_examples,
    .close = close_folder,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "npyfolder",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&npyfolder, NULL},
};
