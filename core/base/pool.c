/* pool.c - threads that share out numbered tasks.
 *
 * A job is open from kp_pool_run() until every task is claimed. A worker enters by raising `inside`
 * and then looking whether a job is open; the caller closes the job and then waits for `inside` to
 * become 0. In the one order of these sequentially consistent operations either the worker sees the
 * job closed or the caller sees the worker, so nobody reads a job that is gone, and the caller
 * never waits for a worker that slept through the job. */
#include "base/pool.h"

#include "base/running.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 1024
#define SPIN_NS     40000

struct worker {
    struct kp_pool *pool;
    int number;
    pthread_t thread;
};

struct kp_pool {
    int threads;
    int started; /* workers that exist */
    struct worker *workers;

    /* The job; written while it is closed and nobody is inside. */
    void (*fn)(void *arg, int64_t task, int worker);
    void *arg;
    int64_t tasks;

    /* On cache lines of their own: workers hammer them. */
    _Alignas(64) _Atomic int64_t next;      /* first task not yet claimed */
    _Alignas(64) _Atomic uint32_t opened;   /* jobs so far; idle workers wait for it to change */
    _Alignas(64) _Atomic uint32_t sleeping; /* workers asleep on `opened`, or about to be */
    _Atomic bool open;
    _Atomic bool stop;
    _Alignas(64) _Atomic uint32_t inside; /* workers that may touch the job */
    _Atomic bool waiting;                 /* the caller sleeps on `inside` */
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Wait actively, for SPIN_NS at most, while *word is (or is not) `value`. True if it came about. */
static bool spin_while(_Atomic uint32_t *word, uint32_t value, bool equal)
{
    int64_t end = now_ns() + SPIN_NS;

    do {
        for (int i = 0; i < 16; i++) {
            if ((atomic_load(word) == value) != equal)
                return true;
            relax();
        }
    } while (now_ns() < end);
    return false;
}

static void work(struct kp_pool *p, int worker)
{
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (task >= p->tasks)
            return;
        p->fn(p->arg, task, worker);
    }
}

static void *worker_main(void *arg)
{
    const struct worker *w = arg;
    struct kp_pool *p = w->pool;
    uint32_t seen = 0;

    (void)pthread_setname_np(pthread_self(), "kappa-worker");

    for (;;) {
        if (!spin_while(&p->opened, seen, true)) {
            atomic_fetch_add(&p->sleeping, 1);
            while (atomic_load(&p->opened) == seen)
                futex_wait(&p->opened, seen);
            atomic_fetch_sub(&p->sleeping, 1);
        }
        seen = atomic_load(&p->opened);
        if (atomic_load(&p->stop))
            return NULL;

        atomic_fetch_add(&p->inside, 1);
        if (atomic_load(&p->open))
            work(p, w->number);
        if (atomic_fetch_sub(&p->inside, 1) == 1 && atomic_load(&p->waiting))
            futex_wake(&p->inside, 1);
    }
}

static void announce(struct kp_pool *p, int count)
{
    atomic_fetch_add(&p->opened, 1);
    if (atomic_load(&p->sleeping) > 0)
        futex_wake(&p->opened, count);
}

enum kp_status kp_pool_create(int threads, struct kp_pool **out, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_pool *p = NULL;
    sigset_t old;

    if (threads < 1 || threads > THREADS_MAX)
        return kp_fail(e, KP_E_INVALID, "%d threads asked for; 1 to %d would be right", threads,
                       THREADS_MAX);
    p = aligned_alloc(64, sizeof *p);
    if (!p)
        return kp_fail(e, KP_E_NOMEM, "no memory for a pool of %d threads", threads);
    memset(p, 0, sizeof *p);
    p->threads = threads;
    p->workers = calloc((size_t)threads, sizeof *p->workers);
    if (!p->workers) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for a pool of %d threads", threads);
        goto out;
    }

    /* Signals are for the thread that made the pool. */
    kp_running_mask(&old);
    for (int i = 1; i < threads; i++) {
        struct worker *w = &p->workers[p->started];
        w->pool = p;
        w->number = i;
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error) {
            st = kp_fail(e, KP_E_NOMEM, "cannot start thread %d of %d: %s", i + 1, threads,
                         strerror(error));
            break;
        }
        p->started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (st)
        goto out;
    *out = p;
    p = NULL;

out:
    kp_pool_destroy(p);
    return st;
}

void kp_pool_destroy(struct kp_pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    announce(p, INT_MAX);
    for (int i = 0; i < p->started; i++)
        (void)pthread_join(p->workers[i].thread, NULL);
    free(p->workers);
    free(p);
}

int kp_pool_threads(const struct kp_pool *p)
{
    return p->threads;
}

void kp_pool_run(struct kp_pool *p, int64_t tasks, void (*fn)(void *arg, int64_t task, int worker),
                 void *arg)
{
    if (p->threads == 1 || tasks <= 1) {
        for (int64_t i = 0; i < tasks; i++)
            fn(arg, i, 0);
        return;
    }

    p->fn = fn;
    p->arg = arg;
    p->tasks = tasks;
    atomic_store(&p->next, 0);
    atomic_store(&p->open, true);
    announce(p, tasks < p->threads ? (int)tasks - 1 : p->threads - 1);
    work(p, 0);
    atomic_store(&p->open, false);

    if (spin_while(&p->inside, 0, false))
        return;
    atomic_store(&p->waiting, true);
    for (uint32_t inside = atomic_load(&p->inside); inside; inside = atomic_load(&p->inside))
        futex_wait(&p->inside, inside);
    atomic_store(&p->waiting, false);
}

int kp_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n <= THREADS_MAX ? (int)n : 1;
}
