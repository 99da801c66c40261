/* test_cohort.c - runs in lockstep end with the bits that each has alone, whatever befalls them. */
#include "store/database.h"
#include "study_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SWEEP                                                                                    \
    "sweep:objective.plugin=lt,ls,hardkd,l2,kd", "sweep:objective.kd.tau=1,20", "train.lr=0.01", \
        "teacher:train.lr=0.01"
enum { STUDENTS = 6 };

static const char *const alone[] = {SWEEP, "run.cohort=off", NULL};
static const char *const together[] = {SWEEP, "run.threads=2", NULL};

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

static void run_to_end(const char *db, const char *const *overrides, int64_t done,
                       int64_t most_at_once)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.done != done)
        fail_msg("%lld done, %lld found, %lld failed: %s", (long long)r.done, (long long)r.found,
                 (long long)r.failed, w.text);
    assert_int_equal(w.most_at_once, most_at_once);
}

/* Weights, results, points: all but times and names of runs. */
static void assert_same(const char *a, const char *b)
{
    static const char *const queries[] = {
        "SELECT r.config_hash, a.sha256 FROM artifact a JOIN run r ON r.id = a.run "
        "WHERE a.role = 'model' ORDER BY 1",
        "SELECT r.config_hash, k.name, x.kappa, x.samples, x.step, x.value FROM result x "
        "JOIN run r ON r.id = x.run JOIN metric_key k ON k.id = x.key ORDER BY 1, 2",
        "SELECT r.config_hash, k.name, x.step, x.value, x.samples, x.flops FROM point x "
        "JOIN run r ON r.id = x.run JOIN metric_key k ON k.id = x.key ORDER BY 1, 2, 3",
    };

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        char *x = study_query(&fixture, a, queries[i]), *y = study_query(&fixture, b, queries[i]);
        assert_true(strlen(x) > 100);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
}

static void assert_answer(const char *db, const char *sql, const char *answer)
{
    char *rows = study_query(&fixture, db, sql);

    assert_string_equal(rows, answer);
    free(rows);
}

static void execute(const char *db, const char *sql)
{
    struct kp_database d = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_database_open_write(study_path(&fixture, db), true, &d, &e), KP_OK);
    if (kp_database_exec(&d, &e, sql, "") != KP_OK)
        fail_msg("%s", e.text);
    kp_database_close(&d);
}

static void test_same_bits(void **state)
{
    (void)state;
    run_to_end("alone.db", alone, 1 + STUDENTS, 1);
    run_to_end("together.db", together, 1 + STUDENTS, STUDENTS);
    assert_same("alone.db", "together.db");
}

static void test_live(void **state)
{
    static const char *const live_alone[] = {SWEEP, "teacher.mode=live", "run.cohort=off", NULL};
    static const char *const live[] = {SWEEP, "teacher.mode=live", "run.threads=2", NULL};

    (void)state;
    run_to_end("live-alone.db", live_alone, 1 + STUDENTS, 1);
    run_to_end("live.db", live, 1 + STUDENTS, STUDENTS);
    assert_same("live-alone.db", "live.db");
}

/* Learning rates, optimizers, initial weights and architectures may differ. */
static void test_mixed(void **state)
{
#define MIXED                                                                              \
    "sweep:model.plugin=cnn,mlp", "sweep:train.optimizer=sgd,adam", "sweep:seed.init=3,4", \
        "sweep:train.lr=0.01,0.003", "teacher:train.lr=0.01"
    static const char *const mixed_alone[] = {MIXED, "run.cohort=off", NULL};
    static const char *const mixed[] = {MIXED, "run.threads=3", NULL};

    (void)state;
    run_to_end("mixed-alone.db", mixed_alone, 17, 1);
    run_to_end("mixed.db", mixed, 17, 16);
    assert_same("mixed-alone.db", "mixed.db");
}

/* Seeds of order, subsets and batches do not go together. */
static void test_apart(void **state)
{
    static const char *const apart[] = {"sweep:seed.master=11,13", "sweep:data.kappa=0.5,0.7",
                                        "sweep:train.batch=16,32", "train.epochs=1", NULL};

    (void)state;
    run_to_end("apart.db", apart, 9, 1);
}

/* A seed keeps runs apart if something of their batches is drawn by it, and only then. */
static void test_seeds(void **state)
{
    static const struct {
        const char *seed, *unused, *teacher; /* the setting with which nothing is drawn by it */
    } cases[] = {
        {"sweep:seed.subset=1,2", "data.draw=first", "teacher:data.draw=first"},
        {"sweep:seed.order=1,2", "data.order=fixed", NULL},
        {"sweep:seed.augment=1,2", "data.flip=false", NULL},
    };
    char db[32], single[32];

    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *const drawn[] = {cases[i].seed, "train.epochs=1", NULL};
        const char *const not_drawn[] = {cases[i].seed, "train.epochs=1", cases[i].unused,
                                         cases[i].teacher, NULL};
        const char *const off[] = {cases[i].seed,   "train.epochs=1", "run.cohort=off",
                                   cases[i].unused, cases[i].teacher, NULL};

        (void)snprintf(db, sizeof(db), "drawn%d.db", i);
        run_to_end(db, drawn, 3, 1);
        (void)snprintf(db, sizeof(db), "not-drawn%d.db", i);
        (void)snprintf(single, sizeof(single), "not-drawn-alone%d.db", i);
        run_to_end(db, not_drawn, 3, 2);
        run_to_end(single, off, 3, 1);
        assert_same(single, db);
    }
}

