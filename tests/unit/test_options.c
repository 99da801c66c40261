/* test_options.c - text of options: what is taken, its one canonical form, what is refused and why.
 */
#include "host/options.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../plugins/fixture.h"

static const struct kp_option_table table = KP_OPTIONS(fixture_net_options);

struct case_good {
    const char *option, *text, *canonical;
    double number;
};

static const struct case_good good[] = {
    {"width", "20", "20", 20},
    {"width", " +007 ", "7", 7},
    {"width", "4096", "4096", 4096},
    {"rate", "0.10", "0.1", 0.1},
    {"rate", "1e-3", "0.001", 1e-3},
    {"rate", "1", "1", 1},
    {"rate", "-0", "0", 0},
    {"rate", ".5", "0.5", 0.5},
    {"bias", "yes", "true", 1},
    {"bias", "off", "false", 0},
    {"bias", "1", "true", 1},
    {"bias", "0", "false", 0},
    {"bias", "no", "false", 0},
    {"bias", "true", "true", 1},
    {"note", "  two  words ", "two  words", (double)NAN},
    {"note", "", "", (double)NAN},
    {"note", "a;b#c", "a;b#c", (double)NAN},
    {"kind", "wide", "wide", (double)NAN},
    {"channels", "20  40\t80 0160", "20 40 80 160", (double)NAN},
    {"channels", "", "", (double)NAN},
    {"scales", "1.50 -2e1 0.0001", "1.5 -20 0.0001", (double)NAN},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct kp_option *o = kp_option_find(&table, good[i].option);
        struct kp_arena a = {0};
        struct kp_error why = {0};
        const char *canonical = NULL;

        assert_int_equal(kp_option_check(o, good[i].text, &a, &canonical, &why), KP_OK);
        assert_string_equal(canonical, good[i].canonical);
        double n = kp_option_number(o, canonical);
        assert_true(isnan(good[i].number) ? isnan(n) : n == good[i].number);
        /* The canonical text is its own canonical text. */
        const char *again = NULL;
        assert_int_equal(kp_option_check(o, canonical, &a, &again, &why), KP_OK);
        assert_string_equal(again, canonical);
        kp_arena_finish(&a);
    }
}

struct case_bad {
    const char *option, *text, *why;
};

static const struct case_bad bad[] = {
    {"width", "", "'' is no integer that fits 64 bits; integer, 1 to 4096"},
    {"width", "0", "'0' is out of range; integer, 1 to 4096"},
    {"width", "4097", "out of range"},
    {"width", "1_000", "no integer"},
    {"width", "1e3", "no integer"},
    {"width", "2.0", "no integer"},
    {"width", "0x10", "no integer"},
    {"width", "99999999999999999999", "no integer that fits 64 bits"},
    {"width", "--1", "no integer"},
    {"rate", "abc", "'abc' is no finite number; real, 0 to 1"},
    {"rate", "nan", "no finite number"},
    {"rate", "inf", "no finite number"},
    {"rate", "1e999", "no finite number"},
    {"rate", "0x1p-1", "no finite number"},
    {"rate", "0.5 0.6", "no finite number"},
    {"rate", "0,5", "no finite number"},
    {"rate", "1.0001", "out of range"},
    {"bias", "maybe", "'maybe' is neither true nor false; true or false"},
    {"bias", "True", "neither true nor false"},
    {"kind", "wid", "did you mean 'wide'; one of plain wide deep"},
    {"kind", "zzz", "'zzz' is not known; one of plain wide deep"},
    {"kind", "", "is not known"},
    {"note", "a\nb", "control character 0x0a at position 1"},
    {"note", "a\x1b[31m", "control character 0x1b"},
    {"note", "a ; b", "would begin a comment"},
    {"note", ";b", "would begin a comment"},
    {"channels", "1 2 x", "'x' is no integer"},
    {"channels", "1, 2", "no integer"},
    {"channels", "0", "out of range"},
    {"scales", "", "'' is an empty list; list of reals"},
    {"scales", "101", "out of range"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct kp_option *o = kp_option_find(&table, bad[i].option);
        struct kp_arena a = {0};
        struct kp_error why = {0};
        const char *canonical = "untouched";

        assert_int_equal(kp_option_check(o, bad[i].text, &a, &canonical, &why), KP_E_INVALID);
        assert_string_equal(canonical, "untouched");
        if (!strstr(why.text, bad[i].why))
            fail_msg("%s = '%s' gives \"%s\", without \"%s\"", bad[i].option, bad[i].text, why.text,
                     bad[i].why);
        kp_arena_finish(&a);
    }
}

