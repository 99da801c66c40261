/* cnn.c - VanillaCNN: 3x3 convolutions with batch norm, ReLU and max-pooling, then one linear
 * layer.
 *
 * Block 0 keeps the image size, each later block halves it; what is left is max-pooled to one
 * pixel. The features are that pixel. 154 250 parameters for 32x32 RGB, 10 classes and the default
 * widths. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

struct cnn_block {
    struct kp_conv_layer conv;
    struct kp_norm_layer norm;
};

struct cnn {
    int64_t width;
    struct kp_ints channels;
    int64_t blocks;
    int64_t final_size[2];   /* of the image after the last block: height, width */
    struct cnn_block *block; /* [blocks] */
    struct kp_linear_layer head;
};

static const struct kp_option cnn_options[] = {
    KP_INT(struct cnn, width, "width", "20", 1, 4096,
           "channels of the first block; each of the three others doubles them"),
    KP_INTS(struct cnn, channels, "channels", "", 1, 65536,
            "channels of each block, in place of width"),
};

static int64_t cnn_channels(const struct cnn *m, int64_t block)
{
    return m->channels.count > 0 ? m->channels.v[block] : m->width << block;
}

static enum kp_status cnn_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct cnn *m = self;

    if (io->input.n != 3)
        return kp_build_fail(b, KP_E_SHAPE,
                             "cnn wants images (channels, height, width), got %d dims",
                             (int)io->input.n);
    m->blocks = m->channels.count > 0 ? m->channels.count : 4;
    m->block = kp_build_alloc(b, struct cnn_block, m->blocks);
    if (!m->block)
        return kp_build_status(b);

    int64_t in = io->input.dim[0];
    m->final_size[0] = io->input.dim[1];
    m->final_size[1] = io->input.dim[2];
    for (int64_t i = 0; i < m->blocks; i++) {
        char name[KP_NAME_SIZE];

        if (i > 0) {
            m->final_size[0] /= 2;
            m->final_size[1] /= 2;
        }
        if (m->final_size[0] < 1 || m->final_size[1] < 1)
            return kp_build_fail(
                b, KP_E_SHAPE,
                "cnn with %lld blocks halves the image %lld times: %lldx%lld is too small",
                (long long)m->blocks, (long long)m->blocks - 1, (long long)io->input.dim[1],
                (long long)io->input.dim[2]);
        (void)snprintf(name, sizeof(name), "conv%d", (int)i);
        m->block[i].conv =
            kp_conv_declare(b, name, in, cnn_channels(m, i), kp_window(3, 1, 1), true);
        (void)snprintf(name, sizeof(name), "bn%d", (int)i);
        m->block[i].norm = kp_norm_declare(b, name, cnn_channels(m, i));
        in = cnn_channels(m, i);
    }
    m->head = kp_linear_declare(b, "head", in, io->classes, true);
    return kp_build_status(b);
}

static enum kp_status cnn_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                  struct kp_tensor **logits)
{
    const struct cnn *m = self;
    struct kp_window rest = {
        {m->final_size[0], m->final_size[1]}, {m->final_size[0], m->final_size[1]}, {0, 0}};

    for (int64_t i = 0; i < m->blocks; i++) {
        x = kp_conv_apply(t, &m->block[i].conv, x);
        x = kp_relu(t, kp_norm_apply(t, &m->block[i].norm, x));
        if (i > 0)
            x = kp_max_pool(t, x, kp_window(2, 2, 0));
    }
    x = kp_flatten(t, kp_max_pool(t, x, rest));
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def cnn = {
    .size = sizeof(struct kp_model_def),
    .name = "cnn",
    .doc = "VanillaCNN: four 3x3 convolution blocks with batch norm and max-pooling.",
    .self_size = sizeof(struct cnn),
    .options = KP_OPTIONS(cnn_options),
    .build = cnn_build,
    .forward = cnn_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "cnn",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&cnn, NULL},
};
