/* writer.c - the thread that writes what training threads queue. */
#include "store/writer.h"

#include "base/clock.h"
#include "base/running.h"
#include "store/batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GATHER_SECONDS    1.0  /* entries wait this long for others to share their transaction */
#define HEARTBEAT_SECONDS 20.0 /* of a run that reports no progress for longer */

struct kp_writer {
    struct kp_database *database;
    pthread_mutex_t *database_lock;
    struct kp_process self;
    pthread_t thread;

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;  /* to the writer: an entry, a flush, the end */
    pthread_cond_t done;  /* from the writer: an attempt has ended */
    bool stop;
    int waiting;             /* callers of flush, or of a full queue */
    int held;                /* runs of this process */
    struct kp_batch *queued; /* filled by callers */
    struct kp_batch *taken;  /* the writer's own; kept after a failed attempt */
    uint64_t filling;        /* number of the batch in `queued` */
    uint64_t written;        /* batches before this number are on disk */
    uint64_t failures;       /* failed attempts */
    int64_t dropped;         /* entries lost: no run of this process may vouch for its points */
    bool failing;            /* the last attempt failed */
    struct kp_error error;   /* why */
};

static void wait_until(struct kp_writer *w, double when)
{
    struct timespec t = {.tv_sec = (time_t)when};

    t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
    (void)pthread_cond_timedwait(&w->work, &w->lock, &t);
}

/* Until there is something to write now. */
static void wait_for_work(struct kp_writer *w, double *heartbeat)
{
    double since = 0; /* when the first entry was seen */

    while (!w->stop) {
        double now = kp_clock_monotonic();
        bool some = !kp_batch_empty(w->queued) || !kp_batch_empty(w->taken);
        double due = *heartbeat + HEARTBEAT_SECONDS;

        if (some && since == 0)
            since = now;
        if ((some && (w->waiting > 0 || now >= since + GATHER_SECONDS)) ||
            (w->held > 0 && now >= due))
            break;
        if (some)
            wait_until(w, since + GATHER_SECONDS);
        else if (w->held > 0)
            wait_until(w, due);
        else
            (void)pthread_cond_wait(&w->work, &w->lock);
    }
}

static enum kp_status write_batch(struct kp_writer *w, const struct kp_batch *b, bool heartbeat,
                                  struct kp_error *e)
{
    enum kp_status st;

    (void)pthread_mutex_lock(w->database_lock);
    st = kp_database_begin(w->database, false, e);
    if (st == KP_OK) {
        st = kp_batch_write(b, w->database, &w->self, e);
        if (st == KP_OK && heartbeat)
            st = kp_database_exec(w->database, e,
                                  "UPDATE run SET heartbeat = ? WHERE status = 'running' AND "
                                  "host = ? AND boot = ? AND pid = ? AND pid_start = ?",
                                  "rttii", kp_clock_wall(), w->self.host, w->self.boot, w->self.pid,
                                  w->self.started);
        st = kp_database_end(w->database, st, e);
    }
    (void)pthread_mutex_unlock(w->database_lock);
    return st;
}