static void test_limits(void **state)
{
    (void)state;
    const struct kp_option *note = kp_option_find(&table, "note");
    const struct kp_option *channels = kp_option_find(&table, "channels");
    struct kp_arena a = {0};
    struct kp_error why = {0};
    const char *canonical;
    size_t n = 200000;
    char *text = malloc(n + 1);

    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\0';
    assert_int_equal(kp_option_check(note, text, &a, &canonical, &why), KP_E_INVALID);
    assert_non_null(strstr(why.text, "200000 characters; at most 65536"));
    assert_int_equal(kp_option_check(channels, text, &a, &canonical, &why), KP_E_INVALID);
    assert_true(strlen(why.text) < 300);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 ? ' ' : '1';
    assert_int_equal(kp_option_check(channels, text, &a, &canonical, &why), KP_E_INVALID);
    assert_non_null(strstr(why.text, "at most 4096 numbers"));
    memset(text, ' ', n);
    text[0] = 'a';
    text[100] = 'b';
    text[101] = '\0';
    assert_int_equal(kp_option_check(note, text, &a, &canonical, &why), KP_E_INVALID);
    free(text);
    kp_arena_finish(&a);
}

static void test_store(void **state)
{
    (void)state;
    struct kp_arena a = {0};
    struct fixture_net net = {0};
    static const struct {
        const char *option, *text;
    } values[] = {{"width", "33"},     {"rate", "0.25"}, {"bias", "true"},
                  {"note", "hello"},   {"kind", "deep"}, {"channels", "20 40 80"},
                  {"scales", "1 -2.5"}};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        kp_option_store(kp_option_find(&table, values[i].option), values[i].text, &a, &net);
    assert_int_equal(net.width, 33);
    assert_true(net.rate == 0.25);
    assert_true(net.bias);
    assert_string_equal(net.note, "hello");
    assert_int_equal(net.kind, 2);
    assert_int_equal(net.channels.count, 3);
    assert_int_equal(net.channels.v[0], 20);
    assert_int_equal(net.channels.v[2], 80);
    assert_int_equal(net.scales.count, 2);
    assert_true(net.scales.v[1] == -2.5);
    kp_option_store(kp_option_find(&table, "channels"), "", &a, &net);
    assert_int_equal(net.channels.count, 0);
    kp_arena_finish(&a);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(kp_option_nearest(&table, "widht"), "width");
    assert_string_equal(kp_option_nearest(&table, "chanels"), "channels");
    assert_null(kp_option_nearest(&table, "temperature"));
    assert_null(kp_option_nearest(&table, ""));
    assert_null(kp_option_find(&table, "widt"));
}

static void test_describe(void **state)
{
    (void)state;
    char out[200], tiny[8];

    kp_option_describe(kp_option_find(&table, "width"), out, sizeof(out));
    assert_string_equal(out, "integer, 1 to 4096");
    kp_option_describe(kp_option_find(&table, "rate"), out, sizeof(out));
    assert_string_equal(out, "real, 0 to 1");
    kp_option_describe(kp_option_find(&table, "kind"), out, sizeof(out));
    assert_string_equal(out, "one of plain wide deep");
    kp_option_describe(kp_option_find(&table, "kind"), tiny, sizeof(tiny));
    assert_string_equal(tiny, "one of ");
}

/* A table whose elements are longer than ours: its owner was compiled with a newer header. */
static void test_longer_elements(void **state)
{
    (void)state;
    struct longer {
        struct kp_option o;
        const char *extra;
    };
    static const struct longer v[] = {
        {KP_INT(struct fixture_net, width, "width", "20", 1, 4096, "channels"), "x"},
        {KP_REAL(struct fixture_net, rate, "rate", "0.5", 0, 1, "share"), "y"},
    };
    const struct kp_option_table t = {&v[0].o, 2, sizeof(v[0])};

    assert_string_equal(kp_option_at(&t, 1)->name, "rate");
    assert_ptr_equal(kp_option_find(&t, "rate"), &v[1].o);
}

/* Numbers are read as C writes them whatever the locale says. */
static void test_locale(void **state)
{
    (void)state;
    struct kp_arena a = {0};
    struct kp_error why = {0};
    const char *canonical = NULL;

    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        (void)setlocale(LC_ALL, "");
    assert_int_equal(kp_option_check(kp_option_find(&table, "rate"), "0.25", &a, &canonical, &why),
                     KP_OK);
    assert_string_equal(canonical, "0.25");
    (void)setlocale(LC_ALL, "C");
    kp_arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_longer_elements),
        cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
