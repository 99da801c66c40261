/* missing_symbol.c - a shared object whose manifest has a name that nobody looks for. */
#include "fixture.h"

const struct kp_plugin my_plugin;
const struct kp_plugin my_plugin = {
    .abi = KP_ABI,
    .name = "missing_symbol",
    .version = "1",
};
