/* test_model_parity.c - models, objectives and the optimizer against what PyTorch computed
 * (make_model_fixtures.py). */
#include "base/rng.h"
#include "net_fixture.h"

#include <fnmatch.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLASSES   10
#define SGD_STEPS 10
#define SGD_LR    0.05
#define SGD_DECAY 1e-3

struct fixture {
    const char *name, *model, *options;
    struct kp_shape input;
    int64_t classes;
    bool brief; /* fewer objectives and optimizers */
};

static const struct fixture fixtures[] = {
    {"model_cnn_32", "cnn", "width=4", {3, {3, 32, 32}}, 10},
    {"model_cnn_28", "cnn", "width=4", {3, {1, 28, 28}}, 10},
    {"model_mlp", "mlp", "hidden=16 12", {3, {3, 8, 8}}, 7},
    {"model_resnet_basic", "resnet", "width=4;blocks=1 2", {3, {3, 8, 8}}, 10, true},
    {"model_resnet_bottleneck",
     "resnet",
     "width=2;blocks=1 2;block=bottleneck;stem=imagenet",
     {3, {3, 32, 32}},
     10,
     true},
    {"model_vit_omihub",
     "vit",
     "patch=2;width=16;depth=2;heads=4;mlp=24",
     {3, {3, 8, 8}},
     10,
     true},
    {"model_vit_standard",
     "vit",
     "variant=standard;patch=4;width=12;depth=1;heads=3;mlp=20",
     {3, {3, 8, 8}},
     7,
     true},
};

#define FIXTURES ((int)(sizeof(fixtures) / sizeof(fixtures[0])))

/* Bounds on the error of fp32. Rounding of a sum of n products is about sqrt(n) 2^-24 of its
 * largest terms; the longest ones here, batch statistics and weight gradients over 12 * 32 * 32
 * pixels, give 7e-6. A sum in lanes or slices does better: seen are 4e-7, 5e-6 and 1e-6 at any
 * processor level, and the bounds are four times that or more. What a step does to the next one is
 * bounded by the fixtures' choice: rounding alone changes their ten steps by at most 1e-5. */
struct bounds {
    double forward, gradient, steps;
};

static const struct bounds fp32 = {2e-6, 2e-5, 2e-5};

/* Gradients that are zero in exact arithmetic (a bias before a batch norm) are compared with this
 * share of the model's largest gradient. */
#define SMALL_GRADIENT 0.05

/* The net of one of the fixtures above. */
struct bench {
    const struct fixture *fixture;
    struct net_fixture f;
};

static void compare_logits(struct net_fixture *f, const char *name)
{
    const struct kp_stored *want = net_fixture_array(f, "%s", name);
    float logits[NET_FIXTURE_ROWS * CLASSES];

    kp_exec_read(f->exec, f->program->logits, logits, f->rows);
    net_fixture_compare(f, want, logits, fp32.forward, net_fixture_largest(want));
}

static void check_evaluation(struct bench *b)
{
    static const enum kp_mode modes[] = {KP_EVAL, KP_EVAL_GRAD};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        net_fixture_start(&b->f, (struct kp_program_spec){.mode = modes[i]}, NULL, NULL);
        net_fixture_step(&b->f, 0);
        compare_logits(&b->f, "logits/eval");
        net_fixture_stop(&b->f);
    }
}

