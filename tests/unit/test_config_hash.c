/* test_config_hash.c - the three hashes, and that a printed configuration is the same
 * configuration. */
#include "config_rig.h"

static struct kp_hashes hash_of(const char *text, const char *const *set, const char *teacher)
{
    struct kp_config *c = rig_config_set(text, set);
    struct kp_hashes h;

    kp_config_hash(c, (const char *const[KP_REFERENCES]){teacher}, &h);
    kp_config_destroy(c);
    return h;
}

static const char kd_text[] =
    RIG_BASE "[objective]\nplugin = kd\n[teacher]\nexperiment = t.ini\n[data]\nkappa = 0.5\n";
static const char lt_text[] = RIG_BASE "[teacher]\nexperiment = t.ini\n[data]\nkappa = 0.5\n";

/* These values stand in databases: a change here makes every finished run unknown. */
static void test_golden(void **state)
{
    (void)state;
    struct kp_hashes h = hash_of(kd_text, NULL, "0123");

    assert_string_equal(h.config,
                        "7b1eb49394e35acd83a0e1e02a846f8481b35c0690072e3a78c2855c235094d7");
    assert_string_equal(h.pair, "f778dbfd6deb86bfb02ccdd3cf3c2dd1559a3c5508d2c47c69f58592b91a0062");
    assert_string_equal(h.group,
                        "a75986dd4927242e6e0fc328f954402b071c35b3c4f01224de1b36efba30261e");
}

/* The golden text itself, so that what is hashed can be read. */
static void test_text(void **state)
{
    (void)state;
    static const char settings[] = "data.crop=0\ndata.crop_pad=0\ndata.dev=0\n"
                                   "data.downsample=0\ndata.flip=false\ndata.format=idx\n"
                                   "data.labels=fine\ndata.list=list.txt\ndata.mean=0.5\n"
                                   "data.n_teacher=100\ndata.nested=false\ndata.order=epoch\n"
                                   "data.pad_to=0\ndata.random_resized_crop=false\n"
                                   "data.resize=0\ndata.rotate=0\ndata.sd=0.25\n"
                                   "data.skip_bad=false\ndata.student_pool=fresh\n"
                                   "data.test_limit=0\ndevice.slice=32\n"
                                   "model.net.bias=true\nmodel.net.channels=\n"
                                   "model.net.kind=plain\nmodel.net.note=\nmodel.net.rate=0.5\n"
                                   "model.net.scales=1 2.5\nmodel.net.width=20\n"
                                   "model.plugin=net\n"
                                   "objective.kd.label_weight=0\nobjective.kd.tau=20\n"
                                   "objective.kd.tau_scale=tau2\nobjective.plugin=kd\n"
                                   "run.role=student\nseed.augment=master\nseed.init=master\n"
                                   "seed.master=11\nseed.order=master\nseed.subset=master\n"
                                   "seed.teacher_pool=0\nteacher.mode=auto\ntrain.batch=128\n"
                                   "train.clip_norm=0\ntrain.epochs=10\ntrain.freeze=\n"
                                   "train.lr=0.1\ntrain.lr_final=0\ntrain.momentum=0\n"
                                   "train.nesterov=false\ntrain.optimizer=sgd\n"
                                   "train.schedule=cosine_epoch\n"
                                   "train.warmup_epochs=5\ntrain.warmup_factor=0.01\n"
                                   "train.weight_decay=0\ndata.m=50\nteacher=0123\n";
    struct kp_hashes h = hash_of(kd_text, NULL, "0123");
    char expected[KP_HASH_SIZE];

    kp_hash_bytes(settings, sizeof(settings) - 1, expected);
    assert_string_equal(h.config, expected);
}

/* What one --set does to the hashes of a text: a letter per hash that changes, c, p and g. */
static void expect_change(const char *text, const char *set, const char *changes)
{
    const char *const list[] = {set, NULL};
    struct kp_hashes a = hash_of(text, NULL, "0123");
    struct kp_hashes b = hash_of(text, list, "0123");
    char got[4] = "", *g = got;

    if (strcmp(a.config, b.config) != 0)
        *g++ = 'c';
    if (strcmp(a.pair, b.pair) != 0)
        *g++ = 'p';
    if (strcmp(a.group, b.group) != 0)
        *g++ = 'g';
    *g = '\0';
    if (strcmp(got, changes) != 0)
        fail_msg("%s changes '%s' and should change '%s'", set, got, changes);
}

