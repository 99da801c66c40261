/* calls_exit.c - an objective that ends the whole process where it should return a status. */
#include "fixture.h"

#include <stdlib.h>

static enum kp_status loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **out)
{
    (void)self;
    (void)t;
    (void)out;
    exit(io->rows.n > 0 ? 0 : 1);
}

KP_OBJECTIVE(calls_exit, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .loss = loss);