static void check_objectives(struct bench *b)
{
    static const struct {
        const char *array, *objective, *options;
        bool brief;
    } cases[] = {
        {"lt", "lt", NULL, true},
        {"kd_none", "kd", "tau=20;tau_scale=none"},
        {"kd_tau", "kd", "tau=20;tau_scale=tau"},
        {"kd_tau2", "kd", "tau=20", true},
        {"kd_mixed", "kd", "tau=20;label_weight=0.3;kd_weight=0.7"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_fixture *f = &b->f;
        char prefix[64];
        float loss;

        if (b->fixture->brief && !cases[i].brief)
            continue;
        const struct kp_stored *want = net_fixture_array(f, "loss/%s", cases[i].array);
        net_fixture_start(f, (struct kp_program_spec){.mode = KP_TRAIN}, cases[i].objective,
                          cases[i].options);
        net_fixture_step(f, 0);
        compare_logits(f, "logits/train");
        kp_exec_read(f->exec, f->program->loss, &loss, 1);
        net_fixture_compare(f, want, &loss, fp32.forward, net_fixture_largest(want));
        (void)snprintf(prefix, sizeof(prefix), "grad/%s", cases[i].array);
        net_fixture_compare_list(f, &f->net->params, f->state->grads, prefix, fp32.gradient,
                                 SMALL_GRADIENT);
        net_fixture_stop(f);
    }
}

static void check_optimizers(struct bench *b)
{
    static const struct {
        const char *array;
        struct kp_optimizer optimizer;
        bool brief;
    } cases[] = {
        {"plain", {.weight_decay = SGD_DECAY}},
        {"momentum", {.momentum = 0.9, .weight_decay = SGD_DECAY}, true},
        {"nesterov", {.momentum = 0.9, .weight_decay = SGD_DECAY, .nesterov = true}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_fixture *f = &b->f;
        char prefix[64];

        if (b->fixture->brief && !cases[i].brief)
            continue;
        net_fixture_start(
            f, (struct kp_program_spec){.mode = KP_TRAIN, .optimizer = cases[i].optimizer}, "kd",
            "tau=20");
        for (int n = 0; n < SGD_STEPS; n++)
            net_fixture_step(f, SGD_LR);
        (void)snprintf(prefix, sizeof(prefix), "sgd/%s", cases[i].array);
        for (int64_t k = 0; k < f->net->counter_count; k++) {
            const int64_t *counter =
                net_fixture_array(f, "%s/%s", prefix, f->net->counters[k])->data;
            assert_int_equal(f->state->counters[k], *counter);
        }
        net_fixture_compare_list(f, &f->net->params, f->state->params, prefix, fp32.steps, 0);
        net_fixture_compare_list(f, &f->net->buffers, f->state->buffers, prefix, fp32.steps, 0);
        net_fixture_stop(f);
    }
}

static void check(const char *device, int fixture, void (*what)(struct bench *b))
{
    const struct fixture *x = &fixtures[fixture];
    const struct kp_model_io io = net_fixture_images(x->input, x->classes);
    struct bench b = {.fixture = x};

    net_fixture_open(&b.f, device, x->name, x->model, x->options, &io);
    what(&b);
    net_fixture_close(&b.f);
}

#define TESTS(device)                                          \
    static void evaluation_on_##device(void **state)           \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_evaluation);               \
    }                                                          \
    static void losses_and_gradients_on_##device(void **state) \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_objectives);               \
    }                                                          \
    static void ten_steps_of_sgd_on_##device(void **state)     \
    {                                                          \
        (void)state;                                           \
        for (int i = 0; i < FIXTURES; i++)                     \
            check(#device, i, check_optimizers);               \
    }

TESTS(ref)
TESTS(cpu)

/* Scalars of the parameters but those whose names fit a pattern. */
static int64_t count_without(const struct kp_net *net, const char *const without[2])
{
    int64_t count = 0;

    for (int64_t i = 0; i < net->params.count; i++) {
        const struct kp_net_block *b = net->params.v[i];
        bool left_out = false;

        for (int k = 0; k < 2; k++)
            left_out = left_out || (without[k] && fnmatch(without[k], b->name, 0) == 0);
        if (!left_out)
            count += kp_shape_count(b->shape);
    }
    return count;
}

static void parameter_counts(void **state)
{
    static const struct {
        const char *model, *options;
        int64_t size, classes, count;
        const char *without[2]; /* patterns of names that are not counted */
    } cases[] = {
        {"cnn", NULL, 32, 10, 154250},
        {"cnn", NULL, 32, 100, 168740},
        {"cnn", "width=8", 32, 10, 25418},
        {"cnn", "width=6", 32, 10, 14530},
        {"cnn", "width=4", 32, 10, 6666},
        {"cnn", "channels=20 40 60 160", 32, 10, 118190},
        {"cnn", "channels=20 40 60 160", 32, 100, 132680},
        {"cnn", NULL, 32, 10, 153350, {"bn*", "conv*.bias"}},
        {"cnn", NULL, 32, 100, 167840, {"bn*", "conv*.bias"}},
        {"cnn", NULL, 32, 10, 153650, {"bn*"}},
        {"cnn", NULL, 32, 100, 168140, {"bn*"}},
        {"cnn", NULL, 32, 10, 153950, {"conv*.bias"}},
        {"cnn", NULL, 32, 100, 168440, {"conv*.bias"}},
        {"cnn", "channels=20 40 60 160", 32, 10, 117350, {"bn*", "conv*.bias"}},
        {"cnn", "channels=20 40 60 160", 32, 100, 131840, {"bn*", "conv*.bias"}},
        {"cnn", "channels=20 40 60 160", 32, 10, 117630, {"bn*"}},
        {"cnn", "channels=20 40 60 160", 32, 100, 132120, {"bn*"}},
        {"cnn", "channels=20 40 60 160", 32, 10, 117910, {"conv*.bias"}},
        {"cnn", "channels=20 40 60 160", 32, 100, 132400, {"conv*.bias"}},
        {"resnet", NULL, 32, 10, 11173962},
        {"resnet", NULL, 32, 100, 11220132},
        {"resnet", "depth=18;stem=imagenet", 224, 1000, 11689512},
        {"resnet", "depth=34;stem=imagenet", 224, 1000, 21797672},
        {"resnet", "depth=50;stem=imagenet", 224, 1000, 25557032},
        {"vit", NULL, 32, 10, 6268810},
        {"vit", NULL, 32, 100, 6303460},
    };
    struct rig rig;
    struct kp_error e = {0};

    (void)state;
    net_fixture_must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_shape rgb = {3, {3, cases[i].size, cases[i].size}};
        struct kp_net *net = NULL;

        net_fixture_must(
            rig_net(&rig, cases[i].model, cases[i].options, rgb, cases[i].classes, &net, &e), &e);
        if (!cases[i].without[0])
            assert_int_equal(kp_net_param_count(net), cases[i].count);
        assert_int_equal(count_without(net, cases[i].without), cases[i].count);
        kp_net_destroy(net);
    }
    rig_close(&rig);
}

