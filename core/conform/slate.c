/* slate.c - memory that a checker and the process of a test share. */
#include "conform/slate.h"

#include "conform/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct kp_slate *map(int fd)
{
    void *p = mmap(NULL, sizeof(struct kp_slate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

enum kp_status kp_slate_create(struct kp_slate **out, int *fd, struct kp_error *e)
{
    int file = memfd_create("kappa-check", MFD_CLOEXEC);
    struct kp_slate *s = NULL;

    if (file >= 0 && ftruncate(file, sizeof(*s)) == 0)
        s = map(file);
    if (!s) {
        (void)kp_fail(e, KP_E_IO, "no shared memory for a test: %s", strerror(errno));
        if (file >= 0)
            (void)close(file);
        return e->status;
    }
    *out = s;
    *fd = file;
    return KP_OK;
}

void kp_slate_destroy(struct kp_slate *s, int fd)
{
    if (!s)
        return;
    (void)munmap(s, sizeof(*s));
    (void)close(fd);
}

struct kp_slate *kp_slate_inherited(void)
{
    return getenv(KP_PROCESS_MARK) ? map(KP_SLATE_FD) : NULL;
}
