/* npz.c - .npz archives: zip members read in place where they are stored, else unpacked piecewise.
 *
 * libzip reads the archive through a source of bytes in memory that notes where it read last. For a
 * stored member this is where its bytes lie. */
#include "data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { PIECE = 1 << 20 };

struct kp_npz {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    uint64_t at, last; /* position of the source; where the last read began */
    zip_error_t error;
    zip_t *zip;
    uint8_t *piece; /* [PIECE] */
};

static zip_int64_t source_seek(struct kp_npz *z, const zip_source_args_seek_t *args)
{
    int64_t base = args->whence == SEEK_CUR   ? (int64_t)z->at
                   : args->whence == SEEK_END ? (int64_t)z->size
                                              : 0;
    int64_t to;

    if (__builtin_add_overflow(base, args->offset, &to) || to < 0 || to > (int64_t)z->size) {
        zip_error_set(&z->error, ZIP_ER_SEEK, 0);
        return -1;
    }
    z->at = (uint64_t)to;
    return 0;
}

/* What libzip asks of a source: zip_source_function(3). */
static zip_int64_t source(void *user, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct kp_npz *z = user;

    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_OPEN:
        z->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        n = n < z->size - z->at ? n : z->size - z->at;
        if (n)
            memcpy(data, z->bytes + z->at, n);
        z->last = z->at;
        z->at += n;
        return (zip_int64_t)n;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *st = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, n, &z->error);
        if (!st)
            return -1;
        zip_stat_init(st);
        st->size = z->size;
        st->valid |= ZIP_STAT_SIZE;
        return sizeof *st;
    }
    case ZIP_SOURCE_SEEK: {
        const zip_source_args_seek_t *args =
            ZIP_SOURCE_GET_ARGS(zip_source_args_seek_t, data, n, &z->error);
        return args ? source_seek(z, args) : -1;
    }
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)z->at;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&z->error, data, n);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        zip_error_set(&z->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

enum kp_status kp_npz_open(const uint8_t *bytes, size_t size, const char *name, struct kp_npz **out,
                           struct kp_error *e)
{
    enum kp_status st = KP_OK;
    zip_error_t error;
    zip_source_t *s = NULL;
    struct kp_npz *z = calloc(1, sizeof *z);

    zip_error_init(&error);
    if (size == 0) {
        st = kp_fail(e, KP_E_FORMAT, "%s: offset 0: empty; a .npz archive (zip) is expected", name);
        goto out;
    }
    if (!z || !(z->piece = malloc(PIECE))) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory to read it", name);
        goto out;
    }
    zip_error_init(&z->error);
    z->bytes = bytes;
    z->size = size;
    z->name = name;
    s = zip_source_function_create(source, z, &error);
    if (s)
        z->zip = zip_open_from_source(s, ZIP_RDONLY, &error);
    if (!z->zip) {
        st = kp_fail(e, KP_E_FORMAT, "%s: no .npz archive (zip) that can be read: %s", name,
                     zip_error_strerror(&error));
        goto out;
    }
    s = NULL;
    *out = z;
    z = NULL;

out:
    if (s)
        zip_source_free(s);
    kp_npz_close(z);
    zip_error_fini(&error);
    return st;
}

void kp_npz_close(struct kp_npz *z)
{
    if (!z)
        return;
    if (z->zip)
        zip_discard(z->zip);
    zip_error_fini(&z->error);
    free(z->piece);
    free(z);
}

static enum kp_status fail_member(struct kp_error *e, const struct kp_npz_array *a, zip_file_t *f,
                                  zip_t *zip)
{
    return kp_fail(e, KP_E_FORMAT, "%s: cannot be read: %s", a->title,
                   f ? zip_error_strerror(zip_file_get_error(f)) : zip_strerror(zip));
}

/* Read the header of the open member, and find where its bytes lie if they are stored. */
static enum kp_status read_header(struct kp_npz *z, zip_file_t *f, const zip_stat_t *info,
                                  struct kp_npz_array *a, struct kp_error *e)
{
    size_t want = info->size < KP_NPY_HEADER ? (size_t)info->size : KP_NPY_HEADER;
    zip_int64_t n = zip_fread(f, z->piece, want);

