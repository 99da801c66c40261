/* test_sweep.c - the cells of a sweep: products, zip, skip, axes of plugins that a cell does not
 * choose. */
#include "config_rig.h"

/* The values of `keys` (ends with NULL) in all cells: "a b|a c|...". A key that a cell lacks is
 * "-". free() it. */
static char *cells(const struct kp_experiment *x, const char *const *keys)
{
    struct kp_text out = {0};

    kp_text_add(&out, "");
    for (int64_t i = 0; i < kp_experiment_cells(x); i++) {
        struct kp_config *c = rig_resolve(x, i);
        for (int k = 0; keys[k]; k++) {
            const struct kp_setting *s = kp_config_find(c, keys[k]);
            kp_text_addf(&out, "%s%s", k > 0 ? " " : i > 0 ? "|" : "", s ? s->text : "-");
        }
        kp_config_destroy(c);
    }
    return out.s;
}

static void expect_set(const char *sweep, const char *const *set, const char *const *keys,
                       const char *expected)
{
    struct kp_text text = {0};
    struct kp_experiment *x;
    char *got;

    kp_text_addf(&text, "%s[teacher]\nrun = 01A\n%s%s", RIG_BASE, *sweep ? "[sweep]\n" : "", sweep);
    x = rig_open_set(text.s, set);
    got = cells(x, keys);
    if (strcmp(got, expected) != 0)
        fail_msg("%s gives\n%s\nand should give\n%s", sweep, got, expected);
    free(got);
    kp_experiment_destroy(x);
    kp_text_finish(&text);
}

static void expect(const char *sweep, const char *const *keys, const char *expected)
{
    expect_set(sweep, NULL, keys, expected);
}

static void refuse(const char *sweep, const char *report)
{
    struct kp_text text = {0};

    kp_text_addf(&text, "%s[teacher]\nrun = 01A\n[sweep]\n%s", RIG_BASE, sweep);
    rig_refuse(text.s, report);
    kp_text_finish(&text);
}

static const char *const kappa_seed[] = {"data.kappa", "seed.master", NULL};
static const char *const loss_tau[] = {"objective.plugin", "objective.kd.tau", NULL};
static const char *const loss_tau_a[] = {"objective.plugin", "objective.kd.tau", "objective.ls.a",
                                         NULL};

static void test_product(void **state)
{
    (void)state;
    expect("", kappa_seed, "1 11");
    expect("data.kappa = 0.1, 0.20,1\nseed.master = 7, 8\n", kappa_seed,
           "0.1 7|0.1 8|0.2 7|0.2 8|1 7|1 8");
    expect("seed.master = 7, 8\ndata.kappa = 0.1,\n  0.2\n", kappa_seed, "0.1 7|0.2 7|0.1 8|0.2 8");
    expect("seed.master = 7\n", kappa_seed, "1 7");
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const channels[] = {"model.net.channels", NULL};
    expect("model.net.channels = 10 20, 20 40 80, 5\n", channels, "10 20|20 40 80|5");
}

/* 5 kappas x (lt + kd x 2 taus + ls) x 3 seeds. */
static void test_plugin_axis(void **state)
{
    (void)state;
    struct kp_experiment *x =
        rig_open(RIG_BASE "[teacher]\nrun = 01A\n[sweep]\n"
                          "data.kappa = 0.02, 0.1, 0.2, 0.4, 1\n"
                          "objective.plugin = lt, kd, ls\nobjective.kd.tau = 1, 20\n"
                          "seed.master = 11, 13, 21\n");

    assert_int_equal(kp_experiment_cells(x), 5 * (1 + 2 + 1) * 3);
    kp_experiment_destroy(x);

    expect("objective.plugin = lt, kd, ls\nobjective.kd.tau = 1, 20\n", loss_tau,
           "lt -|kd 1|kd 20|ls -");
    /* Whichever stands first: the choice is the slower one. */
    expect("objective.kd.tau = 1, 20\nobjective.plugin = lt, kd\n", loss_tau, "lt -|kd 1|kd 20");
    expect("objective.kd.tau = 1, 20\nobjective.ls.a = 0, 0.5\nobjective.plugin = lt, kd, ls\n",
           loss_tau_a, "lt - -|kd 1 -|kd 20 -|ls - 0|ls - 0.5");
    /* No axis for the choice: lt has no tau. */
    expect("objective.kd.tau = 1, 20\n", loss_tau, "lt -");
}

