/* wrong_gradient.c - a row function that forgets the factor 2 of the derivative of a square. */
#include "fixture.h"

KP_ROW_LOSS(square_row, void, {
    KP_EACH(row, k)
    {
        row->loss += (double)(row->logits[k] * row->logits[k]);
        row->grad[k] += row->logits[k];
}
})

KP_OBJECTIVE(wrong_gradient, "1", .doc = "Sum of squares.", .formula = "sum_k z_k^2",
             .row = &square_row);
