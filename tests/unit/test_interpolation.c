/* test_interpolation.c - ${section.key} and ${env:NAME} in values. */
#include "config_rig.h"

static void test_interpolation(void **state)
{
    (void)state;
    static const char *const set[] = {"train.batch=${train.eval_batch}", NULL};
    struct kp_config *c;

    assert_int_equal(setenv("KAPPA_TEST_A", "one two", 1), 0);
    assert_int_equal(unsetenv("KAPPA_TEST_B"), 0);
    c = rig_config_set(RIG_BASE
                       "[run]\nname = ${env:KAPPA_TEST_A}-${data.format}$ {x} ${model.net.rate}\n"
                       "[train]\neval_batch = 64\n",
                       set);
    rig_expect(c, "run.name", "one two-idx$ {x} 0.5", "x.ini:14");
    rig_expect(c, "train.batch", "64", "--set");
    kp_config_destroy(c);

    assert_int_equal(setenv("KAPPA_DATA", "/from/env", 1), 0);
    c = rig_config(
        "[model.net]\nnote = ${data.n_teacher}\n[data]\nformat = idx\nmean = 0\nsd = 1\n"
        "n_teacher = 5\n[train]\nepochs = 9\n[model]\nplugin = net\n[objective]\nplugin = lt\n");
    rig_expect(c, "data.root", "/from/env", "default");
    rig_expect(c, "model.net.note", "5", NULL);
    kp_config_destroy(c);
    assert_int_equal(unsetenv("KAPPA_DATA"), 0);

    /* Where the data lie is nobody's concern until they are opened. */
    struct kp_error e = {0};
    c = rig_config(RIG_BASE "[data]\nroot = ${env:KAPPA_TEST_A}/${env:KAPPA_TEST_B}/x\n");
    rig_expect(c, "data.root", "one two/${env:KAPPA_TEST_B}/x", "x.ini:14");
    assert_int_equal(kp_config_check_places(c, &e), KP_E_CONFIG);
    assert_string_equal(e.text,
                        "data.root, from x.ini:14: the environment variable KAPPA_TEST_B is "
                        "not set; set it, or write the value in its place");
    kp_config_destroy(c);
    c = rig_config(RIG_BASE "[data]\nroot = ${env:KAPPA_TEST_A}\n");
    e = (struct kp_error){0};
    assert_int_equal(kp_config_check_places(c, &e), KP_OK);
    kp_config_destroy(c);

    rig_refuse(RIG_BASE "[run]\nname = ${env:KAPPA_TEST_B}\n",
               "x.ini:14: run.name: the environment variable KAPPA_TEST_B is not set; set it, or "
               "write the value in its place\n");
    rig_refuse(RIG_BASE "[run]\nname = ${data.rot}\n",
               "x.ini:14: run.name: '${data.rot}': unknown key; did you mean data.root?\n");
    rig_refuse(RIG_BASE "[run]\nname = ${data.root\n",
               "x.ini:14: run.name: '${' without its '}'; ${section.key} or ${env:NAME}\n");
    rig_refuse(
        RIG_BASE "[run]\nname = ${model.net.note}\n[model.net]\nnote = ${run.name}\n",
        "x.ini:14: run.name: '${model.net.note}': the value of that key holds ${...} itself; "
        "write it out\n"
        "x.ini:16: model.net.note: '${run.name}': the value of that key holds ${...} itself; "
        "write it out\n");
    rig_refuse(
        RIG_BASE "[train]\nbatch = ${data.format}\n",
        "x.ini:14: train.batch: 'idx' is no integer that fits 64 bits; integer, 1 to 65536\n");
    rig_refuse(RIG_BASE "[model]\nplugin = ${data.format}\n",
               "x.ini:14: model.plugin: the choice of a plugin cannot hold ${...}; its name\n"
               "x.ini:14: model.plugin: no model 'idx' among the plugins; known: net mlp\n");
    assert_int_equal(setenv("KAPPA_TEST_B", "${run.name}", 1), 0);
    rig_refuse(RIG_BASE "[run]\nname = ${env:KAPPA_TEST_B}\n",
               "x.ini:14: run.name: '${' is left once ${...} is replaced; a value without it\n");
}

/* A value cannot grow without bound by naming a long one many times. */
static void test_interpolation_limit(void **state)
{
    (void)state;
    struct kp_text text = {0};
    char *long_value = malloc(60001);

    assert_non_null(long_value);
    memset(long_value, 'x', 60000);
    long_value[60000] = '\0';
    assert_int_equal(setenv("KAPPA_TEST_LONG", long_value, 1), 0);
    kp_text_add(&text, RIG_BASE "[run]\nname =\n");
    for (int i = 0; i < 10000; i++)
        kp_text_add(&text, "  \\${env:KAPPA_TEST_LONG}\n");
    rig_refuse(text.s, "x.ini:14: run.name: more than 65536 characters once ${...} is replaced\n");
    assert_int_equal(unsetenv("KAPPA_TEST_LONG"), 0);
    kp_text_finish(&text);
    free(long_value);
}

int main(void)
{
    (void)unsetenv("KAPPA_DATA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interpolation),
        cmocka_unit_test(test_interpolation_limit),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
