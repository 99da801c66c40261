/* layers.h - the usual layers: their parameters, PyTorch's names and default initialisation. */
#ifndef KAPPA_LAYERS_H
#define KAPPA_LAYERS_H

#include "kappa/model.h"

#include <math.h>
#include <stdio.h>

/* Room for "prefix.suffix"; kp_param() reports a name that is too long. */
#define KP_NAME_SIZE 160

static inline const char *kp_layer_name(char out[KP_NAME_SIZE], const char *prefix,
                                        const char *suffix)
{
    return snprintf(out, KP_NAME_SIZE, "%s.%s", prefix, suffix) > 0 ? out : "";
}

/* weight (O, I), bias (O) or NULL */
struct kp_linear_layer {
    struct kp_tensor *weight;
    struct kp_tensor *bias;
};

/* Weight and bias U(-1/sqrt(I), 1/sqrt(I)), the default of torch.nn.Linear. */
static inline struct kp_linear_layer kp_linear_declare(struct kp_build *b, const char *prefix,
                                                       int64_t in, int64_t out, bool bias)
{
    char name[KP_NAME_SIZE];
    struct kp_init init = kp_init_uniform(1.0 / sqrt((double)in));
    struct kp_linear_layer l;

    l.weight = kp_param(b, kp_layer_name(name, prefix, "weight"), kp_shape2(out, in), init);
    l.bias = bias ? kp_param(b, kp_layer_name(name, prefix, "bias"), kp_shape1(out), init) : NULL;
    return l;
}

/* Weight N(0, sd^2), bias 0. */
static inline struct kp_linear_layer kp_linear_declare_normal(struct kp_build *b,
                                                              const char *prefix, int64_t in,
                                                              int64_t out, bool bias, double sd)
{
    char name[KP_NAME_SIZE];
    struct kp_init zero = kp_init_constant(0.0);
    struct kp_linear_layer l;

    l.weight =
        kp_param(b, kp_layer_name(name, prefix, "weight"), kp_shape2(out, in), kp_init_normal(sd));
    l.bias = bias ? kp_param(b, kp_layer_name(name, prefix, "bias"), kp_shape1(out), zero) : NULL;
    return l;
}

static inline struct kp_tensor *kp_linear_apply(struct kp_tape *t, const struct kp_linear_layer *l,
                                                struct kp_tensor *x)
{
    return kp_linear(t, x, l->weight, l->bias);
}

/* weight (O, I, k, k), bias (O) or NULL */
struct kp_conv_layer {
    struct kp_tensor *weight;
    struct kp_tensor *bias;
    struct kp_window window;
};

/* Normal with the variance 2 / (O k k) that keeps the gradients' size through ReLU layers. */
static inline struct kp_init kp_init_fan_out(int64_t out, struct kp_window k)
{
    return kp_init_normal(sqrt(2.0 / (double)(out * k.size[0] * k.size[1])));
}

/* Weight and bias as `init` says. */
static inline struct kp_conv_layer kp_conv_declare_init(struct kp_build *b, const char *prefix,
                                                        int64_t in, int64_t out, struct kp_window k,
                                                        bool bias, struct kp_init init)
{
    char name[KP_NAME_SIZE];
    struct kp_conv_layer l;

    l.weight = kp_param(b, kp_layer_name(name, prefix, "weight"),
                        kp_shape4(out, in, k.size[0], k.size[1]), init);
    l.bias = bias ? kp_param(b, kp_layer_name(name, prefix, "bias"), kp_shape1(out), init) : NULL;
    l.window = k;
    return l;
}

/* Weight and bias U(-1/sqrt(I k k), 1/sqrt(I k k)), the default of torch.nn.Conv2d. */
static inline struct kp_conv_layer kp_conv_declare(struct kp_build *b, const char *prefix,
                                                   int64_t in, int64_t out, struct kp_window k,
                                                   bool bias)
{
    struct kp_init init = kp_init_uniform(1.0 / sqrt((double)(in * k.size[0] * k.size[1])));

    return kp_conv_declare_init(b, prefix, in, out, k, bias, init);
}

static inline struct kp_tensor *kp_conv_apply(struct kp_tape *t, const struct kp_conv_layer *l,
                                              struct kp_tensor *x)
{
    return kp_conv2d(t, x, l->weight, l->bias, l->window);
}

/* All (C). momentum 0.1, eps 1e-5 as torch.nn.BatchNorm2d. */
struct kp_norm_layer {
    struct kp_tensor *weight;
    struct kp_tensor *bias;
    struct kp_tensor *mean;
    struct kp_tensor *var;
};

/* Weight 1, bias 0, running mean 0, running variance 1, num_batches_tracked. */
static inline struct kp_norm_layer kp_norm_declare(struct kp_build *b, const char *prefix,
                                                   int64_t channels)
{
    char name[KP_NAME_SIZE];
    struct kp_shape c = kp_shape1(channels);
    struct kp_norm_layer l;

    l.weight = kp_param(b, kp_layer_name(name, prefix, "weight"), c, kp_init_constant(1.0));
    l.bias = kp_param(b, kp_layer_name(name, prefix, "bias"), c, kp_init_constant(0.0));
    l.mean = kp_buffer(b, kp_layer_name(name, prefix, "running_mean"), c, 0.0);
    l.var = kp_buffer(b, kp_layer_name(name, prefix, "running_var"), c, 1.0);
    kp_counter(b, kp_layer_name(name, prefix, "num_batches_tracked"));
    return l;
}

static inline struct kp_tensor *kp_norm_apply(struct kp_tape *t, const struct kp_norm_layer *l,
                                              struct kp_tensor *x)
{
    return kp_batch_norm(t, x, l->weight, l->bias, l->mean, l->var, 0.1, 1e-5);
}

/* Both (K). eps 1e-5 as torch.nn.LayerNorm. */
struct kp_layer_norm_layer {
    struct kp_tensor *weight;
    struct kp_tensor *bias;
};

/* Weight 1, bias 0. */
static inline struct kp_layer_norm_layer kp_layer_norm_declare(struct kp_build *b,
                                                               const char *prefix, int64_t width)
{
    char name[KP_NAME_SIZE];
    struct kp_layer_norm_layer l;

    l.weight =
        kp_param(b, kp_layer_name(name, prefix, "weight"), kp_shape1(width), kp_init_constant(1.0));
    l.bias =
        kp_param(b, kp_layer_name(name, prefix, "bias"), kp_shape1(width), kp_init_constant(0.0));
    return l;
}

static inline struct kp_tensor *
kp_layer_norm_apply(struct kp_tape *t, const struct kp_layer_norm_layer *l, struct kp_tensor *x)
{
    return kp_layer_norm(t, x, l->weight, l->bias, 1e-5);
}

/* weight (V, D) */
struct kp_embedding_layer {
    struct kp_tensor *weight;
};

static inline struct kp_embedding_layer kp_embedding_declare(struct kp_build *b, const char *prefix,
                                                             int64_t rows, int64_t width,
                                                             struct kp_init init)
{
    char name[KP_NAME_SIZE];
    struct kp_embedding_layer l;

    l.weight = kp_param(b, kp_layer_name(name, prefix, "weight"), kp_shape2(rows, width), init);
    return l;
}

static inline struct kp_tensor *
kp_embedding_apply(struct kp_tape *t, const struct kp_embedding_layer *l, struct kp_tensor *ids)
{
    return kp_embedding(t, ids, l->weight);
}

#endif
