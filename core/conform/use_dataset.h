/* use_dataset.h - what tests see of a dataset in use (struct kp_usage of datasets). */
#ifndef KP_CONFORM_USE_DATASET_H
#define KP_CONFORM_USE_DATASET_H

#include "conform/guarded.h"

/* What kp_use_dataset.open() gives. */
struct kp_used_dataset {
    struct kp_guarded guarded;
    const struct kp_dataset_def *def;
    struct kp_dataset_info info;
    struct kp_guards memory; /* of what is read */
    bool opened;
    int64_t batch;
    int poison;
    uint64_t seed;
};

/* Examples that a read may ask for: the first, the last, and others between. */
int64_t kp_used_dataset_number(const struct kp_used_dataset *d, enum kp_dataset_split split,
                               int64_t i);

/* Read them under guard; *example and *label live until the next read. */
KP_NODISCARD enum kp_status kp_used_dataset_read(struct kp_used_dataset *d,
                                                 enum kp_dataset_split split, const int64_t *number,
                                                 int64_t count, uint8_t **example, int32_t **label,
                                                 struct kp_error *e);

/* Bytes of an example, and of its labels. */
size_t kp_used_dataset_example(const struct kp_used_dataset *d);
size_t kp_used_dataset_labels(const struct kp_used_dataset *d);

#endif
