/* model.h - what a model plugin provides. */
#ifndef KAPPA_MODEL_H
#define KAPPA_MODEL_H

#include "kappa/option.h"
#include "kappa/tape.h"

/* How a parameter is filled before training, from the run's `init` stream.
 *   UNIFORM   U(-a, a)     NORMAL   N(0, a^2)     CONSTANT   a */
enum kp_init_kind {
    KP_INIT_CONSTANT = 0,
    KP_INIT_UNIFORM = 1,
    KP_INIT_NORMAL = 2,
};

struct kp_init {
    enum kp_init_kind kind;
    double a;
};

static inline struct kp_init kp_init_constant(double value)
{
    struct kp_init i = {KP_INIT_CONSTANT, value};
    return i;
}

static inline struct kp_init kp_init_uniform(double bound)
{
    struct kp_init i = {KP_INIT_UNIFORM, bound};
    return i;
}

static inline struct kp_init kp_init_normal(double sd)
{
    struct kp_init i = {KP_INIT_NORMAL, sd};
    return i;
}

struct kp_build;

struct kp_build_fn {
    size_t size;
    enum kp_status (*status)(const struct kp_build *b);
    enum kp_status (*fail)(struct kp_build *b, enum kp_status st, const char *fmt, ...)
        KP_PRINTF(3, 4);
    void *(*alloc)(struct kp_build *b, size_t count, size_t size);
    struct kp_tensor *(*param)(struct kp_build *b, const char *name, struct kp_shape shape,
                               struct kp_init init);
    struct kp_tensor *(*buffer)(struct kp_build *b, const char *name, struct kp_shape shape,
                                double value);
    void (*counter)(struct kp_build *b, const char *name);
    const struct kp_operation *(*operation)(struct kp_build *b, const char *name, const char *fmt,
                                            ...)KP_PRINTF(3, 4);
};

/* Public head of a model under construction; the host's private part follows it. */
struct kp_build {
    const struct kp_build_fn *fn;
};

/* Declare a trainable parameter. `name` is its key in the weights file ("conv0.weight", as the
 * equivalent PyTorch module has it), at most 127 characters, unique in the model, copied. The order
 * of declaration is the order of initialisation and of the weights file. The tensor belongs to the
 * host and lives as long as the model. Errors are sticky: NULL after the first one. */
static inline struct kp_tensor *kp_param(struct kp_build *b, const char *name,
                                         struct kp_shape shape, struct kp_init init)
{
    return b->fn->param(b, name, shape, init);
}

/* Declare state that is no parameter (running statistics), filled with `value`, kept in the weights
 * file. Rules as kp_param(). */
static inline struct kp_tensor *kp_buffer(struct kp_build *b, const char *name,
                                          struct kp_shape shape, double value)
{
    return b->fn->buffer(b, name, shape, value);
}

/* Declare an int64 scalar of the weights file that counts training steps. */
static inline void kp_counter(struct kp_build *b, const char *name)
{
    b->fn->counter(b, name);
}

/* The operation `name` of any plugin with these options, separated by commas, for kp_apply():
 *   kp_build_operation_with(b, "group_norm", "groups = %lld, eps = 1e-5", (long long)groups)
 * The host's, with the model's lifetime. Errors as kp_param(): an unknown name or option, a value
 * out of range. */
#define kp_build_operation_with(b, name, ...) ((b)->fn->operation((b), (name), __VA_ARGS__))

/* The same, its options as they are by default. */
static inline const struct kp_operation *kp_build_operation(struct kp_build *b, const char *name)
{
    return b->fn->operation(b, name, "%s", "");
}

KP_NODISCARD static inline enum kp_status kp_build_status(const struct kp_build *b)
{
    return b->fn->status(b);
}

/* Zeroed memory with the model's lifetime; NULL after an error. Never freed by the plugin. */
#define kp_build_alloc(b, type, count) ((type *)(b)->fn->alloc((b), (size_t)(count), sizeof(type)))

/* Record why, return `st`:  return kp_build_fail(b, KP_E_SHAPE, "want 3 dims, got %d", n); */
#define kp_build_fail(b, st, ...) ((b)->fn->fail((b), (st), __VA_ARGS__))

/* What a model is built for. */
struct kp_model_io {
    size_t size;
    enum kp_dtype dtype;    /* of the input: KP_F32, or KP_I32 for tokens */
    struct kp_shape input;  /* of one example, without the batch: (C, H, W), or (T) tokens */
    int64_t classes;        /* from the dataset: classes or vocabulary; the width of the logits */
    struct kp_shape labels; /* of one example's labels: () for one class, (T) for one a token */
};

struct kp_model_def {
    size_t size;      /* sizeof(struct kp_model_def) */
    const char *name; /* [a-z0-9_]+, value of model.plugin */
    const char *doc;  /* one sentence */
    size_t self_size; /* of the state struct: zeroed, options filled in, then build */
    struct kp_option_table options;

    /* Check io, declare parameters and buffers. Called once for each model, on any one thread. */
    enum kp_status (*build)(void *self, struct kp_build *b, const struct kp_model_io *io);

    /* Record one forward pass.   x (N, io->input...)  ->  *logits (N, io->labels..., io->classes)
     * Called once for each (batch capacity, mode); must not change self. */
    enum kp_status (*forward)(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits);
};

#endif