struct moments {
    int64_t n;
    double mean, square, largest;
};

/* Of a parameter as it is before training. */
static struct moments initial(struct rig *rig, struct kp_device *device, const char *model,
                              const char *options, const char *parameter)
{
    const struct kp_model_io io = strcmp(model, "gpt") == 0
                                      ? net_fixture_tokens(64, 100)
                                      : net_fixture_images((struct kp_shape){3, {3, 32, 32}}, 10);
    struct kp_net *net = NULL;
    struct kp_state *s = NULL;
    struct kp_error e = {0};
    struct moments m = {0};

    net_fixture_must(rig_net_io(rig, model, options, &io, &net, &e), &e);
    net_fixture_must(kp_state_create(device, net, false, &s, &e), &e);
    net_fixture_must(kp_state_init(s, 11, KP_ROLE_STUDENT, &e), &e);
    float *host = malloc(net->params.bytes);
    assert_non_null(host);
    device->ops->download(device, host, s->params, net->params.bytes);
    for (int64_t k = 0; k < net->params.count; k++) {
        const struct kp_net_block *b = net->params.v[k];
        const float *v = host + b->offset / sizeof(float);

        if (strcmp(b->name, parameter) != 0)
            continue;
        m.n = kp_shape_count(b->shape);
        for (int64_t i = 0; i < m.n; i++) {
            m.mean += (double)v[i] / (double)m.n;
            m.square += (double)v[i] * (double)v[i] / (double)m.n;
            m.largest = fmax(m.largest, fabs((double)v[i]));
        }
    }
    free(host);
    kp_state_destroy(s);
    kp_net_destroy(net);
    return m;
}

/* PyTorch's own initial weights: uniform in +-1 / sqrt(fan_in), so of variance 1 / (3 fan_in), for
 * weights and biases; torchvision's normal ones by fan-out in ResNet's convolutions; N(0, 1)
 * positions of ViT; N(0, 0.02^2) in GPT, and 0.02 / sqrt(2 depth) in c_proj. Within four standard
 * errors, for which the kurtosis of a uniform number is 1.8 and that of a normal one 3. */
static void initial_weights(void **state)
{
    static const struct {
        const char *model, *options, *parameter;
        double fan_in; /* uniform; 0: normal, of the variance behind it */
        double variance;
    } cases[] = {
        {"cnn", NULL, "conv3.weight", 720},
        {"cnn", "width=64", "conv3.bias", 2304},
        {"mlp", NULL, "layers.0.weight", 3072},
        {"resnet", NULL, "layer4.1.conv2.weight", 4608},
        {"resnet", "stem=imagenet", "layer4.1.conv2.weight", 0, 2.0 / 4608},
        {"vit", NULL, "pos_emb", 0, 1},
        {"gpt", "depth=1", "input_embedding.weight", 0, 4e-4},
        {"gpt", "depth=1", "position_embedding.weight", 0, 4e-4},
        {"gpt", "depth=1", "linear.weight", 0, 4e-4},
        {"gpt", "width=64;depth=2", "layers.1.attn.linear_O.weight", 0, 4e-4},
        {"gpt", "width=64;depth=2", "layers.1.mlp.c_fc.weight", 0, 4e-4},
        {"gpt", "width=64;depth=2", "layers.1.mlp.c_proj.weight", 0, 1e-4},
    };
    struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_device *device = NULL;
    struct kp_error e = {0};
    struct rig rig;

    (void)state;
    net_fixture_must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    net_fixture_must(kp_device_open("ref", &config, &device, &e), &e);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const bool uniform = cases[i].fan_in > 0;
        const double variance = uniform ? 1 / (3 * cases[i].fan_in) : cases[i].variance;
        struct moments m =
            initial(&rig, device, cases[i].model, cases[i].options, cases[i].parameter);

        assert_true(m.n > 0);
        if (!(fabs(m.square / variance - 1) < 4 * sqrt((uniform ? 0.8 : 2) / (double)m.n)) ||
            !(fabs(m.mean) < 4 * sqrt(variance / (double)m.n)) ||
            (uniform && !(m.largest <= (1 + 1e-6) / sqrt(cases[i].fan_in))))
            fail_msg("%s, %s: mean %g, variance %g where %g is right, largest %g", cases[i].model,
                     cases[i].parameter, m.mean, m.square, variance, m.largest);
    }
    kp_device_close(device);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(initial_weights),
        cmocka_unit_test(evaluation_on_ref),
        cmocka_unit_test(losses_and_gradients_on_ref),
        cmocka_unit_test(ten_steps_of_sgd_on_ref),
        cmocka_unit_test(evaluation_on_cpu),
        cmocka_unit_test(losses_and_gradients_on_cpu),
        cmocka_unit_test(ten_steps_of_sgd_on_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
