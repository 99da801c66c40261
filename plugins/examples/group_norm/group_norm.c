/* group_norm.c - group normalisation (Wu and He 2018) as an operation, and a small network that
 * uses it.
 *
 *   y = (x - m) / sqrt(v + eps) gamma + beta
 *
 * with m and v the mean and biased variance of an example's group of channels. Unlike batch norm it
 * is the same in training and evaluation, and does not depend on the batch. */
#include <kappa/layers.h>
#include <kappa/plugin.h>

/* The operation: x (N, C, ...), gamma (C), beta (C) -> y like x. */
struct group_norm {
    int64_t groups;
    double eps;
};

static enum kp_status shape(const void *self, struct kp_op_shapes *s)
{
    const struct group_norm *g = self;
    const struct kp_shape x = s->in[0];

    if (x.n < 2 || x.dim[1] % g->groups != 0)
        return kp_op_fail(s, KP_E_SHAPE,
                          "x must be (N, C, ...) with C a multiple of groups = %lld; C is %lld",
                          (long long)g->groups, (long long)(x.n < 2 ? 0 : x.dim[1]));
    for (int i = 1; i < 3; i++)
        if (!kp_shape_equal(s->in[i], kp_shape1(x.dim[1])))
            return kp_op_fail(s, KP_E_SHAPE, "gamma and beta must be (C), C = %lld",
                              (long long)x.dim[1]);
    s->result = x;
    s->kept[0] = s->kept[1] = kp_shape2(x.dim[0], g->groups);
    return KP_OK;
}

KP_OP_TEXT(forward, struct group_norm, {
    const int64_t channels = call->shapes->in[0].dim[1], pixels = call->in[0].width / channels;
    const int64_t width = call->in[0].width / self->groups;
    const kp_real *gamma = call->in[1].v, *beta = call->in[2].v;

    for (int64_t i = 0; i < call->examples * self->groups; i++) {
        const int64_t example = i / self->groups, group = i % self->groups, first = group * width;
        const kp_real *x = call->in[0].v + example * call->in[0].stride + first;
        kp_real *y = call->y.v + example * call->y.stride + first;
        double sum = 0, squares = 0;

        for (int64_t k = 0; k < width; k++)
            sum += (double)x[k];
        const double mean = sum / (double)width;
        for (int64_t k = 0; k < width; k++)
            squares += ((double)x[k] - mean) * ((double)x[k] - mean);
        const double scale = 1 / sqrt(squares / (double)width + self->eps);
        for (int64_t k = 0; k < width; k++) {
            const int64_t channel = (first + k) / pixels;
            y[k] = (kp_real)(((double)x[k] - mean) * scale) * gamma[channel] + beta[channel];
        }
        call->kept[0].v[example * call->kept[0].stride + group] = (kp_real)mean;
        call->kept[1].v[example * call->kept[1].stride + group] = (kp_real)scale;
    }
})

/* With u = dy gamma, h = (x - m) s:
 *   dx = s (u - mean(u) - h mean(u h))     dgamma += sum of dy h     dbeta += sum of dy */
KP_OP_TEXT(backward, struct group_norm, {
    const int64_t channels = call->shapes->in[0].dim[1], pixels = call->in[0].width / channels;
    const int64_t width = call->in[0].width / self->groups;
    const kp_real *gamma = call->in[1].v;
    kp_real *dgamma = call->grad[1].v, *dbeta = call->grad[2].v;

    for (int64_t i = 0; i < call->examples * self->groups; i++) {
        const int64_t example = i / self->groups, group = i % self->groups, first = group * width;
        const kp_real *x = call->in[0].v + example * call->in[0].stride + first;
        const kp_real *dy = call->dy.v + example * call->dy.stride + first;
        const double mean = (double)call->kept[0].v[example * call->kept[0].stride + group];
        const double scale = (double)call->kept[1].v[example * call->kept[1].stride + group];
        double sum_u = 0, sum_uh = 0;

        for (int64_t channel = first / pixels; channel < (first + width) / pixels; channel++) {
            double sum_dy = 0, sum_dyh = 0;
            for (int64_t k = channel * pixels - first; k < (channel + 1) * pixels - first; k++) {
                sum_dy += (double)dy[k];
                sum_dyh += (double)dy[k] * ((double)x[k] - mean) * scale;
            }
            sum_u += sum_dy * (double)gamma[channel];
            sum_uh += sum_dyh * (double)gamma[channel];
            if (dgamma)
                dgamma[channel] += (kp_real)sum_dyh;
            if (dbeta)
                dbeta[channel] += (kp_real)sum_dy;
        }
        if (!call->grad[0].v)
            continue;
        kp_real *dx = call->grad[0].v + example * call->grad[0].stride + first;
        for (int64_t k = 0; k < width; k++) {
            const double u = (double)dy[k] * (double)gamma[(first + k) / pixels];
            const double h = ((double)x[k] - mean) * scale;
            dx[k] = (kp_real)(scale * (u - (sum_u + h * sum_uh) / (double)width));
        }
    }
})

