/* ignores_errors.c - a model that uses memory which build() was refused. */
#include "fixture.h"

struct careless {
    struct kp_linear_layer *layer;
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct careless *m = self;

    m->layer = kp_build_alloc(b, struct kp_linear_layer, 1);
    *m->layer = kp_linear_declare(b, "fc", kp_shape_count(io->input), io->classes, true);
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct careless *m = self;

    *logits = kp_linear_apply(t, m->layer, kp_flatten(t, x));
    return kp_tape_status(t);
}

BROKEN_MODEL(ignores_errors, .self_size = sizeof(struct careless), .build = build,
             .forward = forward);
