/* out_of_bounds_build.c - a model that asks for too few layers of memory in build(). */
#include "fixture.h"

struct layers {
    struct kp_linear_layer *layers;
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct layers *m = self;
    int64_t inputs = kp_shape_count(io->input);

    m->layers = kp_build_alloc(b, struct kp_linear_layer, 1);
    if (!m->layers)
        return kp_build_status(b);
    m->layers[0] = kp_linear_declare(b, "fc0", inputs, 4, true);
    m->layers[1] = kp_linear_declare(b, "fc1", 4, io->classes, true);
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct layers *m = self;

    x = kp_relu(t, kp_linear_apply(t, &m->layers[0], kp_flatten(t, x)));
    *logits = kp_linear_apply(t, &m->layers[1], x);
    return kp_tape_status(t);
}

BROKEN_MODEL(out_of_bounds_build, .self_size = sizeof(struct layers), .build = build,
             .forward = forward);
