/* test_experiment.c - experiments: values and their origin, includes, overrides, every refusal. */
#include "config_rig.h"

static void test_values(void **state)
{
    (void)state;
    struct kp_config *c = rig_config(RIG_BASE "[model.net]\nchannels = 20 40\n   80\nnote = a b\n"
                                              "[objective.kd]\ntau = 4\n"
                                              "[metrics]\nplugins = accuracy count\n"
                                              "[metric.count]\nevery = 3\n");
    struct fixture_net *net = kp_config_model_self(c);
    struct fixture_count *count = kp_config_metric_self(c, &fixture_count);

    rig_expect(c, "data.format", "idx", "x.ini:2");
    rig_expect(c, "train.lr", "0.1", "default");
    rig_expect(c, "model.net.channels", "20 40 80", "x.ini:14");
    rig_expect(c, "objective.plugin", "lt", "x.ini:12");
    rig_expect(c, "seed.master", "11", "default");
    assert_true(kp_config_find(c, "train.epochs")->number == 10);
    assert_null(kp_config_find(c, "objective.kd.tau")); /* not the chosen objective's */
    assert_null(kp_config_find(c, "teacher.experiment"));
    for (int64_t i = 1; i < c->count; i++)
        assert_true(strcmp(c->settings[i - 1].key, c->settings[i].key) < 0);

    assert_int_equal(c->core.run.role, KP_ROLE_STUDENT);
    assert_string_equal(c->core.data.format, "idx");
    assert_int_equal(c->core.data.mean.count, 1);
    assert_true(c->core.data.sd.v[0] == 0.25);
    assert_int_equal(c->core.train.schedule, KP_SETTING_SCHEDULE_COSINE_EPOCH);
    assert_int_equal(c->core.device.slice, 32);
    assert_true(c->core.run.checkpoint == 60);
    assert_int_equal(c->m, 100);
    assert_ptr_equal(c->model, &fixture_net);
    assert_ptr_equal(c->objective_from, &fixture_loaded);
    assert_false(c->needs_teacher);

    assert_int_equal(net->width, 20);
    assert_int_equal(net->channels.count, 3);
    assert_int_equal(net->channels.v[2], 80);
    assert_string_equal(net->note, "a b");
    assert_true(net->scales.v[1] == 2.5);
    assert_non_null(kp_config_objective_self(c));
    assert_int_equal(count->every, 3);
    kp_config_destroy(c);
    kp_config_destroy(NULL);
    kp_experiment_destroy(NULL);
}

/* What an objective says, or else its option tau. */
static void test_temperature(void **state)
{
    static const struct {
        const char *text;
        double tau; /* 0: none */
    } cases[] = {
        {"[objective]\nplugin = lt\n", 0},
        {"[objective]\nplugin = kd\n[teacher]\nrun = 01ABC\n[objective.kd]\ntau = 4\n", 4},
        {"[objective]\nplugin = ls\n[objective.ls]\na = 0.4\n", 0},
        {"[objective]\nplugin = ls\n[objective.ls]\na = 0.6\n", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), RIG_BASE "%s", cases[i].text);
        struct kp_config *c = rig_config(text);
        if (cases[i].tau > 0 ? c->tau != cases[i].tau : c->tau == c->tau)
            fail_msg("%s: tau %g", cases[i].text, c->tau);
        kp_config_destroy(c);
    }
}

static void test_size(void **state)
{
    (void)state;
    static const char *const small[] = {"data.kappa=0.025", NULL};
    static const char *const teacher[] = {"run.role=teacher", "data.kappa=0.5", NULL};
    struct kp_config *c = rig_config_set(RIG_BASE, small);

    assert_int_equal(c->m, 3); /* llround(2.5) */
    kp_config_destroy(c);
    c = rig_config_set(RIG_BASE, teacher);
    assert_int_equal(c->core.run.role, KP_ROLE_TEACHER);
    assert_true(c->kappa == 1);
    assert_int_equal(c->m, 100);
    kp_config_destroy(c);
}