static void test_zip(void **state)
{
    (void)state;
    expect("data.kappa = 0.1, 0.2\nseed.master = 7, 8\nzip = data.kappa, seed.master\n", kappa_seed,
           "0.1 7|0.2 8");
    expect("objective.plugin = lt, kd, kd\nobjective.kd.tau = 9, 1, 20\n"
           "zip = objective.plugin, objective.kd.tau\n",
           loss_tau, "lt -|kd 1|kd 20");
    /* A group is in use as soon as one of its axes is. */
    expect("data.kappa = 0.1, 0.2\nobjective.kd.tau = 1, 20\nzip = data.kappa, objective.kd.tau\n",
           (const char *const[]){"data.kappa", "objective.kd.tau", NULL}, "0.1 -|0.2 -");
}

static void test_skip(void **state)
{
    (void)state;
    expect("data.kappa = 0.1, 0.2, 1\nseed.master = 7, 8\n"
           "skip = data.kappa = 0.10 & seed.master=8\nskip = data.kappa = 1\n",
           kappa_seed, "0.1 7|0.2 7|0.2 8");
    /* A key that the sweep does not name has one value. */
    expect("data.kappa = 0.1, 0.2\nskip = train.epochs = 10 & data.kappa = 0.2\n", kappa_seed,
           "0.1 11");
    expect("data.kappa = 0.1, 0.2\nskip = train.epochs = 11 & data.kappa = 0.2\n", kappa_seed,
           "0.1 11|0.2 11");
    /* What a cell does not choose does not hold. */
    expect("objective.plugin = lt, kd\nobjective.kd.tau = 1, 20\nskip = objective.kd.tau = 1\n",
           loss_tau, "lt -|kd 20");
}

static void test_overrides(void **state)
{
    (void)state;
    static const char *const pin[] = {"data.kappa=0.5", NULL};
    static const char *const replace[] = {"sweep data.kappa=0.5,0.6", NULL};
    static const char *const again[] = {"data.kappa=0.5", "sweep data.kappa=0.7,0.8", NULL};

    expect_set("data.kappa = 0.1, 0.2\nseed.master = 7, 8\n", pin, kappa_seed, "0.5 7|0.5 8");
    expect_set("data.kappa = 0.1, 0.2\nseed.master = 7, 8\nzip = data.kappa, seed.master\n", pin,
               kappa_seed, "0.5 7|0.5 8");
    expect_set("data.kappa = 0.1, 0.2\nseed.master = 7, 8\n", replace, kappa_seed,
               "0.5 7|0.5 8|0.6 7|0.6 8");
    expect_set("seed.master = 7\n", again, kappa_seed, "0.7 7|0.8 7");
    /* An axis wins over a plain value, above or below it. */
    expect("data.kappa = 0.1, 0.2\n[data]\nkappa = 0.9\n", kappa_seed, "0.1 11|0.2 11");
    /* A later axis of the same key replaces the earlier one. */
    expect("data.kappa = 0.1, 0.2\ndata.kappa = 0.3\n", kappa_seed, "0.3 11");
}

static void test_origin(void **state)
{
    (void)state;
    static const char *const set[] = {"sweep train.lr=0.5,0.6", NULL};
    struct kp_experiment *x = rig_open_set(RIG_BASE "[sweep]\nseed.master = 7, 8\n", set);
    struct kp_config *c = rig_resolve(x, 3);

    rig_expect(c, "seed.master", "8", "x.ini:14 [sweep]");
    rig_expect(c, "train.lr", "0.6", "--sweep");
    kp_config_destroy(c);
    kp_experiment_destroy(x);
}

static void test_swept_interpolation(void **state)
{
    (void)state;
    static const char *const name[] = {"run.name", NULL};
    struct kp_experiment *x = rig_open(RIG_BASE "[run]\nname = k${data.kappa}\n"
                                                "[sweep]\ndata.kappa = 0.1, 0.2\n"
                                                "data.name = ${data.format}1, b\n");
    char *got = cells(x, name);

    assert_string_equal(got, "k0.1|k0.1|k0.2|k0.2");
    free(got);
    kp_experiment_destroy(x);
}

