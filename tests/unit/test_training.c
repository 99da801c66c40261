/* test_training.c - what holds for every training: bits, resumption, roles, memory. */
#include "study_fixture.h"
#include "train/safetensors.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

static void run_to_end(const char *db, const char *const *overrides, int64_t done)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.done != done)
        fail_msg("%lld done, %lld found, %lld failed: %s", (long long)r.done, (long long)r.found,
                 (long long)r.failed, w.text);
}

#define RESULTS                                                                                 \
    "SELECT r.objective, k.name, x.kappa, x.samples, x.step, x.value FROM result x JOIN run r " \
    "ON r.id = x.run JOIN metric_key k ON k.id = x.key ORDER BY 1, 2"
#define POINTS                                                                                 \
    "SELECT r.objective, k.name, x.step, x.value, x.samples, x.flops FROM point x JOIN run r " \
    "ON r.id = x.run JOIN metric_key k ON k.id = x.key ORDER BY 1, 2, 3"

static void assert_same_numbers(const char *a, const char *b)
{
    static const char *const queries[] = {RESULTS, POINTS};

    for (int i = 0; i < 2; i++) {
        char *x = study_query(&fixture, a, queries[i]), *y = study_query(&fixture, b, queries[i]);
        assert_true(strlen(x) > 100);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
}

/* Stopped after any step and continued: the same weights, results and points as never stopped. */
static void test_resume(void **state)
{
    static const int64_t stops[] = {1, 3, 4, 5, 7};
    char whole[KP_HASH_SIZE], pieces[KP_HASH_SIZE], db[32];

    (void)state;
    run_to_end("whole.db", NULL, 2);
    study_weights(&fixture, "whole.db", "kd", "student", whole);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        struct study_watch w = {.stop_at = stops[i]};
        struct kp_study_result r;

        (void)snprintf(db, sizeof(db), "pieces%zu.db", i);
        assert_int_equal(study_run(&fixture, db, NULL, &w, &r), KP_E_INTERRUPTED);
        assert_int_equal(w.seen, stops[i]);
        run_to_end(db, NULL, 1);
        study_weights(&fixture, db, "kd", "student", pieces);
        assert_string_equal(whole, pieces);
        assert_same_numbers("whole.db", db);
    }
}

/* Stopped while something is evaluated, between two epochs or at the end, by any run of a cohort:
 * that is saved at once, and the evaluation begins again. A pass over the test images has four
 * batches here. */
static void test_resume_evaluation(void **state)
{
    static const char *const each[] = {"sweep:objective.plugin=lt,kd", "train.eval_every=1",
                                       "train.eval_batch=32", NULL};
    static const int64_t stops[] = {1, 3, 5, 8, 9, 14, 22};
    char whole[KP_HASH_SIZE], pieces[KP_HASH_SIZE], db[32];

    (void)state;
    run_to_end("evaluated.db", each, 3);
    study_weights(&fixture, "evaluated.db", "kd", "student", whole);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        struct study_watch w = {.stop_at = -1, .stop_evaluating = stops[i]};
        struct kp_study_result r;

        (void)snprintf(db, sizeof(db), "evaluating%zu.db", i);
        assert_int_equal(study_run(&fixture, db, each, &w, &r), KP_E_INTERRUPTED);
        assert_int_equal(w.evaluated, stops[i]);
        assert_non_null(strstr(w.text, "the state is saved"));
        char *steps = study_query(&fixture, db,
                                  "SELECT DISTINCT a.step FROM artifact a JOIN run r ON r.id = "
                                  "a.run WHERE a.role = 'checkpoint' AND r.status <> 'done'");
        assert_string_equal(steps, stops[i] <= 8 ? "4\r\n" : "8\r\n");
        free(steps);
        run_to_end(db, each, 2 - (stops[i] >= 22));
        study_weights(&fixture, db, "kd", "student", pieces);
        assert_string_equal(whole, pieces);
        assert_same_numbers("evaluated.db", db);
    }
}

static void test_done_is_found(void **state)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "whole.db", NULL, &w, &r), KP_OK);
    assert_int_equal(r.found, 2);
    assert_int_equal(r.done, 0);
}

/* Bits do not depend on the number of threads, nor on who computes the teacher's logits how often.
 */
static void test_threads(void **state)
{
    static const char *const two[] = {"run.threads=2", NULL};
    static const char *const three[] = {"run.threads=3", NULL};
    char a[KP_HASH_SIZE], b[KP_HASH_SIZE];

    (void)state;
    study_weights(&fixture, "whole.db", "kd", "student", a);
    run_to_end("two.db", two, 2);
    study_weights(&fixture, "two.db", "kd", "student", b);
    assert_string_equal(a, b);
    assert_same_numbers("whole.db", "two.db");
    run_to_end("three.db", three, 2);
    study_weights(&fixture, "three.db", "kd", "student", b);
    assert_string_equal(a, b);
}

static const float *array_of(const struct kp_safetensors *f, const char *name, int64_t *count)
{
    const struct kp_stored *a = kp_safetensors_find(f, name);

    assert_non_null(a);
    assert_int_equal(a->type, KP_STORED_F32);
    *count = kp_shape_count(a->shape);
    return a->data;
}

