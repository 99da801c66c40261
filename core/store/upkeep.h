/* upkeep.h - is a run database whole, and what of it is of no use any more. */
#ifndef KP_STORE_UPKEEP_H
#define KP_STORE_UPKEEP_H

#include "base/text.h"
#include "store/store.h"

struct kp_check_counts {
    int64_t runs, artifacts;
    int64_t bytes;               /* of the artifacts */
    int64_t problems;            /* each told in a line of `notes` */
    int64_t strays, stray_bytes; /* files that nobody recorded, which do no harm */
};

/* Look for damage: SQLite's own check, references, finished runs without weights, artifacts that
 * are missing or differ from their hashes. Writes nothing; a store that was opened for reading will
 * do. KP_OK also where there are problems. */
KP_NODISCARD enum kp_status kp_store_check(struct kp_store *s, struct kp_check_counts *counts,
                                           struct kp_text *notes, struct kp_error *e);

struct kp_gc_counts {
    int64_t files, bytes; /* removed, or to be removed */
};

/* Remove files that nothing refers to: those that nobody recorded and nobody is writing,
 * checkpoints of finished runs, tables of teachers that no unfinished run uses (they can be made
 * again). Weights stay. `notes` gets the path of each. dry_run: only say so. */
KP_NODISCARD enum kp_status kp_store_gc(struct kp_store *s, bool dry_run,
                                        struct kp_gc_counts *counts, struct kp_text *notes,
                                        struct kp_error *e);

#endif
