/* file.c - whole files: read, inflate, map; folders and paths. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static enum kp_status fail_errno(struct kp_error *e, const char *path, int error)
{
    return kp_fail(e, error == ENOMEM ? KP_E_NOMEM : KP_E_IO, "%s: %s", path, strerror(error));
}

/* Open for reading; a folder is refused here, because it can be opened but not read. */
static enum kp_status open_read(const char *path, int *fd_out, struct stat *info,
                                struct kp_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(e, path, errno);
    if (fstat(fd, info) < 0) {
        int error = errno;
        (void)close(fd);
        return fail_errno(e, path, error);
    }
    if (S_ISDIR(info->st_mode)) {
        (void)close(fd);
        return kp_fail(e, KP_E_IO, "%s: is a folder, not a file", path);
    }
    *fd_out = fd;
    return KP_OK;
}

enum kp_status kp_file_map(const char *path, struct kp_mapping *out, struct kp_error *e)
{
    struct stat info;
    int fd;

    enum kp_status st = open_read(path, &fd, &info, e);
    if (st)
        return st;
    if (!S_ISREG(info.st_mode)) {
        (void)close(fd);
        return kp_fail(e, KP_E_IO, "%s: is no regular file", path);
    }

    size_t size = (size_t)info.st_size;
    void *map = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int error = errno;
    (void)close(fd);
    if (map == MAP_FAILED)
        return fail_errno(e, path, error);
    out->bytes = map;
    out->size = size;
    return KP_OK;
}

void kp_file_unmap(struct kp_mapping *m)
{
    if (m->bytes)
        (void)munmap((void *)(uintptr_t)m->bytes, m->size);
    m->bytes = NULL;
    m->size = 0;
}

/* Give *bytes room for `capacity` bytes and a terminator. */
static bool grow(uint8_t **bytes, size_t *room, size_t capacity)
{
    uint8_t *p = realloc(*bytes, capacity + 1);

    if (!p)
        return false;
    *bytes = p;
    *room = capacity;
    return true;
}

static enum kp_status read_plain(const char *path, size_t limit, uint8_t **bytes_out,
                                 size_t *size_out, struct kp_error *e)
{
    enum kp_status st;
    struct stat info;
    uint8_t *bytes = NULL;
    size_t size = 0, room = 0;
    int fd = -1;

    st = open_read(path, &fd, &info, e);
    if (st)
        goto out;
    /* The size is a hint only: pipes have none, and a file may grow while it is read. */
    if (S_ISREG(info.st_mode) && (uint64_t)info.st_size > limit) {
        st = kp_fail(e, KP_E_FORMAT, "%s: %lld bytes; at most %zu are accepted", path,
                     (long long)info.st_size, limit);
        goto out;
    }
    size_t want = S_ISREG(info.st_mode) && info.st_size ? (size_t)info.st_size : 4096;
    if (!grow(&bytes, &room, want)) {
        st = fail_errno(e, path, ENOMEM);
        goto out;
    }
    for (;;) {
        /* The terminator's byte is lent to read(): filled, it shows that there is more. */
        ssize_t n = read(fd, bytes + size, room - size + 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = fail_errno(e, path, errno);
            goto out;
        }
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > limit) {
            st =
                kp_fail(e, KP_E_FORMAT, "%s: more than %zu bytes, which is the limit", path, limit);
            goto out;
        }
        if (size > room && !grow(&bytes, &room, 2 * size)) {
            st = fail_errno(e, path, ENOMEM);
            goto out;
        }
    }
    bytes[size] = '\0';
    *bytes_out = bytes;
    *size_out = size;
    bytes = NULL;

out:
    if (fd >= 0)
        (void)close(fd);
    free(bytes);
    return st;
}

static bool starts_as_gzip(const uint8_t *p, size_t n)
{
    return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* What gzip notes at the end of a file as its inflated size (mod 2^32): a hint, never trusted. */
static size_t size_hint(const uint8_t *packed, size_t n, size_t limit)
{
    size_t hint = 4096;

    if (n >= 18) {
        const uint8_t *p = packed + n - 4;
        hint = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
        /* Deflate packs at most about 1032 to 1. */
        if (hint / 1032 > n)
            hint = 4 * n;
    }
    if (hint < 4096)
        hint = 4096;
    return hint < limit ? hint : limit;
}

/* One gzip member after another, until the packed bytes are used up. */
static enum kp_status inflate_all(z_stream *z, const char *path, const uint8_t *packed,
                                  size_t packed_size, size_t limit, uint8_t **bytes, size_t *size,
                                  struct kp_error *e)
{
    size_t at = 0, room = 0;

    if (!grow(bytes, &room, size_hint(packed, packed_size, limit)))
        return fail_errno(e, path, ENOMEM);
    for (;;) {
        size_t in = packed_size - at < 1u << 30 ? packed_size - at : 1u << 30;
        /* The terminator's byte is lent to inflate: filled, it shows that there is more than room.
         */
        size_t space = room + 1 - *size < 1u << 30 ? room + 1 - *size : 1u << 30;
        z->next_in = (Bytef *)(uintptr_t)(packed + at);
        z->avail_in = (uInt)in;
        z->next_out = *bytes + *size;
        z->avail_out = (uInt)space;
        int result = inflate(z, Z_NO_FLUSH);
        at += in - z->avail_in;
        *size += space - z->avail_out;

        if (*size > limit)
            return kp_fail(e, KP_E_FORMAT,
                           "%s: inflates to more than %zu bytes, which is the limit", path, limit);
        if (result == Z_MEM_ERROR)
            return fail_errno(e, path, ENOMEM);
        if (result == Z_DATA_ERROR || result == Z_NEED_DICT)
            return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: damaged gzip data (%s)", path, at,
                           z->msg ? z->msg : "dictionary missing");
        if (*size > room) {
            size_t more = room < limit / 2 ? 2 * room : limit;
            if (!grow(bytes, &room, more))
                return fail_errno(e, path, ENOMEM);
            if (result != Z_STREAM_END)
                continue;
        }
        if (result == Z_STREAM_END) {
            if (at == packed_size)
                return KP_OK;
            if (!starts_as_gzip(packed + at, packed_size - at))
                return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: %zu bytes behind the gzip data",
                               path, at, packed_size - at);
            (void)inflateReset(z);
            continue;
        }
        if (at == packed_size)
            return kp_fail(e, KP_E_FORMAT, "%s: offset %zu: truncated: the gzip data has no end",
                           path, at);
    }
}