static double largest_difference(const char *db_a, const char *db_b, const char *objective_a,
                                 const char *objective_b, const char *role_a, const char *role_b)
{
    struct kp_safetensors a = {0}, b = {0};
    struct kp_error e = {0};
    char path[512];
    double largest = 0;

    study_weights_path(&fixture, db_a, objective_a, role_a, path, sizeof(path));
    assert_int_equal(kp_safetensors_open(path, &a, &e), KP_OK);
    study_weights_path(&fixture, db_b, objective_b, role_b, path, sizeof(path));
    assert_int_equal(kp_safetensors_open(path, &b, &e), KP_OK);
    for (int64_t i = 0; i < a.count; i++) {
        int64_t n, m;
        if (a.arrays[i].type != KP_STORED_F32)
            continue;
        const float *x = array_of(&a, a.arrays[i].name, &n);
        const float *y = array_of(&b, a.arrays[i].name, &m);
        assert_int_equal(n, m);
        for (int64_t k = 0; k < n; k++) {
            double d = (double)x[k] - (double)y[k];
            largest = d > largest ? d : -d > largest ? -d : largest;
        }
    }
    kp_safetensors_close(&a);
    kp_safetensors_close(&b);
    return largest;
}

/* A live teacher gives the table's logits up to rounding, so the students stay close: 8 steps of
 * fp32 at a learning rate at which this training is stable. */
static void test_live_teacher(void **state)
{
    static const char *const table[] = {"train.lr=0.01", "teacher:train.lr=0.01", NULL};
    static const char *const live[] = {"train.lr=0.01", "teacher:train.lr=0.01",
                                       "teacher.mode=live", NULL};

    (void)state;
    run_to_end("table.db", table, 2);
    run_to_end("live.db", live, 2);
    assert_true(largest_difference("table.db", "live.db", "kd", "kd", "student", "student") < 1e-4);
}

/* With a learning rate of 0 a run keeps its first weights. */
static void test_roles(void **state)
{
    static const char *const still[] = {"train.lr=0", "teacher:train.lr=0", "objective.plugin=lt",
                                        NULL};
    static const char *const same[] = {"train.lr=0", "teacher:train.lr=0", "objective.plugin=lt",
                                       "seed.init=teacher", NULL};

    (void)state;
    run_to_end("still.db", still, 2);
    assert_true(largest_difference("still.db", "still.db", "lt", "lt", "teacher", "student") >
                1e-3);
    run_to_end("same.db", same, 2);
    /* Running statistics differ: the two saw other images. Compare a convolution and the head. */
    struct kp_safetensors t = {0}, s = {0};
    struct kp_error e = {0};
    char path[512];
    study_weights_path(&fixture, "same.db", "lt", "teacher", path, sizeof(path));
    assert_int_equal(kp_safetensors_open(path, &t, &e), KP_OK);
    study_weights_path(&fixture, "same.db", "lt", "student", path, sizeof(path));
    assert_int_equal(kp_safetensors_open(path, &s, &e), KP_OK);
    static const char *const names[] = {"conv0.weight", "conv3.bias", "head.weight"};
    for (int i = 0; i < 3; i++) {
        int64_t n, m;
        const float *x = array_of(&t, names[i], &n), *y = array_of(&s, names[i], &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, (size_t)n * sizeof(float));
    }
    kp_safetensors_close(&t);
    kp_safetensors_close(&s);
}

/* A loss that explodes ends that run, names the step, and leaves the database sound. */
static void test_nan(void **state)
{
    static const char *const wild[] = {"model.plugin=mlp", "train.lr=1e6",
                                       "train.schedule=constant", "train.momentum=0.99", NULL};
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "nan.db", wild, &w, &r), KP_OK);
    assert_int_equal(r.done, 1);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "the loss became"));
    assert_non_null(strstr(w.text, "in step "));
    char *rows = study_query(&fixture, "nan.db", "SELECT status FROM run ORDER BY status");
    assert_string_equal(rows, "done\r\nfailed\r\n");
    free(rows);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
/* Every allocation of the process passes through here. The database's writer may allocate; the
 * threads that train, load and compute may not. */
static atomic_bool counting;
static atomic_long allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static void count(void)
{
    char name[16];

    if (!counting)
        return;
    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    if (strcmp(name, "kappa-writer") != 0)
        allocations++;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
    count();
    return __libc_realloc(p, size);
}

/* From the second step of the last epoch to its last but one. */
static void count_between(int64_t step)
{
    counting = step >= 5 && step < 7;
}

static void test_no_allocation(void **state)
{
    static const char *const two[] = {"run.threads=2", NULL};
    static const char *const live[] = {"run.threads=2", "teacher.mode=live", NULL};
    struct study_watch w = {.stop_at = -1, .step = count_between};
    struct kp_study_result r;

    (void)state;
    counting = true;
    free(strdup(fixture.folder));
    counting = false;
    assert_int_equal(allocations, 1);
    allocations = 0;
    assert_int_equal(study_run(&fixture, "memory.db", two, &w, &r), KP_OK);
    assert_int_equal(study_run(&fixture, "memory.db", live, &w, &r), KP_OK);
    assert_int_equal(w.seen, 8);
    assert_int_equal(r.done, 1);
    assert_int_equal(allocations, 0);
}
#else
static void test_no_allocation(void **state)
{
    (void)state;
    skip(); /* a sanitizer has the allocator for itself */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),        cmocka_unit_test(test_resume_evaluation),
        cmocka_unit_test(test_done_is_found), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_live_teacher),  cmocka_unit_test(test_roles),
        cmocka_unit_test(test_nan),           cmocka_unit_test(test_no_allocation),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
