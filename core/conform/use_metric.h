/* use_metric.h - what tests see of a metric in use (struct kp_usage of metrics). */
#ifndef KP_CONFORM_USE_METRIC_H
#define KP_CONFORM_USE_METRIC_H

#include "conform/guarded.h"

/* What kp_use_metric.open() gives. */
struct kp_used_metric {
    struct kp_guarded guarded;
    const struct kp_metric_def *def;
    struct kp_guards memory;   /* of sums, values and pieces */
    const struct kp_rows *all; /* that it observes */
    int64_t rows, classes;
    uint64_t seed;
    int poison;
};

/* All rows in pieces of `chunk`, each with sums of its own, added up; sums[def->sum_count] may be
 * NULL, values[def->value_count]. */
KP_NODISCARD enum kp_status kp_used_metric_observe(struct kp_used_metric *m, int64_t chunk,
                                                   double *sums, double *values,
                                                   struct kp_error *e);
void kp_used_metric_close(void *instance);

#endif
