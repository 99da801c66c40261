/* wrong_abi.c - a plugin of another ABI major under this one's symbol. */
#include "fixture.h"

const struct kp_plugin KP_PLUGIN = {
    .abi = {KP_ABI_MAGIC, sizeof(struct kp_plugin), KP_ABI_MAJOR + 1, 0, sizeof(void *)},
    .name = "wrong_abi",
    .version = "1",
};
