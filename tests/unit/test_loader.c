/* test_loader.c - batches: each example once an epoch, the same from any start, draws of their own.
 */
#include "base/clock.h"
#include "data/loader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader_rig.h"

enum { TOTAL = 103, SIDE = 3, BYTES = SIDE * SIDE, EPOCHS = 4 };

/* Example i has label i and bytes 2 i + k; it lies in two parts. */
static uint8_t bytes[TOTAL][BYTES + 1];
static int32_t labels[TOTAL];
static struct kp_dataset data;

static int make_data(void **state)
{
    (void)state;
    for (int i = 0; i < TOTAL; i++) {
        labels[i] = i;
        for (int k = 0; k < BYTES; k++)
            bytes[i][k] = (uint8_t)(2 * i + k);
    }
    data.classes = TOTAL;
    data.dtype = KP_U8;
    data.shape = (struct kp_shape){3, {1, SIDE, SIDE}};
    data.split[KP_SPLIT_TRAIN] = (struct kp_examples){
        .count = TOTAL,
        .labels = labels,
        .stride = BYTES + 1,
        .parts = 2,
        .part = {{40, bytes[0]}, {TOTAL - 40, bytes[40]}},
    };
    return 0;
}

static const struct kp_loader_config base = {
    .data = &data,
    .split = KP_SPLIT_TRAIN,
    .count = TOTAL,
    .batch = 16,
    .order = KP_ORDER_EPOCH,
    .flip = true,
    .crop_pad = 4,
    .role = KP_ROLE_STUDENT,
    .seed_order = 5,
    .seed_augment = 6,
};

static struct kp_loader *created(struct kp_loader_config c)
{
    struct kp_loader *l = NULL;
    struct kp_error e = {0};

    if (kp_loader_create(&c, &l, &e))
        fail_msg("%s", e.text);
    return l;
}

static void start(struct kp_loader *l, int64_t epoch, int64_t batch)
{
    struct kp_error e = {0};

    if (kp_loader_start(l, epoch, batch, &e))
        fail_msg("%s", e.text);
}

/* What the loader gave for the first EPOCHS epochs, row after row. */
struct record {
    int64_t position[EPOCHS][TOTAL];
    int32_t label[EPOCHS][TOTAL];
    struct kp_draw draw[EPOCHS][TOTAL];
};

static void record(struct kp_loader_config c, struct record *r)
{
    struct kp_loader *l = created(c);

    memset(r, 0, sizeof *r);
    assert_int_equal(kp_loader_batches(l), (c.count + c.batch - 1) / c.batch);
    start(l, 0, 0);
    for (int e = 0; e < EPOCHS; e++) {
        int64_t row = 0;
        for (int64_t b = 0; b < kp_loader_batches(l); b++) {
            const struct kp_batch *x = next_batch(l);
            int64_t left = c.count - row;
            assert_int_equal(x->rows, left < c.batch ? left : c.batch);
            for (int64_t i = 0; i < x->rows; i++, row++) {
                int64_t example = c.index ? c.index[x->position[i]] : x->position[i];
                assert_int_equal(x->labels[i], example);
                assert_memory_equal(x->pixels + i * BYTES, bytes[example], BYTES);
                assert_true(x->weights[i] == 1);
                r->position[e][row] = x->position[i];
                r->label[e][row] = x->labels[i];
                if (x->draws)
                    r->draw[e][row] = x->draws[i];
            }
        }
        assert_int_equal(row, c.count);
    }
    kp_loader_destroy(l);
}

static void each_example_comes_once_an_epoch(void **state)
{
    static const int64_t sizes[] = {1, 7, 16, TOTAL - 1, TOTAL, TOTAL + 1, 100000};
    static struct record r, first;
    (void)state;

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct kp_loader_config c = base;
        c.batch = sizes[s];
        record(c, &r);
        for (int e = 0; e < EPOCHS; e++) {
            int seen[TOTAL] = {0};
            for (int i = 0; i < TOTAL; i++)
                seen[r.position[e][i]]++;
            for (int i = 0; i < TOTAL; i++)
                assert_int_equal(seen[i], 1);
        }
        /* The order and the draws do not depend on the size of batches. */
        if (s == 0)
            first = r;
        assert_memory_equal(first.position, r.position, sizeof r.position);
        assert_memory_equal(first.draw, r.draw, sizeof r.draw);
    }
    assert_memory_not_equal(r.position[0], r.position[1], sizeof r.position[0]);
}