static void test_later_wins(void **state)
{
    (void)state;
    static const char *const set[] = {"train.lr=0.7", " train.lr = 0.8 ", NULL};
    struct kp_config *c;

    rig_put("base.ini", "[train]\nlr = 0.2\nbatch = 10\nmomentum = 0.5\n");
    c = rig_config(RIG_BASE "[train]\nlr = 0.3\nbatch = 11\n[include]\npath = base.ini\n"
                            "[train]\nlr = 0.4\nlr = 0.5\n");
    rig_expect(c, "train.lr", "0.5", "x.ini:20");
    rig_expect(c, "train.batch", "10", "base.ini:3"); /* the include stands below */
    rig_expect(c, "train.momentum", "0.5", "base.ini:4");
    kp_config_destroy(c);
    c = rig_config_set(RIG_BASE "[train]\nlr = 0.3\n", set);
    rig_expect(c, "train.lr", "0.8", "--set");
    kp_config_destroy(c);
}

static void test_includes(void **state)
{
    (void)state;
    struct kp_config *c;

    assert_int_equal(mkdir("sub", 0700), 0);
    rig_put("sub/a.ini", "[include]\npath = b.ini\npath = ../c.ini\n[train]\nbatch = 3\n");
    rig_put("sub/b.ini", "[train]\nbatch = 1\nlr = 0.25\n");
    rig_put("c.ini", "[train]\nbatch = 2\nmomentum = 0.5\n");
    assert_int_equal(setenv("KAPPA_TEST_SUB", "sub", 1), 0);
    c = rig_config("[include]\npath = ${env:KAPPA_TEST_SUB}/a.ini\n" RIG_BASE);
    rig_expect(c, "train.batch", "3", "sub/a.ini:5");
    rig_expect(c, "train.lr", "0.25", "sub/b.ini:3");
    rig_expect(c, "train.momentum", "0.5", "sub/../c.ini:3");
    kp_config_destroy(c);
}

static void test_bad_includes(void **state)
{
    (void)state;
    char *got;

    rig_refuse(RIG_BASE "[include]\npath = no.ini\n",
               "x.ini:14: include.path: no.ini: No such file or directory; the path is seen from "
               "the folder of the file that includes\n");
    rig_refuse(RIG_BASE "[include]\npath =\n",
               "x.ini:14: include.path: empty; the path of an INI file\n");
    rig_refuse(RIG_BASE "[include]\npath = /\n",
               "x.ini:14: include.path: / is no file; an INI file\n");
    rig_refuse(RIG_BASE "[include]\npath = ${data.root}\n",
               "x.ini:14: include.path: '${data.root}': only ${env:NAME} is known here\n");
    rig_refuse(RIG_BASE "[include]\nfile = a.ini\n",
               "x.ini:14: include.file: unknown key; the keys of [include]: path\n");

    rig_put("a.ini", "[include]\npath = b.ini\n");
    rig_put("b.ini", "[include]\npath = ./a.ini\n");
    rig_refuse(RIG_BASE "[include]\npath = a.ini\n",
               "b.ini:2: include.path: files include each other: a.ini -> b.ini -> ./a.ini; remove "
               "one of these includes\n");
    rig_refuse(RIG_BASE "[include]\npath = x.ini\n",
               "x.ini:14: include.path: files include each other: x.ini -> x.ini; remove one of "
               "these includes\n");

    /* Each level includes the next one twice: without a limit 2^15 files. */
    for (int i = 0; i < 15; i++) {
        char name[32], text[100];
        (void)snprintf(name, sizeof(name), "l%d.ini", i);
        (void)snprintf(text, sizeof(text), "[include]\npath = l%d.ini\npath = l%d.ini\n", i + 1,
                       i + 1);
        rig_put(name, i < 14 ? text : "");
    }
    rig_put("x.ini", RIG_BASE "[include]\npath = l0.ini\n");
    got = rig_report(NULL);
    assert_non_null(strstr(got, "more than 256 files in one experiment; fewer includes\n"));
    free(got);
    for (int i = 0; i < 30; i++) {
        char name[32], text[100];
        (void)snprintf(name, sizeof(name), "l%d.ini", i);
        (void)snprintf(text, sizeof(text), "[include]\npath = l%d.ini\n", i + 1);
        rig_put(name, text);
    }
    got = rig_report(NULL);
    assert_string_equal(
        got, "l15.ini:2: include.path: includes nested more than 16 deep; fewer includes\n");
    free(got);
}

