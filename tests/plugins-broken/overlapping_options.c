/* overlapping_options.c - two options that fill the same field. */
#include "fixture.h"

struct state {
    double weight, other;
};

static const struct kp_option options[] = {
    KP_REAL(struct state, weight, "weight", "1", 0, 10, "of the cross-entropy"),
    KP_REAL(struct state, weight, "other", "1", 0, 10, "of the rest"),
};

KP_ROW_LOSS(weighted_row, struct state,
            { kp_row_add_cross_entropy(row, self->weight, row->label); })

KP_OBJECTIVE(overlapping_options, "1", .doc = "Cross-entropy.", .formula = "${weight} CE(z, y)",
             .self_size = sizeof(struct state), .options = KP_OPTIONS(options),
             .row = &weighted_row);