    if (n < 0)
        return fail_member(e, a, f, NULL);
    if ((size_t)n != want)
        return kp_fail(e, KP_E_FORMAT, "%s: truncated: %lld bytes, where the archive tells of %llu",
                       a->title, (long long)n, (unsigned long long)info->size);
    enum kp_status st = kp_npy_parse(z->piece, (size_t)n, a->title, &a->npy, e);
    if (st)
        return st;
    if (a->npy.header + a->npy.data != info->size)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: %llu bytes, where header and shape make %llu; the file is damaged",
                       a->title, (unsigned long long)info->size,
                       (unsigned long long)(a->npy.header + a->npy.data));
    a->data = NULL;
    if (info->comp_method != ZIP_CM_STORE)
        return KP_OK;
    /* Were libzip to read otherwise than was said above, the array is taken as packed. */
    if (z->last <= z->size && info->size <= z->size - z->last &&
        memcmp(z->bytes + z->last, z->piece, (size_t)n) == 0)
        a->data = z->bytes + z->last + a->npy.header;
    return KP_OK;
}

enum kp_status kp_npz_find(struct kp_npz *z, const char *key, struct kp_npz_array *out,
                           struct kp_error *e)
{
    struct kp_npz_array a = {0};
    char member[64];
    zip_stat_t info;

    (void)snprintf(member, sizeof member, "%s.npy", key);
    (void)snprintf(a.title, sizeof a.title, "%s: %s", z->name, member);
    zip_int64_t number = zip_name_locate(z->zip, member, 0);
    if (number < 0)
        return kp_fail(e, KP_E_FORMAT, "%s: no such member; the archive must hold it", a.title);
    zip_stat_init(&info);
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(z->zip, (zip_uint64_t)number, 0, &info) < 0 ||
        (info.valid & needed) != needed)
        return fail_member(e, &a, NULL, z->zip);
    if (info.encryption_method != ZIP_EM_NONE)
        return kp_fail(e, KP_E_FORMAT, "%s: encrypted; an open one would be right", a.title);
    if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: packed by method %d of zip; stored or deflated would be right, as "
                       "numpy.savez and numpy.savez_compressed write",
                       a.title, info.comp_method);
    a.number = (uint64_t)number;
    a.crc = info.crc;
    zip_file_t *f = zip_fopen_index(z->zip, a.number, 0);
    if (!f)
        return fail_member(e, &a, NULL, z->zip);
    enum kp_status st = read_header(z, f, &info, &a, e);
    (void)zip_fclose(f);
    if (st == KP_OK)
        *out = a;
    return st;
}

enum kp_status kp_npz_read(struct kp_npz *z, const struct kp_npz_array *a, uint64_t limit,
                           bool (*take)(void *arg, const uint8_t *bytes, size_t n), void *arg,
                           struct kp_error *e)
{
    enum kp_status st = KP_OK;
    uint64_t skip = a->npy.header, left = limit < a->npy.data ? limit : a->npy.data;
    /* One byte more than there is makes libzip see the end, and compare the checksum. */
    uint64_t rest = skip + left + (left == a->npy.data);

    zip_file_t *f = zip_fopen_index(z->zip, a->number, 0);
    if (!f)
        return fail_member(e, a, NULL, z->zip);
    while (rest > 0 && !st) {
        zip_int64_t n = zip_fread(f, z->piece, rest < PIECE ? rest : PIECE);
        if (n < 0) {
            st = fail_member(e, a, f, NULL);
            break;
        }
        if (n == 0)
            break;
        uint64_t first = skip < (uint64_t)n ? skip : (uint64_t)n;
        uint64_t use = (uint64_t)n - first < left ? (uint64_t)n - first : left;
        skip -= first;
        left -= use;
        rest -= (uint64_t)n;
        if (use && !take(arg, z->piece + first, (size_t)use))
            st = kp_fail(e, KP_E_INTERRUPTED, "%s: stopped while it was read", a->title);
    }
    if (!st && left > 0)
        st = kp_fail(e, KP_E_FORMAT, "%s: truncated: %llu bytes are missing", a->title,
                     (unsigned long long)left);
    (void)zip_fclose(f);
    return st;
}
