/* rig.c - a guarded definition that is trained on a stand. */
#include "conform/rig.h"

#include <stdlib.h>

enum kp_status kp_rig_open(struct kp_rig *r, const struct kp_use *u,
                           const struct kp_stand_spec *spec, struct kp_error *e)
{
    struct kp_stand_spec s = *spec;

    s.device = u->device;
    s.capacity = r->batch = u->batch;
    s.poison = u->poison;
    s.seed = u->seed;
    enum kp_status st = kp_stand_open(&s, &r->stand, e);
    return st == KP_OK ? kp_feed_init(&r->feed, s.io, u->batch, u->seed, e) : st;
}

enum kp_status kp_rig_run(void *instance, struct kp_hasher *h, struct kp_error *e)
{
    struct kp_rig *r = instance;
    enum kp_status st = kp_stand_run(&r->stand, &r->feed, r->batch, h, e);

    return st == KP_OK ? kp_guarded_check(&r->guarded, e) : st;
}

struct kp_stand *kp_rig_stand(void *instance, struct kp_feed **feed)
{
    struct kp_rig *r = instance;

    *feed = &r->feed;
    return &r->stand;
}

void kp_rig_close(void *instance)
{
    struct kp_rig *r = instance;

    kp_feed_finish(&r->feed);
    kp_stand_close(&r->stand);
    kp_guarded_finish(&r->guarded);
    free(instance);
}
