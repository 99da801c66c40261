/* mixer.c - MLP-Mixer (Tolstikhin et al. 2021), and the operation that it needs and the tape lacks:
 * exchanging tokens and channels. */
#include <kappa/layers.h>
#include <kappa/plugin.h>

/* swap_axes: x (N, A, B) -> y (N, B, A),  y[n][b][a] = x[n][a][b] */
static enum kp_status shape(const void *self, struct kp_op_shapes *s)
{
    const struct kp_shape x = s->in[0];

    (void)self;
    if (x.n != 3)
        return kp_op_fail(s, KP_E_SHAPE, "x must be (N, A, B), it has %d dims", (int)x.n);
    s->result = (struct kp_shape){3, {x.dim[0], x.dim[2], x.dim[1]}};
    return KP_OK;
}

KP_OP_TEXT(forward, void, {
    const int64_t a = call->shapes->in[0].dim[1], b = call->shapes->in[0].dim[2];

    for (int64_t n = 0; n < call->examples; n++) {
        const kp_real *x = call->in[0].v + n * call->in[0].stride;
        kp_real *y = call->y.v + n * call->y.stride;
        for (int64_t i = 0; i < a; i++)
            for (int64_t k = 0; k < b; k++)
                y[k * a + i] = x[i * b + k];
    }
})

KP_OP_TEXT(backward, void, {
    const int64_t a = call->shapes->in[0].dim[1], b = call->shapes->in[0].dim[2];

    for (int64_t n = 0; n < call->examples; n++) {
        const kp_real *dy = call->dy.v + n * call->dy.stride;
        kp_real *dx = call->grad[0].v + n * call->grad[0].stride;
        for (int64_t i = 0; i < a; i++)
            for (int64_t k = 0; k < b; k++)
                dx[i * b + k] = dy[k * a + i];
    }
})

static const struct kp_operand operands[] = {{"x", KP_CANONICAL, false}};

static const struct kp_op_def swap_axes = {
    .size = sizeof(struct kp_op_def),
    .name = "swap_axes",
    .doc = "Exchanges the last two dimensions of (N, A, B).",
    .formula = "y[n][b][a] = x[n][a][b]",
    .operands = operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_CANONICAL,
    .shape = shape,
    .forward_float = forward_float,
    .forward_double = forward_double,
    .backward_float = backward_float,
    .backward_double = backward_double,
};

/* Two layers, applied to the last dimension. */
struct mlp {
    struct kp_linear_layer fc1, fc2;
};

struct block {
    struct kp_layer_norm_layer norm1, norm2;
    struct mlp tokens, channels;
};

struct mixer {
    int64_t patch, width, depth, token_mlp, channel_mlp;
    const struct kp_operation *swap;
    struct kp_linear_layer embed, head;
    struct block *blocks; /* [depth] */
    struct kp_layer_norm_layer norm;
};

static const struct kp_option options[] = {
    KP_INT(struct mixer, patch, "patch", "4", 1, 1024, "height and width of a patch, in pixels"),
    KP_INT(struct mixer, width, "width", "64", 1, 65536, "numbers of a token"),
    KP_INT(struct mixer, depth, "depth", "4", 1, 256, "blocks"),
    KP_INT(struct mixer, token_mlp, "token_mlp", "32", 1, 65536, "hidden units across tokens"),
    KP_INT(struct mixer, channel_mlp, "channel_mlp", "256", 1, 65536,
           "hidden units across channels"),
};

static struct mlp declare_mlp(struct kp_build *b, int64_t block, const char *name, int64_t width,
                              int64_t hidden)
{
    char prefix[64];
    struct mlp m;

    (void)snprintf(prefix, sizeof(prefix), "blocks.%d.%s.fc1", (int)block, name);
    m.fc1 = kp_linear_declare(b, prefix, width, hidden, true);
    (void)snprintf(prefix, sizeof(prefix), "blocks.%d.%s.fc2", (int)block, name);
    m.fc2 = kp_linear_declare(b, prefix, hidden, width, true);
    return m;
}

static struct kp_layer_norm_layer declare_norm(struct kp_build *b, int64_t block, const char *name,
                                               int64_t width)
{
    char prefix[64];

    (void)snprintf(prefix, sizeof(prefix), "blocks.%d.%s", (int)block, name);
    return kp_layer_norm_declare(b, prefix, width);
}

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct mixer *m = self;
    const int64_t *size = io->input.dim;

    if (io->input.n != 3 || io->dtype != KP_F32 || io->labels.n != 0)
        return kp_build_fail(b, KP_E_SHAPE, "mixer wants images (C, H, W) with one label each");
    if (size[1] % m->patch != 0 || size[2] % m->patch != 0)
        return kp_build_fail(b, KP_E_SHAPE, "patches of %lld do not divide images of %lld x %lld",
                             (long long)m->patch, (long long)size[1], (long long)size[2]);
    const int64_t tokens = size[1] / m->patch * (size[2] / m->patch);

    m->swap = kp_build_operation(b, "swap_axes");
    m->blocks = kp_build_alloc(b, struct block, m->depth);
    if (!m->blocks)
        return kp_build_status(b);
    m->embed = kp_linear_declare(b, "embed", m->patch * m->patch * size[0], m->width, true);
    for (int64_t i = 0; i < m->depth; i++) {
        m->blocks[i].norm1 = declare_norm(b, i, "norm1", m->width);
        m->blocks[i].tokens = declare_mlp(b, i, "tokens", tokens, m->token_mlp);
        m->blocks[i].norm2 = declare_norm(b, i, "norm2", m->width);
        m->blocks[i].channels = declare_mlp(b, i, "channels", m->width, m->channel_mlp);
    }
    m->norm = kp_layer_norm_declare(b, "norm", m->width);
    m->head = kp_linear_declare(b, "head", m->width, io->classes, true);
    return kp_build_status(b);
}

static struct kp_tensor *apply_mlp(struct kp_tape *t, const struct mlp *m, struct kp_tensor *x)
{
    x = kp_gelu(t, kp_linear_apply(t, &m->fc1, x), KP_GELU_ERF);
    return kp_linear_apply(t, &m->fc2, x);
}

/* (N, A, B) -> (N, B, A) */
static struct kp_tensor *swap(struct kp_tape *t, const struct mixer *m, struct kp_tensor *x)
{
    return kp_apply(t, m->swap, &x, 1);
}

/* x (N, T, D):  x += swap(MLP(swap(norm x))),  x += MLP(norm x) */
static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    const struct mixer *m = self;

    x = kp_linear_apply(t, &m->embed, kp_patches(t, x, m->patch));
    for (int64_t i = 0; i < m->depth; i++) {
        const struct block *b = &m->blocks[i];
        struct kp_tensor *h = swap(t, m, kp_layer_norm_apply(t, &b->norm1, x));

        x = kp_add(t, x, swap(t, m, apply_mlp(t, &b->tokens, h)));
        x = kp_add(t, x, apply_mlp(t, &b->channels, kp_layer_norm_apply(t, &b->norm2, x)));
    }
    x = kp_row_mean(t, swap(t, m, kp_layer_norm_apply(t, &m->norm, x)));
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def mixer = {
    .size = sizeof(struct kp_model_def),
    .name = "mixer",
    .doc = "MLP-Mixer on square patches (Tolstikhin et al. 2021).",
    .self_size = sizeof(struct mixer),
    .options = KP_OPTIONS(options),
    .build = build,
    .forward = forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "mixer",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&mixer, NULL},
    .ops = (const struct kp_op_def *const[]){&swap_axes, NULL},
};
