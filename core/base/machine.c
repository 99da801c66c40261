/* machine.c - what there is of the machine. */
#include "base/machine.h"

#include <stdio.h>
#include <unistd.h>

/* The number in the file, or 0: there is none, or it says "max". */
static size_t read_limit(const char *path)
{
    FILE *f = fopen(path, "re");
    unsigned long long bytes = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%llu", &bytes) != 1)
        bytes = 0;
    (void)fclose(f);
    return (size_t)bytes;
}

size_t kp_machine_memory(void)
{
    /* As a container sees its own group, in the second and the first version of the interface. */
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    size_t bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const size_t limit = read_limit(limits[i]);
        if (limit > 0 && limit < bytes)
            bytes = limit;
    }
    return bytes;
}