static void test_unhashed(void **state)
{
    (void)state;
    static const char *const set[] = {"run.name=a",           "run.threads=2",
                                      "run.checkpoint=5",     "data.root=/elsewhere",
                                      "data.name=other",      "data.cache=/elsewhere",
                                      "data.decode=live",     "data.decoders=3",
                                      "train.eval_batch=7",   "train.eval_every=1",
                                      "device.kind=ref",      "metrics.plugins=count",
                                      "metric.count.every=5", "teacher.experiment=u.ini",
                                      "data.kappa=0.5001",    "data.kappa=5e-1",
                                      "train.lr=1e-1",        "objective.ls.a=0.7",
                                      "seed.order= master ",  "train.precision=fp32",
                                      "device.tf32=false"};

    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        expect_change(kd_text, set[i], "");
        expect_change(lt_text, set[i], "");
    }
    expect_change(lt_text, "teacher.mode=live", "");
    expect_change(lt_text, "objective.kd.tau=1", "");
}

static void test_hashed(void **state)
{
    (void)state;
    static const char *const set[] = {"run.role=teacher",
                                      "data.format=cifar10",
                                      "data.labels=coarse",
                                      "data.list=other.txt",
                                      "data.pad_to=32",
                                      "data.downsample=8",
                                      "data.resize=256",
                                      "data.crop=224",
                                      "data.skip_bad=true",
                                      "data.test_limit=100",
                                      "data.rotate=15",
                                      "data.random_resized_crop=true",
                                      "data.mean=0.4",
                                      "data.sd=0.3",
                                      "data.flip=true",
                                      "data.crop_pad=4",
                                      "data.n_teacher=200",
                                      "data.kappa=0.51",
                                      "data.student_pool=disjoint",
                                      "data.nested=true",
                                      "data.dev=0.1",
                                      "data.order=fixed",
                                      "train.epochs=11",
                                      "train.batch=64",
                                      "train.lr=0.2",
                                      "train.momentum=0.9",
                                      "train.weight_decay=1e-3",
                                      "train.schedule=constant",
                                      "train.optimizer=adam",
                                      "train.clip_norm=1",
                                      "train.freeze=head",
                                      "train.precision=bf16",
                                      "train.lr_final=0.01",
                                      "train.warmup_epochs=4",
                                      "train.warmup_factor=0.1",
                                      "seed.init=1",
                                      "seed.subset=1",
                                      "seed.order=1",
                                      "seed.augment=1",
                                      "seed.teacher_pool=1",
                                      "device.slice=64",
                                      "device.tf32=true",
                                      "model.plugin=mlp",
                                      "model.net.width=21",
                                      "model.net.rate=0.4",
                                      "model.net.bias=false",
                                      "model.net.note=x",
                                      "model.net.kind=deep",
                                      "model.net.channels=1",
                                      "model.net.scales=2"};

    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        expect_change(kd_text, set[i], "cpg");
        expect_change(lt_text, set[i], "cpg");
    }
    expect_change(kd_text, "seed.master=12", "cp");
    expect_change(lt_text, "seed.master=12", "cp");
    expect_change(kd_text, "objective.kd.tau=1", "cg");
    expect_change(kd_text, "objective.plugin=ls", "cg");
    expect_change(kd_text, "teacher.mode=live", "cg");
    expect_change(lt_text, "objective.plugin=ls", "cg");
}

static void test_teacher(void **state)
{
    (void)state;
    static const char *const init[] = {"seed.init=teacher", NULL};
    struct kp_hashes a, b;

    a = hash_of(kd_text, NULL, "0123");
    b = hash_of(kd_text, NULL, "4567");
    assert_string_not_equal(a.config, b.config);
    assert_string_not_equal(a.group, b.group);
    assert_string_equal(a.pair, b.pair);

    /* Label training has no part in it. */
    a = hash_of(lt_text, NULL, "0123");
    b = hash_of(RIG_BASE "[data]\nkappa = 0.5\n", NULL, NULL);
    assert_memory_equal(&a, &b, sizeof(a));

    /* Cells of the two objectives form a pair. */
    b = hash_of(kd_text, NULL, "0123");
    assert_string_equal(a.pair, b.pair);
    assert_string_not_equal(a.config, b.config);

    /* Where the initial weights are the teacher's, the teacher matters to all. */
    a = hash_of(lt_text, init, "0123");
    b = hash_of(lt_text, init, "4567");
    assert_string_not_equal(a.config, b.config);
    assert_string_not_equal(a.pair, b.pair);
    b = hash_of(kd_text, init, "0123");
    assert_string_equal(a.pair, b.pair);
}

static struct kp_hashes hash_of_init(const char *text, const char *init)
{
    struct kp_config *c = rig_config(text);
    struct kp_hashes h;

    kp_config_hash(c, (const char *const[KP_REFERENCES]){[KP_REFERENCE_INIT] = init}, &h);
    kp_config_destroy(c);
    return h;
}

