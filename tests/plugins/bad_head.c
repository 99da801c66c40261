/* bad_head.c - a plugin whose head does not fit: MAGIC, SIZE, MAJOR, MINOR and POINTER replace what
 * is right. */
#include "kappa/plugin.h"

#ifndef MAGIC
#define MAGIC KP_ABI_MAGIC
#endif
#ifndef SIZE
#define SIZE sizeof(struct kp_plugin)
#endif
#ifndef MAJOR
#define MAJOR KP_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR KP_ABI_MINOR
#endif
#ifndef POINTER
#define POINTER sizeof(void *)
#endif

const struct kp_plugin KP_PLUGIN = {
    .abi = {MAGIC, SIZE, MAJOR, MINOR, POINTER},
    .name = "bad_head",
    .version = "1",
};
