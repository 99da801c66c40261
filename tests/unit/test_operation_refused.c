/* test_operation_refused.c - operations of plugins: what is wrong with a name, an option or an
 * operand is said. */
#include "operation_rig.h"

RECORD(squared, apply(t, m->square, x))

static void refused_options(void **state)
{
    static const struct {
        const char *name, *options, *words;
    } cases[] = {
        {"sqare", "", "unknown operation 'sqare'; known: square blend rms first"},
        {"square", "", "operation 'square': option 'unused' must be given"},
        {"square", "unused = 1, aa = 2", "unknown option 'aa'; did you mean 'a'?"},
        {"square", "unused = 1, b", "'b' is no option; key = value"},
        {"square", "unused = 1, unused = 2", "option 'unused' is given twice"},
        {"square", "unused = 5", "option 'unused': "},
        {"square", "unused = 1, a = x", "option 'a': 'x' is no finite number"},
        {"blend", "a = 1", "operation 'blend': unknown option 'a'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_arena memory = {0};
        struct kp_operation op = {0};
        struct kp_error e = {0};

        assert_int_equal(
            kp_operation_find(&registry, cases[i].name, cases[i].options, &memory, &op, &e),
            KP_E_CONFIG);
        if (!strstr(e.text, cases[i].words))
            fail_msg("'%s' does not say '%s'", e.text, cases[i].words);
        assert_null(op.def);
        kp_arena_finish(&memory);
    }
}

static void options_fill_the_state(void **state)
{
    struct kp_arena memory = {0};
    struct kp_operation op = {0};
    struct kp_error e = {0};

    (void)state;
    must(kp_operation_find(&registry, "square", " unused=3 ,\n a = -2.5", &memory, &op, &e), &e);
    const struct square *self = op.self;
    assert_int_equal(self->unused, 3);
    assert_true(fabs(self->a + 2.5) < 1e-12);
    kp_arena_finish(&memory);
}

static struct kp_tensor *many(const struct model *m, struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_tensor *in[] = {x, x};

    return kp_apply(t, m->square, in, 2);
}

static struct kp_tensor *blend_of(const struct model *m, struct kp_tape *t, struct kp_tensor *c,
                                  struct kp_tensor *w, struct kp_tensor *x)
{
    struct kp_tensor *in[] = {x, c, w};

    return kp_apply(t, m->blend, in, 3);
}

RECORD(other_shape, blend_of(m, t, kp_flatten(t, x), m->w, x))
RECORD(batched_parameter, blend_of(m, t, x, x, x))
RECORD(wrong_parameter, blend_of(m, t, x, m->head, x))
RECORD(parameter_as_batch, apply(t, m->square, m->w))
RECORD(one_number_rows, apply(t, m->rms, kp_mean(t, x)))
RECORD(empty_result, apply(t, m->first, kp_flatten(t, x)))

static void misfits_are_refused_with_a_reason(void **state)
{
    static const struct {
        struct form form;
        const char *words;
    } cases[] = {
        {{"", many, 1}, "operation 'square' has 1 operands, not 2"},
        {{"", other_shape, 1}, "operation 'blend': operand 'c' has another shape than the first"},
        {{"", batched_parameter, 1}, "operand 'w' has a batch dimension; a parameter is expected"},
        {{"", wrong_parameter, 1}, "operation 'blend': w must be (1), it has 2 dims"},
        {{"", parameter_as_batch, 1}, "operand 'x' has no batch dimension"},
        {{"", one_number_rows, 1}, "operand 'x' is not (N, ..., K)"},
        {{"", empty_result, 1}, "shape gives no result that begins with N = 50"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w = {0};
        struct kp_error e = {0};

        assert_int_not_equal(start(&w, &cases[i].form, "ref", 1, &e), KP_OK);
        if (!strstr(e.text, cases[i].words))
            fail_msg("'%s' does not say '%s'", e.text, cases[i].words);
        finish(&w);
    }
}

static void a_net_without_plugins_has_none(void **state)
{
    struct model m = {.record = squared, .width = 1};
    struct kp_net *net = NULL;
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_net_create(&def, &m, &images, NULL, &net, &e), KP_E_UNSUPPORTED);
    assert_non_null(strstr(e.text, "operation 'square': there are no plugins here"));
    assert_null(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_options),
        cmocka_unit_test(options_fill_the_state),
        cmocka_unit_test(misfits_are_refused_with_a_reason),
        cmocka_unit_test(a_net_without_plugins_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
