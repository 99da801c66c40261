/* test_kappas.c - one training read off at several kappas, and batches that come in parts. */
#include "study_fixture.h"

#include <math.h>
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

/* The first 160 images for the teacher, 5 steps of a student. */
#define STREAM                                                                        \
    "data.draw=first", "teacher:data.draw=first", "data.n_teacher=160",               \
        "teacher:data.n_teacher=160", "data.order=fixed", "data.student_pool=fresh",  \
        "data.kappa=1", "data.flip=false", "train.epochs=1", "train.warmup_epochs=0", \
        "train.batch=32"

static void run_to_end(const char *db, const char *const *overrides, int64_t done)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.done != done)
        fail_msg("%lld done, %lld found, %lld failed: %s", (long long)r.done, (long long)r.found,
                 (long long)r.failed, w.text);
}

static void assert_answer(const char *db, const char *sql, const char *answer)
{
    char *found = study_query(&fixture, db, sql);

    assert_string_equal(found, answer);
    free(found);
}

#define RESULTS_AT(kappa)                                                                          \
    "SELECT r.objective, k.name, x.split, x.samples, x.step, x.value FROM result x JOIN run r ON " \
    "r.id = x.run JOIN metric_key k ON k.id = x.key WHERE r.teacher_run IS NOT NULL AND x.split "  \
    "= 'test' AND x.kappa = " kappa " ORDER BY 1, 2"
#define PAIRS_AT(kappa)                                                                      \
    "SELECT a.objective, k.name, x.n, x.value FROM pairwise x JOIN run a ON a.id = x.run_a " \
    "JOIN metric_key k ON k.id = x.key WHERE x.split = 'test' AND x.kappa = " kappa          \
    " ORDER BY 1, 2"

static const char *const curve[] = {STREAM, "train.eval_kappas=0.2 0.6", "train.keep=kappas", NULL};

static void assert_same_answers(const char *a, const char *b, const char *sql)
{
    char *x = study_query(&fixture, a, sql), *y = study_query(&fixture, b, sql);

    assert_true(strlen(x) > 40);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

/* What one curve says at a kappa is what a run of that kappa says, and so are its weights. */
static void a_curve_holds_what_its_kappas_say(void **state)
{
    static const char *const one[] = {STREAM, "data.kappa=0.6", NULL};

    (void)state;
    run_to_end("curve.db", curve, 2);
    run_to_end("one.db", one, 2);
    assert_same_answers("curve.db", "one.db", RESULTS_AT("0.6"));
    assert_same_answers("curve.db", "one.db", PAIRS_AT("0.6"));
    assert_answer("curve.db",
                  "SELECT x.kappa, x.samples, x.step FROM result x JOIN run r ON r.id = x.run "
                  "JOIN metric_key k ON k.id = x.key WHERE r.teacher_run IS NOT NULL AND k.name = "
                  "'test/accuracy' ORDER BY 1",
                  "0.2,32,1\r\n0.6,96,3\r\n1,160,5\r\n");

    char *kept = study_query(&fixture, "curve.db",
                             "SELECT sha256 FROM artifact WHERE role = 'model@0.6' AND step = 3");
    char *end = study_query(&fixture, "one.db",
                            "SELECT a.sha256 FROM artifact a JOIN run r ON r.id = a.run WHERE "
                            "a.role = 'model' AND r.teacher_run IS NOT NULL");
    assert_true(strlen(kept) > 60);
    assert_string_equal(kept, end);
    free(kept);
    free(end);
}

/* Stopped while it is evaluated at a kappa (a pass has four batches), or between two of them. */
static void a_curve_that_was_stopped_goes_on(void **state)
{
    static const char *const small[] = {STREAM, "train.eval_kappas=0.2 0.6", "train.keep=kappas",
                                        "train.eval_batch=32", NULL};
    static const int64_t batches[] = {1, 4, 6, 0, 0}, steps[] = {-1, -1, -1, 2, 3};

    (void)state;
    run_to_end("whole.db", small, 2);
    for (int i = 0; i < 5; i++) {
        struct study_watch w = {.stop_at = steps[i], .stop_evaluating = batches[i]};
        struct kp_study_result r;
        char db[32];

        (void)snprintf(db, sizeof(db), "stopped%d.db", i);
        assert_int_equal(study_run(&fixture, db, small, &w, &r), KP_E_INTERRUPTED);
        run_to_end(db, small, 1);
        assert_same_answers("whole.db", db, RESULTS_AT("0.2"));
        assert_same_answers("whole.db", db, RESULTS_AT("0.6"));
        assert_same_answers("whole.db", db, RESULTS_AT("1"));
        assert_same_answers("whole.db", db, PAIRS_AT("0.2"));
        assert_same_answers("whole.db", db, PAIRS_AT("1"));
        assert_same_answers("whole.db", db, "SELECT role, sha256 FROM artifact ORDER BY 1, 2");
    }
}

static void kappas_of_one_step_are_refused(void **state)
{
    static const char *const close[] = {STREAM, "train.eval_kappas=0.2 0.21", NULL};
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "close.db", close, &w, &r), KP_OK);
    assert_int_equal(r.done, 1);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "0.2 and 0.21 are the same step, number 1"));
}

