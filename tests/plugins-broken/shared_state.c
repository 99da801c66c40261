/* shared_state.c - a model that keeps what belongs to an instance in a static variable. */
#include "fixture.h"

static struct linear latest;

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    (void)self;
    return linear_build(&latest, b, io);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    (void)self;
    return linear_forward(&latest, t, x, logits);
}

BROKEN_MODEL(shared_state, .build = build, .forward = forward);
