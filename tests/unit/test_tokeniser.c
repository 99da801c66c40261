/* test_tokeniser.c - models, encoding and decoding; what the library alone makes of a text. */
#include "base/file.h"
#include "base/rng.h"
#include "text/sentencepiece.h"
#include "text/tokeniser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "spm_model.h"

static char folder[SCRATCH_SIZE];
static struct kp_tokeniser *tokeniser;
static struct kp_spm *library; /* the same model */

static const char *const corpus[] = {
    "the cat sat on the mat, and the other cat ran to the bat",
    "  the other   mother and the brother sat there in 1912",
    "caf\xC3\xA9 au lait, caf\xC3\xA9 noir, \xE2\x80\x9Cthe caf\xC3\xA9\xE2\x80\x9D",
    "\tthe theatre; the weather -- whether or not the feather",
};

static bool next_line(void *arg, const char **line, size_t *n)
{
    size_t *at = arg;

    if (*at == 40 * sizeof corpus / sizeof corpus[0])
        return false;
    *line = corpus[(*at)++ % (sizeof corpus / sizeof corpus[0])];
    *n = strlen(*line);
    return true;
}

static void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct kp_text model = {0};
    struct kp_error e = {0};
    char why[KP_SPM_WHY];
    size_t at = 0;

    (void)state;
    if (scratch_make(folder) != 0 || chdir(folder) != 0)
        return -1;
    if (!kp_spm_built)
        return 0;
    if (kp_tokeniser_train(330, 1, next_line, &at, &model, &e))
        fail_msg("%s", e.text);
    put("bpe.model", model.s, model.length);
    if (kp_tokeniser_open("bpe.model", &tokeniser, &e))
        fail_msg("%s", e.text);
    assert_true(kp_spm_load(model.s, model.length, &library, why));
    kp_text_finish(&model);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kp_tokeniser_close(tokeniser);
    kp_spm_free(library);
    return chdir("/") == 0 ? scratch_remove(folder) : -1;
}

static void take(void *arg, const int *ids, size_t count)
{
    struct kp_ids *out = arg;

    out->v = malloc((count + 1) * sizeof *out->v);
    assert_non_null(out->v);
    memcpy(out->v, ids, count * sizeof *ids);
    out->count = (int64_t)count;
}

/* Encoding is what the library makes of the whole text, and decoding gives the text back. */
static void compare(struct kp_encoder *c, const char *text, size_t n)
{
    struct kp_ids want = {0}, got = {0};
    struct kp_text back = {0};
    struct kp_error e = {0};
    char why[KP_SPM_WHY];
    int64_t stray = 0;

    assert_true(kp_spm_encode(library, text, n, take, &want, why));
    if (kp_encode(c, text, n, &got, &stray, &e))
        fail_msg("%s", e.text);
    assert_int_equal(stray, 0);
    if (got.count != want.count || memcmp(got.v, want.v, (size_t)got.count * sizeof *got.v) != 0)
        fail_msg("'%.*s': %lld tokens, the library has %lld", (int)n, text, (long long)got.count,
                 (long long)want.count);
    assert_true(kp_tokeniser_decode(tokeniser, got.v, got.count, &back));
    if (!strstr(text, "\xE2\x96\x81")) {
        assert_int_equal(back.length, n);
        assert_memory_equal(back.s, text, n);
    }
    kp_text_finish(&back);
    free(want.v);
    free(got.v);
}

static struct kp_encoder *encoder(void)
{
    struct kp_encoder *c = NULL;
    struct kp_error e = {0};

    if (!kp_spm_built)
        skip();
    assert_int_equal(kp_encoder_create(tokeniser, &c, &e), KP_OK);
    return c;
}

static void texts_as_the_library_has_them(void **state)
{
    static const char *const texts[] = {
        " ",
        "   ",
        "the",
        " the",
        "the  cat\n\nsat\t on",
        "1912 19",
        "12the34",
        "<D>",
        "a<D>b <D> ",
        "<0x41>",
        "\xE2\x96\x81the\xE2\x96\x81 \xE2\x96\x81 cat",
        "x\xE2\x96\x81",
        "\xF0\x9F\x98\x80!",
        "caf\xC3\xA9\xC3\xA9\xC3\xA8",
        "na\xC3\xAFve \xE6\x97\xA5\xE6\x9C\xAC the",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct kp_encoder *c = encoder();
    (void)state;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            compare(c, texts[i], strlen(texts[i]));
        for (size_t i = 0; i < sizeof corpus / sizeof corpus[0]; i++)
            compare(c, corpus[i], strlen(corpus[i]));
    }
    kp_encoder_destroy(c);
}

