/* folders.h - where plugins are looked for. */
#ifndef KP_HOST_FOLDERS_H
#define KP_HOST_FOLDERS_H

#include "base/error.h"
#include "base/text.h"

/* Add the folders that hold this kappa's own plugins, one a line, each ending in a newline.
 * `program_folder` is the folder of the running program (base/program.h). Only folders that
 * exist. */
KP_NODISCARD enum kp_status kp_folders_own(const char *program_folder, struct kp_text *out,
                                           struct kp_error *e);

/* Add the folders of a list like $KAPPA_PLUGINS (separated by ':'; empty parts are skipped: they do
 * not mean the working directory). NULL is an empty list. */
KP_NODISCARD enum kp_status kp_folders_list(const char *list, struct kp_text *out,
                                            struct kp_error *e);

#endif
