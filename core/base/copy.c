/* copy.c - copies a file and proves that the copy is what was meant. */
#include "base/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536

static enum kp_status pass(int fd, const char *from, struct kp_replace *to,
                           char sha256[KP_HASH_SIZE], struct kp_error *e)
{
    struct kp_hasher hash;
    uint8_t block[BLOCK];

    kp_hasher_begin(&hash);
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return kp_fail(e, KP_E_IO, "%s: cannot read: %s", from, strerror(errno));
        if (n == 0)
            break;
        kp_hasher_add(&hash, block, (size_t)n);
        kp_replace_write(to, block, (size_t)n);
    }
    kp_hasher_end(&hash, sha256);
    return KP_OK;
}

enum kp_status kp_file_copy(const char *from, const char *to, const char sha256[KP_HASH_SIZE],
                            struct kp_error *e)
{
    struct kp_replace copy = {0};
    char got[KP_HASH_SIZE];
    int fd = open(from, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return kp_fail(e, KP_E_IO, "%s: cannot read: %s", from, strerror(errno));
    enum kp_status st = kp_replace_begin(to, &copy, e);
    if (st == KP_OK)
        st = pass(fd, from, &copy, got, e);
    if (st == KP_OK && strcmp(got, sha256) != 0)
        st = kp_fail(e, KP_E_FORMAT, "%s: damaged: sha256 %.12s..., recorded %.12s...", from, got,
                     sha256);
    if (st == KP_OK)
        st = kp_replace_commit(&copy, e);
    else
        kp_replace_abandon(&copy);
    (void)close(fd);
    return st;
}
