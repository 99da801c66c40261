/* display.h - what a person sees while runs are in progress: a bar on a terminal, lines elsewhere.
 */
#ifndef KP_APP_DISPLAY_H
#define KP_APP_DISPLAY_H

#include "app/progress_text.h"

/* Not for several threads at once. */
struct kp_display {
    bool quiet;
    bool terminal;
    double shown; /* of the last progress, monotonic */
    bool drawn;   /* a bar stands on the terminal's last line */
};

void kp_display_init(struct kp_display *d, bool quiet);

/* A line that stays. */
void kp_display_line(struct kp_display *d, const char *fmt, ...) KP_PRINTF(2, 3);

/* Several runs may be in progress at once; only the progress of one is shown at a time. */
void kp_display_begin(struct kp_display *d, const struct kp_progress_run *r);
/* Cheap when called often. */
void kp_display_progress(struct kp_display *d, const struct kp_progress_run *r,
                         const struct kp_progress *p);
/* What became of it after `seconds`: "done", and what there is to say about it, or "". */
void kp_display_end(struct kp_display *d, const struct kp_progress_run *r, double seconds,
                    bool good, const char *word, const char *text);

/* Take the bar away, before something else is written. */
void kp_display_clear(struct kp_display *d);

#endif