static void test_teachers(void **state)
{
    (void)state;
    struct kp_experiment *x = rig_open(RIG_BASE "[sweep]\nteacher.experiment = a.ini, b.ini\n");
    struct kp_config *c = rig_resolve(x, 1);

    assert_non_null(strstr(c->reference[KP_REFERENCE_TEACHER].experiment, "/b.ini"));
    assert_int_equal(c->reference[KP_REFERENCE_TEACHER].experiment[0], '/');
    kp_config_destroy(c);
    kp_experiment_destroy(x);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("data.kapa = 1, 2\n",
           "x.ini:16: sweep.data.kapa: unknown key; did you mean data.kappa?\n");
    refuse("kappa = 1, 2\n", "x.ini:16: sweep.kappa: unknown key; section.key\n");
    refuse("include.path = a, b\n",
           "x.ini:16: sweep.include.path: unknown key; did you mean include.path?\n");
    refuse("data.kappa = 1,, 2\n",
           "x.ini:16: data.kappa: an empty value between commas; value, value, ...\n");
    refuse("data.kappa =\n",
           "x.ini:16: data.kappa: an empty value between commas; value, value, ...\n"
           "x.ini:16: data.kappa: '' is no finite number; real, 1e-09 to 1000\n");
    refuse("data.kappa = 1, x\n",
           "x.ini:16: data.kappa: 'x' is no finite number; real, 1e-09 to 1000\n");
    refuse("objective.plugin = lt, dk\n",
           "x.ini:16: objective.plugin: no objective 'dk' among the plugins; did you mean 'kd'? "
           "known: lt kd ls\n");
    refuse("objective.plugin = lt, ${data.format}\n",
           "x.ini:16: objective.plugin: the choice of a plugin cannot hold ${...}; its name\n");
    refuse("data.kappa = 1, 2\nseed.master = 1, 2, 3\nzip = data.kappa, seed.master\n",
           "x.ini:18: sweep.zip: data.kappa has 2 values and seed.master has 3; equally many of "
           "both\n");
    refuse("data.kappa = 1, 2\nzip = data.kappa, seed.master\n",
           "x.ini:17: sweep.zip: 'seed.master' is no axis of [sweep]; a key that is\n");
    refuse("data.kappa = 1, 2\nzip = data.kappa\n",
           "x.ini:17: sweep.zip: one name; at least two axes, with commas between\n");
    refuse("data.kappa = 1, 2\nseed.master = 1, 2\nzip = data.kappa, seed.master\n"
           "zip = data.kappa, seed.master\n",
           "x.ini:19: sweep.zip: 'data.kappa' is zipped twice; once\n"
           "x.ini:19: sweep.zip: 'seed.master' is zipped twice; once\n");
    refuse("data.kappa = 1, 2\nskip = data.kappa\n",
           "x.ini:17: sweep.skip: 'data.kappa' is no condition; key = value & key = value\n");
    refuse("data.kappa = 1, 2\nskip = data.kapa = 1\n",
           "x.ini:17: sweep.skip: data.kapa: unknown key; did you mean data.kappa?\n");
    refuse("data.kappa = 1, 2\nskip = data.kappa = 1\nskip = data.kappa = 2\n",
           "x.ini:18: sweep: skip drops every cell; fewer conditions\n");
    rig_refuse(RIG_BASE "[run]\nname = ${data.format}\n[sweep]\nskip = run.name = idx\n",
               "x.ini:16: sweep.skip: run.name holds ${...}; a key whose value stands as it is\n");
}

/* Adds "key = 1, 2, ..., n". */
static void add_axis(struct kp_text *t, const char *key, int n)
{
    kp_text_addf(t, "%s = 1", key);
    for (int i = 2; i <= n; i++)
        kp_text_addf(t, "%s%d", i % 20 == 0 ? ",\n  " : ", ", i);
    kp_text_add(t, "\n");
}

static void test_limits(void **state)
{
    (void)state;
    struct kp_text text = {0};
    struct kp_experiment *x;

    kp_text_add(&text, RIG_BASE "[sweep]\n");
    add_axis(&text, "seed.master", 1000);
    add_axis(&text, "train.batch", 100);
    x = rig_open(text.s);
    assert_int_equal(kp_experiment_cells(x), 100000);
    kp_experiment_destroy(x);

    add_axis(&text, "train.eval_batch", 10000);
    add_axis(&text, "seed.teacher_pool", 10000);
    rig_put("x.ini", text.s);
    char *got = rig_report(NULL);
    assert_non_null(
        strstr(got, ": sweep: more than 10000000 cells before skip; fewer values or zip\n"));
    free(got);
    kp_text_finish(&text);
}

/* Axes of many objectives beside their choice are added up, not multiplied. */
static void test_no_blowup(void **state)
{
    (void)state;
    struct kp_text text = {0};
    struct kp_experiment *x;

    kp_text_add(&text, RIG_BASE "[teacher]\nrun = 01A\n[sweep]\n");
    add_axis(&text, "objective.kd.tau", 900);
    add_axis(&text, "objective.kd.label_weight", 100);
    kp_text_add(&text, "objective.ls.a = 0, 0.1, 0.2, 0.3\nobjective.plugin = lt, kd, ls\n");
    x = rig_open(text.s);
    assert_int_equal(kp_experiment_cells(x), 1 + 90000 + 4);
    kp_experiment_destroy(x);
    kp_text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),     cmocka_unit_test(test_lists),
        cmocka_unit_test(test_plugin_axis), cmocka_unit_test(test_zip),
        cmocka_unit_test(test_skip),        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_origin),      cmocka_unit_test(test_swept_interpolation),
        cmocka_unit_test(test_teachers),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_no_blowup),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
