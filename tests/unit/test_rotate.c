/* test_rotate.c - random angles and random pieces of images: their laws, and that threads change
 * nothing. */
#include "data/loader.h"
#include "data/resize.h"

#include <math.h>

#include "image_rig.h"
#include "loader_rig.h"

enum { DRAWS = 20000 };

static const struct kp_rng_key key = {.seed = 7, .stream = KP_STREAM_AUGMENT, .role = 1};

static void angles_are_uniform(void **state)
{
    struct kp_augment a = {.flip = true, .crop_pad = 4, .rotate = 15}, plain = {true, 4, 0};
    int in[10] = {0};
    (void)state;

    for (int64_t i = 0; i < DRAWS; i++) {
        struct kp_draw d = kp_draw_example(&a, key, i), p = kp_draw_example(&plain, key, i);
        assert_true(d.angle >= -15 && d.angle <= 15);
        in[(int)fmin(9, ((double)d.angle + 15) / 3)]++;
        /* The other draws do not depend on it. */
        assert_true(p.flip == d.flip && p.dx == d.dx && p.dy == d.dy);
        assert_true(!(p.angle > 0) && !(p.angle < 0));
    }
    /* Five standard deviations of a binomial count. */
    for (int k = 0; k < 10; k++)
        assert_in_range(in[k], 2000 - 212, 2000 + 212);
}

static void pieces_follow_their_law(void **state)
{
    double area_sum = 0, low = 1, high = 0;
    int whole = 0;
    (void)state;

    for (int64_t i = 0; i < DRAWS; i++) {
        struct kp_cut c = kp_draw_cut(key, i, 300, 400);
        double area = (double)(c.height * c.width) / (300.0 * 400),
               ratio = (double)c.width / (double)c.height;
        assert_true(c.top >= 0 && c.left >= 0 && c.top + c.height <= 300 &&
                    c.left + c.width <= 400);
        assert_true(ratio > 0.74 && ratio < 1.345);
        low = fmin(low, area);
        high = fmax(high, area);
        area_sum += area;
        whole += c.top == 0 && c.left == 0;
    }
    assert_true(low > 0.078 && low < 0.09 && high > 0.9 && high <= 1);
    /* Large pieces often do not fit and are drawn again: the mean is 0.4337, its standard error for
     * so many draws 0.0015, by the same law in Python. */
    assert_true(fabs(area_sum / DRAWS - 0.4337) < 5 * 0.0015);
    assert_true(whole < DRAWS / 20);
}

/* What never fits falls back to the middle. */
static void narrow_images_give_their_middle(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 50; i++) {
        struct kp_cut c = kp_draw_cut(key, i, 10, 1000);
        assert_true(c.height <= 10 && c.width <= 14);
        c = kp_draw_cut(key, i, 1, 1);
        assert_true(c.height == 1 && c.width == 1 && c.top == 0 && c.left == 0);
    }
    struct kp_cut c = kp_draw_cut(key, 3, 100000, 10);
    assert_true(c.width == 10 && c.height == 13 && c.top == (100000 - 13) / 2);
}

static struct kp_dataset *open_set(int64_t decoders)
{
    struct kp_dataset_config c = {
        .format = "folder", .root = "set", .decode = KP_DECODE_PACKED, .decoders = decoders};
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    c.resize = 40;
    c.crop = 32;
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < 12; i++) {
            char path[64];
            (void)snprintf(path, sizeof path, "set/%s/c%d/%02d.jpg", s ? "val" : "train", i % 2, i);
            struct rig_bytes b = rig_jpeg(i, 3, 60 + i, 50 + 3 * i);
            if (access(path, F_OK) != 0)
                rig_save(path, b);
            free(b.v);
        }
    if (kp_dataset_open(&c, &d, &e))
        fail_msg("%s", e.text);
    return d;
}

