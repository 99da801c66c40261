/* test_registry.c - plugins that are opened, plugins that are refused, and where they are looked
 * for. */
#include "base/file.h"
#include "host/folders.h"
#include "host/registry.h"
#include "host/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../plugins/fixture.h"
#include "scratch.h"

#define PLUGINS KP_BUILD_ROOT "/tests/plugins/"

static void assert_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is without \"%s\"", text ? text : "(null)", part);
}

static void test_open(void **state)
{
    (void)state;
    struct kp_registry r = {0};
    struct kp_error e = {0};
    const struct kp_loaded *from = NULL;

    assert_int_equal(kp_registry_open(&r, PLUGINS "good.so", &e), KP_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(strlen(r.loaded[0]->sha256), 64);
    assert_string_equal(kp_registry_model(&r, "good_model", &from)->name, "good_model");
    assert_ptr_equal(from, r.loaded[0]);
    assert_non_null(kp_registry_objective(&r, "good_objective", NULL));
    assert_non_null(kp_registry_metric(&r, "good_metric", NULL));
    assert_null(kp_registry_model(&r, "good_objective", NULL));
    assert_null(kp_registry_objective(&r, "good", NULL));
    assert_null(kp_registry_metric(&r, "", NULL));

    /* The same file by another path is no second plugin. */
    assert_int_equal(kp_registry_open(&r, KP_BUILD_ROOT "/tests/../tests/plugins/good.so", &e),
                     KP_OK);
    assert_int_equal(r.count, 1);
    kp_registry_finish(&r);
}

/* A part of the program is a plugin like any other, but has no file. */
static void test_built_in(void **state)
{
    static const struct kp_plugin fine = {.abi = KP_ABI, .name = "part", .version = "1"};
    static const struct kp_plugin bad = {.abi = KP_ABI, .name = "Part", .version = "1"};
    struct kp_registry r = {0};
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_registry_add(&r, &fine, &e), KP_OK);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.loaded[0]->path, "built in");
    assert_string_equal(r.loaded[0]->sha256, "");
    assert_int_equal(kp_registry_open(&r, PLUGINS "good.so", &e), KP_OK);
    /* What a file already has. */
    assert_int_equal(kp_registry_add(&r, r.loaded[1]->plugin, &e), KP_E_INVALID);
    assert_has(e.text, "built in: model 'good_model' is already in");
    assert_int_not_equal(kp_registry_add(&r, &bad, &e), KP_OK);
    assert_int_equal(r.count, 2);
    kp_registry_finish(&r);
}

struct refusal {
    const char *file;
    enum kp_status status;
    const char *parts[4];
};

static const struct refusal refusals[] = {
    {"other_major.so",
     KP_E_ABI,
     {"other_major.so: ", "plugin ABI 7", "kappa has 1.2", "rebuild it"}},
    {"bad_major.so", KP_E_ABI, {"bad_major.so: ", "plugin ABI 2.2", "kappa has 1.2", "rebuild it"}},
    {"newer_minor.so", KP_E_ABI, {"newer_minor.so: ", "plugin ABI 1.7", "has 1.2", "rebuild it"}},
    {"no_symbol.so", KP_E_ABI, {"no_symbol.so: ", "does not define kp_plugin_v1", "KP_PLUGIN"}},
    {"bad_magic.so", KP_E_ABI, {"bad_magic.so: ", "0x12345678", "0x5050414b", "rebuild it"}},
    {"bad_size.so", KP_E_ABI, {"bad_size.so: ", "8 bytes", "rebuild it"}},
    {"bad_pointer.so", KP_E_ABI, {"bad_pointer.so: ", "pointers of 4 bytes", "rebuild it"}},
    {"bad_options.so", KP_E_FORMAT, {"objective 'bad'", "option 'tau'", "'7' is out of range"}},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct kp_registry r = {0};
        struct kp_error e = {0};
        char path[1024];

        (void)snprintf(path, sizeof(path), "%s%s", PLUGINS, refusals[i].file);
        assert_int_equal(kp_registry_open(&r, path, &e), refusals[i].status);
        for (int k = 0; k < 4 && refusals[i].parts[k]; k++)
            assert_has(e.text, refusals[i].parts[k]);
        assert_int_equal(r.count, 0);
        kp_registry_finish(&r);
    }
}

