/* metric.h - what a metric plugin provides: sums over rows of a pass, an analysis of finished runs,
 * or both. */
#ifndef KAPPA_METRIC_H
#define KAPPA_METRIC_H

#include "kappa/analysis.h"

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
    const float *length; /* [classes] characters of each token's text; NULL: not known. Since 1.3 */
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

    /* Add the rows to sums; those without a label do not count: padding behind the end of a text,
     * tokens that an evaluation passes over. Rows come in parts, on several threads at once, each
     * with sums of its own that begin at 0; the host adds them in row order. NULL, with result: the
     * plugin only analyses. */
    void (*observe)(const void *self, const struct kp_rows *rows, double *sums);

    /* values[i] from the sums of a whole pass; NaN where there is none. */
    void (*result)(const void *self, const double *sums, double *values);

    const struct kp_analyser *analyser; /* [analysis.NAME]; NULL: the plugin only observes */

    /* What its values are, for `kappa info`; ${...} as in struct kp_objective_def, a line break
     * between one and the next. NULL: none. Since 1.2. */
    const char *formula;
};

/* The second face; NULL if there is none. */
static inline const struct kp_analyser *kp_metric_analyser(const struct kp_metric_def *m)
{
    return KP_HAS(m, analyser) ? m->analyser : NULL;
}

/* NULL if it gives none. */
static inline const char *kp_metric_formula(const struct kp_metric_def *m)
{
    return KP_HAS(m, formula) ? m->formula : NULL;
}

#endif