/* Batches of two epochs, with rotation and random pieces, for each number of threads. */
static void threads_change_no_batch(void **state)
{
    enum { BYTES = 3 * 32 * 32, COUNT = 12 };
    static uint8_t first[2 * COUNT][BYTES];
    static struct kp_draw draws[2 * COUNT];
    int differ = 0;
    (void)state;

    for (int64_t threads = 1; threads <= 4; threads++) {
        struct kp_dataset *d = open_set(threads);
        struct kp_loader *l = NULL;
        struct kp_error e = {0};
        struct kp_loader_config c = {.data = d,
                                     .count = COUNT,
                                     .batch = 5,
                                     .rotate = 20,
                                     .random_resized_crop = true,
                                     .role = KP_ROLE_STUDENT};
        int row = 0;
        assert_int_equal(d->split[KP_SPLIT_TRAIN].count, COUNT);
        if (kp_loader_create(&c, &l, &e) || kp_loader_start(l, 0, 0, &e))
            fail_msg("%s", e.text);
        for (int b = 0; b < 6; b++) {
            const struct kp_batch *x = next_batch(l);
            for (int64_t r = 0; r < x->rows; r++, row++) {
                assert_non_null(x->draws);
                if (threads == 1) {
                    memcpy(first[row], x->pixels + r * BYTES, BYTES);
                    draws[row] = x->draws[r];
                    continue;
                }
                assert_memory_equal(first[row], x->pixels + r * BYTES, BYTES);
                assert_true(draws[row].angle <= x->draws[r].angle &&
                            draws[row].angle >= x->draws[r].angle);
            }
        }
        assert_int_equal(row, 2 * COUNT);
        kp_loader_destroy(l);
        kp_dataset_close(d);
    }
    for (int i = 0; i < COUNT; i++)
        differ += memcmp(first[i], first[COUNT + i], BYTES) != 0;
    assert_true(differ == COUNT);
}

/* The piece that was drawn, resized alone, is what the batch holds. */
static void a_batch_holds_the_pieces_drawn(void **state)
{
    enum { SIDE = 32, BYTES = 3 * SIDE * SIDE };
    struct kp_loader *l = NULL;
    struct kp_error e = {0};
    (void)state;

    struct kp_dataset *d = open_set(1);
    const struct kp_examples *x = &d->split[KP_SPLIT_TRAIN];
    struct kp_loader_config c = {.data = d,
                                 .count = 12,
                                 .batch = 12,
                                 .order = KP_ORDER_FIXED,
                                 .random_resized_crop = true,
                                 .role = 1,
                                 .seed_augment = 7};
    if (kp_loader_create(&c, &l, &e) || kp_loader_start(l, 0, 0, &e))
        fail_msg("%s", e.text);
    const struct kp_batch *b = next_batch(l);
    assert_null(b->draws);
    for (int64_t i = 0; i < 12; i++) {
        uint8_t want[SIDE][SIDE][3];
        const struct kp_image_entry *image = &x->images[i];
        const size_t stride = (size_t)image->width * 3;
        struct kp_cut cut = kp_draw_cut(key, i, image->height, image->width);
        struct kp_rgb piece = {x->image_bytes + image->offset + (size_t)cut.top * stride +
                                   (size_t)cut.left * 3,
                               stride, cut.height, cut.width};
        void *scratch = malloc(kp_resize_scratch(cut.height, cut.width, SIDE, SIDE));
        assert_non_null(scratch);
        kp_resize(&piece, SIDE, SIDE, scratch, &want[0][0][0]);
        free(scratch);
        for (int ch = 0; ch < 3; ch++)
            for (int y = 0; y < SIDE; y++)
                for (int at = 0; at < SIDE; at++)
                    assert_int_equal(b->pixels[i * BYTES + (ch * SIDE + y) * SIDE + at],
                                     want[y][at][ch]);
    }
    kp_loader_destroy(l);

    c.rotate = 181;
    assert_int_equal(kp_loader_create(&c, &l, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "rotate = 181 degrees; 0 to 180"));
    kp_dataset_close(d);
}

static void pieces_are_of_images_only(void **state)
{
    static uint8_t bytes[2][4];
    static int32_t labels[2];
    struct kp_dataset d = {.classes = 2, .shape = {3, {1, 2, 2}}};
    struct kp_loader_config c = {.data = &d, .count = 2, .batch = 2, .random_resized_crop = true};
    struct kp_loader *l = NULL;
    struct kp_error e = {0};
    (void)state;

    d.split[KP_SPLIT_TRAIN] = (struct kp_examples){
        .count = 2, .labels = labels, .stride = 4, .parts = 1, .part = {{2, bytes[0]}}};
    assert_int_equal(kp_loader_create(&c, &l, &e), KP_E_CONFIG);
    assert_non_null(strstr(e.text, "data.random_resized_crop = true is for image files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(angles_are_uniform),
        cmocka_unit_test(pieces_follow_their_law),
        cmocka_unit_test(narrow_images_give_their_middle),
        cmocka_unit_test_setup_teardown(threads_change_no_batch, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_batch_holds_the_pieces_drawn, rig_setup, rig_teardown),
        cmocka_unit_test(pieces_are_of_images_only),
    };
    return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