static void random_texts_as_the_library_has_them(void **state)
{
    static const char *const parts[] = {
        "the", "he",           "t",   "cat", " ", "  ", "\n",           "\xC3\xA9",
        "caf", "\xE2\x96\x81", "<D>", "1",   "9", ",",  "\xE4\xB9\xA6", "other"};
    enum { PARTS = sizeof parts / sizeof parts[0] };
    const struct kp_rng_key key = {.seed = 5};
    struct kp_encoder *c = encoder();
    struct kp_text text = {0};
    (void)state;

    for (uint64_t i = 0; i < 2000; i++) {
        kp_text_clear(&text);
        for (uint32_t k = 0; k < 1 + i % 40; k++)
            kp_text_add(&text, parts[kp_rng_below(key, i, k, PARTS)]);
        compare(c, text.s, text.length);
    }
    kp_text_finish(&text);
    kp_encoder_destroy(c);
}

/* More different words than an encoder remembers, none of which can be cut. */
static void many_words(void **state)
{
    enum { WORDS = 270000, LETTERS = 19 };
    struct spm_bytes b = spm_model_bytes((struct spm_model){.pieces = SPM_REST, .third = "<D>"});
    struct kp_tokeniser *t = NULL;
    struct kp_encoder *c = NULL;
    struct kp_ids ids = {0}, want = {0};
    struct kp_text text = {0}, back = {0};
    struct kp_error e = {0};
    char why[KP_SPM_WHY];
    int64_t stray = 0;
    (void)state;

    if (!kp_spm_built)
        skip();
    for (int i = 0; i < WORDS; i++) {
        char word[LETTERS + 2] = " ";
        for (int k = 0; k < LETTERS; k++)
            word[1 + k] = i >> k & 1 ? 'q' : 'u';
        kp_text_add(&text, word);
    }
    put("m.model", b.v, b.n);
    assert_int_equal(kp_tokeniser_open("m.model", &t, &e), KP_OK);
    assert_int_equal(kp_encoder_create(t, &c, &e), KP_OK);
    assert_int_equal(kp_encode(c, text.s, text.length, &ids, &stray, &e), KP_OK);
    assert_true(kp_tokeniser_decode(t, ids.v, ids.count, &back));
    assert_int_equal(back.length, text.length);
    assert_memory_equal(back.s, text.s, text.length);

    /* The end as the library has it; the whole would take it long. */
    struct kp_spm *m = NULL;
    size_t end = (size_t)1000 * (LETTERS + 1);
    assert_true(kp_spm_load(b.v, b.n, &m, why));
    assert_true(kp_spm_encode(m, text.s + text.length - end, end, take, &want, why));
    assert_true(want.count < ids.count);
    assert_memory_equal(ids.v + ids.count - want.count, want.v,
                        (size_t)want.count * sizeof *want.v);
    kp_spm_free(m);
    kp_encoder_destroy(c);
    kp_tokeniser_close(t);
    kp_text_finish(&text);
    kp_text_finish(&back);
    free(ids.v);
    free(want.v);
    free(b.v);
}

static void bytes_that_are_no_text(void **state)
{
    static const char text[] = "the\xFF\xE9 cat \xC3\xA9\xC3(\x00\xED\xA0\x80 the";
    struct kp_encoder *c = encoder();
    struct kp_ids ids = {0};
    struct kp_text back = {0};
    struct kp_error e = {0};
    int64_t stray = 0;
    (void)state;

    assert_int_equal(kp_encode(c, text, sizeof text - 1, &ids, &stray, &e), KP_OK);
    assert_int_equal(stray, 2 + 1 + 3);
    assert_true(kp_tokeniser_decode(tokeniser, ids.v, ids.count, &back));
    assert_int_equal(back.length, sizeof text - 1);
    assert_memory_equal(back.s, text, sizeof text - 1);
    kp_text_finish(&back);
    free(ids.v);
    kp_encoder_destroy(c);
}

static void known_tokens(void **state)
{
    static const int32_t ids[] = {0, 1, 2, 3 + 'A', 3 + 0xC3, 3 + 0xA9};
    static const int32_t bad[][1] = {{-1}, {330}};
    struct kp_text text = {0};
    (void)state;

    if (!kp_spm_built)
        skip();
    assert_int_equal(kp_tokeniser_size(tokeniser), 330);
    assert_string_equal(kp_tokeniser_piece(tokeniser, 3 + 'A'), "<0x41>");
    assert_true(kp_tokeniser_decode(tokeniser, ids, 6, &text));
    assert_string_equal(text.s, " \xE2\x81\x87 <D>A\xC3\xA9");
    assert_false(kp_tokeniser_decode(tokeniser, bad[0], 1, &text));
    assert_false(kp_tokeniser_decode(tokeniser, bad[1], 1, &text));
    kp_text_finish(&text);
}