/* Stopped after any step and continued; then killed while it saved: some of its runs have a newer
 * checkpoint than others, and all go on from the last step that all have. */
static void test_resume(void **state)
{
    static const int64_t stops[] = {1, 4, 7};
    char db[32];

    (void)state;
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        struct study_watch w = {.stop_at = stops[i]};
        struct kp_study_result r;

        (void)snprintf(db, sizeof(db), "pieces%zu.db", i);
        assert_int_equal(study_run(&fixture, db, together, &w, &r), KP_E_INTERRUPTED);
        assert_answer(db,
                      "SELECT count(*), count(DISTINCT step) FROM artifact "
                      "WHERE role = 'checkpoint'",
                      "6,1\r\n");
        assert_answer(db, "SELECT count(*) FROM run WHERE status = 'interrupted'", "6\r\n");
        run_to_end(db, together, STUDENTS, STUDENTS);
        assert_same("alone.db", db);
    }
}

/* The newest checkpoints of two runs did not come to be. */
static void test_torn(void **state)
{
    struct study_watch first = {.stop_at = 2}, second = {.stop_at = 5};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "torn.db", together, &first, &r), KP_E_INTERRUPTED);
    assert_int_equal(study_run(&fixture, "torn.db", together, &second, &r), KP_E_INTERRUPTED);
    execute("torn.db", "DELETE FROM artifact WHERE role = 'checkpoint' AND run IN (3, 4)");
    execute("torn.db", "UPDATE artifact SET role = 'checkpoint' WHERE role = 'checkpoint_before' "
                       "AND run IN (3, 4)");
    run_to_end("torn.db", together, STUDENTS, STUDENTS);
    assert_answer("torn.db", "SELECT DISTINCT resume_step FROM attempt WHERE attempt = 3", "2\r\n");
    assert_same("alone.db", "torn.db");
}

/* Members that stand elsewhere, or have begun while others have not, are continued by themselves.
 */
static void test_leftovers(void **state)
{
    static const char *const off[] = {SWEEP, "run.cohort=off", NULL};
    struct study_watch w = {.stop_at = 3};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "left.db", off, &w, &r), KP_E_INTERRUPTED);
    run_to_end("left.db", together, STUDENTS, STUDENTS - 1);
    assert_same("alone.db", "left.db");
    struct study_watch again = {.stop_at = 3};
    assert_int_equal(study_run(&fixture, "left2.db", together, &again, &r), KP_E_INTERRUPTED);
    run_to_end("left2.db", off, STUDENTS, 1);
    assert_same("alone.db", "left2.db");
}

/* A run whose loss explodes fails by itself. */
static void test_nan(void **state)
{
    static const char *const wild[] = {"model.plugin=mlp",         "train.schedule=constant",
                                       "train.momentum=0.99",      "sweep:train.lr=0.01,1e6,0.003",
                                       "teacher:model.plugin=mlp", NULL};
    static const char *const calm[] = {"model.plugin=mlp",
                                       "train.schedule=constant",
                                       "train.momentum=0.99",
                                       "sweep:train.lr=0.01,0.003",
                                       "teacher:model.plugin=mlp",
                                       "run.cohort=off",
                                       NULL};
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "nan.db", wild, &w, &r), KP_OK);
    assert_int_equal(w.most_at_once, 3);
    assert_int_equal(r.done, 3);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "the loss became"));
    assert_answer("nan.db",
                  "SELECT count(*) FROM run WHERE status = 'failed' AND error LIKE "
                  "'%in step %'",
                  "1\r\n");
    run_to_end("calm.db", calm, 3, 1);
    execute("nan.db", "DELETE FROM point WHERE run = (SELECT id FROM run WHERE status = 'failed')");
    execute("nan.db", "DELETE FROM run WHERE status = 'failed'");
    assert_same("calm.db", "nan.db");
}

/* With room for less than all runs they form cohorts that fit; a run too large is trained alone. */
static void test_memory(void **state)
{
    static const char *const little[] = {SWEEP, "run.cohort_memory=4", NULL};
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "little.db", little, &w, &r), KP_OK);
    assert_int_equal(r.done, 1 + STUDENTS);
    assert_true(w.most_at_once >= 1 && w.most_at_once < STUDENTS);
    assert_same("alone.db", "little.db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_live),
        cmocka_unit_test(test_mixed),     cmocka_unit_test(test_apart),
        cmocka_unit_test(test_seeds),     cmocka_unit_test(test_resume),
        cmocka_unit_test(test_torn),      cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_nan),       cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