static void a_subset_is_loaded_by_its_index(void **state)
{
    static const int64_t index[] = {102, 0, 41, 39, 40, 77, 5};
    static struct record r;
    struct kp_loader_config c = base;
    (void)state;

    c.index = index;
    c.count = 7;
    c.batch = 3;
    c.order = KP_ORDER_FIXED;
    record(c, &r);
    for (int e = 0; e < EPOCHS; e++) {
        for (int i = 0; i < 7; i++) {
            assert_int_equal(r.position[e][i], i);
            assert_int_equal(r.label[e][i], index[i]);
        }
    }
}

/* A draw belongs to (seed, role, epoch, example): not to the order, the subset or the position. */
static void draws_belong_to_the_example(void **state)
{
    static const int64_t index[] = {102, 0, 41, 39, 40, 77, 5};
    static struct record all, some;
    struct kp_draw of[EPOCHS][TOTAL];
    struct kp_loader_config c = base;
    int differ = 0;
    (void)state;

    record(base, &all);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < TOTAL; i++)
            of[e][all.label[e][i]] = all.draw[e][i];
    c.index = index;
    c.count = 7;
    c.seed_order = 99;
    record(c, &some);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < 7; i++)
            assert_memory_equal(&some.draw[e][i], &of[e][some.label[e][i]], sizeof of[0][0]);
    for (int i = 0; i < TOTAL; i++)
        differ += memcmp(&of[0][i], &of[1][i], sizeof of[0][0]) != 0;
    assert_true(differ > TOTAL / 2);

    c.role = KP_ROLE_TEACHER;
    static struct record other;
    record(c, &other);
    assert_memory_not_equal(other.draw, some.draw, sizeof some.draw);

    /* Without crop the flips stay as they are. */
    c = base;
    c.crop_pad = 0;
    record(c, &some);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < TOTAL; i++)
            assert_int_equal(some.draw[e][i].flip, all.draw[e][i].flip);
}

/* Equal seeds must not make flips follow the order: the streams differ. */
static void draws_come_from_the_augment_stream(void **state)
{
    static struct record r;
    struct kp_loader_config c = base;
    struct kp_rng_key key = {.role = KP_ROLE_STUDENT, .stream = KP_STREAM_AUGMENT};
    (void)state;

    c.seed_order = c.seed_augment = key.seed = 8;
    record(c, &r);
    for (uint32_t e = 0; e < EPOCHS; e++) {
        key.epoch = e;
        for (int i = 0; i < TOTAL; i++) {
            uint32_t w[4];
            kp_rng_words(key, (uint64_t)r.label[e][i], 0, w);
            assert_int_equal(r.draw[e][i].flip, w[0] >> 31);
        }
    }
}

static void draws_cover_their_range_evenly(void **state)
{
    struct kp_loader_config c = base;
    int flips = 0, dy[9] = {0}, dx[9] = {0};
    enum { ROUNDS = 50 };
    (void)state;

    struct kp_loader *l = created(c);
    start(l, 0, 0);
    for (int64_t b = 0; b < ROUNDS * kp_loader_batches(l); b++) {
        const struct kp_batch *x = next_batch(l);
        for (int64_t i = 0; i < x->rows; i++) {
            assert_in_range(x->draws[i].dy + 4, 0, 8);
            assert_in_range(x->draws[i].dx + 4, 0, 8);
            flips += x->draws[i].flip;
            dy[x->draws[i].dy + 4]++;
            dx[x->draws[i].dx + 4]++;
        }
    }
    kp_loader_destroy(l);
    /* Within five standard deviations: sqrt(n p (1 - p)) is 36 for flips, 22 for offsets. */
    assert_in_range(flips, ROUNDS * TOTAL / 2 - 180, ROUNDS * TOTAL / 2 + 180);
    for (int i = 0; i < 9; i++) {
        assert_in_range(dy[i], ROUNDS * TOTAL / 9 - 113, ROUNDS * TOTAL / 9 + 113);
        assert_in_range(dx[i], ROUNDS * TOTAL / 9 - 113, ROUNDS * TOTAL / 9 + 113);
    }
}

