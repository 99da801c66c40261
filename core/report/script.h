/* script.h - the script that makes gnuplot draw a figure. */
#ifndef KP_REPORT_SCRIPT_H
#define KP_REPORT_SCRIPT_H

#include "report/looks.h"

/* Sets the variables that experiments/README.md lists, then draws NAME.svg and NAME.pdf by the
 * template NAME.gp. `footnote`: what n and the bars are. */
void kp_script_make(const struct kp_item *item, const struct kp_blocks *b, const struct kp_looks *l,
                    const char *footnote, struct kp_text *out);

#endif
