/* crash_in_build.c - a model that follows a null pointer in build(). */
#include "fixture.h"

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    volatile struct linear *volatile nothing = NULL;

    (void)self;
    (void)io;
    nothing->layer.bias = NULL;
    return kp_build_status(b);
}

BROKEN_MODEL(crash_in_build, .build = build, .forward = linear_forward);
