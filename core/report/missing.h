/* missing.h - the cells that an item expects and the database does not have. */
#ifndef KP_REPORT_MISSING_H
#define KP_REPORT_MISSING_H

#include "report/item.h"
#include "store/reader.h"

/* Rows with the columns cell ("kd tau 20 kappa 0.1"), state ("absent", "failed: ...", "running",
 * "done, without test/cka"), seeds ("11 13"), runs (how many) and kappa (NULL: the expected cells
 * have none). None is missing: no rows.
 *
 * Expected are the rows of the item's second query, or else the students of `planned`. Its columns
 * are columns of run: a cell is there if a run has the same values, NULL included. */
KP_NODISCARD enum kp_status kp_missing_find(struct kp_reader *r, const struct kp_item *item,
                                            struct kp_rowset *out, struct kp_error *e);

#endif
