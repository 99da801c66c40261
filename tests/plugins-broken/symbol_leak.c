/* symbol_leak.c - a helper that is not static: another plugin's `weigh` could be called instead. */
#include "fixture.h"

double weigh(double x);

double weigh(double x)
{
    return 3 * x;
}

KP_ROW_LOSS(leaking_row, void, { kp_row_add_cross_entropy(row, weigh(1), row->label); })

KP_OBJECTIVE(symbol_leak, "1", .doc = "Cross-entropy.", .formula = "3 CE(z, y)",
             .row = &leaking_row);
