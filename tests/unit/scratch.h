/* scratch.h - a folder that a test makes, fills and removes. */
#ifndef KP_TESTS_SCRATCH_H
#define KP_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRATCH_SIZE = 64 };

static inline int scratch_make(char folder[SCRATCH_SIZE])
{
    (void)snprintf(folder, SCRATCH_SIZE, "/tmp/kappa-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int scratch_visit(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int scratch_remove(const char *folder)
{
    return nftw(folder, scratch_visit, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file; -1 on failure. */
static inline int scratch_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    int written = f ? fputs(text, f) : -1;

    return f && fclose(f) == 0 && written >= 0 ? 0 : -1;
}

#endif
