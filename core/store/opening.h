/* opening.h - the steps of opening a run database, for store.c and its tests. */
#ifndef KP_STORE_OPENING_H
#define KP_STORE_OPENING_H

#include "store/database.h"
#include "store/process.h"

/* Open for writing, made if absent, in the one form that the rest of the room expects: current
 * schema, no run held by a process that is gone. `folder` is there already. *network tells that the
 * file lies on a network file system, where a shared-memory journal cannot work. */
KP_NODISCARD enum kp_status kp_opening_run(const char *path, const char *folder,
                                           const struct kp_process *self, struct kp_database *out,
                                           bool *network, struct kp_error *e);

/* Whether the type of a file system, as statfs() gives it, is one that other machines write too. */
bool kp_opening_is_network(long type);

/* Refuse what is no run database without touching it. A file that is not there is fine. */
KP_NODISCARD enum kp_status kp_opening_check(const char *path, struct kp_error *e);

/* Open for reading; nothing is written, not even beside it. A database of an older schema is copied
 * into memory and brought forward there. */
KP_NODISCARD enum kp_status kp_opening_read(const char *path, struct kp_database *out,
                                            struct kp_error *e);

/* Runs marked running whose process is gone become lost. */
KP_NODISCARD enum kp_status kp_opening_mark_lost(struct kp_database *d,
                                                 const struct kp_process *self, struct kp_error *e);

#endif
