/* hash.c - SHA-256 by libmd. */
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

static void hash_text(SHA2_CTX *context, char out[KP_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256Final(digest, context);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}

void kp_hash_bytes(const void *bytes, size_t size, char out[KP_HASH_SIZE])
{
    SHA2_CTX context;

    SHA256Init(&context);
    if (size)
        SHA256Update(&context, bytes, size);
    hash_text(&context, out);
}

enum kp_status kp_hash_file(const char *path, char out[KP_HASH_SIZE], struct kp_error *e)
{
    enum kp_status st = KP_OK;
    SHA2_CTX context;
    uint8_t buffer[65536];

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kp_fail(e, KP_E_IO, "%s: %s", path, strerror(errno));
    SHA256Init(&context);
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = kp_fail(e, KP_E_IO, "%s: %s", path, strerror(errno));
            break;
        }
        if (n == 0) {
            hash_text(&context, out);
            break;
        }
        SHA256Update(&context, buffer, (size_t)n);
    }
    (void)close(fd);
    return st;
}
