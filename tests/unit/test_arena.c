/* test_arena.c - arenas and pages. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    struct kp_arena a = {0};
    unsigned char *p[300];
    (void)state;

    for (size_t i = 0; i < 300; i++) {
        size_t n = i * i % 3000;
        p[i] = kp_arena_alloc(&a, n, 1);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * i % 3000; k++)
            assert_int_equal(p[i][k], i % 256);
    kp_arena_finish(&a);
    kp_arena_finish(&a);
}

static void sizes_that_overflow_give_null(void **state)
{
    struct kp_arena a = {0};
    (void)state;

    assert_null(kp_arena_alloc(&a, SIZE_MAX, 2));
    assert_null(kp_arena_alloc(&a, SIZE_MAX / 2 + 2, 2));
    assert_null(kp_arena_alloc(&a, SIZE_MAX - 20, 1));
    assert_non_null(kp_arena_new(&a, double, 3));
    kp_arena_finish(&a);
}

static void strdup_copies(void **state)
{
    struct kp_arena a = {0};
    char text[] = "width";
    (void)state;

    char *s = kp_arena_strdup(&a, text);
    text[0] = 'X';
    assert_string_equal(s, "width");
    kp_arena_finish(&a);
}

static void pages_are_zeroed_and_aligned(void **state)
{
    static const size_t sizes[] = {0,      1, 4096, 4097, (2u << 20) - 1, 2u << 20, (2u << 20) + 1,
                                   5000001};
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = kp_pages_alloc(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (sizes[i] >= 2u << 20 ? 2u << 20 : 64), 0);
        for (size_t k = 0; k < sizes[i]; k += 511)
            assert_int_equal(p[k], 0);
        memset(p, 1, sizes[i]);
        kp_pages_free(p, sizes[i]);
    }
    kp_pages_free(NULL, 10);
    assert_null(kp_pages_alloc(SIZE_MAX));
    assert_null(kp_pages_alloc(SIZE_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(sizes_that_overflow_give_null),
        cmocka_unit_test(strdup_copies),
        cmocka_unit_test(pages_are_zeroed_and_aligned),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
