/* my_op.c - Swish (Ramachandran et al. 2017) as an operation, and a small network that uses it.
 *
 * An operation is a layer that kappa/tape.h lacks: its result forward and its gradients backward.
 * kappa/op.h has the rules, for operations with parameters, rows and whole examples too. Models ask
 * for it by its name; the one below is there to try it out. */
#include <kappa/layers.h>
#include <kappa/plugin.h>

#include <tgmath.h>

/* The options of the operation, as a model gives them. */
struct my_op_options {
    double beta;
};

static const struct kp_option my_op_table[] = {
    KP_REAL(struct my_op_options, beta, "beta", "1", 0, 1000, "steepness; 0: half of x"),
};

/* y = x s(beta x) with s(u) = 1 / (1 + exp(-u)). One text for float and double. */
KP_OP_TEXT(my_op_forward, struct my_op_options, {
    const kp_real beta = (kp_real)self->beta;

    for (int64_t i = 0; i < call->y.width; i++) {
        const kp_real x = call->in[0].v[i];
        call->y.v[i] = x / (1 + exp(-beta * x));
    }
})

/* dx = dy (s + beta x s (1 - s)); = and not +=, see op_call.h */
KP_OP_TEXT(my_op_backward, struct my_op_options, {
    const kp_real beta = (kp_real)self->beta;

    for (int64_t i = 0; i < call->dy.width; i++) {
        const kp_real x = call->in[0].v[i];
        const kp_real s = 1 / (1 + exp(-beta * x));
        call->grad[0].v[i] = call->dy.v[i] * (s + beta * x * s * (1 - s));
    }
})

/* FLAT: elementwise. Name, how it is seen, whether no gradient flows to it. */
static const struct kp_operand my_op_operands[] = {
    {"x", KP_FLAT, false},
};

static const struct kp_op_def my_op_def = {
    .size = sizeof(struct kp_op_def),
    .name = "my_op",
    .doc = "Swish: x times the logistic function of beta x.",
    .formula = "x / (1 + exp(-${beta} x))",
    .self_size = sizeof(struct my_op_options),
    .options = KP_OPTIONS(my_op_table),
    .operands = my_op_operands,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_FLAT,
    .needs = KP_OP_NEEDS_IN0, /* what backward reads besides dy */
    .forward_float = my_op_forward_float,
    .forward_double = my_op_forward_double,
    .backward_float = my_op_backward_float,
    .backward_double = my_op_backward_double,
};

/* A network to try it out: one hidden layer. */
struct my_op_net_state {
    int64_t width;
    double beta;
    const struct kp_operation *activation;
    struct kp_linear_layer hidden, head;
};

static const struct kp_option my_op_net_options[] = {
    KP_INT(struct my_op_net_state, width, "width", "64", 1, 65536, "units of the hidden layer"),
    KP_REAL(struct my_op_net_state, beta, "beta", "1", 0, 1000, "of my_op"),
};

static enum kp_status my_op_net_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct my_op_net_state *m = self;

    m->activation = kp_build_operation_with(b, "my_op", "beta = %.17g", m->beta);
    m->hidden = kp_linear_declare(b, "hidden", kp_shape_count(io->input), m->width, true);
    m->head = kp_linear_declare(b, "head", m->width, io->classes, true);
    return kp_build_status(b);
}

static enum kp_status my_op_net_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                        struct kp_tensor **logits)
{
    const struct my_op_net_state *m = self;

    x = kp_linear_apply(t, &m->hidden, kp_flatten(t, x));
    x = kp_apply(t, m->activation, &x, 1);
    kp_features(t, x);
    *logits = kp_linear_apply(t, &m->head, x);
    return kp_tape_status(t);
}

static const struct kp_model_def my_op_net_def = {
    .size = sizeof(struct kp_model_def),
    .name = "my_op_net",
    .doc = "One hidden layer with my_op.",
    .self_size = sizeof(struct my_op_net_state),
    .options = KP_OPTIONS(my_op_net_options),
    .build = my_op_net_build,
    .forward = my_op_net_forward,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "my_op",
    .version = "1",
    .models = (const struct kp_model_def *const[]){&my_op_net_def, NULL},
    .ops = (const struct kp_op_def *const[]){&my_op_def, NULL},
};