static void training_again_gives_the_same_bytes(void **state)
{
    struct kp_text a = {0}, b = {0};
    struct kp_error e = {0};
    size_t at = 0;
    (void)state;

    if (!kp_spm_built)
        skip();
    assert_int_equal(kp_tokeniser_train(300, 1, next_line, &at, &a, &e), KP_OK);
    at = 0;
    assert_int_equal(kp_tokeniser_train(300, 2, next_line, &at, &b, &e), KP_OK);
    assert_int_equal(a.length, b.length);
    /* The number of threads is in the file. */
    kp_text_clear(&b);
    at = 0;
    assert_int_equal(kp_tokeniser_train(300, 1, next_line, &at, &b, &e), KP_OK);
    assert_memory_equal(a.s, b.s, a.length);
    kp_text_finish(&a);
    kp_text_finish(&b);
}

static void vocabularies_that_cannot_be(void **state)
{
    static const struct {
        int64_t size;
        const char *says;
    } cases[] = {{259, "a vocabulary of 259 tokens; 260 to 65535 would be right"},
                 {65536, "a vocabulary of 65536 tokens; 260 to 65535"},
                 {20000, "no tokeniser of 20000 tokens from these books: Vocabulary size too high"},
                 {262, "no tokeniser of 262 tokens from these books: Vocabulary size is smaller"}};
    (void)state;

    if (!kp_spm_built)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kp_text model = {0};
        struct kp_error e = {0};
        size_t at = 0;

        assert_int_equal(kp_tokeniser_train(cases[i].size, 1, next_line, &at, &model, &e),
                         KP_E_INVALID);
        if (strncmp(e.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("'%s' does not say '%s'", e.text, cases[i].says);
        kp_text_finish(&model);
    }
}

static void refused(const struct spm_bytes b, const char *says)
{
    struct kp_tokeniser *t = NULL;
    struct kp_error e = {0};

    put("m.model", b.v, b.n);
    assert_int_equal(kp_tokeniser_open("m.model", &t, &e), KP_E_FORMAT);
    assert_null(t);
    if (strncmp(e.text, "m.model: ", 9) != 0 || !strstr(e.text, says))
        fail_msg("'%s' does not say '%s'", e.text, says);
}

static void models_of_another_kind(void **state)
{
    static const struct {
        struct spm_model model;
        const char *says;
    } cases[] = {
        {{.pieces = 65536, .third = "<D>"},
         "65536 tokens; files of 16-bit tokens hold at most 65535"},
        {{.pieces = 300, .third = "</s>"},
         "another kind: token 2 is '</s>' where <D> would be right"},
        {{.pieces = 300, .third = "<D>", .no_bytes = true},
         "token 3 is 'piece3' where a byte would"},
        {{.pieces = 3, .third = "<D>", .no_bytes = true},
         "token 3 is '(none)' where a byte would be right"},
        {{.pieces = 300, .third = "<D>", .blank_at_start = true}, "another kind: it changes text"},
    };
    struct kp_tokeniser *t = NULL;
    struct kp_error e = {0};
    (void)state;

    if (!kp_spm_built)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spm_bytes b = spm_model_bytes(cases[i].model);
        refused(b, cases[i].says);
        free(b.v);
    }
    refused((struct spm_bytes){(uint8_t *)(uintptr_t) "{\"model\": \"bpe\"}", 16, 16},
            "no model of SentencePiece (");

    /* The largest one that fits. */
    struct spm_bytes b = spm_model_bytes((struct spm_model){.pieces = 65535, .third = "<D>"});
    put("m.model", b.v, b.n);
    if (kp_tokeniser_open("m.model", &t, &e))
        fail_msg("%s", e.text);
    assert_int_equal(kp_tokeniser_size(t), 65535);
    kp_tokeniser_close(t);
    free(b.v);
    assert_int_equal(kp_tokeniser_open("none.model", &t, &e), KP_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_as_the_library_has_them),
        cmocka_unit_test(random_texts_as_the_library_has_them),
        cmocka_unit_test(many_words),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(known_tokens),
        cmocka_unit_test(training_again_gives_the_same_bytes),
        cmocka_unit_test(vocabularies_that_cannot_be),
        cmocka_unit_test(models_of_another_kind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
