/* vit.c - vision transformer (Dosovitskiy and others 2020) for small images.
 *
 * Patches, a linear embedding, a learned class token before them, learned positions; encoder layers
 * that normalise first; layer norm and one linear layer on the class token. The features are that
 * layer norm's result. The variant omihub is the 6.3M network of the study (6 268 810 parameters at
 * 10 classes, 6 303 460 at 100): it divides attention's logits by the root of the whole width, has
 * a GELU behind both linear layers of the MLP and draws token and positions from N(0, 1). */
#include "kappa/layers.h"
#include "kappa/plugin.h"

enum { VARIANT_OMIHUB, VARIANT_STANDARD };
enum { SCALE_BY_VARIANT, SCALE_WIDTH, SCALE_HEAD };

static const char *const variant_words[] = {"omihub", "standard", NULL};
static const char *const scale_words[] = {"auto", "width", "head", NULL};

struct vit_layer {
    struct kp_layer_norm_layer norm1, norm2;
    struct kp_linear_layer q, k, v, o, mlp1, mlp2;
};

struct vit {
    int variant, scale;
    int64_t patch, width, depth, heads, mlp;
    double dropout;
    struct kp_linear_layer embed, head;
    struct kp_tensor *token, *positions;
    struct vit_layer *layer; /* [depth] */
    struct kp_layer_norm_layer norm;
};

static const struct kp_option vit_options[] = {
    KP_ENUM(struct vit, variant, "variant", "omihub", variant_words,
            "omihub: GELU behind both MLP layers, tokens and positions N(0, 1); standard: GELU "
            "between them, N(0, 0.02^2)"),
    KP_ENUM(struct vit, scale, "attention_scale", "auto", scale_words,
            "attention's logits are divided by the root of width, or of head: width / heads; auto: "
            "width for omihub, head for standard"),
    KP_INT(struct vit, patch, "patch", "4", 1, 1024, "height and width of a patch, in pixels"),
    KP_INT(struct vit, width, "width", "384", 1, 16384, "numbers of a token"),
    KP_INT(struct vit, depth, "depth", "7", 1, 256, "encoder layers"),
    KP_INT(struct vit, heads, "heads", "12", 1, 1024, "attention heads of a layer, dividing width"),
    KP_INT(struct vit, mlp, "mlp", "384", 1, 65536, "width between a layer's two MLP layers"),
    KP_REAL(struct vit, dropout, "dropout", "0", 0, 0.99,
            "probability, behind attention's output layer and behind each MLP layer"),
};

static void declare_layer(struct kp_build *b, const struct vit *m, struct vit_layer *l, int64_t i)
{
    struct kp_linear_layer *const square[] = {&l->q, &l->k, &l->v, &l->o};
    static const char *const names[] = {"q", "k", "v", "o"};
    char name[KP_NAME_SIZE];

    (void)snprintf(name, sizeof(name), "enc.%d.la1", (int)i);
    l->norm1 = kp_layer_norm_declare(b, name, m->width);
    for (int k = 0; k < 4; k++) {
        (void)snprintf(name, sizeof(name), "enc.%d.msa.%s", (int)i, names[k]);
        *square[k] = kp_linear_declare(b, name, m->width, m->width, true);
    }
    (void)snprintf(name, sizeof(name), "enc.%d.la2", (int)i);
    l->norm2 = kp_layer_norm_declare(b, name, m->width);
    (void)snprintf(name, sizeof(name), "enc.%d.mlp.0", (int)i);
    l->mlp1 = kp_linear_declare(b, name, m->width, m->mlp, true);
    (void)snprintf(name, sizeof(name), "enc.%d.mlp.3", (int)i);
    l->mlp2 = kp_linear_declare(b, name, m->mlp, m->width, true);
}

