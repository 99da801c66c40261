/* test_transfer.c - trainings that begin with given weights: what is taken, what stays, what is
 * refused. */
#include "study_fixture.h"
#include "train/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct study_fixture fixture;
static char pretrain[300]; /* "init.experiment=PATH" */

static int open_fixture(void **state)
{
    (void)state;
    study_fixture_open(&fixture);
    FILE *file = fopen(study_path(&fixture, "pretrain.ini"), "w");
    assert_non_null(file);
    assert_true(fputs("[include]\npath = common.ini\n[run]\nrole = teacher\n"
                      "[objective]\nplugin = ls\n[seed]\nmaster = 5\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(pretrain, sizeof(pretrain), "init.experiment=%s",
                   study_path(&fixture, "pretrain.ini"));
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    study_fixture_close(&fixture);
    return 0;
}

static void run_to_end(const char *db, const char *const *overrides, int64_t done)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.done != done || r.failed > 0)
        fail_msg("%lld done, %lld failed: %s", (long long)r.done, (long long)r.failed, w.text);
}

static void open_weights(struct kp_safetensors *f, const char *db, const char *objective,
                         const char *role)
{
    struct kp_error e = {0};
    char path[512];

    study_weights_path(&fixture, db, objective, role, path, sizeof(path));
    if (kp_safetensors_open(path, f, &e) != KP_OK)
        fail_msg("%s", e.text);
}

static bool same(const struct kp_safetensors *a, const struct kp_safetensors *b, const char *name)
{
    const struct kp_stored *x = kp_safetensors_find(a, name), *y = kp_safetensors_find(b, name);

    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(kp_stored_bytes(x), kp_stored_bytes(y));
    return memcmp(x->data, y->data, kp_stored_bytes(x)) == 0;
}

/* All arrays but those of the head. */
static bool same_body(const struct kp_safetensors *a, const struct kp_safetensors *b)
{
    bool all = true;

    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++)
        if (strncmp(a->arrays[i].name, "head", 4) != 0)
            all = same(a, b, a->arrays[i].name) && all;
    return all;
}

/* Frozen layers end as they were given, bit for bit: parameters, running statistics and counters.
 * The new head learns. */
static void test_frozen_body(void **state)
{
    const char *const set[] = {pretrain, "init.skip=head", "train.freeze=conv bn",
                               "train.weight_decay=0.1", NULL};
    struct kp_safetensors given = {0}, got = {0};

    (void)state;
    run_to_end("frozen.db", set, 3);
    open_weights(&given, "frozen.db", "ls", "teacher");
    open_weights(&got, "frozen.db", "kd", "student");
    assert_true(same_body(&given, &got));
    assert_false(same(&given, &got, "head.weight"));
    kp_safetensors_close(&given);
    kp_safetensors_close(&got);
}

/* Without a step, the body is what was given and the head what it would have been without [init];
 * without skip the head is given too. Batch norm that is not frozen sees new data. */
static void test_begin(void **state)
{
    static const char *const plain[] = {"objective.plugin=lt", "train.lr=0", "train.freeze=conv bn",
                                        NULL};
    const char *const skipped[] = {pretrain,     "init.skip=head",       "objective.plugin=lt",
                                   "train.lr=0", "train.freeze=conv bn", NULL};
    const char *const whole[] = {pretrain, "objective.plugin=lt", "train.lr=0", NULL};
    struct kp_safetensors fresh = {0}, given = {0}, partly = {0}, wholly = {0};

    (void)state;
    run_to_end("plain.db", plain, 2);
    run_to_end("skipped.db", skipped, 3);
    run_to_end("whole.db", whole, 3);
    open_weights(&fresh, "plain.db", "lt", "student");
    open_weights(&given, "skipped.db", "ls", "teacher");
    open_weights(&partly, "skipped.db", "lt", "student");
    open_weights(&wholly, "whole.db", "lt", "student");
    assert_true(same_body(&given, &partly));
    assert_true(same(&fresh, &partly, "head.weight"));
    assert_true(same(&given, &wholly, "head.weight"));
    assert_true(same(&given, &wholly, "conv2.weight"));
    assert_false(same(&given, &wholly, "bn1.running_mean"));
    assert_false(same(&fresh, &partly, "conv0.weight"));
    kp_safetensors_close(&fresh);
    kp_safetensors_close(&given);
    kp_safetensors_close(&partly);
    kp_safetensors_close(&wholly);
}

/* What the weights are is recorded; by file they are another run, and the run of the file's name
 * is found again. */
