/* test_group.c - sums over two emulated GPUs, each used by a thread of its own. */
#include "device/group.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANKS = 2, COUNT = 1000, ROUNDS = 3 };

struct member {
    struct kp_device *device; /* opened by another thread */
    int rank;
    const struct kp_group_name *name;
    float values[COUNT]; /* after the last round */
    struct kp_error error;
};

static int failures;

static void must(bool right, const char *what)
{
    (void)printf("%s - %s\n", right ? "ok" : "not ok", what);
    failures += !right;
}

static enum kp_status open_device(const char *kind, int index, struct kp_device **out,
                                  struct kp_error *e)
{
    const struct kp_device_config config = {.threads = 1, .slice = 16, .index = index};

    return kp_device_open(kind, &config, out, e);
}

/* What a member brings: powers of two and odd numbers, whose sums are exact. */
static float brought(int rank, int i)
{
    return rank == 0 ? (float)i : (float)(3 * i + 1) / 4;
}

static float reduced(int i)
{
    return RANKS * RANKS * (brought(0, i) + brought(1, i));
}

static enum kp_status add_up(struct member *m, struct kp_error *e)
{
    struct kp_device *d = m->device;
    const size_t bytes = sizeof(m->values);
    void *block = d->ops->alloc(d, bytes);
    enum kp_status st =
        block ? kp_group_join(d, m->name, m->rank, RANKS, e) : kp_fail(e, KP_E_NOMEM, "no memory");

    for (int i = 0; i < COUNT; i++)
        m->values[i] = brought(m->rank, i);
    if (st == KP_OK)
        d->ops->upload(d, block, m->values, bytes);
    for (int i = 0; st == KP_OK && i < ROUNDS; i++)
        st = kp_group_all_reduce(d, block, COUNT, e);
    if (st == KP_OK)
        d->ops->download(d, m->values, block, bytes);
    if (block)
        d->ops->release(d, block, bytes);
    return st;
}

static void *member_main(void *arg)
{
    struct member *m = arg;

    if (m->error.status == KP_OK)
        (void)(add_up(m, &m->error) == KP_OK);
    return NULL;
}

static void check_sums(const struct kp_group_name *name)
{
    static struct member members[RANKS];
    pthread_t threads[RANKS];
    bool right = true;

    for (int i = 0; i < RANKS; i++) {
        members[i].rank = i;
        members[i].name = name;
        if (open_device("cuda", i, &members[i].device, &members[i].error) != KP_OK)
            abort();
    }
    for (int i = 0; i < RANKS; i++)
        if (pthread_create(&threads[i], NULL, member_main, &members[i]) != 0)
            abort();
    for (int i = 0; i < RANKS; i++) {
        (void)pthread_join(threads[i], NULL);
        if (members[i].error.status != KP_OK)
            (void)printf("# member %d: %s\n", i, members[i].error.text);
        right &= members[i].error.status == KP_OK;
        kp_device_close(members[i].device);
    }
    for (int i = 0; i < COUNT; i++)
        right &= !(members[0].values[i] < reduced(i)) && !(members[0].values[i] > reduced(i));
    must(right, "three sums over two devices");
    must(memcmp(members[0].values, members[1].values, sizeof(members[0].values)) == 0,
         "the same bits in both");
}

/* The call fails, and says so. */
static void check_refusal(enum kp_status st, const struct kp_error *e, const char *text)
{
    must(st != KP_OK && strstr(e->text, text), text);
}

static void check_refusals(struct kp_device *d, const struct kp_group_name *name)
{
    struct kp_error e = {0};
    float unused = 0;

    check_refusal(kp_group_all_reduce(d, &unused, 1, &e), &e, "is a member of no group");
    check_refusal(kp_group_join(d, name, RANKS, RANKS, &e), &e, "0 to 1 would be right");
}

static void check_alone(void)
{
    struct kp_device *d = NULL;
    struct kp_error e = {0};
    struct kp_group_name unused;

    if (open_device("cpu", 0, &d, &e) == KP_OK)
        check_refusal(kp_group_name_make(d, &unused, &e), &e, "device cpu works alone");
    kp_device_close(d);
}

int main(void)
{
    struct kp_device *d = NULL;
    struct kp_group_name name;
    struct kp_error e = {0};
    enum kp_status st = open_device("cuda", 0, &d, &e);

    if (st == KP_OK)
        st = kp_group_name_make(d, &name, &e);
    if (st != KP_OK) {
        (void)printf("not ok - %s\n", e.text);
        kp_device_close(d);
        return 1;
    }
    check_refusals(d, &name);
    kp_device_close(d);
    check_sums(&name);
    check_alone();
    return failures > 0;
}
