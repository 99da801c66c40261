/* dependent_rows.c - a row function that remembers the row before. */
#include "fixture.h"

static double before;

KP_ROW_LOSS(dependent_row, void, {
    kp_row_add_cross_entropy(row, 1, row->label);
    row->loss += before;
    before = (double)row->logits[0];
})

KP_OBJECTIVE(dependent_rows, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)",
             .row = &dependent_row);
