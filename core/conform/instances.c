/* instances.c - two instances of a definition at once, in one thread and in two. */
#include "base/clock.h"
#include "conform/tests.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECONDS 1.0
#define ROUNDS  400

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

static void *work(void *arg)
{
    struct part *p = arg;

    (void)pthread_barrier_wait(p->start);
    for (int i = 0; i < p->rounds && p->st == KP_OK; i++) {
        p->st = kp_use_once(p->trial, &p->use, p->found, &p->why);
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

/* Whatever it takes alone, the threads work for about a second. */
static int rounds_of(double seconds, bool watched)
{
    const double rounds = SECONDS / (seconds + 1e-5);

    return watched ? 2 : rounds > ROUNDS ? ROUNDS : rounds < 2 ? 2 : (int)rounds;
}

static enum kp_status check_on(struct kp_trial *t, const char *device, struct kp_error *e)
{
    struct part p[2] = {{.trial = t}, {.trial = t}};
    enum kp_status st = kp_use_first(t, device, &p[0].use, e);

    p[0].use.batch = kp_usage_of(t)->busy;
    p[1].use = p[0].use;
    p[1].use.classes += 4;
    p[1].use.batch += 2;
    p[1].use.seed++;
    for (int i = 0; st == KP_OK && i < 2; i++) {
        st = kp_use_once(t, &p[i].use, p[i].wanted, e);
        const double begun = kp_clock_monotonic();
        if (st == KP_OK)
            st = kp_use_once(t, &p[i].use, p[i].found, e);
        p[i].rounds = rounds_of(kp_clock_monotonic() - begun, t->slate->reference_only);
    }
    if (st == KP_OK)
        st = interleave(t, p, e);
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