static const struct kp_option op_options[] = {
    KP_INT(struct group_norm, groups, "groups", "8", 1, 65536, "groups of channels"),
    KP_REAL(struct group_norm, eps, "eps", "1e-5", 0, 1, "added to the variance"),
};

static const struct kp_operand operands[] = {
    {"x", KP_CANONICAL, false},
    {"gamma", KP_SHARED, false},
    {"beta", KP_SHARED, false},
};

static const struct kp_op_def op = {
    .size = sizeof(struct kp_op_def),
    .name = "group_norm",
    .doc = "Normalisation of groups of channels (Wu and He 2018).",
    .formula = "(x - mean) / sqrt(var + ${eps}) gamma + beta, over each of ${groups} groups",
    .self_size = sizeof(struct group_norm),
    .options = KP_OPTIONS(op_options),
    .operands = operands,
    .operand_count = 3,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_CANONICAL,
    .kept = {KP_CANONICAL, KP_CANONICAL}, /* mean, 1 / sqrt(var + eps)   (N, groups) */
    .kept_count = 2,
    .needs = KP_OP_NEEDS_IN0 | KP_OP_NEEDS_IN1,
    .shape = shape,
    .forward_float = forward_float,
    .forward_double = forward_double,
    .backward_float = backward_float,
    .backward_double = backward_double,
};

/* The network: convolutions of stride 2, each normalised, then a linear layer. */
#define BLOCKS_MAX 8

struct net {
    struct kp_ints channels;
    int64_t groups;
    const struct kp_operation *norm;
    struct kp_conv_layer conv[BLOCKS_MAX];
    struct kp_tensor *gamma[BLOCKS_MAX], *beta[BLOCKS_MAX];
    struct kp_linear_layer head;
};

static const struct kp_option net_options[] = {
    KP_INTS(struct net, channels, "channels", "16 32 64", 1, 4096, "channels of each block"),
    KP_INT(struct net, groups, "groups", "8", 1, 4096, "groups of channels"),
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct net *m = self;
    int64_t in = io->input.dim[0], side[2] = {io->input.dim[1], io->input.dim[2]};

    if (io->input.n != 3 || io->labels.n != 0)
        return kp_build_fail(b, KP_E_SHAPE, "wants images (C, H, W) with one label each");
    if (m->channels.count < 1 || m->channels.count > BLOCKS_MAX)
        return kp_build_fail(b, KP_E_INVALID, "channels has %lld numbers; 1 to %d",
                             (long long)m->channels.count, BLOCKS_MAX);
    m->norm = kp_build_operation_with(b, "group_norm", "groups = %lld", (long long)m->groups);
    for (int64_t i = 0; i < m->channels.count; i++) {
        const int64_t out = m->channels.v[i];
        char prefix[16], name[KP_NAME_SIZE];

        (void)snprintf(prefix, sizeof(prefix), "conv%d", (int)i);
        m->conv[i] = kp_conv_declare(b, prefix, in, out, kp_window(3, 2, 1), false);
        (void)snprintf(prefix, sizeof(prefix), "norm%d", (int)i);
        m->gamma[i] = kp_param(b, kp_layer_name(name, prefix, "weight"), kp_shape1(out),
                               kp_init_constant(1.0));
        m->beta[i] =
            kp_param(b, kp_layer_name(name, prefix, "bias"), kp_shape1(out), kp_init_constant(0.0));
        side[0] = (side[0] + 1) / 2;
        side[1] = (side[1] + 1) / 2;
        in = out;
    }
    m->head = kp_linear_declare(b, "head", in * side[0] * side[1], io->classes, true);
    return kp_build_status(b);
}

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct net *m = self;

    for (int64_t i = 0; i < m->channels.count; i++) {
        struct kp_tensor *in[] = {kp_conv_apply(t, &m->conv[i], x), m->gamma[i], m->beta[i]};
        x = kp_relu(t, kp_apply(t, m->norm, in, 3));
    }
    x = kp_flatten(t, x);
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def model = {
    .size = sizeof(struct kp_model_def),
    .name = "group_norm_cnn",
    .doc = "Small convolutional network with group normalisation.",
    .self_size = sizeof(struct net),
    .options = KP_OPTIONS(net_options),
    .build = build,
    .forward = forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "group_norm",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&model, NULL},
    .ops = (const struct kp_op_def *const[]){&op, NULL},
};
