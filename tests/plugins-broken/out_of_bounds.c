/* out_of_bounds.c - a row function that writes one element behind the gradient. */
#include "fixture.h"

KP_ROW_LOSS(long_row, void, {
    kp_row_add_cross_entropy(row, 1, row->label);
    for (int64_t k = 0; k <= row->classes; k++)
        row->grad[k] += 0;
})

KP_OBJECTIVE(out_of_bounds, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .row = &long_row);
