/* table.h - teachers' tables on disk: logits of a whole split, artifacts of the teacher's run. A
 * teacher that is a weights file has no run: its tables are artifacts of the run that first asked.
 *
 * A table's key is a hash over all that its numbers depend on: the sha256 of the teacher's weights,
 * mean and sd, a fingerprint of the split's pixels, mirrored or not, the teacher's batch, and the
 * device's arithmetic with the precision. It names the role ("teacher_table.<16 digits>") and the
 * file
 * ("teacher-table-<16 digits>.safetensors", one array "logits" [examples][classes]). */
#ifndef KP_TRAIN_TABLE_H
#define KP_TRAIN_TABLE_H

#include "train/taught.h"

struct kp_table_place {
    char key[KP_HASH_SIZE];
};

/* Copy a stored table to `table`, [examples of the split][classes]. Found is one whose file has the
 * recorded hash and the right shape, and whose numbers for 16 examples spread over the split are
 * those of the teacher itself: |stored - computed| <= 1e-3 (1 + |computed|). Of one that is not so
 * an event of the teacher's run and a note tell, and it is not found. */
KP_NODISCARD enum kp_status kp_table_find(const struct kp_teaching *w, enum kp_split split,
                                          bool flip, struct kp_table_place *place, float *table,
                                          bool *found, struct kp_error *e);

/* Store a new one for later; two processes may do so at once. If it cannot be stored a note says
 * why: nothing but time is lost. */
void kp_table_keep(const struct kp_teaching *w, const struct kp_table_place *place, int64_t count,
                   const float *table);

#endif