static void test_two_of_one_name(void **state)
{
    (void)state;
    struct kp_registry r = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_registry_open(&r, PLUGINS "good.so", &e), KP_OK);
    assert_int_equal(kp_registry_open(&r, PLUGINS "same_model.so", &e), KP_E_INVALID);
    assert_has(e.text, "model 'good_model'");
    assert_has(e.text, PLUGINS "good.so");
    assert_has(e.text, PLUGINS "same_model.so");
    assert_int_equal(r.count, 1);
    assert_null(kp_registry_objective(&r, "same_model_objective", NULL));
    kp_registry_finish(&r);
}

static void test_no_plugin_files(void **state)
{
    (void)state;
    struct kp_registry r = {0};
    struct kp_error e = {0};
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];

    assert_int_equal(scratch_make(folder), 0);

    assert_int_equal(kp_registry_open(&r, "/nonexistent/x.so", &e), KP_E_IO);
    assert_has(e.text, "/nonexistent/x.so");

    (void)snprintf(path, sizeof(path), "%s/text.so", folder);
    assert_int_equal(scratch_put(path, "this is no shared object\n"), 0);
    assert_int_equal(kp_registry_open(&r, path, &e), KP_E_FORMAT);
    assert_has(e.text, "text.so: cannot be opened as a plugin");

    (void)snprintf(path, sizeof(path), "%s/empty.so", folder);
    assert_int_equal(scratch_put(path, ""), 0);
    assert_int_equal(kp_registry_open(&r, path, &e), KP_E_FORMAT);
    assert_int_equal(r.count, 0);
    kp_registry_finish(&r);
    assert_int_equal(scratch_remove(folder), 0);
}

static void test_scan(void **state)
{
    (void)state;
    struct kp_registry r = {0};
    struct kp_error e = {0};
    struct kp_text report = {0};
    int lines = 0;

    assert_int_equal(kp_registry_scan(&r, KP_BUILD_ROOT "/tests/plugins", &report, &e), KP_OK);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.loaded[0]->plugin->name, "good"); /* before same_model by name */
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        assert_has(report.s, refusals[i].parts[1]);
    assert_has(report.s, "same_model.so: model 'good_model' is already in ");
    for (const char *c = report.s; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, sizeof(refusals) / sizeof(refusals[0]) + 1);

    assert_int_equal(kp_registry_scan(&r, "/nonexistent", &report, &e), KP_E_IO);
    assert_has(e.text, "/nonexistent: No such file or directory");
    kp_text_finish(&report);
    kp_registry_finish(&r);
}

/* Every plugin of the tree opens. */
static void test_own_plugins(void **state)
{
    (void)state;
    static const char *const folders[] = {"models", "objectives", "metrics"};
    struct kp_registry r = {0};
    struct kp_error e = {0};
    struct kp_text report = {0};

    for (size_t i = 0; i < 3; i++) {
        char path[1024];
        (void)snprintf(path, sizeof(path), "%s/%s", KP_BUILD_ROOT, folders[i]);
        if (kp_registry_scan(&r, path, &report, &e) != KP_OK)
            fail_msg("%s", e.text);
    }
    if (report.length > 0)
        fail_msg("%s", report.s);
    assert_non_null(kp_registry_model(&r, "cnn", NULL));
    assert_non_null(kp_registry_model(&r, "mlp", NULL));
    assert_non_null(kp_registry_objective(&r, "kd", NULL));
    assert_non_null(kp_registry_objective(&r, "lt", NULL));
    assert_non_null(kp_registry_metric(&r, "accuracy", NULL));
    assert_non_null(kp_registry_metric(&r, "fidelity", NULL));
    kp_text_finish(&report);
    kp_registry_finish(&r);
}

static void make_folder(const char *root, const char *name)
{
    struct kp_error e = {0};
    char *path = kp_path_join(root, name);

    assert_int_equal(kp_folder_make(path, &e), KP_OK);
    free(path);
}

static char *search(const char *root, const char *program)
{
    struct kp_text out = {0};
    struct kp_error e = {0};
    char *path = kp_path_join(root, program);

    assert_int_equal(kp_folders_own(path, &out, &e), KP_OK);
    free(path);
    return out.s ? out.s : strdup("");
}

static void test_search(void **state)
{
    (void)state;
    char root[SCRATCH_SIZE];
    char *found;

    assert_int_equal(scratch_make(root), 0);

    make_folder(root, "build/core/app");
    make_folder(root, "build/models");
    make_folder(root, "build/metrics");
    make_folder(root, "usr/bin");
    make_folder(root, "usr/bin/" KP_PLUGINS_FROM_PROGRAM);
    make_folder(root, "other/bin");

    found = search(root, "build/core/app"); /* no build folder without meson-info */
    assert_string_equal(found, "");
    free(found);

    make_folder(root, "build/meson-info");
    found = search(root, "build/core/app");
    assert_has(found, "build/models\n");
    assert_has(found, "build/metrics\n");
    assert_null(strstr(found, "objectives"));
    free(found);

    found = search(root, "usr/bin");
    assert_has(found, "/kappa/plugins/\n");
    assert_null(strstr(found, ".."));
    free(found);
    found = search(root, "other/bin");
    assert_string_equal(found, "");
    free(found);
    assert_int_equal(scratch_remove(root), 0);
}

