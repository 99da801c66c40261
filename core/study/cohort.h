/* cohort.h - which runs of a plan are trained in lockstep, and how many at once. */
#ifndef KP_STUDY_COHORT_H
#define KP_STUDY_COHORT_H

#include "study/session.h"

/* Runs with the same key make the same batches for the same teacher: same data, subset, order,
 * augmentation, batch, epochs, device, and what else a cohort shares. "" for a run that is trained
 * alone. Needs r->teacher. */
void kp_cohort_key(const struct kp_planned *r, char key[KP_HASH_SIZE]);

/* How many bytes of memory the runs of a cohort take together at most: [run] cohort_memory, and
 * half of what a device with memory of its own has left. d NULL: it is not open. */
size_t kp_cohort_room(const struct kp_config *c, struct kp_device *d);

/* Bytes that a run takes while it is trained, see kp_train_memory(). Runs that differ in nothing
 * that matters are measured once, as long as *known is the same. */
struct kp_cohort_sizes {
    struct kp_cohort_size {
        char key[KP_HASH_SIZE];
        size_t bytes;
    } * v;
    int64_t count;
};
KP_NODISCARD enum kp_status kp_cohort_measure(struct kp_cohort_sizes *known, struct kp_session *s,
                                              struct kp_config *c, const struct kp_recipe *r,
                                              const struct kp_dataset *data, size_t *bytes,
                                              struct kp_error *e);
void kp_cohort_sizes_finish(struct kp_cohort_sizes *known);

#endif