static enum kp_status vit_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct vit *m = self;
    const struct kp_init learned = kp_init_normal(m->variant == VARIANT_OMIHUB ? 1.0 : 0.02);

    if (io->input.n != 3 || io->dtype != KP_F32)
        return kp_build_fail(b, KP_E_SHAPE,
                             "vit wants images (channels, height, width), got %d dims",
                             (int)io->input.n);
    if (io->input.dim[1] % m->patch != 0 || io->input.dim[2] % m->patch != 0)
        return kp_build_fail(
            b, KP_E_SHAPE, "vit's patches of %lld do not divide images of %lldx%lld",
            (long long)m->patch, (long long)io->input.dim[1], (long long)io->input.dim[2]);
    if (m->width % m->heads != 0)
        return kp_build_fail(b, KP_E_INVALID, "vit's %lld heads do not divide its width of %lld",
                             (long long)m->heads, (long long)m->width);
    m->layer = kp_build_alloc(b, struct vit_layer, m->depth);
    if (!m->layer)
        return kp_build_status(b);
    const int64_t tokens = io->input.dim[1] / m->patch * (io->input.dim[2] / m->patch) + 1;
    const struct kp_shape one = {3, {1, 1, m->width}}, all = {3, {1, tokens, m->width}};

    m->token = kp_param(b, "cls_token", one, learned);
    m->positions = kp_param(b, "pos_emb", all, learned);
    m->embed = kp_linear_declare(b, "emb", m->patch * m->patch * io->input.dim[0], m->width, true);
    for (int64_t i = 0; i < m->depth; i++)
        declare_layer(b, m, &m->layer[i], i);
    m->norm = kp_layer_norm_declare(b, "fc.0", m->width);
    m->head = kp_linear_declare(b, "fc.1", m->width, io->classes, true);
    return kp_build_status(b);
}

static double scale_of(const struct vit *m)
{
    const bool head =
        m->scale == SCALE_BY_VARIANT ? m->variant == VARIANT_STANDARD : m->scale == SCALE_HEAD;
    return 1.0 / sqrt((double)(head ? m->width / m->heads : m->width));
}

static struct kp_tensor *attend(struct kp_tape *t, const struct vit *m, const struct vit_layer *l,
                                struct kp_tensor *x)
{
    struct kp_tensor *h = kp_layer_norm_apply(t, &l->norm1, x);

    h = kp_attention(t, kp_linear_apply(t, &l->q, h), kp_linear_apply(t, &l->k, h),
                     kp_linear_apply(t, &l->v, h), m->heads, scale_of(m), false);
    return kp_add(t, kp_dropout(t, kp_linear_apply(t, &l->o, h), m->dropout), x);
}

static struct kp_tensor *transform(struct kp_tape *t, const struct vit *m,
                                   const struct vit_layer *l, struct kp_tensor *x)
{
    struct kp_tensor *h = kp_linear_apply(t, &l->mlp1, kp_layer_norm_apply(t, &l->norm2, x));

    h = kp_dropout(t, kp_gelu(t, h, KP_GELU_ERF), m->dropout);
    h = kp_linear_apply(t, &l->mlp2, h);
    if (m->variant == VARIANT_OMIHUB)
        h = kp_gelu(t, h, KP_GELU_ERF);
    return kp_add(t, kp_dropout(t, h, m->dropout), x);
}

static enum kp_status vit_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                  struct kp_tensor **logits)
{
    const struct vit *m = self;

    x = kp_linear_apply(t, &m->embed, kp_patches(t, x, m->patch));
    x = kp_add_position(t, kp_prepend(t, x, m->token), m->positions);
    for (int64_t i = 0; i < m->depth; i++)
        x = transform(t, m, &m->layer[i], attend(t, m, &m->layer[i], x));
    x = kp_layer_norm_apply(t, &m->norm, kp_select(t, x, 0));
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def vit = {
    .size = sizeof(struct kp_model_def),
    .name = "vit",
    .doc = "Vision transformer on square patches with a class token.",
    .self_size = sizeof(struct vit),
    .options = KP_OPTIONS(vit_options),
    .build = vit_build,
    .forward = vit_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "vit",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&vit, NULL},
};
