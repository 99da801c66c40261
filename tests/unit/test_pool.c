/* test_pool.c - the thread pool: each task once, everything visible afterwards, workers in range.
 */
#include "base/clock.h"
#include "base/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { TASKS = 257 };

struct job {
    int64_t
        times[TASKS]; /* plain on purpose: a task done twice, or a result not visible, is a race */
    int worker[TASKS];
    int64_t round;
};

static void do_task(void *arg, int64_t task, int worker)
{
    struct job *j = arg;

    j->times[task] += j->round;
    j->worker[task] = worker;
}

static void run_rounds(int threads, int rounds, int64_t pause_ns)
{
    struct kp_pool *p = NULL;
    struct kp_error e = {0};
    struct job j;

    memset(&j, 0, sizeof j);
    assert_int_equal(kp_pool_create(threads, &p, &e), KP_OK);
    assert_int_equal(kp_pool_threads(p), threads);
    int64_t expected[TASKS] = {0};
    for (int r = 1; r <= rounds; r++) {
        int64_t tasks = r * 31 % (TASKS + 1);
        j.round = r;
        kp_pool_run(p, tasks, do_task, &j);
        for (int64_t i = 0; i < TASKS; i++) {
            expected[i] += i < tasks ? r : 0;
            assert_int_equal(j.times[i], expected[i]);
            assert_in_range(j.worker[i], 0, threads - 1);
        }
        if (pause_ns) {
            struct timespec t = {0, pause_ns};
            nanosleep(&t, NULL);
        }
    }
    kp_pool_destroy(p);
}

static void each_task_is_done_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++)
        run_rounds(threads, 2000, 0);
}

/* Long enough for the workers to fall asleep between jobs. */
static void sleeping_workers_wake_up(void **state)
{
    (void)state;
    run_rounds(3, 200, 200000);
}

struct meeting {
    pthread_barrier_t barrier;
    int worker[3];
};

static void meet(void *arg, int64_t task, int worker)
{
    struct meeting *m = arg;

    m->worker[task] = worker;
    (void)pthread_barrier_wait(&m->barrier);
}

/* Three tasks that wait for each other only end if three threads take part. */
static void all_threads_take_part(void **state)
{
    struct kp_pool *p = NULL;
    struct kp_error e = {0};
    struct meeting m;
    (void)state;

    assert_int_equal(pthread_barrier_init(&m.barrier, NULL, 3), 0);
    assert_int_equal(kp_pool_create(3, &p, &e), KP_OK);
    for (int i = 0; i < 100; i++) {
        kp_pool_run(p, 3, meet, &m);
        assert_int_equal(m.worker[0] + m.worker[1] + m.worker[2], 3);
        if (i % 10 == 0) {
            struct timespec t = {0, 300000};
            nanosleep(&t, NULL);
        }
    }
    kp_pool_destroy(p);
    pthread_barrier_destroy(&m.barrier);
}

/* Two tasks meet; the one that is not the caller's then takes its time. */
static void meet_and_linger(void *arg, int64_t task, int worker)
{
    struct meeting *m = arg;
    struct timespec t = {0, 3000000};

    (void)pthread_barrier_wait(&m->barrier);
    if (worker)
        nanosleep(&t, NULL);
    m->worker[task]++;
}

static void run_returns_after_the_last_task(void **state)
{
    struct kp_pool *p = NULL;
    struct kp_error e = {0};
    struct meeting m = {.worker = {0}};
    (void)state;

    assert_int_equal(pthread_barrier_init(&m.barrier, NULL, 2), 0);
    assert_int_equal(kp_pool_create(2, &p, &e), KP_OK);
    for (int i = 1; i <= 10; i++) {
        kp_pool_run(p, 2, meet_and_linger, &m);
        assert_int_equal(m.worker[0], i);
        assert_int_equal(m.worker[1], i);
    }
    kp_pool_destroy(p);
    pthread_barrier_destroy(&m.barrier);
}

static void where_am_i(void *arg, int64_t task, int worker)
{
    (void)task;
    assert_int_equal(worker, 0);
    assert_true(pthread_equal(*(pthread_t *)arg, pthread_self()));
}

static void one_thread_runs_inline(void **state)
{
    struct kp_pool *p = NULL;
    struct kp_error e = {0};
    pthread_t self = pthread_self();
    (void)state;

    assert_int_equal(kp_pool_create(1, &p, &e), KP_OK);
    kp_pool_run(p, 20, where_am_i, &self);
    kp_pool_run(p, 0, where_am_i, NULL);
    kp_pool_destroy(p);
}

static void nonsense_is_refused(void **state)
{
    struct kp_pool *p = NULL;
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(kp_pool_create(0, &p, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "0 threads"));
    assert_int_equal(kp_pool_create(1 << 20, &p, &e), KP_E_INVALID);
    assert_null(p);
    kp_pool_destroy(NULL);
    assert_true(kp_cpu_count() >= 1);
}

static void clocks_run(void **state)
{
    (void)state;
    double t = kp_clock_monotonic();
    assert_true(kp_clock_monotonic() >= t);
    assert_true(kp_clock_wall() > 1.6e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_is_done_once),
        cmocka_unit_test(sleeping_workers_wake_up),
        cmocka_unit_test(all_threads_take_part),
        cmocka_unit_test(run_returns_after_the_last_task),
        cmocka_unit_test(one_thread_runs_inline),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
