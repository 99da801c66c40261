/* my_model.c - a network with one hidden layer.
 *
 * A model declares its parameters once, in build(), and records its forward pass, in forward(). The
 * headers say what there is: kappa/layers.h the usual layers, kappa/tape.h the operations,
 * kappa/model.h the rules of both functions. */
#include <kappa/layers.h>
#include <kappa/plugin.h>

/* The state: zeroed by the host, which then fills in the options and calls build(). */
struct my_model_state {
    int64_t width;
    struct kp_linear_layer hidden, head;
};

/* Keys of [model.my_model]: field, key, default, least, most, what it means. */
static const struct kp_option my_model_options[] = {
    KP_INT(struct my_model_state, width, "width", "64", 1, 65536, "units of the hidden layer"),
};

/* io says what the model is built for. The names are keys of the weights file, best those of the
 * same network in PyTorch. */
static enum kp_status my_model_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct my_model_state *m = self;

    if (io->dtype != KP_F32)
        return kp_build_fail(b, KP_E_SHAPE, "my_model wants images or vectors, not tokens");
    m->hidden = kp_linear_declare(b, "hidden", kp_shape_count(io->input), m->width, true);
    m->head = kp_linear_declare(b, "head", m->width, io->classes, true);
    return kp_build_status(b);
}

/* x (N, input...) -> logits (N, classes). Only records: there are no numbers to look at yet. After
 * an error every operation returns NULL, so one question at the end is enough. */
static enum kp_status my_model_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                       struct kp_tensor **logits)
{
    const struct my_model_state *m = self;

    x = kp_relu(t, kp_linear_apply(t, &m->hidden, kp_flatten(t, x)));
    kp_features(t, x); /* what analyses call the features: the input of the head */
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def my_model_def = {
    .size = sizeof(struct kp_model_def),
    .name = "my_model",
    .doc = "One hidden layer with ReLU.",
    .self_size = sizeof(struct my_model_state),
    .options = KP_OPTIONS(my_model_options),
    .build = my_model_build,
    .forward = my_model_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "my_model",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&my_model_def, NULL},
};
