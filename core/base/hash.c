/* hash.c - SHA-256 by libmd. */
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void kp_hasher_begin(struct kp_hasher *h)
{
    SHA256Init(&h->context);
}

void kp_hasher_add(struct kp_hasher *h, const void *bytes, size_t size)
{
    if (size)
        SHA256Update(&h->context, bytes, size);
}

void kp_hasher_end(struct kp_hasher *h, char out[KP_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256Final(digest, &h->context);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}

void kp_hash_bytes(const void *bytes, size_t size, char out[KP_HASH_SIZE])
{
    struct kp_hasher h;

    kp_hasher_begin(&h);
    kp_hasher_add(&h, bytes, size);
    kp_hasher_end(&h, out);
}

enum kp_status kp_hash_file(const char *path, char out[KP_HASH_SIZE], struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_hasher h;
    uint8_t buffer[65536];

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kp_fail(e, KP_E_IO, "%s: %s", path, strerror(errno));
    kp_hasher_begin(&h);
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = kp_fail(e, KP_E_IO, "%s: %s", path, strerror(errno));
            break;
        }
        if (n == 0) {
            kp_hasher_end(&h, out);
            break;
        }
        kp_hasher_add(&h, buffer, (size_t)n);
    }
    (void)close(fd);
    return st;
}

bool kp_hash_listed(const char *list, const char *hash)
{
    for (;;) {
        size_t n = strcspn(list, ",");
        if (n > 0 && strncmp(list, hash, n) == 0)
            return true;
        if (!list[n])
            return false;
        list += n + 1;
    }
}
