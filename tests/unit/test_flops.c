/* test_flops.c - the arithmetic of nets and of their training, frozen layers among them. */
#include "support/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct rig rig;

static struct kp_flops of(const char *model, const char *options, const char *freeze,
                          struct kp_model_io io)
{
    struct kp_flops out = {0, 0};
    struct kp_net *net = NULL;
    struct kp_error e = {0};

    if (rig_net_io(&rig, model, options, &io, &net, &e) != KP_OK ||
        kp_net_flops(net, freeze, &out, &e) != KP_OK)
        fail_msg("%s", e.text);
    kp_net_destroy(net);
    return out;
}

/* For square RGB images of ten classes. */
static struct kp_flops of_images(const char *model, const char *options, const char *freeze,
                                 int64_t size)
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = {3, {3, size, size}}, .classes = 10};

    return of(model, options, freeze, io);
}

/* Multiply-adds of an image of 32x32, counted by hand: each 3x3 convolution of block i has 9 in out
 * of them for each pixel of its block. */
static void test_forward(void **state)
{
    static const struct {
        const char *model, *options;
        double macs;
    } cases[] = {
        {"cnn", NULL,
         9.0 * (3 * 20 * 1024 + 20 * 40 * 1024 + 40 * 80 * 256 + 80 * 160 * 64) + 160 * 10},
        {"cnn", "width=8",
         9.0 * (3 * 8 * 1024 + 8 * 16 * 1024 + 16 * 32 * 256 + 32 * 64 * 64) + 64 * 10},
        {"mlp", "hidden=16", 3072.0 * 16 + 16 * 10},
        /* stem; two blocks a stage, of which the first halves the image beside a 1x1 shortcut */
        {"resnet", NULL,
         1024.0 * 9 * 3 * 64 + 4 * 1024.0 * 9 * 64 * 64 +
             256.0 * (9 * 64 * 128 + 3 * 9 * 128 * 128 + 64 * 128) +
             64.0 * (9 * 128 * 256 + 3 * 9 * 256 * 256 + 128 * 256) +
             16.0 * (9 * 256 * 512 + 3 * 9 * 512 * 512 + 256 * 512) + 512 * 10},
        /* 64 patches, then 7 layers on 65 tokens: q k v o, two of the MLP, attention */
        {"vit", NULL,
         64.0 * 48 * 384 + 7 * (65 * 6.0 * 384 * 384 + 2.0 * 65 * 65 * 384) + 384 * 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_flops f = of_images(cases[i].model, cases[i].options, NULL, 32);

        if (f.forward != 2 * cases[i].macs)
            fail_msg("%s: %.0f where %.0f is right", cases[i].model, f.forward, 2 * cases[i].macs);
        assert_true(f.training == 3 * f.forward);
    }
}

/* Of windows of 512 tokens, 16 384 different ones; the published figures of the study's presets, in
 * millions for each token. */
static void test_tokens(void **state)
{
    static const struct {
        const char *options;
        double width, depth, inner, mlp, millions;
    } cases[] = {{"preset=mini", 512, 4, 256, 2048, 39.8},
                 {"preset=mini2", 1024, 4, 1024, 2048, 109.1},
                 {"preset=small", 768, 12, 768, 3072, 213.9},
                 {"preset=medium", 1024, 24, 1024, 4096, 687.9}};
    const struct kp_model_io io = {sizeof(io), KP_I32, kp_shape1(512), 16384, kp_shape1(512)};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const double h = cases[i].width, a = cases[i].inner;
        const double each = 2 * (cases[i].depth * (4 * h * a + 2 * h * cases[i].mlp) + h * 16384 +
                                 2 * cases[i].depth * 512 * a);
        struct kp_flops f = of("gpt", cases[i].options, NULL, io);

        if (f.forward != 512 * each)
            fail_msg("%s: %.0f where %.0f is right", cases[i].options, f.forward, 512 * each);
        assert_true(fabs(f.forward / 512e6 - cases[i].millions) < 0.06);
        assert_true(f.training == 3 * f.forward);
    }
}

/* What a token costs a mini student: by labels, and from teachers, who add a forward pass. */
static void test_token_of_a_student(void **state)
{
    static const struct {
        const char *teacher;
        double millions;
    } cases[] = {{"preset=mini", 159.4}, {"preset=small", 333.4}, {"preset=medium", 807.4}};
    const struct kp_model_io io = {sizeof(io), KP_I32, kp_shape1(512), 16384, kp_shape1(512)};
    const double labels = of("gpt", "preset=mini", NULL, io).training;

    (void)state;
    assert_true(fabs(labels / 512e6 - 119.5) < 0.06);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double each = (labels + of("gpt", cases[i].teacher, NULL, io).forward) / 512e6;

        if (!(fabs(each - cases[i].millions) < 0.06))
            fail_msg("%s: %.2f where %.1f is right", cases[i].teacher, each, cases[i].millions);
    }
}

/* A frozen layer has no gradient of its weights; before the first trained one nothing goes back. */
static void test_frozen(void **state)
{
    const double first = 2.0 * 192 * 16, second = 2.0 * 16 * 12, head = 2.0 * 12 * 10;
    static const char *const freeze[] = {"layers.0", "layers.0 layers.1", "layers.1", "layers.2"};
    const double want[] = {first + 3 * second + 3 * head, first + second + 3 * head,
                           3 * first + 2 * second + 3 * head, 3 * first + 3 * second + 2 * head};

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        struct kp_flops f = of_images("mlp", "hidden=16 12", freeze[i], 8);

        assert_true(f.forward == first + second + head);
        if (f.training != want[i])
            fail_msg("%s: %.0f where %.0f is right", freeze[i], f.training, want[i]);
    }
}

/* Frozen attention hands on what flows back to the layers before it. */
static void test_frozen_attention(void **state)
{
    const double patches = 2.0 * 64 * 48 * 384, linears = 2.0 * 65 * 6 * 384 * 384;
    const double attention = 2.0 * 2 * 65 * 65 * 384, head = 2.0 * 384 * 10;
    struct kp_flops f = of_images("vit", "depth=1", "enc.0", 32);

    (void)state;
    assert_true(f.training == 3 * patches + 2 * linears + 3 * attention + 3 * head);
    f = of_images("vit", "depth=1", "cls pos emb enc", 32);
    assert_true(f.training == patches + linears + attention + 3 * head);
}

static int open_rig(void **state)
{
    struct kp_error e = {0};

    (void)state;
    if (rig_open(&rig, KP_BUILD_ROOT, &e) != KP_OK)
        fail_msg("%s", e.text);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_of_a_student),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_frozen_attention),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
