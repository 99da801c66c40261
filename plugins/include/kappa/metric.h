/* metric.h - what a metric plugin provides: sums over rows, turned into numbers. */
#ifndef KAPPA_METRIC_H
#define KAPPA_METRIC_H

#include "kappa/option.h"
#include "kappa/status.h"

enum kp_metric_need {
    KP_METRIC_NEEDS_TEACHER = 1,
};

/* Some rows of a pass over a split. Valid during the call only. */
struct kp_rows {
    size_t size;
    int64_t count;
    int64_t classes;
    const float *logits;         /* [count][classes], the student's */
    const float *teacher_logits; /* [count][classes]; NULL unless needed */
    const int32_t *labels;       /* [count], -1 for none */
};

/* One number that a metric gives, stored as "<split>/<name>". */
struct kp_metric_value {
    const char *name; /* [a-z0-9_]+ */
    const char *unit; /* "%", "nats", "" */
    bool higher_is_better;
    const char *doc;
};

struct kp_metric_def {
    size_t size;      /* sizeof(struct kp_metric_def) */
    const char *name; /* [a-z0-9_]+ */
    const char *doc;
    uint32_t needs; /* enum kp_metric_need */
    size_t self_size;
    struct kp_option_table options;

    const struct kp_metric_value *values; /* [value_count] */
    uint32_t value_count;
    uint32_t value_size; /* sizeof(struct kp_metric_value) */
    uint32_t sum_count;  /* doubles that observe() adds to; they start at 0 and are checkpointed */

    /* Add the rows to sums. Called in row order, on one thread at a time. */
    void (*observe)(const void *self, const struct kp_rows *rows, double *sums);

    /* values[i] from the sums of a whole pass; NaN where there is none. */
    void (*result)(const void *self, const double *sums, double *values);
};

#endif
