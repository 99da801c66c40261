/* test_ini.c - lines of an INI file: what inih would cut or pass over is read right or refused by
 * name. */
#include "config/ini_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Entries as "line section.key=value\n", then the problems. free() it. */
static char *parse(const char *bytes, size_t size, int64_t limit)
{
    struct kp_arena memory = {0};
    struct kp_problems problems = {0};
    struct kp_ini ini = {0};
    struct kp_text out = {0};

    kp_text_add(&out, "");
    kp_ini_parse(bytes, size, "f.ini", 0, limit, &memory, &ini, &problems);
    for (int64_t i = 0; i < ini.count; i++)
        kp_text_addf(&out, "%d %s.%s=%s\n", ini.v[i].line, ini.v[i].section, ini.v[i].key,
                     ini.v[i].value);
    (void)!kp_problems_report(&problems, &out);
    kp_ini_finish(&ini);
    kp_problems_finish(&problems);
    kp_arena_finish(&memory);
    return out.s;
}

static void expect(const char *text, const char *result)
{
    char *got = parse(text, strlen(text), 1000);

    if (strcmp(got, result) != 0)
        fail_msg("'%s' gives\n%s\nand should give\n%s", text, got, result);
    free(got);
}

static void test_lines(void **state)
{
    (void)state;
    expect("", "");
    expect("[a]\nk = v\n", "2 a.k=v\n");
    expect("[a]\nk=v", "2 a.k=v\n");
    expect("\xef\xbb\xbf[a]\r\n  k  =  v w  \r\n", "2 a.k=v w\n");
    expect("; c\n# c\n\n[a.b] ; c\nk = v ; c\nl = v;w\nm = v#w\nn =\n",
           "5 a.b.k=v\n6 a.b.l=v;w\n7 a.b.m=v#w\n8 a.b.n=\n");
    expect("[a]\nk = 1\nk = 2\n[b]\nl = 0\n[a]\nk = 3\n", "2 a.k=1\n3 a.k=2\n5 b.l=0\n7 a.k=3\n");
    expect("[a]\nk = x = y\n", "2 a.k=x = y\n");
}

static void test_continuation(void **state)
{
    (void)state;
    expect("[a]\nk = 1 ; c\n    2 ; c\n\n  ; c\n\t3\nl = 4\n", "2 a.k=1 2 3\n7 a.l=4\n");
    expect("[a]\nk =\n  1\n", "2 a.k= 1\n");
    expect("[a]\nk = one\n  \\two\n  \\ three\n", "2 a.k=onetwo three\n");
    expect("[a]\nk = 1\n  [b]\n  l = 2\n", "2 a.k=1 [b] l = 2\n");
    expect("[a]\n  k = 1\n", "2 a.k=1\n");
    expect("[a]\nk = 1\n[b]\n  l = 2\n", "2 a.k=1\n4 b.l=2\n");
    /* The line number behind a continuation is right. */
    expect("[a]\nk = 1\n 2\n 3\nbad\n",
           "2 a.k=1 2 3\n"
           "f.ini:5: neither a section nor a setting; [section] or key = value\n");
}

static void test_errors(void **state)
{
    (void)state;
    expect("k = 1\n[a]\nl = 2\n",
           "3 a.l=2\nf.ini:1: 'k' stands before any section; a line like [data] above it\n");
    expect("[a]\nfoo\nk = 1\nbar ; = 2\n",
           "3 a.k=1\nf.ini:2: neither a section nor a setting; [section] or key = value\n"
           "f.ini:4: neither a section nor a setting; [section] or key = value\n");
    expect("[a\nk = 1\n  2\n[b]\nl = 1\n",
           "5 b.l=1\nf.ini:1: a section without ']'; a line like [data]\n");
    expect("[a] k = 1\n", "f.ini:1: text behind ']'; keys begin on the line below the section\n");
    expect("[]\n", "f.ini:1: a section's name of 0 characters; 1 to 49\n");
    expect("[a]\n= 1\n", "f.ini:2: no key before '='; key = value\n");
    expect("[a]\nk = \x1b[2J\n", "f.ini:2: control character 0x1b at column 5; a text file\n");
    expect("[aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee]\nk = 1\n",
           "f.ini:1: a section's name of 50 characters; 1 to 49\n");
}

