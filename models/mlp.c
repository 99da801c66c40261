/* mlp.c - fully connected layers with ReLU between them. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

struct mlp {
    struct kp_ints hidden;
    struct kp_linear_layer *layers; /* [hidden.count + 1] */
};

static const struct kp_option mlp_options[] = {
    KP_INTS(struct mlp, hidden, "hidden", "256", 1, 65536, "units of each hidden layer"),
};

static enum kp_status mlp_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct mlp *m = self;
    int64_t in = kp_shape_count(io->input);

    m->layers = kp_build_alloc(b, struct kp_linear_layer, m->hidden.count + 1);
    if (!m->layers)
        return kp_build_status(b);
    for (int64_t i = 0; i <= m->hidden.count; i++) {
        char name[KP_NAME_SIZE];
        int64_t out = i < m->hidden.count ? m->hidden.v[i] : io->classes;

        (void)snprintf(name, sizeof(name), "layers.%d", (int)i);
        m->layers[i] = kp_linear_declare(b, name, in, out, true);
        in = out;
    }
    return kp_build_status(b);
}

static enum kp_status mlp_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                  struct kp_tensor **logits)
{
    const struct mlp *m = self;

    x = kp_flatten(t, x);
    for (int64_t i = 0; i < m->hidden.count; i++)
        x = kp_relu(t, kp_linear_apply(t, &m->layers[i], x));
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->layers[m->hidden.count], x);
    return kp_tape_status(t);
}

static const struct kp_model_def mlp = {
    .size = sizeof(struct kp_model_def),
    .name = "mlp",
    .doc = "Fully connected layers with ReLU between them.",
    .self_size = sizeof(struct mlp),
    .options = KP_OPTIONS(mlp_options),
    .build = mlp_build,
    .forward = mlp_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "mlp",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&mlp, NULL},
};
