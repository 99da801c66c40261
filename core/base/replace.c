/* replace.c - a file that appears whole or not at all. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES 100

static enum kp_status fail_errno(struct kp_error *e, const char *path, const char *what, int error)
{
    return kp_fail(e, KP_E_IO, "%s: cannot %s: %s%s", path, what, strerror(error),
                   error == ENOSPC || error == EDQUOT ? "; make room and run again" : "");
}

static void forget(struct kp_replace *r)
{
    free(r->path);
    free(r->temporary);
    memset(r, 0, sizeof *r);
    r->fd = -1;
}

enum kp_status kp_replace_begin(const char *path, struct kp_replace *out, struct kp_error *e)
{
    struct kp_replace r = {.fd = -1};
    size_t room = strlen(path) + 64;

    r.path = strdup(path);
    r.temporary = malloc(room);
    if (!r.path || !r.temporary) {
        forget(&r);
        return kp_fail(e, KP_E_NOMEM, "%s: no memory to write it", path);
    }
    /* The process number keeps processes apart, the counter threads and leftovers. */
    int error = EEXIST;
    for (int i = 0; i < TRIES && r.fd < 0 && error == EEXIST; i++) {
        (void)snprintf(r.temporary, room, "%s" KP_REPLACE_MARK "%ld-%d", path, (long)getpid(), i);
        r.fd = open(r.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        error = errno;
    }
    if (r.fd < 0) {
        enum kp_status st = fail_errno(e, r.temporary, "create this file", error);
        forget(&r);
        return st;
    }
    *out = r;
    return KP_OK;
}

void kp_replace_write(struct kp_replace *r, const void *bytes, size_t size)
{
    const char *p = bytes;

    while (size && !r->failed) {
        ssize_t n = write(r->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r->failed = true;
            r->error = n < 0 ? errno : ENOSPC;
            return;
        }
        p += n;
        size -= (size_t)n;
    }
}

enum kp_status kp_replace_commit(struct kp_replace *r, struct kp_error *e)
{
    const char *what = "write";
    int error = r->failed ? r->error : 0;

    KP_ASSERT(r->temporary);
    if (!error && fsync(r->fd) < 0) {
        what = "write to disk";
        error = errno;
    }
    /* On some file systems only close() tells that a write failed. */
    if (close(r->fd) < 0 && !error)
        error = errno;
    r->fd = -1;
    if (!error && rename(r->temporary, r->path) < 0) {
        what = "rename its temporary file";
        error = errno;
    }
    if (error) {
        enum kp_status st = fail_errno(e, r->path, what, error);
        kp_replace_abandon(r);
        return st;
    }

    enum kp_status st = kp_entry_sync(r->path, e);
    forget(r);
    return st;
}

void kp_replace_abandon(struct kp_replace *r)
{
    if (!r->temporary)
        return;
    if (r->fd >= 0)
        (void)close(r->fd);
    (void)unlink(r->temporary);
    forget(r);
}

bool kp_replace_is_temporary(const char *name)
{
    return strstr(name, KP_REPLACE_MARK) != NULL;
}
