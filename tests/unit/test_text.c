/* test_text.c - growing strings, numbers as text, word distance, error texts. */
#include "base/error.h"
#include "base/text.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_text_grows(void **state)
{
    struct kp_text t = {0};
    (void)state;

    for (int i = 0; i < 1000; i++)
        kp_text_addf(&t, "%d,", i);
    assert_false(t.failed);
    assert_int_equal(t.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(t.s), t.length);
    assert_memory_equal(t.s, "0,1,2,", 6);
    kp_text_clear(&t);
    assert_string_equal(t.s, "");
    kp_text_add(&t, "a");
    kp_text_add_bytes(&t, "bcd", 2);
    kp_text_add_bytes(&t, NULL, 0);
    assert_string_equal(t.s, "abc");
    kp_text_finish(&t);
    assert_null(t.s);
}

static void a_failed_text_stays_failed(void **state)
{
    struct kp_text t = {0};
    (void)state;

    kp_text_add(&t, "kept");
    kp_text_add_bytes(&t, "", SIZE_MAX / 2);
    assert_true(t.failed);
    kp_text_add(&t, "more");
    assert_string_equal(t.s, "kept");
    kp_text_finish(&t);
}

static void reals_are_short_and_exact(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {100, "100"},
        {0.1, "0.1"},
        {1e-5, "1e-05"},
        {-2.5, "-2.5"},
        {1.0 / 3, "0.3333333333333333"},
        {1e300, "1e+300"},
        {HUGE_VAL, "inf"},
        {-HUGE_VAL, "-inf"},
        {(double)NAN, "nan"},
        {0.30000000000000004, "0.30000000000000004"},
    };
    char text[KP_REAL_TEXT_SIZE];
    uint64_t bits = 1;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(kp_real_text(cases[i].v, text), cases[i].text);
    assert_string_equal(kp_real_text(-(double)NAN, text), "nan");
    for (int i = 0; i < 100000; i++) {
        double v, back;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&v, &bits, sizeof v);
        if (isnan(v))
            continue;
        back = strtod(kp_real_text(v, text), NULL);
        assert_memory_equal(&v, &back, sizeof v);
    }
}

/* Choose a locale that writes 2,5: one that is installed, or one made in a folder of its own. */
static bool choose_decimal_comma(void)
{
    char folder[] = "/tmp/kappa-locale-XXXXXX", command[300];

    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        return true;
    if (!mkdtemp(folder))
        return false;
    (void)snprintf(command, sizeof command,
                   "localedef -c -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    int made = system(command);
    setenv("LOCPATH", folder, 1);
    bool chosen = made == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && chosen;
}

static void reals_do_not_depend_on_the_locale(void **state)
{
    char text[KP_REAL_TEXT_SIZE], plain[KP_REAL_TEXT_SIZE];
    (void)state;

    if (!choose_decimal_comma()) {
        print_message("skipped: no locale with a decimal comma, and localedef cannot make one\n");
        skip();
    }
    kp_real_text(-2.5e-7, text);
    (void)snprintf(plain, sizeof plain, "%.1f", 2.5);
    (void)setlocale(LC_ALL, "C");
    assert_string_equal(plain, "2,5");
    assert_string_equal(text, "-2.5e-07");
}

static void distance_counts_edits(void **state)
{
    static const struct {
        const char *a, *b;
        size_t d;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"epochs", "epochs", 0},
        {"epocs", "epochs", 1},
        {"epohcs", "epochs", 1},
        {"ca", "abc", 3},
        {"kitten", "sitting", 3},
        {"widht", "width", 1},
    };
    char longer[300];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kp_text_distance(cases[i].a, cases[i].b), cases[i].d);
        assert_int_equal(kp_text_distance(cases[i].b, cases[i].a), cases[i].d);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(kp_text_distance(longer, "width"), 299);
    assert_int_equal(kp_text_distance("width", longer), 299);
}

static void errors_carry_status_and_text(void **state)
{
    struct kp_error e = {0};
    char longer[sizeof e.text + 100];
    (void)state;

    assert_int_equal(kp_fail(&e, KP_E_FORMAT, "%s:%d: bad", "a.ini", 3), KP_E_FORMAT);
    assert_string_equal(e.text, "a.ini:3: bad");
    assert_int_equal(kp_fail_in(&e, "run %d", 7), KP_E_FORMAT);
    assert_string_equal(e.text, "run 7: a.ini:3: bad");

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    kp_fail_in(&e, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    kp_fail(&e, KP_E_IO, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    kp_fail_in(&e, "in");
    assert_memory_equal(e.text, "in: xxx", 7);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    for (int st = 0; st <= KP_E_INTERRUPTED; st++)
        assert_string_not_equal(kp_status_text((enum kp_status)st), "unknown status");
    assert_string_equal(kp_status_text((enum kp_status)99), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows),
        cmocka_unit_test(a_failed_text_stays_failed),
        cmocka_unit_test(reals_are_short_and_exact),
        cmocka_unit_test(reals_do_not_depend_on_the_locale),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(errors_carry_status_and_text),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