/* Weights to begin with enter all hashes, as what they are, not as how they are named. */
static void test_init(void **state)
{
    (void)state;
    static const char by_file[] = RIG_BASE "[init]\nfile = w.safetensors\nskip = head\n";
    static const char by_run[] = RIG_BASE "[init]\nrun = 01A\nskip = head\n";
    static const char more[] = RIG_BASE "[init]\nrun = 01A\nskip = head conv\n";
    struct kp_hashes a = hash_of_init(by_file, "0123"), b = hash_of_init(by_run, "0123");

    assert_memory_equal(&a, &b, sizeof(a));
    b = hash_of_init(by_file, "4567");
    assert_string_not_equal(a.config, b.config);
    assert_string_not_equal(a.pair, b.pair);
    assert_string_not_equal(a.group, b.group);
    b = hash_of_init(more, "0123");
    assert_string_not_equal(a.config, b.config);
    assert_string_not_equal(a.pair, b.pair);
    b = hash_of_init(RIG_BASE, "0123");
    assert_string_not_equal(a.config, b.config);
    a = hash_of_init(RIG_BASE, NULL);
    assert_memory_equal(&a, &b, sizeof(a));
}

/* Imported weights are no run that was trained, and two files are two runs. */
static void test_imported(void **state)
{
    (void)state;
    static const char one[] =
        "run.imported=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const char two[] =
        "run.imported=10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const char *const set[2][2] = {{one, NULL}, {two, NULL}};

    expect_change(lt_text, one, "cpg");
    struct kp_hashes a = hash_of(lt_text, set[0], NULL), b = hash_of(lt_text, set[1], NULL);
    assert_string_not_equal(a.config, b.config);
}

static void test_teacher_run(void **state)
{
    (void)state;
    static const char text[] = RIG_BASE "[run]\nrole = teacher\n";

    expect_change(text, "data.kappa=0.1", "");
    expect_change(text, "data.student_pool=disjoint", "");
    expect_change(text, "data.nested=true", "");
    expect_change(text, "seed.subset=5", "");
    expect_change(text, "seed.order=5", "cpg");
    expect_change(text, "data.n_teacher=50", "cpg");
}

static void test_groups(void **state)
{
    (void)state;
    struct kp_experiment *x = rig_open(RIG_BASE "[teacher]\nrun = 01A\n[sweep]\n"
                                                "objective.plugin = lt, kd\nseed.master = 1, 2\n");
    struct kp_hashes h[4];

    assert_int_equal(kp_experiment_cells(x), 4);
    for (int64_t i = 0; i < 4; i++) {
        struct kp_config *c = rig_resolve(x, i);
        kp_config_hash(c, (const char *const[KP_REFERENCES]){"0123"}, &h[i]);
        kp_config_destroy(c);
    }
    kp_experiment_destroy(x);
    assert_string_equal(h[0].group, h[1].group);
    assert_string_equal(h[2].group, h[3].group);
    assert_string_not_equal(h[0].group, h[2].group);
    assert_string_equal(h[0].pair, h[2].pair);
    assert_string_equal(h[1].pair, h[3].pair);
    assert_string_not_equal(h[0].pair, h[1].pair);
}

