/* record.h - what the database is told of a run before its first step. */
#ifndef KP_STUDY_RECORD_H
#define KP_STUDY_RECORD_H

#include "data/subset.h"
#include "study/study.h"

/* Rows that point into the configuration and into this object. */
struct kp_record {
    struct kp_run_row run;
    struct kp_param_row *params;
    int64_t param_count;
    struct kp_plugin_row *plugins;
    int64_t plugin_count;
    struct kp_subset_row subsets[2];
    int64_t subset_count;
    struct kp_attempt_row attempt;
    struct kp_text ini, device;
};

KP_NODISCARD enum kp_status kp_record_make(const struct kp_planned *r, const struct kp_plan *plan,
                                           const struct kp_registry *registry,
                                           const struct kp_dataset *data,
                                           const struct kp_subset *subset,
                                           const struct kp_device *device, struct kp_record *out,
                                           struct kp_error *e);
/* Add the plugins whose operations the model uses, each once, behind those that are there; returns
 * how many. It builds the model, so it is for a run that has begun: what goes wrong then has a row
 * to be told in. */
int64_t kp_record_operations(struct kp_record *r, struct kp_config *c,
                             const struct kp_dataset *data);
void kp_record_finish(struct kp_record *r);

#endif