static void *writer_main(void *arg)
{
    struct kp_writer *w = arg;
    double heartbeat = kp_clock_monotonic();

    (void)pthread_setname_np(pthread_self(), "kappa-writer");

    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        wait_for_work(w, &heartbeat);
        bool last = w->stop;
        if (kp_batch_empty(w->taken)) {
            struct kp_batch *b = w->taken;
            w->taken = w->queued;
            w->queued = b;
            w->filling++;
            (void)pthread_cond_broadcast(&w->done);
        }
        bool beat = w->held > 0 && kp_clock_monotonic() >= heartbeat + HEARTBEAT_SECONDS;
        struct kp_error e = {0};
        enum kp_status st = KP_OK;

        if (beat || !kp_batch_empty(w->taken)) {
            (void)pthread_mutex_unlock(&w->lock);
            st = write_batch(w, w->taken, beat, &e);
            (void)pthread_mutex_lock(&w->lock);
        }
        if (st == KP_OK) {
            kp_batch_clear(w->taken);
            w->written = w->filling;
            w->failing = false;
            if (beat)
                heartbeat = kp_clock_monotonic();
        } else {
            w->failures++;
            w->failing = true;
            w->error = e;
        }
        (void)pthread_cond_broadcast(&w->done);
        if (last && (st != KP_OK || kp_batch_empty(w->queued)))
            break;
        if (st != KP_OK && !w->stop)
            wait_until(w, kp_clock_monotonic() + GATHER_SECONDS);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Both batches and the locks; the thread starts after them. */
static void free_parts(struct kp_writer *w)
{
    kp_batch_destroy(w->queued);
    kp_batch_destroy(w->taken);
    (void)pthread_cond_destroy(&w->done);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Signals are for the threads of the program. */
static int start_thread(struct kp_writer *w)
{
    sigset_t before;

    kp_running_mask(&before);
    int error = pthread_create(&w->thread, NULL, writer_main, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum kp_status kp_writer_create(struct kp_database *d, pthread_mutex_t *lock,
                                const struct kp_process *self, struct kp_writer **out,
                                struct kp_error *e)
{
    struct kp_writer *w = calloc(1, sizeof *w);
    pthread_condattr_t monotonic;
    enum kp_status st = KP_OK;

    if (!w)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    w->database = d;
    w->database_lock = lock;
    w->self = *self;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->work, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_cond_init(&w->done, NULL);
    w->queued = kp_batch_create();
    w->taken = kp_batch_create();
    if (!w->queued || !w->taken) {
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", d->path);
    } else {
        int error = start_thread(w);
        if (error)
            st = kp_fail(e, KP_E_STORE, "%s: cannot start the writer thread: %s", d->path,
                         strerror(error));
    }
    if (st == KP_OK)
        *out = w;
    else
        free_parts(w);
    return st;
}

/* With the lock held: what callers of flush are told. What was dropped is told to all: each of them
 * may stand for the run that misses it. */
static enum kp_status report(struct kp_writer *w, bool failed, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    if (failed) {
        *e = w->error;
        st = w->error.status;
    }
    if (w->dropped > 0) {
        if (!failed)
            st = kp_fail(e, w->error.status ? w->error.status : KP_E_NOMEM, "%s",
                         w->error.status ? w->error.text : "out of memory");
        (void)kp_fail_in(e, "%lld points or events were not recorded", (long long)w->dropped);
    }
    return st;
}

enum kp_status kp_writer_destroy(struct kp_writer *w, struct kp_error *e)
{
    if (!w)
        return KP_OK;
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_signal(&w->work);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    enum kp_status st = report(w, w->failing, e);
    free_parts(w);
    return st;
}

enum kp_status kp_writer_flush(struct kp_writer *w, struct kp_error *e)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t failures = w->failures;
    uint64_t target = w->filling + !kp_batch_empty(w->queued);

    w->waiting++;
    (void)pthread_cond_signal(&w->work);
    while (w->written < target && w->failures == failures)
        (void)pthread_cond_wait(&w->done, &w->lock);
    w->waiting--;
    enum kp_status st = report(w, w->written < target, e);
    (void)pthread_mutex_unlock(&w->lock);
    return st;
}

/* With the lock held: false if an entry must be dropped, because the disk refuses. */
static bool wait_for_room(struct kp_writer *w)
{
    while (kp_batch_entries(w->queued) >= KP_WRITER_LIMIT) {
        if (w->failing)
            return false;
        w->waiting++;
        (void)pthread_cond_signal(&w->work);
        (void)pthread_cond_wait(&w->done, &w->lock);
        w->waiting--;
    }
    return true;
}

/* The writer sleeps without a limit while there is nothing to write. */
static void wake_if_first(struct kp_writer *w, bool was_empty)
{
    if (was_empty)
        (void)pthread_cond_signal(&w->work);
}

void kp_writer_point(struct kp_writer *w, const char *uid, int64_t key, const struct kp_point *p)
{
    (void)pthread_mutex_lock(&w->lock);
    bool room = wait_for_room(w);
    bool was_empty = kp_batch_empty(w->queued);
    if (!room || !kp_batch_point(w->queued, uid, key, p, kp_clock_wall()))
        w->dropped++;
    wake_if_first(w, was_empty);
    (void)pthread_mutex_unlock(&w->lock);
}

void kp_writer_progress(struct kp_writer *w, const char *uid, int64_t step, int64_t steps,
                        int64_t samples)
{
    (void)pthread_mutex_lock(&w->lock);
    bool was_empty = kp_batch_empty(w->queued);
    kp_batch_progress(w->queued, uid, step, steps, samples, kp_clock_wall());
    wake_if_first(w, was_empty);
    (void)pthread_mutex_unlock(&w->lock);
}

void kp_writer_event(struct kp_writer *w, const char *uid, const char *kind, const char *text)
{
    (void)pthread_mutex_lock(&w->lock);
    bool room = wait_for_room(w);
    bool was_empty = kp_batch_empty(w->queued);
    if (!room || !kp_batch_event(w->queued, uid, kind, text, kp_clock_wall()))
        w->dropped++;
    wake_if_first(w, was_empty);
    (void)pthread_mutex_unlock(&w->lock);
}

void kp_writer_hold(struct kp_writer *w, int n)
{
    (void)pthread_mutex_lock(&w->lock);
    w->held += n;
    (void)pthread_cond_signal(&w->work);
    (void)pthread_mutex_unlock(&w->lock);
}