/* Print, parse, print: the same settings, hashes and text. */
static void round_trip(struct kp_config *c, bool origins)
{
    struct kp_text text = {0}, again = {0};
    struct kp_hashes a, b;
    struct kp_config *d;

    kp_config_print(c, origins, &text);
    d = rig_config(text.s);
    kp_config_hash(c, (const char *const[KP_REFERENCES]){"0123"}, &a);
    kp_config_hash(d, (const char *const[KP_REFERENCES]){"0123"}, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(c->count, d->count);
    for (int64_t i = 0; i < c->count; i++) {
        assert_string_equal(c->settings[i].key, d->settings[i].key);
        assert_string_equal(c->settings[i].text, d->settings[i].text);
        assert_int_equal(c->settings[i].hashed, d->settings[i].hashed);
    }
    kp_config_print(d, false, &again);
    if (!origins)
        assert_string_equal(text.s, again.s);
    kp_config_destroy(d);
    kp_text_finish(&text);
    kp_text_finish(&again);
}

static void test_print(void **state)
{
    (void)state;
    struct kp_config *c = rig_config(kd_text);
    struct kp_text text = {0};

    kp_config_print(c, true, &text);
    assert_non_null(strstr(text.s, "[data]\ncache = ; default\ncrop = 0 ; default\n"));
    assert_non_null(
        strstr(text.s, "\n\n[model.net]\nbias = true ; default\nchannels = ; default\n"));
    assert_non_null(strstr(text.s, "kappa = 0.5 ; x.ini:18\n"));
    round_trip(c, true);
    round_trip(c, false);
    kp_config_destroy(c);
    kp_text_finish(&text);
}

static unsigned seed = 1;

static unsigned draw(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* Text that the options take, with the characters that an INI file could misread. */
static void add_text(struct kp_text *t, unsigned length)
{
    static const char letters[] = "abcdefghij/\\#[]=:&,;.\"' ";
    char last = ' ';

    kp_text_add(t, "x"); /* an empty text could be a missing one */
    for (unsigned i = 0; i < length; i++) {
        char c = letters[draw(sizeof(letters) - 1)];
        if (c == ';' && last == ' ')
            c = '-';
        kp_text_add_bytes(t, &c, 1);
        last = c;
    }
}

static void add_list(struct kp_text *t, const char *key, unsigned n, bool reals)
{
    kp_text_addf(t, "%s =", key);
    for (unsigned i = 0; i < n; i++) {
        kp_text_add(t, i % 10 == 9 ? "\n   " : " ");
        if (reals)
            kp_text_addf(t, "%.17g", (double)draw(1u << 20) / 12345.678);
        else
            kp_text_addf(t, "%u", 1 + draw(60000));
    }
    kp_text_add(t, "\n");
}

/* A value of any length reaches a file only on continuation lines. */
static void add_setting(struct kp_text *t, const char *key, const char *value)
{
    size_t since = 0;

    kp_text_addf(t, "%s = ", key);
    for (size_t i = 0, n = strlen(value); i < n; i++) {
        if (since++ > 150 && value[i - 1] != ' ') {
            kp_text_add(t, "\n  \\");
            since = 0;
        }
        kp_text_add_bytes(t, value + i, 1);
    }
    kp_text_add(t, "\n");
}

static void test_print_random(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) {
        struct kp_text t = {0}, value = {0};
        struct kp_config *c;

        kp_text_add(&t, RIG_BASE "[teacher]\n");
        add_text(&value, draw(i % 3 == 0 ? 900 : 30));
        add_setting(&t, "file", value.s);
        kp_text_clear(&value);
        add_text(&value, draw(i % 4 == 0 ? 900 : 30));
        kp_text_add(&t, "[run]\n");
        add_setting(&t, "name", value.s);
        kp_text_addf(&t, "[train]\nlr = %.17g\nweight_decay = %g\nbatch = %u\nschedule = %s\n",
                     (double)draw(1u << 24) / 1e5, (double)draw(1000) * 1e-7, 1 + draw(65536),
                     draw(2) ? "constant" : "cosine_epoch");
        kp_text_addf(&t, "[seed]\nmaster = %u\ninit = %s%u\n", draw(1u << 24), draw(2) ? "00" : "",
                     draw(1u << 24));
        kp_text_addf(&t, "[data]\nkappa = %.17g\nflip = %s\n", 0.01 + (double)draw(9999) / 77.7,
                     draw(2) ? "yes" : "off");
        kp_text_addf(&t, "[objective]\nplugin = %s\n", draw(2) ? "kd" : "lt");
        kp_text_addf(&t, "[objective.kd]\ntau = %.17g\n[model.net]\n",
                     1.0 + (double)draw(1000) / 7);
        add_list(&t, "channels", draw(60), false);
        add_list(&t, "scales", 1 + draw(3), true);
        c = rig_config(t.s);
        round_trip(c, i % 2 == 0);
        kp_config_destroy(c);
        kp_text_finish(&t);
        kp_text_finish(&value);
    }
}

static void test_stream_seed(void **state)
{
    (void)state;
    bool teacher = true;

    assert_int_equal(kp_stream_seed("master", 42, &teacher), 42);
    assert_false(teacher);
    assert_int_equal(kp_stream_seed("7", 42, &teacher), 7);
    assert_false(teacher);
    assert_int_equal(kp_stream_seed("teacher", 42, &teacher), 42);
    assert_true(teacher);
    assert_true(kp_stream_seed_valid("9007199254740992", false));
    assert_false(kp_stream_seed_valid("9007199254740993", false));
    assert_false(kp_stream_seed_valid("99999999999999999999", false));
    assert_false(kp_stream_seed_valid("-1", false));
    assert_false(kp_stream_seed_valid("", true));
    assert_false(kp_stream_seed_valid("teacher", false));
    assert_true(kp_stream_seed_valid("teacher", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_text),
        cmocka_unit_test(test_unhashed),     cmocka_unit_test(test_hashed),
        cmocka_unit_test(test_init),         cmocka_unit_test(test_imported),
        cmocka_unit_test(test_teacher),      cmocka_unit_test(test_teacher_run),
        cmocka_unit_test(test_groups),       cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_random), cmocka_unit_test(test_stream_seed),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
