/* gpt.c - a causal language model of the GPT-2 kind, as languini-kitchen's project gpt defines it.
 *
 * Token embedding times sqrt(width), plus learned positions; layers that normalise first; a layer
 * norm, whose result are the features, and a head without bias. Weights N(0, 0.02^2), the MLP's
 * second layer N(0, 0.02^2 / (2 depth)), biases 0. With 16 384 tokens the presets have 27 549 696,
 * 67 680 256, 110 615 040 and 336 390 144 parameters. */
#include "kappa/layers.h"
#include "kappa/plugin.h"

#define SD 0.02 /* of all weights but those of mlp.c_proj */

enum { PRESET_MINI, PRESET_MINI2, PRESET_SMALL, PRESET_MEDIUM };

static const char *const preset_words[] = {"mini", "mini2", "small", "medium", NULL};

struct gpt_layer {
    struct kp_layer_norm_layer norm1, norm2;
    struct kp_linear_layer q, k, v, o, mlp1, mlp2;
};

struct gpt {
    int preset;
    int64_t width, depth, heads, head_width, mlp, context;
    bool tied;
    struct kp_embedding_layer tokens, positions;
    struct gpt_layer *layer; /* [depth] */
    struct kp_layer_norm_layer norm;
    struct kp_linear_layer head;
};

static const struct kp_option gpt_options[] = {
    KP_ENUM(struct gpt, preset, "preset", "mini", preset_words,
            "width, depth, heads x head_width, mlp: mini 512, 4, 8 x 32, 2048; mini2 1024, 4, 16 x "
            "64, 2048; small 768, 12, 12 x 64, 3072; medium 1024, 24, 16 x 64, 4096"),
    KP_INT(struct gpt, width, "width", "0", 0, 16384, "numbers of a token; 0: the preset's"),
    KP_INT(struct gpt, depth, "depth", "0", 0, 256, "layers; 0: the preset's"),
    KP_INT(struct gpt, heads, "heads", "0", 0, 1024, "attention heads of a layer; 0: the preset's"),
    KP_INT(struct gpt, head_width, "head_width", "0", 0, 1024,
           "numbers of a head; heads x head_width may differ from width; 0: the preset's"),
    KP_INT(struct gpt, mlp, "mlp", "0", 0, 65536,
           "width between a layer's two MLP layers; 0: the preset's"),
    KP_INT(struct gpt, context, "context", "512", 1, 65536,
           "positions that have an embedding, the most tokens of an example"),
    KP_BOOL(struct gpt, tied, "tied", "false", "the head's weight is the token embedding"),
};

static void fill_from_preset(struct gpt *m)
{
    static const struct {
        int64_t width, depth, heads, head_width, mlp;
    } presets[] = {
        [PRESET_MINI] = {512, 4, 8, 32, 2048},
        [PRESET_MINI2] = {1024, 4, 16, 64, 2048},
        [PRESET_SMALL] = {768, 12, 12, 64, 3072},
        [PRESET_MEDIUM] = {1024, 24, 16, 64, 4096},
    };

    m->width = m->width ? m->width : presets[m->preset].width;
    m->depth = m->depth ? m->depth : presets[m->preset].depth;
    m->heads = m->heads ? m->heads : presets[m->preset].heads;
    m->head_width = m->head_width ? m->head_width : presets[m->preset].head_width;
    m->mlp = m->mlp ? m->mlp : presets[m->preset].mlp;
}

