/* resnet.c - residual networks (He, Zhang, Ren, Sun 2015), named as torchvision names them.
 *
 * A stem, stages of residual blocks that halve the image from the second stage on, the mean over
 * the image, one linear layer. The features are that mean. A bottleneck's stride is on its 3x3
 * convolution (v1.5). With 32x32 RGB images depth 18 has 11 173 962 parameters at 10 classes and
 * 11 220 132 at 100; depth 50 with the imagenet stem has 25 557 032 at 1000 classes. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

enum { STEM_CIFAR, STEM_IMAGENET };
enum { BLOCK_BY_DEPTH, BLOCK_BASIC, BLOCK_BOTTLENECK };
enum { DEPTH_18, DEPTH_34, DEPTH_50 };

/* Channels of a bottleneck's result, for each of its own. */
#define EXPANSION 4

static const char *const stem_words[] = {"cifar", "imagenet", NULL};
static const char *const block_words[] = {"auto", "basic", "bottleneck", NULL};
static const char *const depth_words[] = {"18", "34", "50", NULL};

static const int64_t blocks_of_depth[][4] = {
    [DEPTH_18] = {2, 2, 2, 2}, [DEPTH_34] = {3, 4, 6, 3}, [DEPTH_50] = {3, 4, 6, 3}};

struct convolution {
    struct kp_conv_layer conv;
    struct kp_norm_layer norm;
};

struct resnet_block {
    struct convolution part[3];
    int parts;
    bool shortcut;
    struct convolution down;
};

struct resnet {
    int depth, stem, block;
    int64_t width;
    struct kp_ints blocks;
    bool bottleneck;
    int64_t block_count;
    struct convolution first;
    struct resnet_block *blocks_built; /* [block_count] */
    struct kp_linear_layer head;
};

static const struct kp_option resnet_options[] = {
    KP_ENUM(struct resnet, depth, "depth", "18", depth_words,
            "number of layers with weights; 18 and 34 have basic blocks, 50 has bottlenecks"),
    KP_ENUM(struct resnet, stem, "stem", "cifar", stem_words,
            "cifar: 3x3 convolution, PyTorch's default initialisation; imagenet: 7x7 of stride 2 "
            "and a max-pool, convolutions N(0, 2 / (out k k))"),
    KP_ENUM(struct resnet, block, "block", "auto", block_words,
            "kind of residual block; auto: as depth says"),
    KP_INT(struct resnet, width, "width", "64", 1, 4096,
           "channels of the first stage; each later stage doubles them"),
    KP_INTS(struct resnet, blocks, "blocks", "", 1, 1024,
            "residual blocks of each stage, in place of depth's"),
};

static int64_t stages(const struct resnet *m)
{
    return m->blocks.count > 0 ? m->blocks.count : 4;
}

static int64_t blocks_of(const struct resnet *m, int64_t stage)
{
    return m->blocks.count > 0 ? m->blocks.v[stage] : blocks_of_depth[m->depth][stage];
}

static struct convolution declare(const struct resnet *m, struct kp_build *b, const char *conv,
                                  const char *norm, int64_t in, int64_t out, struct kp_window k)
{
    struct kp_init init = m->stem == STEM_IMAGENET
                              ? kp_init_fan_out(out, k)
                              : kp_init_uniform(1.0 / sqrt((double)(in * k.size[0] * k.size[1])));
    struct convolution c;

    c.conv = kp_conv_declare_init(b, conv, in, out, k, false, init);
    c.norm = kp_norm_declare(b, norm, out);
    return c;
}

/* in channels -> width channels, times EXPANSION in a bottleneck */
static void declare_block(const struct resnet *m, struct kp_build *b, struct resnet_block *block,
                          const char *prefix, int64_t in, int64_t width, int64_t stride)
{
    const int64_t out = m->bottleneck ? width * EXPANSION : width;
    const struct kp_window one = kp_window(1, 1, 0), three = kp_window(3, 1, 1);
    const struct kp_window strided = kp_window(3, stride, 1);
    const struct kp_window basic[] = {strided, three}, bottleneck[] = {one, strided, one};
    static const char *const convs[] = {"conv1", "conv2", "conv3"};
    static const char *const norms[] = {"bn1", "bn2", "bn3"};
    int64_t before = in;
    char conv[KP_NAME_SIZE], norm[KP_NAME_SIZE];

    block->parts = m->bottleneck ? 3 : 2;
    for (int i = 0; i < block->parts; i++) {
        const int64_t after = i == block->parts - 1 ? out : width;
        block->part[i] = declare(m, b, kp_layer_name(conv, prefix, convs[i]),
                                 kp_layer_name(norm, prefix, norms[i]), before, after,
                                 m->bottleneck ? bottleneck[i] : basic[i]);
        before = after;
    }
    block->shortcut = stride != 1 || in != out;
    if (block->shortcut)
        block->down =
            declare(m, b, kp_layer_name(conv, prefix, "downsample.0"),
                    kp_layer_name(norm, prefix, "downsample.1"), in, out, kp_window(1, stride, 0));
}

