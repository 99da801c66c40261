/* silent_refusal.c - a model that refuses an input and does not say why. */
#include "fixture.h"

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    return io->input.n == 3 ? linear_build(self, b, io) : KP_E_SHAPE;
}

BROKEN_MODEL(silent_refusal, .self_size = sizeof(struct linear), .build = build,
             .forward = linear_forward);