/* The loss of each step is logged, that of the epoch's end not twice. */
static void points_follow_log_every(void **state)
{
    static const char *const logged[] = {STREAM, "train.log_every=2", NULL};

    (void)state;
    run_to_end("logged.db", logged, 2);
    assert_answer("logged.db",
                  "SELECT p.step, count(*) FROM point p JOIN run r ON r.id = p.run WHERE "
                  "r.teacher_run IS NOT NULL GROUP BY 1 ORDER BY 1",
                  "2,2\r\n4,2\r\n5,2\r\n");
}

static double loss_of(const char *db)
{
    char *text = study_query(&fixture, db,
                             "SELECT p.value FROM point p JOIN run r ON r.id = p.run JOIN "
                             "metric_key k ON k.id = p.key WHERE r.teacher_run IS NOT NULL AND "
                             "k.name = 'train/loss' ORDER BY p.step DESC LIMIT 1");
    double loss = strtod(text, NULL);

    free(text);
    return loss;
}

/* Gradients added up over parts of a batch are the batch's: another sum of the same numbers. The
 * mlp has no batch norm, whose statistics would be those of the parts. 32 = 12 + 12 + 8. */
static void parts_make_the_same_steps(void **state)
{
    static const char *const whole[] = {STREAM, "model.plugin=mlp", "teacher:model.plugin=mlp",
                                        NULL};
    static const char *const parts[] = {STREAM, "model.plugin=mlp", "teacher:model.plugin=mlp",
                                        "train.micro_batch=12", NULL};
    static const char *const both[] = {STREAM,
                                       "model.plugin=mlp",
                                       "teacher:model.plugin=mlp",
                                       "train.micro_batch=12",
                                       "sweep:objective.plugin=lt,kd",
                                       NULL};
    char alone[KP_HASH_SIZE], together[KP_HASH_SIZE];

    (void)state;
    run_to_end("in_one.db", whole, 2);
    run_to_end("in_parts.db", parts, 2);
    run_to_end("in_parts_both.db", both, 3);
    /* fp32 sums of 32 terms in another order, through five steps at a rate of 0.1 */
    assert_true(fabs(loss_of("in_parts.db") / loss_of("in_one.db") - 1) < 1e-5);
    assert_true(loss_of("in_parts.db") != loss_of("in_one.db"));
    study_weights(&fixture, "in_parts.db", "kd", "student", alone);
    study_weights(&fixture, "in_parts_both.db", "kd", "student", together);
    assert_string_equal(alone, together);
    assert_answer("in_parts.db", "SELECT step, samples FROM run WHERE teacher_run IS NOT NULL",
                  "5,160\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_holds_what_its_kappas_say),
        cmocka_unit_test(a_curve_that_was_stopped_goes_on),
        cmocka_unit_test(kappas_of_one_step_are_refused),
        cmocka_unit_test(points_follow_log_every),
        cmocka_unit_test(parts_make_the_same_steps),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
