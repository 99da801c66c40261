/* progress_text.h - a run's progress as one line. */
#ifndef KP_APP_PROGRESS_TEXT_H
#define KP_APP_PROGRESS_TEXT_H

#include "base/text.h"
#include "train/trainer.h"

/* Which run it is. */
struct kp_progress_run {
    int64_t number, total; /* number counts from 1 */
    const char *label;
};

/* For a terminal line of `width` columns, at most width - 1 long: number, label, bar, percent,
 * epoch, loss, examples per second, time left. Where there is little room the label is cut first,
 * then the bar goes. */
void kp_progress_bar(const struct kp_progress_run *r, const struct kp_progress *p, int width,
                     struct kp_text *out);

/* For a log: the same without a bar. */
void kp_progress_line(const struct kp_progress_run *r, const struct kp_progress *p,
                      struct kp_text *out);

/* "[ 3/31] ", the number as wide as the total. */
void kp_progress_number(const struct kp_progress_run *r, struct kp_text *out);

#endif
