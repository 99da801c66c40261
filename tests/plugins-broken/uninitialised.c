/* uninitialised.c - a row function that begins a sum with whatever its work array holds. */
#include "fixture.h"

KP_ROW_LOSS(unset_row, void, {
    kp_real *sum = row->work[0];

    KP_EACH (row, k)
        sum[k] += row->logits[k] / 2;
    kp_row_add_soft_cross_entropy(row, 1, sum);
})

KP_OBJECTIVE(uninitialised, "1", .doc = "Cross-entropy.", .formula = "CE(z, z / 2)",
             .row = &unset_row);
