/* bad_default.c - a default that is out of its own option's range. */
#include "fixture.h"

struct state {
    double weight;
};

static const struct kp_option options[] = {
    KP_REAL(struct state, weight, "weight", "20", 0, 10, "of the cross-entropy"),
};

KP_ROW_LOSS(weighted_row, struct state,
            { kp_row_add_cross_entropy(row, self->weight, row->label); })

KP_OBJECTIVE(bad_default, "1", .doc = "Cross-entropy.", .formula = "${weight} CE(z, y)",
             .self_size = sizeof(struct state), .options = KP_OPTIONS(options),
             .row = &weighted_row);
