/* lt.c - label training: the cross-entropy with the labels. */
#include "kappa/plugin.h"

KP_ROW_LOSS(lt_row, void, { kp_row_add_cross_entropy(row, 1, row->label); })

KP_OBJECTIVE(lt, "1", .doc = "Label training: cross-entropy with the labels.",
             .formula = "CE(z, y)", .row = &lt_row);
