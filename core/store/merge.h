/* merge.h - joins the run databases of several machines. */
#ifndef KP_STORE_MERGE_H
#define KP_STORE_MERGE_H

#include "base/text.h"
#include "store/store.h"

struct kp_merge_counts {
    int64_t runs;     /* of the source */
    int64_t added;    /* not known before */
    int64_t known;    /* the same run, or one of the same configuration and results */
    int64_t advanced; /* known, but further here: took the place of the other */
    int64_t both;     /* of a known configuration with other results: kept beside it */
    int64_t left;     /* not merged; a note says why */
    int64_t files;    /* artifacts copied */
};

/* Add the runs of the database `from`, which is only read, to `into`, with their artifacts, each
 * checked by its hash. Runs are told apart by uid and configuration hash. Where both have finished
 * runs of one configuration with different results, the one that comes second is kept under hashes
 * of its own: every view shows it, none takes it for another seed or pairs it. Doing it again
 * changes nothing. `only`: a list for kp_hash_listed(), which leaves the other runs out; NULL: all.
 * `notes` gets lines for people.
 *
 * KP_E_STORE for a file that is no run database, one of a newer schema, or the same file; for a
 * metric that both know with different units. KP_E_IO, KP_E_FORMAT if an artifact is missing or
 * damaged: runs before it are merged then. */
KP_NODISCARD enum kp_status kp_store_merge(struct kp_store *into, const char *from,
                                           const char *only, struct kp_merge_counts *counts,
                                           struct kp_text *notes, struct kp_error *e);

/* The same for a few runs of `from` alone: those that its run `uid` was made with, which are its
 * teacher, the run whose weights it began with, and what these were made with. */
KP_NODISCARD enum kp_status kp_store_merge_needed(struct kp_store *into, const char *from,
                                                  const char *uid, struct kp_merge_counts *counts,
                                                  struct kp_text *notes, struct kp_error *e);

#endif
