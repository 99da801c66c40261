/* checkpoints.h - the checkpoints that a run has: the newest and the one before it. */
#ifndef KP_STORE_CHECKPOINTS_H
#define KP_STORE_CHECKPOINTS_H

#include "store/store.h"

enum { KP_CHECKPOINTS = 2 };

struct kp_checkpoint_row {
    char *path; /* absolute or relative to the working directory */
    char sha256[KP_HASH_SIZE];
    int64_t epoch, step; /* done when it was written */
};

/* What is recorded, newest first; kp_checkpoint_rows_finish() them. Nothing is read but the
 * database. */
KP_NODISCARD enum kp_status kp_store_checkpoints(struct kp_store *s, const char *uid,
                                                 struct kp_checkpoint_row out[KP_CHECKPOINTS],
                                                 int *count, struct kp_error *e);
void kp_checkpoint_rows_finish(struct kp_checkpoint_row *rows, int count);

/* Record the newest one; the newest so far becomes the one before, and that one's row goes. One
 * transaction, which survives a power cut, as then do all points queued before. KP_E_STORE if this
 * process does not hold the run. a->role is not used. */
KP_NODISCARD enum kp_status kp_store_add_checkpoint(struct kp_store *s, const char *uid,
                                                    const struct kp_artifact_row *a, int64_t epoch,
                                                    int64_t step, struct kp_error *e);

/* Forget those of a run that is done, once their files are gone. */
KP_NODISCARD enum kp_status kp_store_drop_checkpoints(struct kp_store *s, const char *uid,
                                                      struct kp_error *e);

#endif
