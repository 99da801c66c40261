/* instances.c - two instances of a definition at once, in one thread and in two. */
#include "base/clock.h"
#include "conform/tests.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECONDS     1.5
#define ROUNDS      4
#define ROUNDS_MOST 200

/* One instance's part. */
struct part {
    const struct kp_trial *trial;
    struct kp_use use;
    char wanted[KP_HASH_SIZE]; /* of it alone */
    char found[KP_HASH_SIZE];
    enum kp_status st;
    struct kp_error why;
    pthread_barrier_t *start;
    int rounds;
};

static enum kp_status run(void *instance, char digest[KP_HASH_SIZE], const struct kp_usage *usage,
                          struct kp_error *e)
{
    struct kp_hasher h;

    kp_hasher_begin(&h);
    enum kp_status st = usage->run(instance, &h, e);
    kp_hasher_end(&h, digest);
    return st;
}

/* Both open at once, run in turn. */
static enum kp_status interleave(struct kp_trial *t, struct part p[2], struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    void *instance[2] = {NULL, NULL};
    enum kp_status st = KP_OK;

    for (int i = 0; st == KP_OK && i < 2; i++)
        st = usage->open(t, &p[i].use, &instance[i], e);
    for (int i = 0; st == KP_OK && i < 2; i++)
        st = run(instance[i], p[i].found, usage, e);
    for (int i = 0; i < 2; i++)
        if (instance[i])
            usage->close(instance[i]);
    for (int i = 0; st == KP_OK && i < 2; i++)
        if (strcmp(p[i].found, p[i].wanted) != 0)
            st = kp_fail(e, KP_E_NUMERIC,
                         "with a second instance beside it an instance gives other results; keep "
                         "state in the state struct, not in static variables");
    return st;
}

/* One instance opened, run until its thread has been busy for a while, closed. */
static enum kp_status use_often(const struct part *p, char digest[KP_HASH_SIZE], struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(p->trial);
    struct kp_hasher h;
    void *instance = NULL;

    kp_hasher_begin(&h);
    enum kp_status st = usage->open(p->trial, &p->use, &instance, e);
    for (int i = 0; st == KP_OK && i < usage->runs; i++)
        st = usage->run(instance, &h, e);
    if (instance)
        usage->close(instance);
    kp_hasher_end(&h, digest);
    return st;
}

static void *work(void *arg)
{
    struct part *p = arg;

    for (int i = 0; i < p->rounds; i++) {
        (void)pthread_barrier_wait(p->start); /* so that they do the same things at once */
        if (p->st != KP_OK)
            continue;
        p->st = use_often(p, p->found, &p->why);
        if (p->st == KP_OK && strcmp(p->found, p->wanted) != 0)
            p->st = kp_fail(&p->why, KP_E_NUMERIC,
                            "beside an instance in another thread an instance gives other "
                            "results; two runs share something that changes: a static variable?");
    }
    return NULL;
}

static enum kp_status beside(struct part p[2], struct kp_error *e)
{
    pthread_barrier_t start;
    pthread_t other;

    (void)pthread_barrier_init(&start, NULL, 2);
    p[0].start = p[1].start = &start;
    if (pthread_create(&other, NULL, work, &p[1]) != 0) {
        (void)pthread_barrier_destroy(&start);
        return kp_fail(e, KP_E_NOMEM, "no thread for the second instance");
    }
    (void)work(&p[0]);
    (void)pthread_join(other, NULL);
    (void)pthread_barrier_destroy(&start);
    for (int i = 0; i < 2; i++)
        if (p[i].st != KP_OK)
            return kp_fail(e, p[i].st, "%s", p[i].why.text);
    return KP_OK;
}

/* The threads work for some seconds, more often if that is soon done. A tool that watches needs no
 * luck. */
static int rounds_of(double seconds, bool watched)
{
    const double rounds = SECONDS / (seconds + 1e-5);

    return watched                ? 3
           : rounds > ROUNDS_MOST ? ROUNDS_MOST
           : rounds < ROUNDS      ? ROUNDS
                                  : (int)rounds;
}

static enum kp_status check_on(struct kp_trial *t, const char *device, struct kp_error *e)
{
    struct part p[2] = {{.trial = t}, {.trial = t}};
    enum kp_status st = kp_use_first(t, device, &p[0].use, e);

    if (p[0].use.batch < kp_usage_of(t)->busy)
        p[0].use.batch = kp_usage_of(t)->busy;
    p[1].use = p[0].use;
    p[1].use.classes += 4;
    p[1].use.batch += 2;
    p[1].use.seed++;
    for (int i = 0; st == KP_OK && i < 2; i++) {
        st = kp_use_once(t, &p[i].use, p[i].wanted, e);
    }
    if (st == KP_OK)
        st = interleave(t, p, e);
    for (int i = 0; st == KP_OK && i < 2; i++) {
        const double begun = kp_clock_monotonic();

        st = use_often(&p[i], p[i].wanted, e);
        p[0].rounds = p[1].rounds =
            rounds_of(kp_clock_monotonic() - begun, t->slate->reference_only);
    }
    for (int i = 0; i < 2; i++)
        p[i].use.threaded = true;
    (void)snprintf(t->slate->call, sizeof(t->slate->call), "%s", "two threads at once");
    if (st == KP_OK)
        st = beside(p, e);
    t->slate->call[0] = '\0';
    return st == KP_OK || !kp_usage_of(t)->stand ? st : kp_fail_in(e, "on device %s", device);
}

enum kp_status kp_check_instances(struct kp_trial *t, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (const char *const *device = kp_use_devices(t); st == KP_OK && *device; device++)
        st = check_on(t, *device, e);
    return st;
}