static void test_search_list(void **state)
{
    (void)state;
    struct kp_text out = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_folders_list("::/a:b//:", &out, &e), KP_OK);
    assert_string_equal(out.s, "/a\nb//\n");
    kp_text_clear(&out);
    assert_int_equal(kp_folders_list(NULL, &out, &e), KP_OK);
    assert_int_equal(kp_folders_list("", &out, &e), KP_OK);
    assert_int_equal(out.length, 0);
    kp_text_finish(&out);
}

/* The program of this test is neither in a build's core/app nor installed: only $KAPPA_PLUGINS
 * counts, and never the working directory. */
static void test_scan_default(void **state)
{
    (void)state;
    struct kp_registry r = {0};
    struct kp_error e = {0};
    struct kp_text report = {0};
    char *before = getcwd(NULL, 0);

    assert_non_null(before);
    assert_int_equal(chdir(KP_BUILD_ROOT "/tests/plugins"), 0);
    assert_int_equal(unsetenv("KAPPA_PLUGINS"), 0);
    assert_int_equal(kp_registry_scan_default(&r, &report, &e), KP_OK);
    assert_int_equal(r.count, 0);
    assert_has(report.s, "KAPPA_PLUGINS");

    assert_int_equal(setenv("KAPPA_PLUGINS", ":", 1), 0);
    assert_int_equal(kp_registry_scan_default(&r, &report, &e), KP_OK);
    assert_int_equal(r.count, 0);

    assert_int_equal(setenv("KAPPA_PLUGINS", KP_BUILD_ROOT "/tests/plugins", 1), 0);
    assert_int_equal(kp_registry_scan_default(&r, &report, &e), KP_OK);
    assert_int_equal(r.count, 1);

    assert_int_equal(setenv("KAPPA_PLUGINS", "/nonexistent", 1), 0);
    assert_int_equal(kp_registry_scan_default(&r, &report, &e), KP_E_IO);
    assert_has(e.text, "KAPPA_PLUGINS: /nonexistent: ");
    assert_int_equal(unsetenv("KAPPA_PLUGINS"), 0);
    assert_int_equal(chdir(before), 0);
    free(before);
    kp_text_finish(&report);
    kp_registry_finish(&r);
}

/* Checks one objective definition that differs from a good one. */
static void verify(const struct kp_objective_def *d, const char *wrong)
{
    const struct kp_objective_def *const list[] = {d, NULL};
    const struct kp_plugin p = {.abi = KP_ABI, .name = "p", .version = "1", .objectives = list};
    struct kp_error e = {0};
    enum kp_status st = kp_verify_plugin(&p, "p.so", &e);

    if (wrong) {
        assert_int_equal(st, KP_E_FORMAT);
        assert_has(e.text, "p.so: ");
        assert_has(e.text, wrong);
    } else {
        assert_string_equal(e.text, "");
        assert_int_equal(st, KP_OK);
    }
}

static void verify_option(struct kp_option o, const char *wrong)
{
    const struct kp_option v[] = {
        KP_REAL(struct fixture_kd, label_weight, "label_weight", "0", 0, 1, "weight"), o};
    struct kp_objective_def d = fixture_kd;

    d.options = (struct kp_option_table)KP_OPTIONS(v);
    verify(&d, wrong);
}

