/* files.h - the files in a run database's folder: which are its artifacts, and which are nobody's.
 */
#ifndef KP_STORE_FILES_H
#define KP_STORE_FILES_H

#include "store/database.h"
#include "store/process.h"

#include <sys/types.h>

/* Copy the artifacts of run number `run` of the database *from, which lie in `from_folder`, into
 * `to_folder`, and its stored configuration with them. Each is checked by its hash; one that is
 * there already is left. *count goes up by what was copied. */
KP_NODISCARD enum kp_status kp_files_copy(struct kp_database *from, const char *from_folder,
                                          int64_t run, const char *to_folder, int64_t *count,
                                          struct kp_error *e);

struct kp_file {
    const char *path; /* relative to the folder */
    off_t bytes;
    bool ours;    /* a recorded artifact, a stored configuration, or the database's own */
    bool at_work; /* changed a short while ago, or of a run in progress: somebody may record it */
};

/* Call `each` for every file below `folder`. A folder that is not there has none. */
KP_NODISCARD enum kp_status
kp_files_walk(struct kp_database *d, const char *folder, const struct kp_process *self,
              enum kp_status (*each)(void *arg, const struct kp_file *f, struct kp_error *e),
              void *arg, struct kp_error *e);

#endif
