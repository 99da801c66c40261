/* objective.h - what an objective plugin provides: the loss that a student minimises. */
#ifndef KAPPA_OBJECTIVE_H
#define KAPPA_OBJECTIVE_H

#include "kappa/option.h"
#include "kappa/row.h"
#include "kappa/tape.h"

/* What an objective reads besides the student and the labels. Combine with |. */
enum kp_need {
    KP_NEED_TEACHER_LOGITS = 1,
};

/* All on one tape. A row is what has one label: an example (R is N), or a token of one (R is N, T).
 * A row that does not count (padding) has weight 0, label -1. */
struct kp_objective_io {
    size_t size;
    struct kp_tensor *logits;         /* (R, K), the student's */
    struct kp_tensor *features;       /* (R, D), the student's; NULL if its model names none */
    struct kp_tensor *labels;         /* (R), int32, -1 for none */
    struct kp_tensor *weights;        /* (R), >= 0 */
    struct kp_tensor *teacher_logits; /* (R, K); NULL unless needed */
    struct kp_shape rows;             /* R: (N) or (N, T) */
};

/* An objective says its loss in one of two forms: .loss records operations, .row is a function of
 * one row (row.h). */
struct kp_objective_def {
    size_t size;      /* sizeof(struct kp_objective_def) */
    const char *name; /* [a-z0-9_]+, value of objective.plugin */
    const char *doc;  /* one sentence */
    /* The loss of one row, for `kappa info`. ${name} stands for the value of an option,
     * ${name?word:text;word:text;*:text} for the text behind the word that is its value (* is any
     * other word). Texts may hold ${...} again. */
    const char *formula;
    uint32_t needs;   /* enum kp_need */
    size_t self_size; /* of the state struct: zeroed, then options filled in */
    struct kp_option_table options;

    /* Record *loss, a scalar: the mean of the rows' losses weighted by io->weights. It is
     * differentiated for you. Must not change self. */
    enum kp_status (*loss)(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                           struct kp_tensor **loss);

    /* The temperature that runs are told apart and compared by; NaN where these options have none.
     * NULL: that of the option `tau`, or none. Since 1.1. */
    double (*temperature)(const void *self);

    /* The other form: the loss of a row and its gradient to the row's logits, see row.h. NULL where
     * .loss is given. Since 1.2. */
    const struct kp_row_loss *row;
};

/* A function for .temperature; `self` in the expression are the options, of type SELF. */
#define KP_TEMPERATURE(NAME, SELF, value)         \
    static double NAME(const void *options)       \
    {                                             \
        const SELF *self = (const SELF *)options; \
        return (value);                           \
    }

/* NULL if the loss is recorded. */
static inline const struct kp_row_loss *kp_objective_row(const struct kp_objective_def *d)
{
    return KP_HAS(d, row) ? d->row : NULL;
}

#endif