static void without_augmentation_there_are_no_draws(void **state)
{
    struct kp_loader_config c = base;
    (void)state;

    c.flip = false;
    c.crop_pad = 0;
    struct kp_loader *l = created(c);
    start(l, 0, 0);
    assert_null(next_batch(l)->draws);
    kp_loader_destroy(l);
}

static void any_start_gives_the_same_batches(void **state)
{
    static struct record r;
    (void)state;

    record(base, &r);
    struct kp_loader *l = created(base);
    int64_t batches = kp_loader_batches(l);
    for (int64_t e = 0; e < 2; e++) {
        for (int64_t b = 0; b <= batches; b++) {
            /* One loader, started again and again, after more or fewer batches taken. */
            start(l, e, b);
            for (int64_t step = e * batches + b; step < e * batches + b + 5; step++) {
                const struct kp_batch *x = next_batch(l);
                int64_t epoch = step / batches, row = step % batches * base.batch;
                assert_memory_equal(x->position, &r.position[epoch][row],
                                    (size_t)x->rows * sizeof(int64_t));
                assert_memory_equal(x->draws, &r.draw[epoch][row],
                                    (size_t)x->rows * sizeof(struct kp_draw));
            }
        }
    }
    kp_loader_destroy(l);
}

/* A batch must stay as it is until the next call, however far the thread could run ahead. */
static void a_held_batch_is_left_alone(void **state)
{
    static uint8_t copy[16 * BYTES];
    struct timespec pause = {0, 2000000};
    (void)state;

    struct kp_loader *l = created(base);
    start(l, 0, 0);
    for (int i = 0; i < 30; i++) {
        const struct kp_batch *x = next_batch(l);
        size_t n = (size_t)x->rows * BYTES;
        memcpy(copy, x->pixels, n);
        nanosleep(&pause, NULL);
        assert_memory_equal(copy, x->pixels, n);
    }
    kp_loader_destroy(l);
}

static void destroying_never_hangs(void **state)
{
    (void)state;
    kp_loader_destroy(NULL);
    kp_loader_destroy(created(base));
    for (int taken = 0; taken < 6; taken++) {
        struct kp_loader *l = created(base);
        start(l, 0, 0);
        for (int i = 0; i < taken; i++)
            (void)next_batch(l);
        kp_loader_destroy(l);
    }
}

static void refused(struct kp_loader_config c, const char *words)
{
    struct kp_loader *l = NULL;
    struct kp_error e = {0};

    assert_int_equal(kp_loader_create(&c, &l, &e), KP_E_INVALID);
    assert_null(l);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const int64_t beyond[] = {0, TOTAL}, below[] = {-1};
    struct kp_loader_config c = base;
    struct kp_error e = {0};
    (void)state;

    c.batch = 0;
    refused(c, "batches of 0");
    c = base;
    c.count = TOTAL + 1;
    refused(c, "104 examples");
    c.count = 0;
    refused(c, "0 examples");
    c = base;
    c.crop_pad = 128;
    refused(c, "crop_pad = 128");
    c = base;
    c.index = beyond;
    c.count = 2;
    refused(c, "example 103");
    c.index = below;
    c.count = 1;
    refused(c, "example -1");

    struct kp_loader *l = created(base);
    assert_int_equal(kp_loader_start(l, -1, 0, &e), KP_E_INVALID);
    assert_int_equal(kp_loader_start(l, 0, 8, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "7 batches"));
    assert_int_equal(kp_loader_start(l, INT64_C(1) << 32, 0, &e), KP_E_INVALID);
    kp_loader_destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_comes_once_an_epoch),
        cmocka_unit_test(a_subset_is_loaded_by_its_index),
        cmocka_unit_test(draws_belong_to_the_example),
        cmocka_unit_test(draws_come_from_the_augment_stream),
        cmocka_unit_test(draws_cover_their_range_evenly),
        cmocka_unit_test(without_augmentation_there_are_no_draws),
        cmocka_unit_test(any_start_gives_the_same_batches),
        cmocka_unit_test(a_held_batch_is_left_alone),
        cmocka_unit_test(destroying_never_hangs),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("loader", tests, make_data, NULL);
}
