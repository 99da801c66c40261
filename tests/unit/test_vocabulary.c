/* test_vocabulary.c - lists of tokens: how much text each stands for, and lists that are none. */
#include "data/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

#define FIRST "<pad>\n<unk>\n<D>\n"

static struct kp_vocabulary parsed(const char *text)
{
    struct kp_vocabulary v = {0};
    struct kp_error e = {0};

    if (kp_vocabulary_parse((const uint8_t *)text, strlen(text), "a.vocab", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static void characters_of_each_token(void **state)
{
    static const struct {
        const char *piece;
        float length;
    } cases[] = {
        {"the", 3},
        {"\xE2\x96\x81the", 4},
        {"\xE2\x96\x81\xE2\x96\x81", 2},
        {"caf\xC3\xA9", 4},
        {"\xF0\x9F\x98\x80", 1},
        {"<0x00>", 1},
        {"<0x7F>", 1},
        {"<0x80>", 0},
        {"<0xBF>", 0},
        {"<0xC3>", 1},
        {"<0xFF>", 1},
        {"<0xbf>", 6}, /* no byte: the library writes capitals */
        {"<0xBF", 5},
        {" ", 1},
    };
    char text[512] = FIRST, scored[512] = "<pad>\t0\n<unk>\t0\n<D>\t0\n";
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text + strlen(text), 64, "%s\n", cases[i].piece);
        (void)snprintf(scored + strlen(scored), 64, "%s\t-%zu.5\n", cases[i].piece, i);
    }
    scored[strlen(scored) - 1] = '\0'; /* the last line without its end */
    struct kp_vocabulary plain = parsed(text), with_scores = parsed(scored);
    assert_int_equal(plain.count, 3 + sizeof cases / sizeof cases[0]);
    assert_int_equal(with_scores.count, plain.count);
    assert_true(plain.length[0] == 0 && plain.length[1] == 3 && plain.length[2] == 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (plain.length[3 + i] != cases[i].length || with_scores.length[3 + i] != cases[i].length)
            fail_msg("'%s': %g and %g characters", cases[i].piece, (double)plain.length[3 + i],
                     (double)with_scores.length[3 + i]);
    kp_vocabulary_finish(&plain);
    kp_vocabulary_finish(&with_scores);
}

static void refused(const char *text, size_t size, const char *says)
{
    struct kp_vocabulary v = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_vocabulary_parse((const uint8_t *)text, size, "a.vocab", &v, &e),
                     KP_E_FORMAT);
    assert_null(v.length);
    if (!strstr(e.text, says) || strncmp(e.text, "a.vocab: ", 9) != 0)
        fail_msg("'%s' does not say '%s'", e.text, says);
}

#define REFUSED(text, says) refused(text, strlen(text), says)

static void lists_that_are_refused(void **state)
{
    static char many[2 * (KP_TOKENS_MAX + 1)];
    (void)state;

    REFUSED("", "0 lines, one for each token; 3 to 65536 would be right");
    REFUSED("<pad>\n<unk>", "2 lines, one for each token");
    REFUSED("<unk>\n<s>\n</s>\n", "of a tokeniser of another kind: line 1 is '<unk>' where <pad>");
    REFUSED("<pad>\n<unk>\n<s>\t0\n", "line 3 is '<s>' where <D> would be right");
    REFUSED("<pad>\r\n<unk>\r\n<D>\r\n", "line 1 is '<pad>\r' where <pad> would be right");
    REFUSED(FIRST "a\n\nb\n", "line 5 is empty");
    REFUSED(FIRST "a\n\xE2\x96\n", "line 5 is no UTF-8");
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? '\n' : 'a';
    refused(many, sizeof many, "65537 lines");
}

static void a_file(void **state)
{
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
    struct kp_vocabulary v = {0};
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(scratch_make(folder), 0);
    (void)snprintf(path, sizeof path, "%s/a.vocab", folder);
    assert_int_equal(kp_vocabulary_read(path, &v, &e), KP_E_IO);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(scratch_put(path, FIRST "ab\n"), 0);
    assert_int_equal(kp_vocabulary_read(path, &v, &e), KP_OK);
    assert_true(v.count == 4 && v.length[3] == 2);
    kp_vocabulary_finish(&v);
    assert_int_equal(scratch_remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_each_token),
        cmocka_unit_test(lists_that_are_refused),
        cmocka_unit_test(a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
