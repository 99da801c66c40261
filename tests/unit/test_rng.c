/* test_rng.c - the generator against its published vectors, and what is drawn with it. */
#include "base/philox.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct kp_rng_key some_key = {
    .seed = 11, .role = KP_ROLE_STUDENT, .stream = KP_STREAM_ORDER, .epoch = 3};

/* Known answers that the Random123 library publishes for philox4x32 with 10 rounds. */
static void philox_matches_published_vectors(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint32_t out[4];
        kp_philox(vectors[i].counter, vectors[i].key, out);
        assert_memory_equal(out, vectors[i].out, sizeof out);
    }
}

/* Each coordinate alone, up to its largest value, gives other words. */
static void every_coordinate_counts(void **state)
{
    enum { PLACES = 15 };
    struct {
        struct kp_rng_key key;
        uint64_t example;
        uint32_t index;
    } place[PLACES];
    uint32_t words[PLACES][4];
    (void)state;

    for (int i = 0; i < PLACES; i++) {
        place[i].key = some_key;
        place[i].example = 5;
        place[i].index = 7;
    }
    place[1].key.seed = 12;
    place[2].key.seed = 11 + (1ull << 32);
    place[3].key.role = KP_ROLE_TEACHER;
    place[4].key.role = KP_ROLE_POOL;
    place[5].key.stream = KP_STREAM_AUGMENT;
    place[6].key.stream = KP_STREAM_INIT;
    place[7].key.epoch = 4;
    place[8].key.epoch = UINT32_MAX;
    place[9].example = 6;
    place[10].example = 5 + (1ull << 32);
    place[11].example = 5 + (1ull << 47);
    place[12].index = 8;
    place[13].index = UINT32_MAX;
    place[14].example = 5 + (1ull << 40);
    for (int i = 0; i < PLACES; i++) {
        kp_rng_words(place[i].key, place[i].example, place[i].index, words[i]);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(words[i], words[j], sizeof words[i]);
    }
}

static void uniform_and_normal_have_their_moments(void **state)
{
    enum { N = 200000 };
    double sum = 0, square = 0, normal = 0, normal_square = 0;
    (void)state;

    for (uint32_t i = 0; i < N; i++) {
        double u = kp_rng_uniform(some_key, 1, i);
        double z = kp_rng_normal(some_key, 2, i);
        assert_true(u >= 0 && u < 1);
        assert_true(isfinite(z));
        sum += u;
        square += u * u;
        normal += z;
        normal_square += z * z;
    }
    /* Five standard errors. */
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(square / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
    assert_true(fabs(normal / N) < 5 * sqrt(1.0 / N));
    assert_true(fabs(normal_square / N - 1) < 5 * sqrt(2.0 / N));
}

static void below_is_even_and_in_range(void **state)
{
    enum { N = 70000 };
    static const uint64_t ranges[] = {1, 2, 7, 1000003, 1ull << 40, (1ull << 63) + 1, UINT64_MAX};
    int64_t count[7] = {0};
    (void)state;

    for (uint32_t i = 0; i < N; i++)
        count[kp_rng_below(some_key, 3, i, 7)]++;
    double chi = 0;
    for (int i = 0; i < 7; i++)
        chi += ((double)count[i] - N / 7.0) * ((double)count[i] - N / 7.0) / (N / 7.0);
    assert_true(chi < 22.5); /* 99.9 % point of chi squared with 6 degrees of freedom */

    for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++)
        for (uint32_t i = 0; i < 1000; i++)
            assert_true(kp_rng_below(some_key, 4, i, ranges[r]) < ranges[r]);

    /* Without rejection every third result below 3 * 2^62 would come half of the time. */
    int64_t thirds = 0;
    for (uint32_t i = 0; i < N; i++)
        thirds += kp_rng_below(some_key, 6, i, UINT64_C(3) << 62) % 3 == 0;
    assert_true(fabs((double)thirds / N - 1.0 / 3) < 5 * sqrt(2.0 / 9 / N));
}

static void shuffle_is_a_permutation_of_its_key(void **state)
{
    enum { N = 1000 };
    int64_t a[N], b[N], seen[N] = {0};
    struct kp_rng_key other = some_key;
    (void)state;

    for (int64_t i = 0; i < N; i++)
        a[i] = b[i] = i;
    kp_rng_shuffle(some_key, a, N);
    kp_rng_shuffle(some_key, b, N);
    assert_memory_equal(a, b, sizeof a);
    for (int64_t i = 0; i < N; i++)
        seen[a[i]]++;
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    other.epoch++;
    for (int64_t i = 0; i < N; i++)
        b[i] = i;
    kp_rng_shuffle(other, b, N);
    assert_memory_not_equal(a, b, sizeof a);
}

/* All 24 orders of four elements are equally likely. */
static void shuffle_is_even(void **state)
{
    enum { N = 48000 };
    int64_t count[256] = {0};
    int orders = 0;
    double chi = 0;
    (void)state;

    for (uint32_t i = 0; i < N; i++) {
        struct kp_rng_key key = {.seed = i};
        int64_t v[4] = {0, 1, 2, 3};
        kp_rng_shuffle(key, v, 4);
        count[v[0] * 64 + v[1] * 16 + v[2] * 4 + v[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        if (!count[i])
            continue;
        orders++;
        chi += ((double)count[i] - N / 24.0) * ((double)count[i] - N / 24.0) / (N / 24.0);
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 49.7); /* 99.9 %, 23 degrees of freedom */
}

static void sample_is_the_start_of_the_shuffle(void **state)
{
    enum { N = 997 };
    int64_t whole[N], part[N];
    static const int64_t sizes[] = {0, 1, 2, 10, 500, N - 1, N};
    (void)state;

    for (int64_t i = 0; i < N; i++)
        whole[i] = i;
    kp_rng_shuffle(some_key, whole, N);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        assert_int_equal(kp_rng_sample(some_key, N, sizes[s], part), 0);
        assert_memory_equal(part, whole, (size_t)sizes[s] * sizeof part[0]);
    }
}

static void sample_of_a_huge_range_needs_little_memory(void **state)
{
    int64_t v[1000];
    (void)state;

    assert_int_equal(kp_rng_sample(some_key, INT64_C(1) << 46, 1000, v), 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(v[i] >= 0 && v[i] < INT64_C(1) << 46);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(v[i], v[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_matches_published_vectors),
        cmocka_unit_test(every_coordinate_counts),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(shuffle_is_a_permutation_of_its_key),
        cmocka_unit_test(shuffle_is_even),
        cmocka_unit_test(sample_is_the_start_of_the_shuffle),
        cmocka_unit_test(sample_of_a_huge_range_needs_little_memory),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
