/* other_major.c - a plugin of another ABI major: the symbol's name says so. */
#include "kappa/plugin.h"

extern KP_EXPORT const struct kp_abi kp_plugin_v7;
const struct kp_abi kp_plugin_v7 = {KP_ABI_MAGIC, sizeof(struct kp_plugin), 7, 3, sizeof(void *)};