static enum kp_status read_gzip(const char *path, size_t limit, uint8_t **bytes_out,
                                size_t *size_out, struct kp_error *e)
{
    enum kp_status st;
    struct kp_mapping packed = {0};
    z_stream z = {0};
    bool inflating = false;
    uint8_t *bytes = NULL;
    size_t size = 0;

    st = kp_file_map(path, &packed, e);
    if (st)
        goto out;
    if (!starts_as_gzip(packed.bytes, packed.size)) {
        st =
            kp_fail(e, KP_E_FORMAT, "%s: offset 0: no gzip data; it begins with bytes 1f 8b", path);
        goto out;
    }
    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        st = fail_errno(e, path, ENOMEM);
        goto out;
    }
    inflating = true;
    st = inflate_all(&z, path, packed.bytes, packed.size, limit, &bytes, &size, e);
    if (st)
        goto out;
    bytes[size] = '\0';
    *bytes_out = bytes;
    *size_out = size;
    bytes = NULL;

out:
    if (inflating)
        (void)inflateEnd(&z);
    kp_file_unmap(&packed);
    free(bytes);
    return st;
}

enum kp_status kp_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *size,
                            struct kp_error *e)
{
    size_t n = strlen(path);

    KP_ASSERT(limit < SIZE_MAX / 4);
    if (n > 3 && strcmp(path + n - 3, ".gz") == 0)
        return read_gzip(path, limit, bytes, size, e);
    return read_plain(path, limit, bytes, size, e);
}

enum kp_status kp_folder_make(const char *path, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct stat info;

    char *p = strdup(path);
    if (!p)
        return fail_errno(e, path, ENOMEM);
    /* Every prefix that ends before a slash, then the whole. */
    for (size_t i = 1, n = strlen(p); i <= n && !st; i++) {
        if (p[i] != '/' && p[i] != '\0')
            continue;
        char kept = p[i];
        p[i] = '\0';
        /* Creating first would fail on parents that exist in a place that cannot be written. */
        if (stat(p, &info) == 0) {
            if (!S_ISDIR(info.st_mode))
                st = kp_fail(e, KP_E_IO, "%s: is a file, where a folder is needed", p);
        } else if (mkdir(p, 0777) < 0 && errno != EEXIST) {
            st = kp_fail(e, KP_E_IO, "%s: cannot make this folder: %s", p, strerror(errno));
        } else {
            st = kp_entry_sync(p, e);
        }
        p[i] = kept;
    }
    free(p);
    return st;
}

enum kp_status kp_entry_sync(const char *path, struct kp_error *e)
{
    int error = 0;
    char *folder = kp_path_beside(path, ".");

    if (!folder)
        return fail_errno(e, path, ENOMEM);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    /* Some file systems cannot do this for folders; they say EINVAL. */
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        error = errno;
    if (fd >= 0)
        (void)close(fd);
    return error ? kp_fail(e, KP_E_IO, "%s: cannot bring its folder to disk: %s", path,
                           strerror(error))
                 : KP_OK;
}

bool kp_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static char *path_glue(const char *folder, size_t n, const char *name)
{
    bool slash = n && folder[n - 1] != '/';
    size_t name_size = strlen(name) + 1;

    char *s = malloc(n + slash + name_size);
    if (!s)
        return NULL;
    memcpy(s, folder, n);
    if (slash)
        s[n] = '/';
    memcpy(s + n + slash, name, name_size);
    return s;
}

char *kp_path_beside(const char *base, const char *name)
{
    const char *slash = strrchr(base, '/');

    return path_glue(base, slash && name[0] != '/' ? (size_t)(slash - base) + 1 : 0, name);
}

char *kp_path_join(const char *folder, const char *name)
{
    return path_glue(folder, name[0] != '/' ? strlen(folder) : 0, name);
}
