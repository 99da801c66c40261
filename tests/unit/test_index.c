/* test_index.c - a table from texts to numbers, against a list. */
#include "base/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { COUNT = 5000 };

static char texts[COUNT][16];

static void test_many(void **state)
{
    struct kp_index x = {0};

    (void)state;
    assert_int_equal(kp_index_find(&x, "0"), -1);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%d", i * i);
        assert_int_equal(kp_index_find(&x, texts[i]), -1);
        assert_true(kp_index_put(&x, texts[i], i));
    }
    for (int i = 0; i < COUNT; i++) {
        char same[16];
        (void)snprintf(same, sizeof(same), "%d", i * i);
        assert_int_equal(kp_index_find(&x, same), i);
    }
    assert_int_equal(x.count, COUNT);
    assert_int_equal(kp_index_find(&x, "2"), -1);
    assert_int_equal(kp_index_find(&x, ""), -1);
    kp_index_finish(&x);
}

static void test_again(void **state)
{
    struct kp_index x = {0};

    (void)state;
    assert_true(kp_index_put(&x, "a", 1));
    assert_true(kp_index_put(&x, "", 2));
    assert_true(kp_index_put(&x, "a", 3));
    assert_int_equal(x.count, 2);
    assert_int_equal(kp_index_find(&x, "a"), 3);
    assert_int_equal(kp_index_find(&x, ""), 2);
    kp_index_finish(&x);
    assert_int_equal(kp_index_find(&x, "a"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