static void test_files(void **state)
{
    (void)state;
    struct kp_experiment *x = NULL;
    struct kp_text report = {0};
    FILE *f;

    assert_int_equal(kp_experiment_open("no.ini", NULL, 0, &fixture_registry, &x, &report),
                     KP_E_CONFIG);
    assert_string_equal(report.s, "no.ini: No such file or directory\n");
    kp_text_clear(&report);
    assert_int_equal(kp_experiment_open("/", NULL, 0, &fixture_registry, &x, &report), KP_E_CONFIG);
    assert_string_equal(report.s, "/: / is no file; an INI file\n");
    kp_text_clear(&report);

    f = fopen("big.ini", "w");
    assert_non_null(f);
    for (int i = 0; i < 150000; i++)
        assert_true(fputs("[data]\nk=1\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(kp_experiment_open("big.ini", NULL, 0, &fixture_registry, &x, &report),
                     KP_E_CONFIG);
    assert_non_null(strstr(report.s, "big.ini: "));
    kp_text_clear(&report);

    f = fopen("many.ini", "w");
    assert_non_null(f);
    assert_true(fputs("[data]\n", f) >= 0);
    for (int i = 0; i < 10001; i++)
        assert_true(fputs("flip = true\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(kp_experiment_open("many.ini", NULL, 0, &fixture_registry, &x, &report),
                     KP_E_CONFIG);
    assert_string_equal(report.s, "many.ini:10002: too many entries; at most 10000 in all files\n");
    kp_text_finish(&report);
}

static void test_unknown(void **state)
{
    (void)state;
    rig_refuse(RIG_BASE "[data]\nkapa = 1\n",
               "x.ini:14: data.kapa: unknown key; did you mean data.kappa?\n");
    rig_refuse(RIG_BASE "[trian]\nbatch = 1\nlr = 1\n",
               "x.ini:14: trian.batch: unknown section; did you mean train.batch?\n");
    rig_refuse(RIG_BASE "[objective]\ntau = 1\n",
               "x.ini:14: objective.tau: unknown key; did you mean objective.kd.tau?\n");
    rig_refuse(RIG_BASE "[objective.kd]\ntua = 1\n",
               "x.ini:14: objective.kd.tua: unknown key; did you mean objective.kd.tau?\n");
    rig_refuse(
        RIG_BASE "[objective.dk]\ntau = 1\nx = 1\n",
        "x.ini:14: objective.dk.tau: no objective 'dk' among the plugins; did you mean 'kd'? "
        "known: lt kd ls\n");
    rig_refuse(RIG_BASE "[wonderland]\nalice = 1\nrabbit = 2\n",
               "x.ini:14: wonderland.alice: unknown section; sections: include run data train seed "
               "device teacher init metrics plugins model objective sweep\n");
    rig_refuse(
        RIG_BASE "[device]\nwonderland = 1\n",
        "x.ini:14: device.wonderland: unknown key; the keys of [device]: kind slice index tf32\n");
    rig_refuse(RIG_BASE "[model.mlp]\nwonderland = 1\n",
               "x.ini:14: model.mlp.wonderland: unknown key; the keys of [model.mlp]: none\n");
    rig_refuse(
        RIG_BASE "[objective]\nplugin = xyz\n",
        "x.ini:14: objective.plugin: no objective 'xyz' among the plugins; known: lt kd ls\n");
    rig_refuse(RIG_BASE "[model]\nplugin = nett\n",
               "x.ini:14: model.plugin: no model 'nett' among the plugins; did you mean 'net'? "
               "known: net mlp\n");
    rig_refuse(RIG_BASE "[metrics]\nplugins = accuracy fidelty\n",
               "x.ini:14: metrics.plugins: no metric 'fidelty' among the plugins; did you mean "
               "'fidelity'? known: accuracy fidelity count\n");
}

static void test_bad_values(void **state)
{
    (void)state;
    rig_refuse(RIG_BASE "[train]\nlr = fast\n",
               "x.ini:14: train.lr: 'fast' is no finite number; real, 0 to 1000000\n");
    rig_refuse(RIG_BASE "[train]\nbatch = 70000\n",
               "x.ini:14: train.batch: '70000' is out of range; integer, 1 to 65536\n");
    rig_refuse(RIG_BASE "[data]\nstudent_pool = fresch\n",
               "x.ini:14: data.student_pool: 'fresch' is not known, did you mean 'fresh'; one of "
               "fresh subset disjoint\n");
    rig_refuse(RIG_BASE "[objective.kd]\ntau = 0\n",
               "x.ini:14: objective.kd.tau: '0' is out of range; real, 0.001 to 1000000\n");
    rig_refuse(RIG_BASE "[data]\nmean = 0.5 0.5\n",
               "x.ini:5: data.sd: 1 numbers where data.mean has 2; one of each per channel\n");
    rig_refuse(RIG_BASE "[train]\nnesterov = true\n",
               "x.ini:14: train.nesterov: needs momentum; train.momentum above 0, or nesterov = "
               "false\n");
    rig_refuse(RIG_BASE "[train]\nepochs = 3\n",
               "x.ini: train.warmup_epochs: 5 is more than the 3 epochs of the run; 0 to 3\n");
    rig_refuse(RIG_BASE "[device]\nslice = 40\n",
               "x.ini:14: device.slice: 40 is no multiple of 16; 16, 32, 48, ...\n");
    rig_refuse(
        RIG_BASE "[data]\nkappa = 0.001\n",
        "x.ini:14: data.kappa: M = kappa n_teacher = 0.001 * 100 is less than one example; a "
        "larger kappa\n");
    rig_refuse(RIG_BASE "[data]\nkappa = 2\nstudent_pool = subset\n",
               "x.ini:14: data.kappa: M = 200 is more than the teacher's pool of 100, from which "
               "student_pool = subset draws; kappa up to 1, or another student_pool\n");
    rig_refuse(RIG_BASE "[data]\nformat =\nroot =\n",
               "x.ini:14: data.format: not given; the name of a dataset format, or "
               "data.set, that of a plugin\n"
               "x.ini:15: data.root: empty; the folder of the dataset\n");
    rig_refuse(RIG_BASE "[seed]\norder = 1.5\nsubset = teacher\n",
               "x.ini:14: seed.order: '1.5' is no seed; master, an integer from 0 to "
               "9007199254740992\n"
               "x.ini:15: seed.subset: 'teacher' is no seed; master, an integer from 0 to "
               "9007199254740992\n");
}

static void test_teacher(void **state)
{
    (void)state;
    char here[4096], expected[4200];
    struct kp_config *c;
    static const char *const set[] = {"teacher.experiment=t.ini", NULL};

    rig_refuse(RIG_BASE "[objective]\nplugin = kd\n",
               "x.ini:14: objective.plugin: 'kd' needs a teacher and none is given; [teacher] "
               "experiment = INI file, run = uid, or file = weights\n");
    rig_refuse(
        RIG_BASE "[teacher]\nexperiment = t.ini\nfile = w.safetensors\n",
        "x.ini:15: teacher.file: weights are given twice; only one of experiment, run and file\n");
    rig_refuse(RIG_BASE "[seed]\ninit = teacher\n",
               "x.ini:14: seed.init: 'teacher' needs a teacher whose seed is known; [teacher] "
               "experiment or run\n");
    rig_refuse(RIG_BASE "[run]\nrole = teacher\n[seed]\ninit = teacher\n",
               "x.ini:16: seed.init: 'teacher' is for students; master or a number\n");

    assert_non_null(getcwd(here, sizeof(here)));
    (void)mkdir("sub", 0700);
    rig_put("sub/a.ini", "[teacher]\nexperiment = ../t.ini\n");
    c = rig_config(RIG_BASE "[include]\npath = sub/a.ini\n[objective]\nplugin = kd\n");
    (void)snprintf(expected, sizeof(expected), "%s/sub/../t.ini", here);
    assert_string_equal(c->reference[KP_REFERENCE_TEACHER].experiment, expected);
    assert_string_equal(c->reference[KP_REFERENCE_TEACHER].origin, "sub/a.ini:2");
    assert_null(c->reference[KP_REFERENCE_TEACHER].run);
    assert_true(c->needs_teacher);
    kp_config_destroy(c);

    c = rig_config_set(RIG_BASE "[seed]\ninit = teacher\n", set);
    (void)snprintf(expected, sizeof(expected), "%s/t.ini", here);
    assert_string_equal(c->reference[KP_REFERENCE_TEACHER].experiment, expected);
    assert_true(c->needs_teacher); /* for its seed */
    kp_config_destroy(c);

    c = rig_config(RIG_BASE "[teacher]\nrun = 01ABC\n");
    assert_string_equal(c->reference[KP_REFERENCE_TEACHER].run, "01ABC");
    assert_false(c->needs_teacher);
    kp_config_destroy(c);
}

/* All problems at once, by file and line, the command line last; once each. */
static void test_all_together(void **state)
{
    (void)state;
    static const char *const set[] = {"train.lrr=1", "nonsense", "train.lr=x", "run.threads=-1",
                                      NULL};

    rig_put("base.ini", "[train]\nbatch = none\n[data]\nflipp = 1\n");
    rig_refuse_set(
        "[include]\npath = base.ini\n[data]\nformat = idx\nmean = 0\nsd = 1\n"
        "n_teacher = 0\n[train]\nmomentum = 2\n[model]\nplugin = net\n",
        set,
        "x.ini: train.epochs: not given; integer, 1 to 1000000 (passes over the training "
        "examples)\n"
        "x.ini: objective.plugin: not given; text (objective to minimise)\n"
        "x.ini:7: data.n_teacher: '0' is out of range; integer, 1 to 1000000000\n"
        "x.ini:9: train.momentum: '2' is out of range; real, 0 to 0.999999\n"
        "base.ini:2: train.batch: 'none' is no integer that fits 64 bits; integer, 1 to "
        "65536\n"
        "base.ini:4: data.flipp: unknown key; did you mean data.flip?\n"
        "--set: train.lrr: unknown key; did you mean train.lr?\n"
        "--set: 'nonsense': not a setting; section.key=value\n"
        "--set: train.lr: 'x' is no finite number; real, 0 to 1000000\n"
        "--set: run.threads: '-1' is out of range; integer, 0 to 1024\n");
}

/* A file that cannot be read whole does not make everything else missing. */
static void test_no_cascade(void **state)
{
    (void)state;
    rig_refuse("[include]\npath = gone.ini\n[data]\nflipp = 1\n",
               "x.ini:2: include.path: gone.ini: No such file or directory; the path is seen from "
               "the folder of the file that includes\n"
               "x.ini:4: data.flipp: unknown key; did you mean data.flip?\n");
}

/* [init] is a reference as [teacher] is. */
static void test_init(void **state)
{
    (void)state;
    char here[512], expected[600];
    struct kp_config *c;

    rig_refuse(
        RIG_BASE "[init]\nexperiment = p.ini\nrun = 01A\n",
        "x.ini:15: init.run: weights are given twice; only one of experiment, run and file\n");
    rig_refuse(
        RIG_BASE "[init]\nskip = head\n",
        "x.ini:14: init.skip: leaves something out, but nothing is taken; [init] experiment, "
        "run or file, or no skip\n");
    rig_refuse(RIG_BASE "[run]\nimported = 12ab\n",
               "x.ini:14: run.imported: '12ab' is no sha256; 64 digits of 0-9 and a-f, as 'kappa "
               "import' tells it\n");
    c = rig_config(RIG_BASE "[init]\nfile = w.safetensors\nskip =  head   fc\n");
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(expected, sizeof(expected), "%s/w.safetensors", here);
    assert_string_equal(c->reference[KP_REFERENCE_INIT].file, expected);
    assert_string_equal(c->reference[KP_REFERENCE_INIT].origin, "x.ini:14");
    assert_false(kp_weights_ref_given(&c->reference[KP_REFERENCE_TEACHER]));
    rig_expect(c, "init.skip", "head fc", "x.ini:15");
    assert_true(kp_config_find(c, "init.skip")->hashed);
    kp_config_destroy(c);
    c = rig_config(RIG_BASE);
    assert_false(kp_config_find(c, "init.skip")->hashed);
    assert_false(kp_config_find(c, "run.imported")->hashed);
    kp_config_destroy(c);
}

/* The pre-training has data of its own: it hears of the machine, not of the place of the data. */
static void test_init_overrides(void **state)
{
    (void)state;
    static const char *const set[] = {"init:train.epochs=5", "data.root=/d",  "data.cache=/c",
                                      "data.decode=live",    "run.threads=1", NULL};
    static const char *const sweep[] = {"sweep init:train.lr=1,2", NULL};
    struct kp_experiment *x = rig_open_set(RIG_BASE "[init]\nexperiment = p.ini\n", set);
    const struct kp_override *o;
    int64_t n = 0;

    o = kp_experiment_overrides(x, KP_REFERENCE_INIT, &n);
    assert_int_equal(n, 3);
    assert_string_equal(o[0].text, "data.decode=live");
    assert_string_equal(o[1].text, "run.threads=1");
    assert_string_equal(o[2].text, "train.epochs=5");
    o = kp_experiment_overrides(x, KP_REFERENCE_TEACHER, &n);
    assert_int_equal(n, 4);
    assert_string_equal(o[1].text, "data.cache=/c");
    kp_experiment_destroy(x);
    rig_refuse_set(RIG_BASE "[init]\nexperiment = p.ini\n", sweep,
                   "--sweep: 'init:train.lr=1,2': what [init] names has one configuration; "
                   "--set\n");
}

static void test_teacher_overrides(void **state)
{
    (void)state;
    static const char *const set[] = {"teacher:train.epochs=5", "data.root=/d",     "train.lr=0.5",
                                      "teacher:data.root=/t",   " run.threads = 1", NULL};
    static const char *const sweep[] = {"sweep teacher:train.lr=1,2", NULL};
    static const char *const only[] = {"teacher:train.lr=1", NULL};
    static const char *const control[] = {"run.name=a\nb", "include.path=a", NULL};
    struct kp_experiment *x = rig_open_set(RIG_BASE "[teacher]\nexperiment = t.ini\n", set);
    const struct kp_override *o;
    struct kp_config *c;
    int64_t n = 0;

    o = kp_experiment_overrides(x, KP_REFERENCE_TEACHER, &n);
    assert_int_equal(n, 4);
    assert_string_equal(o[0].text, "data.root=/d");
    assert_string_equal(o[1].text, " run.threads = 1");
    assert_string_equal(o[2].text, "train.epochs=5");
    assert_string_equal(o[3].text, "data.root=/t");
    assert_string_equal(kp_experiment_path(x), "x.ini");
    c = rig_resolve(x, 0);
    rig_expect(c, "train.epochs", "10", NULL);
    rig_expect(c, "data.root", "/d", "--set");
    kp_config_destroy(c);
    kp_experiment_destroy(x);

    rig_refuse_set(RIG_BASE "[teacher]\nexperiment = t.ini\n", sweep,
                   "--sweep: 'teacher:train.lr=1,2': a teacher has one configuration; --set\n");
    rig_refuse_set(RIG_BASE, only,
                   "--set: 'teacher:train.lr=1': this experiment names none there; [teacher] "
                   "experiment = INI file\n");
    rig_refuse_set(RIG_BASE, control,
                   "--set: control characters; printable text\n"
                   "--set: include.path: [include] and [sweep] are for files; --set "
                   "section.key=value, or --sweep section.key=a,b\n");
}

int main(void)
{
    (void)unsetenv("KAPPA_DATA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_temperature),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_later_wins),
        cmocka_unit_test(test_includes),
        cmocka_unit_test(test_bad_includes),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_teacher),
        cmocka_unit_test(test_all_together),
        cmocka_unit_test(test_no_cascade),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_overrides),
        cmocka_unit_test(test_teacher_overrides),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