static void test_record(void **state)
{
    const char *const by_run[] = {pretrain, "objective.plugin=lt", NULL};
    char file[600], path[512];
    const char *const by_file[] = {file, "objective.plugin=lt", NULL};
    struct kp_study_result r;
    struct study_watch w = {.stop_at = -1};

    (void)state;
    run_to_end("record.db", by_run, 3);
    study_weights_path(&fixture, "record.db", "ls", "teacher", path, sizeof(path));
    (void)snprintf(file, sizeof(file), "init.file=%s", path);
    run_to_end("record.db", by_file, 1);
    assert_int_equal(study_run(&fixture, "record.db", by_file, &w, &r), KP_OK);
    assert_int_equal(r.found, 2);

    char *rows = study_query(
        &fixture, "record.db",
        "SELECT (SELECT count(*) FROM param p JOIN run i ON i.config_hash = p.text JOIN param u "
        "ON u.run = p.run AND u.key = 'init.uid' AND u.text = i.uid WHERE p.key = "
        "'init.identity' AND i.objective = 'ls'), (SELECT count(*) FROM param p JOIN artifact a "
        "ON a.sha256 = p.text WHERE p.key = 'init.identity'), (SELECT count(DISTINCT config_hash) "
        "FROM run WHERE objective = 'lt'), (SELECT count(DISTINCT a.sha256) FROM artifact a JOIN "
        "param p ON p.run = a.run AND p.key = 'init.identity' WHERE a.role = 'model')");
    /* 1 by run, 1 by file, with the teacher 3 of lt; the same bits begin with the same weights. */
    assert_string_equal(rows, "1,1,3,1\r\n");
    free(rows);
}

/* Stopped and continued: [init] is not taken a second time. */
static void test_resume(void **state)
{
    const char *const set[] = {pretrain, "init.skip=head", NULL};
    char whole[KP_HASH_SIZE], pieces[KP_HASH_SIZE];
    struct study_watch w = {.stop_at = 5};
    struct kp_study_result r;

    (void)state;
    run_to_end("begun.db", set, 3);
    study_weights(&fixture, "begun.db", "kd", "student", whole);
    assert_int_equal(study_run(&fixture, "stopped.db", set, &w, &r), KP_E_INTERRUPTED);
    run_to_end("stopped.db", set, 1);
    study_weights(&fixture, "stopped.db", "kd", "student", pieces);
    assert_string_equal(whole, pieces);
}

/* "Before training" is with the weights that were given. */
static void test_analysis_of_init(void **state)
{
    const char *const set[] = {pretrain,
                               "objective.plugin=lt",
                               "train.lr=0",
                               "train.freeze=conv bn",
                               "analysis.cka.with=init",
                               "analysis.cka.n=60",
                               NULL};

    (void)state;
    run_to_end("analysis.db", set, 4);
    char *rows = study_query(&fixture, "analysis.db",
                             "SELECT count(*), round(min(v.value), 9) = 1 FROM result v JOIN "
                             "metric_key k ON k.id = v.key WHERE k.name = 'test/cka_init'");
    assert_string_equal(rows, "1,1\r\n");
    free(rows);
}

static void refused(const char *const *set, const char *const *says)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    assert_int_equal(study_run(&fixture, "refused.db", set, &w, &r), KP_OK);
    assert_int_equal(r.failed, 1);
    for (; *says; says++)
        if (!strstr(w.text, *says))
            fail_msg("no '%s' in: %s", *says, w.text);
}

static void test_refused(void **state)
{
    static const float one[36] = {0};
    static const struct kp_stored arrays[] = {
        {"conv0.weight", KP_STORED_F32, {4, {4, 1, 3, 3}}, one},
        {"conv0.bias", KP_STORED_F32, {1, {5}}, one},
        {"module.extra", KP_STORED_F32, {1, {2}}, one},
        {"head.of.others", KP_STORED_F32, {1, {2}}, one},
    };
    char file[300];
    const char *const bad[] = {file, "init.skip=head bn0", NULL};
    const char *const missing[] = {"init.file=/nowhere/w.safetensors", NULL};
    const char *const unknown[] = {pretrain, "init.skip=fc", NULL};
    struct kp_override list[] = {{false, missing[0]}};
    struct kp_text report = {0};
    struct kp_plan *plan = NULL;
    struct kp_error e = {0};

    (void)state;
    (void)snprintf(file, sizeof(file), "init.file=%s", study_path(&fixture, "bad.safetensors"));
    assert_int_equal(kp_safetensors_write(file + strlen("init.file="), arrays, 4, NULL, NULL, &e),
                     KP_OK);
    refused(bad, (const char *const[]){"init: ",
                                       "bad.safetensors: not the weights of this model "
                                       "'cnn'; missing: conv1.weight, conv1.bias, ",
                                       "bn3.running_var; conv0.bias is 5, must be 4; surplus: "
                                       "module.extra",
                                       NULL});
    refused(unknown,
            (const char *const[]){"init.skip: no parameter of model 'cnn' begins with 'fc'", NULL});

    assert_int_equal(kp_plan_make(study_path(&fixture, "students.ini"), list, 1, 0,
                                  &fixture.registry, NULL, &plan, &report),
                     KP_E_CONFIG);
    assert_non_null(strstr(report.s, "--set: init: /nowhere/w.safetensors: "));
    kp_text_finish(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frozen_body),      cmocka_unit_test(test_begin),
        cmocka_unit_test(test_record),           cmocka_unit_test(test_resume),
        cmocka_unit_test(test_analysis_of_init), cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