static void test_empty_section(void **state)
{
    static const char why[] = ": a section without a setting; a line like key = value below it, or "
                              "none of it (an analysis as it comes: of = cells)\n";
    char expected[400];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "4 b.k=1\nf.ini:1%sf.ini:5%s", why, why);
    expect("[a]\n; l = 2\n[b]\nk = 1\n[c]\n\n# end\n", expected);
}

static void test_zero_byte(void **state)
{
    (void)state;
    static const char text[] = "[a]\nk = 1\0 2\nl = 3\n";
    char *got = parse(text, sizeof(text) - 1, 1000);

    assert_string_equal(got, "3 a.l=3\nf.ini:2: control character 0x00 at column 6; a text file\n");
    free(got);
}

static void test_long_lines(void **state)
{
    (void)state;
    for (size_t n = 190; n < 410; n++) {
        char text[600], expected[800];
        size_t length;

        (void)snprintf(text, sizeof(text), "[a]\nk = %0*d\nl = 2\n", (int)n - 4, 7);
        if (n <= KP_INI_LINE_MAX)
            (void)snprintf(expected, sizeof(expected), "2 a.k=%0*d\n3 a.l=2\n", (int)n - 4, 7);
        else
            (void)snprintf(expected, sizeof(expected),
                           "3 a.l=2\nf.ini:2: longer than 199 characters; continue on an indented "
                           "line (one that begins with '\\' is joined without a space)\n");
        expect(text, expected);

        /* A comment does not count, however long. */
        length = strlen(text);
        memset(text + 4, ';', n);
        assert_int_equal(text[length], '\0');
        expect(text, "3 a.l=2\n");
        (void)snprintf(text, sizeof(text), "[a]\nk = 1 ;%0*d\n", (int)n, 7);
        expect(text, "2 a.k=1\n");
    }
}

static void test_limit(void **state)
{
    (void)state;
    static const char text[] = "[a]\nk = 1\nk = 2\nk = 3\nk = 4\n";
    char *got = parse(text, sizeof(text) - 1, 2);

    assert_string_equal(
        got, "2 a.k=1\n3 a.k=2\nf.ini:4: too many entries; at most 10000 in all files\n");
    free(got);
}

/* What kp_ini_print() writes is read back as it was. */
static void round_trip(const char *value, const char *comment)
{
    struct kp_text text = {0};
    struct kp_text expected = {0};
    char *got;

    kp_text_add(&text, "[a]\n");
    kp_ini_print(&text, "key", value, comment);
    kp_text_addf(&expected, "a.key=%s\n", value);
    got = parse(text.s, text.length, 1000);
    if (!strchr(got, ' ') || strcmp(strchr(got, ' ') + 1, expected.s) != 0)
        fail_msg("'%s' became\n%s", text.s, got);
    free(got);
    kp_text_finish(&text);
    kp_text_finish(&expected);
}

static void test_print(void **state)
{
    (void)state;
    static const char letters[] = "abc \\;#[]=:/.";
    unsigned seed = 1;

    round_trip("", NULL);
    round_trip("", "default");
    round_trip("1 2 3", "x.ini:3");
    round_trip("\\x", NULL);
    for (int i = 0; i < 20000; i++) {
        char value[700];
        size_t n = 0, length;

        seed = seed * 1103515245u + 12345u;
        length = (seed >> 16) % (i % 2 ? 40 : 600);
        while (n < length) {
            char c;
            seed = seed * 1103515245u + 12345u;
            c = 'x';
            if ((seed >> 16) % 3 == 0)
                c = letters[(seed >> 18) % (sizeof(letters) - 1)];
            if (i % 5 == 0 && n % 70 > 10)
                c = ' '; /* long runs of blanks */
            if (c == ';' && (n == 0 || value[n - 1] == ' '))
                c = '#';
            if (c == ' ' && (n == 0 || n + 1 == length))
                c = '#';
            value[n++] = c;
        }
        value[n] = '\0';
        round_trip(value, i % 3 ? "a/long/path/of/an/experiment.ini:12" : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_continuation),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_empty_section),
        cmocka_unit_test(test_zero_byte), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_limit),     cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
