/* test_no_tokeniser.c - a kappa that was built without SentencePiece says so. */
#include "text/tokeniser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char says[] = "this kappa was built without SentencePiece; install it (Debian: "
                           "libsentencepiece-dev) and build again";

static bool next_line(void *arg, const char **line, size_t *n)
{
    (void)arg;
    (void)line;
    (void)n;
    return false;
}

static void nothing_can_be_opened(void **state)
{
    struct kp_tokeniser *t = NULL;
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(kp_tokeniser_open("any.model", &t, &e), KP_E_UNSUPPORTED);
    assert_string_equal(e.text, says);
    assert_null(t);
}

static void nothing_can_be_trained(void **state)
{
    struct kp_text model = {0};
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(kp_tokeniser_train(300, 1, next_line, NULL, &model, &e), KP_E_UNSUPPORTED);
    assert_string_equal(e.text, says);
    assert_int_equal(model.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_can_be_opened),
        cmocka_unit_test(nothing_can_be_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