static enum kp_status resnet_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct resnet *m = self;
    const bool wide_stem = m->stem == STEM_IMAGENET;
    int64_t in = m->width, next = 0;

    if (io->input.n != 3 || io->dtype != KP_F32)
        return kp_build_fail(b, KP_E_SHAPE,
                             "resnet wants images (channels, height, width), got %d dims",
                             (int)io->input.n);
    if (stages(m) > 8)
        return kp_build_fail(b, KP_E_INVALID, "resnet has at most 8 stages, not %lld",
                             (long long)stages(m));
    m->bottleneck = m->block == BLOCK_BY_DEPTH ? m->depth == DEPTH_50 && m->blocks.count == 0
                                               : m->block == BLOCK_BOTTLENECK;
    for (int64_t i = 0; i < stages(m); i++)
        m->block_count += blocks_of(m, i);
    m->blocks_built = kp_build_alloc(b, struct resnet_block, m->block_count);
    if (!m->blocks_built)
        return kp_build_status(b);
    m->first = declare(m, b, "conv1", "bn1", io->input.dim[0], m->width,
                       wide_stem ? kp_window(7, 2, 3) : kp_window(3, 1, 1));
    for (int64_t i = 0; i < stages(m); i++)
        for (int64_t k = 0; k < blocks_of(m, i); k++) {
            char prefix[KP_NAME_SIZE];
            (void)snprintf(prefix, sizeof(prefix), "layer%d.%d", (int)i + 1, (int)k);
            declare_block(m, b, &m->blocks_built[next++], prefix, in, m->width << i,
                          i > 0 && k == 0 ? 2 : 1);
            in = (m->width << i) * (m->bottleneck ? EXPANSION : 1);
        }
    m->head = kp_linear_declare(b, "fc", in, io->classes, true);
    return kp_build_status(b);
}

static struct kp_tensor *apply(struct kp_tape *t, const struct convolution *c, struct kp_tensor *x)
{
    return kp_norm_apply(t, &c->norm, kp_conv_apply(t, &c->conv, x));
}

static struct kp_tensor *apply_block(struct kp_tape *t, const struct resnet_block *b,
                                     struct kp_tensor *x)
{
    struct kp_tensor *y = x;

    for (int i = 0; i < b->parts; i++) {
        y = apply(t, &b->part[i], y);
        if (i < b->parts - 1)
            y = kp_relu(t, y);
    }
    return kp_relu(t, kp_add(t, y, b->shortcut ? apply(t, &b->down, x) : x));
}

static enum kp_status resnet_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                     struct kp_tensor **logits)
{
    const struct resnet *m = self;

    x = kp_relu(t, apply(t, &m->first, x));
    if (m->stem == STEM_IMAGENET)
        x = kp_max_pool(t, x, kp_window(3, 2, 1));
    for (int64_t i = 0; i < m->block_count; i++)
        x = apply_block(t, &m->blocks_built[i], x);
    if (!x)
        return kp_tape_status(t);
    const struct kp_shape s = kp_tensor_shape(t, x);
    const struct kp_window all = {{s.dim[2], s.dim[3]}, {s.dim[2], s.dim[3]}, {0, 0}};
    x = kp_flatten(t, kp_avg_pool(t, x, all));
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def resnet = {
    .size = sizeof(struct kp_model_def),
    .name = "resnet",
    .doc = "Residual network of depth 18, 34 or 50, for small images or as torchvision has it.",
    .self_size = sizeof(struct resnet),
    .options = KP_OPTIONS(resnet_options),
    .build = resnet_build,
    .forward = resnet_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "resnet",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&resnet, NULL},
};