static void declare_layer(struct kp_build *b, const struct gpt *m, struct gpt_layer *l, int64_t i)
{
    const int64_t inner = m->heads * m->head_width;
    struct kp_linear_layer *const split[] = {&l->q, &l->k, &l->v};
    static const char *const names[] = {"Q", "K", "V"};
    char name[KP_NAME_SIZE];

    (void)snprintf(name, sizeof(name), "layers.%d.ln1", (int)i);
    l->norm1 = kp_layer_norm_declare(b, name, m->width);
    for (int k = 0; k < 3; k++) {
        (void)snprintf(name, sizeof(name), "layers.%d.attn.linear_%s", (int)i, names[k]);
        *split[k] = kp_linear_declare_normal(b, name, m->width, inner, true, SD);
    }
    (void)snprintf(name, sizeof(name), "layers.%d.attn.linear_O", (int)i);
    l->o = kp_linear_declare_normal(b, name, inner, m->width, true, SD);
    (void)snprintf(name, sizeof(name), "layers.%d.ln2", (int)i);
    l->norm2 = kp_layer_norm_declare(b, name, m->width);
    (void)snprintf(name, sizeof(name), "layers.%d.mlp.c_fc", (int)i);
    l->mlp1 = kp_linear_declare_normal(b, name, m->width, m->mlp, true, SD);
    (void)snprintf(name, sizeof(name), "layers.%d.mlp.c_proj", (int)i);
    l->mlp2 = kp_linear_declare_normal(b, name, m->mlp, m->width, true,
                                       SD / sqrt(2.0 * (double)m->depth));
}

static enum kp_status gpt_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct gpt *m = self;

    if (io->dtype != KP_I32 || io->input.n != 1 || !kp_shape_equal(io->labels, io->input))
        return kp_build_fail(b, KP_E_SHAPE,
                             "gpt wants tokens, a label for each (data.set = languini), got "
                             "examples of %d dims",
                             (int)io->input.n);
    if (io->input.dim[0] > m->context)
        return kp_build_fail(b, KP_E_SHAPE,
                             "examples of %lld tokens; gpt's context has %lld positions: a larger "
                             "context or shorter windows would be right",
                             (long long)io->input.dim[0], (long long)m->context);
    fill_from_preset(m);
    m->layer = kp_build_alloc(b, struct gpt_layer, m->depth);
    if (!m->layer)
        return kp_build_status(b);
    m->tokens =
        kp_embedding_declare(b, "input_embedding", io->classes, m->width, kp_init_normal(SD));
    m->positions =
        kp_embedding_declare(b, "position_embedding", m->context, m->width, kp_init_normal(SD));
    for (int64_t i = 0; i < m->depth; i++)
        declare_layer(b, m, &m->layer[i], i);
    m->norm = kp_layer_norm_declare(b, "ln_f", m->width);
    if (m->tied)
        m->head.weight = m->tokens.weight;
    else
        m->head = kp_linear_declare_normal(b, "linear", m->width, io->classes, false, SD);
    return kp_build_status(b);
}

static struct kp_tensor *attend(struct kp_tape *t, const struct gpt *m, const struct gpt_layer *l,
                                struct kp_tensor *x)
{
    struct kp_tensor *h = kp_layer_norm_apply(t, &l->norm1, x);

    h = kp_attention(t, kp_linear_apply(t, &l->q, h), kp_linear_apply(t, &l->k, h),
                     kp_linear_apply(t, &l->v, h), m->heads, 1.0 / sqrt((double)m->head_width),
                     true);
    return kp_add(t, x, kp_linear_apply(t, &l->o, h));
}

static struct kp_tensor *transform(struct kp_tape *t, const struct gpt_layer *l,
                                   struct kp_tensor *x)
{
    struct kp_tensor *h = kp_linear_apply(t, &l->mlp1, kp_layer_norm_apply(t, &l->norm2, x));

    return kp_add(t, x, kp_linear_apply(t, &l->mlp2, kp_gelu(t, h, KP_GELU_TANH)));
}

static enum kp_status gpt_forward(const void *self, struct kp_tape *t, struct kp_tensor *ids,
                                  struct kp_tensor **logits)
{
    const struct gpt *m = self;
    struct kp_tensor *x =
        kp_scale(t, kp_embedding_apply(t, &m->tokens, ids), sqrt((double)m->width));

    x = kp_add_position(t, x, m->positions.weight);
    for (int64_t i = 0; i < m->depth; i++)
        x = transform(t, &m->layer[i], attend(t, m, &m->layer[i], x));
    x = kp_layer_norm_apply(t, &m->norm, x);
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def gpt = {
    .size = sizeof(struct kp_model_def),
    .name = "gpt",
    .doc = "Causal language model of the GPT-2 kind, with the presets of the study.",
    .self_size = sizeof(struct gpt),
    .options = KP_OPTIONS(gpt_options),
    .build = gpt_build,
    .forward = gpt_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "gpt",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&gpt, NULL},
};
