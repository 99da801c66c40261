/* test_utf8.c - characters in bytes: every code point, and what is none. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_code_point_there_and_back(void **state)
{
    size_t by_length[5] = {0};
    (void)state;

    for (uint32_t code = 0; code <= 0x110000; code++) {
        char bytes[4];
        uint32_t back = UINT32_MAX;
        size_t n = kp_utf8_put(code, bytes);

        by_length[n]++;
        if (n == 0)
            continue;
        assert_int_equal(kp_utf8_get((const uint8_t *)bytes, n, &back), n);
        assert_int_equal(back, code);
        /* One byte short it is none. */
        assert_int_equal(n == 1 ? 0 : kp_utf8_get((const uint8_t *)bytes, n - 1, &back), 0);
    }
    assert_int_equal(by_length[0], 0xE000 - 0xD800 + 1);
    assert_int_equal(by_length[1], 0x80);
    assert_int_equal(by_length[2], 0x800 - 0x80);
    assert_int_equal(by_length[3], 0x10000 - 0x800 - (0xE000 - 0xD800));
    assert_int_equal(by_length[4], 0x110000 - 0x10000);
}

static void known_characters(void **state)
{
    char bytes[4];
    (void)state;

    assert_int_equal(kp_utf8_put(0xE9, bytes), 2);
    assert_memory_equal(bytes, "\xC3\xA9", 2);
    assert_int_equal(kp_utf8_put(0x20AC, bytes), 3);
    assert_memory_equal(bytes, "\xE2\x82\xAC", 3);
    assert_int_equal(kp_utf8_put(0x1F600, bytes), 4);
    assert_memory_equal(bytes, "\xF0\x9F\x98\x80", 4);
}

static void what_is_no_character(void **state)
{
    static const char *const none[] = {
        "\x80\x80\x80\x80", /* continues nothing */
        "\xC0\x80",         /* 0 in two bytes */
        "\xC1\xBF",         /* 0x7F in two */
        "\xE0\x9F\xBF",     /* 0x7FF in three */
        "\xF0\x8F\xBF\xBF", /* 0xFFFF in four */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF8\x88\x80\x80", /* five bytes */
        "\xFF\xFF\xFF\xFF", "\xC3(", "\xE2\x82(", "\xF0\x9F\x98(",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        uint32_t code = 17;
        assert_int_equal(kp_utf8_get((const uint8_t *)none[i], strlen(none[i]), &code), 0);
        assert_int_equal(code, 17);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_there_and_back),
        cmocka_unit_test(known_characters),
        cmocka_unit_test(what_is_no_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