static void test_verify_option(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static const char *const twice[] = {"a", "b", "a", NULL};
    static const char *const blank[] = {"a b", NULL};
    const struct kp_option tau =
        KP_REAL(struct fixture_kd, tau, "tau", "20", 1e-3, 1e6, "temperature");
    const struct kp_option word =
        KP_ENUM(struct fixture_kd, tau_scale, "scale", "none", fixture_scales, "factor");
    struct kp_option o = tau;

    verify_option(tau, NULL);
    verify_option(word, NULL);
    o.fallback = NULL;
    verify_option(o, NULL);
    o = tau, o.fallback = "1e9";
    verify_option(o, "its default: '1e9' is out of range");
    o = tau, o.fallback = "warm";
    verify_option(o, "its default: 'warm' is no finite number");
    o = tau, o.name = "Tau";
    verify_option(o, "bad name");
    o = tau, o.name = NULL;
    verify_option(o, "bad name");
    o = tau, o.name = "";
    verify_option(o, "bad name");
    o = tau, o.name = "a_name_of_more_than_thirty_two_characters";
    verify_option(o, "bad name");
    o = tau, o.name = "label_weight";
    verify_option(o, "twice");
    o = tau, o.offset = offsetof(struct fixture_kd, label_weight);
    verify_option(o, "same field");
    o = tau, o.offset = sizeof(struct fixture_kd);
    verify_option(o, "outside the state struct");
    o = tau, o.offset = SIZE_MAX - 3;
    verify_option(o, "outside the state struct");
    o = tau, o.offset = 4;
    verify_option(o, "outside the state struct");
    o = tau, o.doc = NULL;
    verify_option(o, "no doc");
    o = tau, o.min = 2, o.max = 1;
    verify_option(o, "minimum");
    o = tau, o.type = (enum kp_option_type)99;
    verify_option(o, "type is not known");
    o = word, o.words = NULL;
    verify_option(o, "words");
    o = word, o.words = none;
    verify_option(o, "words");
    o = word, o.words = twice;
    verify_option(o, "words");
    o = word, o.words = blank;
    verify_option(o, "words");
}

KP_ROW_LOSS(fixture_row, struct fixture_kd,
            { kp_row_add_kl(row, 1, self->tau, row->teacher_logits, self->tau); })

static void test_verify_definition(void **state)
{
    (void)state;
    const struct kp_row_loss no_double = {sizeof(no_double), fixture_row.in_float, NULL, NULL};
    const struct kp_row_loss too_short = {8, fixture_row.in_float, fixture_row.in_double, NULL};
    struct kp_objective_def d = fixture_kd;

    verify(&d, NULL);
    d = fixture_kd, d.size = 16;
    verify(&d, "16 bytes");
    d = fixture_kd, d.size = 1u << 20;
    verify(&d, "bytes");
    d = fixture_kd, d.name = "kd-2";
    verify(&d, "bad name");
    d = fixture_kd, d.doc = NULL;
    verify(&d, "no doc");
    d = fixture_kd, d.formula = NULL;
    verify(&d, "no formula");
    d = fixture_kd, d.loss = NULL;
    verify(&d, "it has no loss");
    d.row = &fixture_row;
    verify(&d, NULL);
    d.loss = fixture_kd.loss;
    verify(&d, "or two: give .loss or .row");
    d.loss = NULL, d.row = &no_double;
    verify(&d, "make it with KP_ROW_LOSS");
    d.row = &too_short;
    verify(&d, "make it with KP_ROW_LOSS");
    /* a plugin of ABI 1.1 has no .row, whatever lies behind its definition */
    d = fixture_kd, d.size = offsetof(struct kp_objective_def, row), d.row = &no_double;
    verify(&d, NULL);
    d = fixture_kd, d.needs = 0x80;
    verify(&d, "newer kappa");
    d = fixture_kd, d.self_size = (size_t)1 << 30;
    verify(&d, "larger than 1 MiB");
    d = fixture_kd, d.options.size = 8;
    verify(&d, "options of 8 bytes");
    d = fixture_kd, d.options.count = 100000;
    verify(&d, "option table");
    d = fixture_kd, d.options.v = NULL;
    verify(&d, "option table");
}

static void test_verify_metric(void **state)
{
    (void)state;
    static const struct kp_metric_value same[] = {{"a", "", true, "x"}, {"a", "", true, "x"}};
    struct kp_metric_def d = fixture_accuracy;
    const struct kp_metric_def *const list[] = {&d, NULL};
    const struct kp_plugin p = {.abi = KP_ABI, .name = "p", .version = "1", .metrics = list};
    struct kp_error e = {0};

    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_OK);
    d.observe = NULL;
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_E_FORMAT);
    d = fixture_accuracy, d.value_count = 0;
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_E_FORMAT);
    d = fixture_accuracy, d.value_size = 4;
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_E_FORMAT);
    d = fixture_accuracy, d.sum_count = 1u << 30;
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_E_FORMAT);
    d = fixture_accuracy, d.values = same, d.value_count = 2;
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_E_FORMAT);
    assert_has(e.text, "two values of one name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_two_of_one_name),
        cmocka_unit_test(test_no_plugin_files),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_own_plugins),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_list),
        cmocka_unit_test(test_scan_default),
        cmocka_unit_test(test_verify_option),
        cmocka_unit_test(test_verify_definition),
        cmocka_unit_test(test_verify_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
