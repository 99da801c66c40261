/* test_recipes.c - optimizers, schedules, objectives and frozen layers in whole runs. */
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

static int open_fixture(void **state)
{
    (void)state;
    study_fixture_open(&fixture);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    study_fixture_close(&fixture);
    return 0;
}

static void run_to_end(const char *db, const char *const *overrides)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.failed > 0)
        fail_msg("%lld failed: %s", (long long)r.failed, w.text);
}

/* Both moments and the number of the update survive; the clipped norm has the same bits however
 * many threads sum it. */
static void check_resume(const char *name, const char *const *overrides, const char *const *threads)
{
    static const int64_t stops[] = {1, 4, 6};
    char whole[KP_HASH_SIZE], other[KP_HASH_SIZE], db[64];

    (void)snprintf(db, sizeof(db), "%s.db", name);
    run_to_end(db, overrides);
    study_weights(&fixture, db, "kd", "student", whole);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        struct study_watch w = {.stop_at = stops[i]};
        struct kp_study_result r;

        (void)snprintf(db, sizeof(db), "%s-%zu.db", name, i);
        assert_int_equal(study_run(&fixture, db, overrides, &w, &r), KP_E_INTERRUPTED);
        run_to_end(db, overrides);
        study_weights(&fixture, db, "kd", "student", other);
        assert_string_equal(whole, other);
    }
    (void)snprintf(db, sizeof(db), "%s-threads.db", name);
    run_to_end(db, threads);
    study_weights(&fixture, db, "kd", "student", other);
    assert_string_equal(whole, other);
}

static void test_adamw(void **state)
{
#define ADAMW                                                                                   \
    "train.optimizer=adamw", "train.lr=0.01", "train.weight_decay=0.05", "train.clip_norm=0.5", \
        "train.schedule=cosine"
    static const char *const one[] = {ADAMW, NULL};
    static const char *const two[] = {ADAMW, "run.threads=2", NULL};

    (void)state;
    check_resume("adamw", one, two);
}

static void test_sgd_multistep(void **state)
{
#define MULTISTEP "train.schedule=multistep", "train.milestones=1", "train.clip_norm=0.5"
    static const char *const one[] = {MULTISTEP, NULL};
    static const char *const three[] = {MULTISTEP, "run.threads=3", NULL};

    (void)state;
    check_resume("multistep", one, three);
}

/* Rounded operands: a run of its own, which goes on with the same bits. */
static void test_bf16(void **state)
{
    static const char *const one[] = {"train.precision=bf16", NULL};
    static const char *const two[] = {"train.precision=bf16", "run.threads=2", NULL};
    static const char *const fp32[] = {"train.precision=fp32", NULL};
    char weights[2][KP_HASH_SIZE];

    (void)state;
    check_resume("bf16", one, two);
    run_to_end("bf16.db", fp32);
    char *runs = study_query(&fixture, "bf16.db",
                             "SELECT count(DISTINCT config_hash) FROM run "
                             "WHERE objective = 'kd' AND kind = 'train'");
    assert_string_equal(runs, "2\r\n");
    free(runs);
    run_to_end("fp32.db", fp32);
    study_weights(&fixture, "bf16-0.db", "kd", "student", weights[0]);
    study_weights(&fixture, "fp32.db", "kd", "student", weights[1]);
    assert_string_not_equal(weights[0], weights[1]);
}

/* Every objective is paired with lt; tau is NULL for those that have none. */
static void test_pairs(void **state)
{
    static const char *const objectives[] = {"lt", "kd", "hardkd", "l2", "ls"};

    (void)state;
    for (size_t i = 0; i < sizeof(objectives) / sizeof(objectives[0]); i++) {
        char plugin[64];
        const char *set[] = {plugin, "train.lr=0.01", NULL};
        (void)snprintf(plugin, sizeof(plugin), "objective.plugin=%s", objectives[i]);
        run_to_end("pairs.db", set);
    }
    char *rows = study_query(&fixture, "pairs.db",
                             "SELECT objective, tau IS NULL, coalesce(tau, -1), n FROM v_pi "
                             "WHERE metric = 'test/accuracy' ORDER BY 1");
    assert_string_equal(rows, "hardkd,1,-1,1\r\nkd,0,20,1\r\nl2,1,-1,1\r\nls,0,20,1\r\n");
    free(rows);
}

static const struct kp_stored *array_of(struct kp_safetensors *f, const char *db, const char *name)
{
    struct kp_error e = {0};
    char path[512];

    study_weights_path(&fixture, db, "lt", "student", path, sizeof(path));
    if (!f->arrays && kp_safetensors_open(path, f, &e) != KP_OK)
        fail_msg("%s", e.text);
    const struct kp_stored *a = kp_safetensors_find(f, name);
    assert_non_null(a);
    return a;
}

static void test_freeze(void **state)
{
    static const char *const still[] = {"objective.plugin=lt", "train.lr=0", "train.freeze=conv bn",
                                        NULL};
    static const char *const head[] = {"objective.plugin=lt", "train.weight_decay=0.1",
                                       "train.freeze=conv bn", NULL};
    static const char *const names[] = {"conv0.weight", "conv3.bias", "bn2.weight",
                                        "bn1.running_mean", "bn3.running_var"};
    struct kp_safetensors a = {0}, b = {0};

    (void)state;
    run_to_end("still.db", still);
    run_to_end("head.db", head);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct kp_stored *x = array_of(&a, "still.db", names[i]);
        const struct kp_stored *y = array_of(&b, "head.db", names[i]);
        assert_memory_equal(x->data, y->data, kp_stored_bytes(x));
    }
    const struct kp_stored *x = array_of(&a, "still.db", "head.weight");
    const struct kp_stored *y = array_of(&b, "head.db", "head.weight");
    assert_memory_not_equal(x->data, y->data, kp_stored_bytes(x));
    kp_safetensors_close(&a);
    kp_safetensors_close(&b);
}

static void test_wrong_freeze(void **state)
{
    static const char *const unknown[] = {"train.freeze=conv hed", NULL};
    static const char *const all[] = {"train.freeze=conv bn head", NULL};
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "wrong.db", unknown, &w, &r), KP_OK);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "no parameter of model 'cnn' begins with 'hed'; its layers are "
                                   "conv0 bn0 conv1 bn1 conv2 bn2 conv3 bn3 head"));
    assert_int_equal(study_run(&fixture, "wrong.db", all, &w, &r), KP_OK);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "nothing of model 'cnn' is left to train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw),  cmocka_unit_test(test_sgd_multistep),
        cmocka_unit_test(test_bf16),   cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_freeze), cmocka_unit_test(test_wrong_freeze),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
