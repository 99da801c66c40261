/* plugin_path.h - [plugins] path: the folders of plugins that an experiment brings along. */
#ifndef KP_CONFIG_PLUGIN_PATH_H
#define KP_CONFIG_PLUGIN_PATH_H

#include "config/cell.h"

/* A path written at `place`, absolute: relative ones are seen from the file, or on the command line
 * from the working directory. In `memory`; NULL if out of it. */
const char *kp_path_from(struct kp_place place, const char *text, struct kp_arena *memory);

/* The same for each folder of a list with ':' between; empty parts are left out. */
const char *kp_plugin_path(struct kp_place place, const char *text, struct kp_arena *memory);

/* Open the plugins of the folders that `values` name. A folder that is not there and a plugin that
 * is refused are problems. */
void kp_plugin_path_open(const struct kp_values *values, struct kp_registry *registry,
                         struct kp_problems *problems);

#endif
