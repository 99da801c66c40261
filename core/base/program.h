/* program.h - where the running program lies, and what was built or installed with it. */
#ifndef KP_BASE_PROGRAM_H
#define KP_BASE_PROGRAM_H

#include "base/error.h"

/* The path of the running program, links resolved; free() it. */
KP_NODISCARD enum kp_status kp_program_path(char **out, struct kp_error *e);

/* The folder of the running program; free() it. */
KP_NODISCARD enum kp_status kp_program_folder(char **out, struct kp_error *e);

/* The build folder that a program in `folder` belongs to, which is <build>/core/app; NULL if it was
 * installed (or memory ran out). free() it. */
char *kp_program_build(const char *folder);

/* Where a program that was installed in `folder` has its plugins; free() it. NULL: out of memory.
 * Relative to `folder`, so that an installation can be moved as a whole. */
char *kp_program_plugins(const char *folder);

/* The same for the shared objects of backends. */
char *kp_program_backends(const char *folder);

/* The path of what is `name` in the project's folder ("experiments", "plugins/template"): there if
 * the program lies in a build folder, else where `meson install` puts it, relative to the program.
 * There or not; free() it. */
KP_NODISCARD enum kp_status kp_program_data(const char *name, char **out, struct kp_error *e);

/* The folder of the headers that a plugin sees, so that "kappa/plugin.h" is found in it; there or
 * not; free() it. */
KP_NODISCARD enum kp_status kp_program_headers(char **out, struct kp_error *e);

#endif
