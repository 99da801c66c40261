/* rig.h - a guarded definition that is trained on a stand: what the uses of models, objectives and
 * operations have in common. */
#ifndef KP_CONFORM_RIG_H
#define KP_CONFORM_RIG_H

#include "conform/guarded.h"

/* First in an instance of such a use. Zeroed until it is opened. */
struct kp_rig {
    struct kp_guarded guarded;
    struct kp_stand stand;
    struct kp_feed feed;
    int64_t batch;
};

/* Open the stand and make the data. Device, capacity, poison and seed of the spec are the use's. */
KP_NODISCARD enum kp_status kp_rig_open(struct kp_rig *r, const struct kp_use *u,
                                        const struct kp_stand_spec *spec, struct kp_error *e);

/* Members of struct kp_usage, for an instance that calloc() made and that begins with a rig. */
KP_NODISCARD enum kp_status kp_rig_run(void *instance, struct kp_hasher *h, struct kp_error *e);
struct kp_stand *kp_rig_stand(void *instance, struct kp_feed **feed);
void kp_rig_close(void *instance);

#endif
