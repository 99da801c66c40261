/* observers.h - the metrics that watch a pass over a split. */
#ifndef KP_TRAIN_OBSERVERS_H
#define KP_TRAIN_OBSERVERS_H

#include "base/arena.h"
#include "base/error.h"
#include "device/device.h"
#include "kappa/metric.h"

struct kp_observer {
    const struct kp_metric_def *def;
    void *self;
    double *sums;      /* [def->sum_count] */
    double *part_sums; /* [parts][def->sum_count] of rows at work */
    double *values;    /* [def->value_count] */
};

struct kp_observers {
    struct kp_arena memory;
    struct kp_observer *v;
    int64_t count;
};

/* A metric and its filled state struct. */
struct kp_metric_use {
    const struct kp_metric_def *def;
    void *self;
};

/* Those of the metrics that need no teacher, or all if there is one. */
KP_NODISCARD enum kp_status kp_observers_create(const struct kp_metric_use *metrics, int64_t count,
                                                bool teacher, struct kp_observers *out,
                                                struct kp_error *e);
void kp_observers_finish(struct kp_observers *o);

void kp_observers_reset(struct kp_observers *o);

/* On the threads of the device; the sums do not depend on how many there are. */
void kp_observers_observe(struct kp_observers *o, const struct kp_rows *rows, struct kp_device *d);

/* One result for each value of each metric, in order. */
struct kp_observed {
    char key[96]; /* "test/accuracy" */
    const char *unit;
    bool higher_is_better;
    bool with_teacher; /* compares with the teacher */
    double value;
};

int64_t kp_observers_value_count(const struct kp_observers *o);

/* out[kp_observers_value_count()], keys begin with "<split>/". */
void kp_observers_results(struct kp_observers *o, const char *split, struct kp_observed *out);

#endif
