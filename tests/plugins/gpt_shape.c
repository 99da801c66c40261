/* gpt_shape.c - the smallest model with every piece of a language model, for tests: token and
 * position embeddings, one layer with causal attention that normalises first, a head that is the
 * token table or a layer of its own. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

struct gpt {
    int64_t width, heads, mlp;
    bool tied;
    struct kp_embedding_layer tokens, positions;
    struct kp_layer_norm_layer norm1, norm2, norm;
    struct kp_linear_layer q, k, v, o, mlp1, mlp2, head;
};

static const struct kp_option gpt_options[] = {
    KP_INT(struct gpt, width, "width", "16", 1, 4096, "numbers of a token"),
    KP_INT(struct gpt, heads, "heads", "2", 1, 64, "attention heads"),
    KP_INT(struct gpt, mlp, "mlp", "24", 1, 4096, "width between the two MLP layers"),
    KP_BOOL(struct gpt, tied, "tied", "false", "the head's weight is the token table"),
};

static enum kp_status gpt_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct gpt *m = self;
    const struct kp_init small = kp_init_normal(0.02);

    if (io->dtype != KP_I32 || io->input.n != 1 || !kp_shape_equal(io->labels, io->input))
        return kp_build_fail(b, KP_E_SHAPE, "gpt_shape wants int32 tokens (T) and labels (T)");
    m->tokens = kp_embedding_declare(b, "tok", io->classes, m->width, small);
    m->positions = kp_embedding_declare(b, "pos", io->input.dim[0], m->width, small);
    m->norm1 = kp_layer_norm_declare(b, "ln1", m->width);
    m->norm2 = kp_layer_norm_declare(b, "ln2", m->width);
    m->norm = kp_layer_norm_declare(b, "lnf", m->width);
    m->q = kp_linear_declare(b, "attn.q", m->width, m->width, true);
    m->k = kp_linear_declare(b, "attn.k", m->width, m->width, true);
    m->v = kp_linear_declare(b, "attn.v", m->width, m->width, true);
    m->o = kp_linear_declare(b, "attn.o", m->width, m->width, true);
    m->mlp1 = kp_linear_declare(b, "fc1", m->width, m->mlp, true);
    m->mlp2 = kp_linear_declare(b, "fc2", m->mlp, m->width, true);
    if (m->tied)
        m->head.weight = m->tokens.weight;
    else
        m->head = kp_linear_declare(b, "head", m->width, io->classes, false);
    return kp_build_status(b);
}

static enum kp_status gpt_forward(const void *self, struct kp_tape *t, struct kp_tensor *ids,
                                  struct kp_tensor **logits)
{
    const struct gpt *m = self;
    const double scale = 1.0 / sqrt((double)(m->width / m->heads));
    struct kp_tensor *x =
        kp_scale(t, kp_embedding_apply(t, &m->tokens, ids), sqrt((double)m->width));
    struct kp_tensor *h;

    x = kp_add_position(t, x, m->positions.weight);
    h = kp_layer_norm_apply(t, &m->norm1, x);
    h = kp_attention(t, kp_linear_apply(t, &m->q, h), kp_linear_apply(t, &m->k, h),
                     kp_linear_apply(t, &m->v, h), m->heads, scale, true);
    x = kp_add(t, x, kp_linear_apply(t, &m->o, h));
    h = kp_gelu(t, kp_linear_apply(t, &m->mlp1, kp_layer_norm_apply(t, &m->norm2, x)),
                KP_GELU_TANH);
    x = kp_add(t, x, kp_linear_apply(t, &m->mlp2, h));
    x = kp_layer_norm_apply(t, &m->norm, x);
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def gpt = {
    .size = sizeof(struct kp_model_def),
    .name = "gpt_shape",
    .doc = "One causal transformer layer between embeddings and a head, for tests.",
    .self_size = sizeof(struct gpt),
    .options = KP_OPTIONS(gpt_options),
    .build = gpt_build,
    .forward = gpt_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "gpt_shape",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&gpt, NULL},
};
