/* test_subset.c - the development split, the teacher's pool and the students' draws. */
#include "data/subset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOTAL = 1000 };

static const struct kp_subset_config base = {
    .role = KP_ROLE_STUDENT,
    .total = TOTAL,
    .dev = 0.1,
    .n_teacher = 200,
    .m = 50,
    .pool = KP_POOL_FRESH,
    .seed_pool = 1,
    .seed_subset = 2,
};

static struct kp_subset drawn(struct kp_subset_config c)
{
    struct kp_subset s = {0};
    struct kp_error e = {0};

    if (kp_subset_draw(&c, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

static struct kp_subset teacher_of(struct kp_subset_config c)
{
    c.role = KP_ROLE_TEACHER;
    return drawn(c);
}

/* How many of `index` are marked; all must be different and in range. */
static int64_t count_marked(const int64_t *index, int64_t count, const bool *marked)
{
    bool seen[TOTAL] = {false};
    int64_t n = 0;

    for (int64_t i = 0; i < count; i++) {
        assert_in_range(index[i], 0, TOTAL - 1);
        assert_false(seen[index[i]]);
        seen[index[i]] = true;
        n += marked[index[i]];
    }
    return n;
}

static void mark(bool *marked, const int64_t *index, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        marked[index[i]] = true;
}

static void pools_are_what_they_say(void **state)
{
    struct kp_subset_config c = base;
    bool in_dev[TOTAL] = {false}, in_pool[TOTAL] = {false};
    (void)state;

    struct kp_subset t = teacher_of(c);
    assert_int_equal(t.count, 200);
    assert_int_equal(t.overlap, 200);
    assert_int_equal(t.dev_count, 100);
    mark(in_dev, t.dev_index, t.dev_count);
    mark(in_pool, t.index, t.count);
    assert_int_equal(count_marked(t.index, t.count, in_dev), 0);
    assert_int_equal(count_marked(t.dev_index, t.dev_count, in_dev), 100);
    for (int64_t i = 1; i < t.dev_count; i++)
        assert_true(t.dev_index[i - 1] < t.dev_index[i]);

    for (int pool = KP_POOL_FRESH; pool <= KP_POOL_DISJOINT; pool++) {
        c.pool = (enum kp_student_pool)pool;
        c.m = pool == KP_POOL_FRESH ? 900 : pool == KP_POOL_SUBSET ? 200 : 700;
        struct kp_subset s = drawn(c);
        int64_t overlap = count_marked(s.index, s.count, in_pool);
        assert_int_equal(s.count, c.m);
        assert_int_equal(s.overlap, overlap);
        assert_int_equal(overlap, pool == KP_POOL_DISJOINT ? 0 : 200);
        assert_int_equal(count_marked(s.index, s.count, in_dev), 0);
        assert_int_equal(s.dev_count, t.dev_count);
        assert_memory_equal(s.dev_index, t.dev_index, 100 * sizeof(int64_t));
        kp_subset_finish(&s);
    }
    kp_subset_finish(&t);
    kp_subset_finish(&t);
}

static void each_seed_moves_its_own_draw(void **state)
{
    struct kp_subset_config c = base;
    (void)state;

    struct kp_subset t = teacher_of(base), s = drawn(base);
    c.seed_subset = 3;
    struct kp_subset t2 = teacher_of(c), s2 = drawn(c);
    assert_string_equal(t.sha256, t2.sha256);
    assert_string_not_equal(s.sha256, s2.sha256);
    kp_subset_finish(&t2);
    kp_subset_finish(&s2);

    c = base;
    c.seed_pool = 7;
    t2 = teacher_of(c);
    assert_string_not_equal(t.sha256, t2.sha256);
    assert_memory_not_equal(t.dev_index, t2.dev_index, 100 * sizeof(int64_t));
    kp_subset_finish(&t2);

    s2 = drawn(base);
    assert_string_equal(s.sha256, s2.sha256);
    assert_memory_equal(s.index, s2.index, 50 * sizeof(int64_t));
    kp_subset_finish(&s2);
    kp_subset_finish(&s);
    kp_subset_finish(&t);
}

static int64_t shared(const struct kp_subset *a, const struct kp_subset *b)
{
    bool marked[TOTAL] = {false};

    mark(marked, a->index, a->count);
    return count_marked(b->index, b->count, marked);
}

static void nested_draws_are_prefixes_and_others_are_not(void **state)
{
    struct kp_subset_config c = base;
    (void)state;

    for (int nested = 0; nested < 2; nested++) {
        c.nested = nested;
        c.m = 100;
        struct kp_subset small = drawn(c);
        c.m = 300;
        struct kp_subset large = drawn(c);
        if (nested) {
            assert_memory_equal(small.index, large.index, 100 * sizeof(int64_t));
        } else {
            /* About 100 * 300 / 900; the standard deviation is 4.5. */
            assert_in_range(shared(&small, &large), 10, 56);
        }
        kp_subset_finish(&small);
        kp_subset_finish(&large);
    }
}

static void the_pool_grows_by_prefix_and_may_be_everything(void **state)
{
    struct kp_subset_config c = base;
    (void)state;

    c.n_teacher = 0;
    struct kp_subset all = teacher_of(c);
    assert_int_equal(all.count, 900);
    struct kp_subset some = teacher_of(base);
    assert_memory_equal(all.index, some.index, 200 * sizeof(int64_t));
    kp_subset_finish(&all);
    kp_subset_finish(&some);

    c.dev = 0;
    all = teacher_of(c);
    assert_int_equal(all.count, TOTAL);
    assert_int_equal(all.dev_count, 0);
    kp_subset_finish(&all);
}

static void the_hash_is_of_little_endian_numbers(void **state)
{
    struct kp_subset_config c = base;
    char expected[KP_HASH_SIZE];
    uint8_t bytes[8] = {0};
    (void)state;

    c.total = 1000;
    c.m = 1;
    struct kp_subset s = drawn(c);
    for (int b = 0; b < 8; b++)
        bytes[b] = (uint8_t)(s.index[0] >> 8 * b);
    kp_hash_bytes(bytes, 8, expected);
    assert_string_equal(s.sha256, expected);
    kp_subset_finish(&s);
}

/* A recorded manifest must stay valid: these draws never change while the algorithm has its name.
 */
static bool counts_from(const struct kp_subset *s, int64_t first)
{
    for (int64_t i = 0; i < s->count; i++)
        if (s->index[i] != first + i)
            return false;
    return true;
}

static void the_first_ones_keep_their_order(void **state)
{
    static const int64_t begins[] = {30, 30, 230}, overlaps[] = {50, 50, 0};
    struct kp_subset_config c = base;
    (void)state;

    c.first = true;
    c.offset = 30;
    struct kp_subset t = teacher_of(c);
    assert_true(counts_from(&t, 0));
    assert_int_equal(t.count, 200);
    assert_int_equal(t.dev_count, 100);
    assert_int_equal(t.dev_index[0], TOTAL - 100);
    kp_subset_finish(&t);
    for (int pool = KP_POOL_FRESH; pool <= KP_POOL_DISJOINT; pool++) {
        c.pool = (enum kp_student_pool)pool;
        struct kp_subset s = drawn(c);
        assert_int_equal(s.count, 50);
        assert_true(counts_from(&s, begins[pool]));
        assert_int_equal(s.overlap, overlaps[pool]);
        kp_subset_finish(&s);
    }
    c.pool = KP_POOL_FRESH;
    c.m = TOTAL - 100 - 30;
    struct kp_subset s = drawn(c);
    assert_int_equal(s.overlap, 170);
    kp_subset_finish(&s);
}

static void draws_are_fixed_for_ever(void **state)
{
    (void)state;
    struct kp_subset t = teacher_of(base), s = drawn(base);
    assert_string_equal(s.algorithm, "philox4x32-10/sample/1");
    assert_string_equal(t.sha256,
                        "ce53d340754e6f821c22901b7989d661ce39755d8fc46ea3cb8efa64e6241f1b");
    assert_string_equal(s.sha256,
                        "bf305888939e00417099ecea7b206aab294cf52048728aec8569a41541bbac5d");
    kp_subset_finish(&t);
    kp_subset_finish(&s);
}

static void refused(struct kp_subset_config c, const char *a, const char *b)
{
    struct kp_subset s;
    struct kp_error e = {0};

    memset(&s, 7, sizeof s);
    assert_int_equal(kp_subset_draw(&c, &s, &e), KP_E_CONFIG);
    if (!strstr(e.text, a) || !strstr(e.text, b))
        fail_msg("'%s' does not say '%s' and '%s'", e.text, a, b);
    for (size_t i = 0; i < sizeof s; i++)
        assert_int_equal(((unsigned char *)&s)[i], 7);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct kp_subset_config c = base;
    (void)state;

    c.m = 901;
    refused(c, "M = 901", "has 900; 1 to 900");
    c.pool = KP_POOL_SUBSET;
    refused(c, "M = 901", "student_pool = subset) has 200; 1 to 200");
    c.pool = KP_POOL_DISJOINT;
    refused(c, "M = 901", "student_pool = disjoint) has 700; 1 to 700");
    c.n_teacher = 0;
    refused(c, "student_pool = disjoint", "none are left");
    c = base;
    c.m = 0;
    refused(c, "M = 0", "1 to 900");
    c.m = -5;
    refused(c, "M = -5", "1 to 900");
    c = base;
    c.n_teacher = 901;
    refused(c, "n_teacher = 901", "1 to 900");
    c.n_teacher = -1;
    refused(c, "n_teacher = -1", "1 to 900");
    c = base;
    c.dev = 1;
    refused(c, "dev = 1", "from 0 to below 1");
    c.dev = -0.1;
    refused(c, "dev = -0.1", "from 0 to below 1");
    c.dev = (double)NAN;
    refused(c, "dev = ", "from 0 to below 1");
    c.dev = 0.9999;
    refused(c, "leaves none", "1000");
    c = base;
    c.total = 0;
    refused(c, "0 training examples", "1 to");
    c.total = INT64_MAX;
    refused(c, "9223372036854775807 training examples", "1 to");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_what_they_say),
        cmocka_unit_test(each_seed_moves_its_own_draw),
        cmocka_unit_test(nested_draws_are_prefixes_and_others_are_not),
        cmocka_unit_test(the_pool_grows_by_prefix_and_may_be_everything),
        cmocka_unit_test(the_hash_is_of_little_endian_numbers),
        cmocka_unit_test(the_first_ones_keep_their_order),
        cmocka_unit_test(draws_are_fixed_for_ever),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("subset", tests, NULL, NULL);
}
